"""What commands over OSC mean to a session."""

from collections.abc import Callable
from dataclasses import dataclass

from vrfer.errors import OutputError
from vrfer.live.remote import Command, Deed
from vrfer.live.session import Session
from vrfer.outputs.profiles import known_profiles, load_profile


@dataclass(frozen=True, slots=True)
class Steered:
    """A session with what its owner alone knows."""

    session: Session
    start: Callable[[], None]
    """Opens the source that is meant, unless it is open; one that is paused goes on."""
    learn_resting: Callable[[str | None], None]
    """Makes someone's baseline anew; None: of the one whose is in use."""
    use_profile: Callable[[str], None]
    """Sends to all receivers by another OSC profile."""


def obey(command: Command, steered: Steered) -> None:
    """Do what another program asked for.

    Args:
        command: What was asked for.
        steered: What is steered.

    Raises:
        OutputError: The profile is unknown or cannot be used; what is sent stays as it was.
    """
    session, deed = steered.session, command.deed
    if deed is Deed.START:
        steered.start()
    elif deed is Deed.STOP:
        session.close_source()
    elif deed is Deed.PAUSE:
        session.pause(command.on)
    elif deed is Deed.NEUTRAL:
        session.hold_neutral(command.on)
    elif deed is Deed.MARKER:
        session.mark(command.text, command.moment)
    elif deed is Deed.RECALIBRATE:
        steered.learn_resting(command.text or None)
    elif deed is Deed.PROFILE:
        if command.text in known_profiles():
            load_profile(command.text)  # one's own may be broken
        else:
            raise OutputError(
                f"there is no OSC profile {command.text!r}, which another program asked for",
                f"Known profiles: {', '.join(known_profiles())}.",
            )
        steered.use_profile(command.text)
    else:
        session.refresh_receivers()
