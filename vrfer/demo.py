"""The demo: the whole pipeline on the built-in clip, into a built-in OSC receiver.

It needs no camera, screen or network. The clip is synthetic; see `assets/README.md`.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console

from vrfer.errors import OutputError
from vrfer.expressions import NO_FACE_LABEL
from vrfer.listen import Heard, Listener
from vrfer.live_view import LiveView
from vrfer.outputs.osc import OscSender, Receiver
from vrfer.pipeline import Outputs, Reader, Summary, run
from vrfer.shipped import shipped
from vrfer.sources import open_source


@dataclass(slots=True, eq=False)
class _Heard:
    """What the built-in receiver has heard so far."""

    bundles: int = 0
    messages: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    last: list[Heard] = field(default_factory=list)


def run_demo(console: Console, *, as_fast_as_possible: bool, stop: threading.Event) -> Summary:
    """Play the clip and print what the receiver heard: each change of the label, and the end.

    Raises:
        OutputError: The receiver heard nothing although bundles were sent.
    """
    clip = shipped("assets") / "demo.mp4"
    console.print(
        "The built-in clip is synthetic: NASA's public-domain portrait of an astronaut, moved and "
        "warped by a script. The lines below are what an OSC receiver on this computer hears."
    )
    with (
        Listener(0) as listener,
        OscSender(Receiver("127.0.0.1", listener.port, _profile())) as sender,
        Reader() as reader,
        open_source(str(clip), as_fast_as_possible=as_fast_as_possible) as source,
        LiveView(console, clip.name) as view,
    ):
        console.print(f"{reader.classifier.note}; OSC to 127.0.0.1:{listener.port}")
        with _printing(listener, console) as heard:
            summary = run(source, reader, Outputs([sender], on_reading=view.show), stop=stop)
    if sender.sent and not heard.bundles:
        raise OutputError(
            "nothing of what was sent over OSC arrived on this computer",
            "A firewall may block UDP on 127.0.0.1; run vrfer-app doctor.",
        )
    _print_last_bundle(console, heard)
    return summary


def _profile() -> str:
    """Return the shipped profile `generic`, in whose place the user's own one may stand."""
    return str(shipped("assets") / "profiles" / "generic.toml")


@contextmanager
def _printing(listener: Listener, console: Console) -> Iterator[_Heard]:
    heard = _Heard()
    finished = threading.Event()

    def work() -> None:
        label = ""
        while True:
            messages = listener.packet(0.2)
            if messages is None:
                if finished.is_set():
                    return
                continue
            heard.bundles += 1
            heard.messages += len(messages)
            heard.last = messages
            values = {message.address: message.arguments[0] for message in messages}
            heard.labels[str(values["/vrfer/label"])] += 1
            if values["/vrfer/label"] != label:
                label = str(values["/vrfer/label"])
                console.print(
                    f"heard bundle {heard.bundles:4}:  /vrfer/label {label}  /vrfer/confidence "
                    f"{values['/vrfer/confidence']:.2f}"
                )

    thread = threading.Thread(target=work, name="vrfer-demo-receiver", daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        finished.set()
        thread.join()


def _print_last_bundle(console: Console, heard: _Heard) -> None:
    shares = ", ".join(
        f"{'no face' if label == NO_FACE_LABEL else label} {count / heard.bundles:.0%}"
        for label, count in heard.labels.most_common()
    )
    console.print(
        f"The receiver heard {heard.bundles} bundles with {heard.messages} messages: {shares}."
    )
