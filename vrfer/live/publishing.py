"""What a session offers to whoever asks for it, beside its receivers: LSL streams and OSCQuery."""

import logging
import threading
from collections.abc import Callable, Mapping

from vrfer.errors import VrferError
from vrfer.live.status import Offer
from vrfer.oscquery.multicast import LOOPBACK
from vrfer.oscquery.server import OscQueryServer
from vrfer.outputs.lsl import LslOutlet
from vrfer.outputs.profiles import load_profile
from vrfer.pipeline import Outputs

logger = logging.getLogger(__name__)

_USUAL_PROFILE = "generic"


class Publishing:
    """Opens and closes them; used by the session's thread alone."""

    def __init__(self, outputs: Outputs) -> None:
        """Begin without any.

        Args:
            outputs: Where they are put.
        """
        self._outputs = outputs
        self._profile = _USUAL_PROFILE
        self._closing: list[threading.Thread] = []

    def stream(self, name: str | None, about: Mapping[str, object]) -> None:
        """Offer LSL streams of this name, or none.

        Args:
            name: None ends them.
            about: As `vrfer.pipeline.describe_run` returns it.

        Raises:
            OutputError: Lab Streaming Layer is missing, or cannot offer them.
        """
        before, self._outputs.lsl = self._outputs.lsl, None
        if before is not None:
            self._close(before.close)
        if name is not None:
            self._outputs.lsl = LslOutlet(name, about=about)

    def serve(self, osc_port: int | None) -> None:
        """Tell programs on this computer of vrfer's addresses, or do not.

        Args:
            osc_port: Where commands are heard; None ends it.

        Raises:
            OutputError: No port can be opened.
        """
        before, self._outputs.oscquery = self._outputs.oscquery, None
        if before is not None:
            self._close(before.close)
        if osc_port is not None:
            self._outputs.oscquery = OscQueryServer(load_profile(self._profile), osc_port=osc_port)
            self.tell_rules()

    def tell_rules(self) -> None:
        """Serve the addresses of the rules that are followed now."""
        server, rules = self._outputs.oscquery, self._outputs.rules
        if server is not None and rules is not None:
            server.set_rules(rules.rules, rules.active)

    def use_profile(self, name: str | None) -> None:
        """Serve the addresses of this profile; one that cannot be used changes nothing.

        Args:
            name: None is that of vrfer itself, where there is no receiver.
        """
        name = name or _USUAL_PROFILE
        try:
            profile = load_profile(name)
        except VrferError as err:
            logger.warning("%s", err)
            return
        self._profile = name
        if self._outputs.oscquery is not None:
            self._outputs.oscquery.set_profile(profile)

    def lsl_status(self) -> Offer | None:
        """Return how the streams do; None where none are offered."""
        outlet = self._outputs.lsl
        return None if outlet is None else Offer(outlet.name, outlet.error, outlet.received)

    def oscquery_status(self) -> Offer | None:
        """Return how OSCQuery does; None where it is off."""
        server = self._outputs.oscquery
        if server is None:
            return None
        return Offer(server.name, server.error, address=f"http://{LOOPBACK}:{server.port}")

    def close(self) -> None:
        """End all."""
        self.stream(None, {})
        self.serve(None)
        for thread in self._closing:
            thread.join()

    def _close(self, close: Callable[[], None]) -> None:
        """Close something in a thread: it waits for receivers and networks, which frames must not.

        Args:
            close: Does it.
        """
        self._closing = [thread for thread in self._closing if thread.is_alive()]
        self._closing.append(threading.Thread(target=close, name="vrfer-ending-an-offer"))
        self._closing[-1].start()
