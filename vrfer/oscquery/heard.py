"""The OSC addresses that vrfer hears, as OSCQuery describes them to other programs."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class HeardNode:
    """An address that may be sent to."""

    address: str
    type_tags: str
    """OSC type tags of its arguments; `N` where it needs none."""
    description: str
    limits: tuple[int, int] | None = None
    """Least and greatest number; None where it takes none."""


HEARD: Final = (
    HeardNode("/vrfer/control/start", "N", "starts reading"),
    HeardNode("/vrfer/control/stop", "N", "stops reading"),
    HeardNode(
        "/vrfer/control/pause", "i", "1 pauses, 0 goes on; without a number it changes over", (0, 1)
    ),
    HeardNode(
        "/vrfer/control/recalibrate",
        "s",
        "watches the resting face anew; the text, which may be left out, says whose it is",
    ),
    HeardNode(
        "/vrfer/control/neutral",
        "i",
        "1 holds neutral, 0 releases it; without a number it changes over",
        (0, 1),
    ),
    HeardNode("/vrfer/control/marker", "s", "marks this moment in the recording"),
    HeardNode("/vrfer/control/profile", "s", "the OSC profile of all receivers, by its name"),
    # VRChat sends only to programs that have a node below /avatar.
    HeardNode("/avatar/change", "s", "VRChat has loaded another avatar: everything is sent anew"),
)
"""What `vrfer.live.remote` understands."""
