"""Programs that hear OSC, as they describe themselves over OSCQuery."""

from dataclasses import dataclass
from typing import Final

from vrfer.errors import OutputError
from vrfer.oscquery.http_question import fetch_json
from vrfer.oscquery.multicast import is_own
from vrfer.oscquery.server import VRFER
from vrfer.oscquery.tree import WRITE

_LARGEST_HOST_INFO: Final = 65_536
_LARGEST_TREE: Final = 4 << 20
_LONGEST_NAME: Final = 80
_KINDS: Final = (
    # beginning of the name, kind, profile
    ("VRChat-Client", "VRChat", "vrchat"),
    ("VRCFT", "VRCFaceTracking", ""),
    ("VRCFaceTracking", "VRCFaceTracking", ""),
)


@dataclass(frozen=True, slots=True, order=True)
class Program:
    """A program on this computer that hears OSC."""

    name: str
    """As it names itself."""
    host: str
    """Where it hears OSC, an address of this computer."""
    osc_port: int
    kind: str
    """`VRChat`, `VRCFaceTracking`, or `OSC` where it is not known."""
    profile: str
    """The profile to begin with; empty where the program hears OSC, but no expressions."""
    http_host: str
    """Where it serves OSCQuery."""
    http_port: int

    @property
    def receiver(self) -> str:
        """What `--osc` is given for it."""
        profile = f",profile={self.profile}" if self.profile else ""
        return f"{self.host}:{self.osc_port}{profile}"


def ask(host: str, port: int, name: str = "") -> Program | None:
    """Ask a program what it is; it takes a second or two at most.

    Args:
        host: An address of this computer.
        port: Where the program serves OSCQuery.
        name: Its name where it gives none.

    Returns:
        None where nobody answers as OSCQuery says, it hears OSC on another computer or not by
        UDP, or it is vrfer.
    """
    info = fetch_json(host, port, "/?HOST_INFO", most_bytes=_LARGEST_HOST_INFO)
    if not isinstance(info, dict):
        return None
    extensions = info.get("EXTENSIONS")
    if isinstance(extensions, dict) and VRFER in extensions:
        return None
    # The proposal: without these, OSC is heard where HTTP is served.
    osc_host, osc_port = info.get("OSC_IP", host), info.get("OSC_PORT", port)
    if osc_host == "0.0.0.0":
        osc_host = host
    if not (isinstance(osc_host, str) and is_own(osc_host)):
        return None
    if type(osc_port) is not int or not 1 <= osc_port <= 65535:
        return None
    if info.get("OSC_TRANSPORT", "UDP") != "UDP":
        return None
    said = info.get("NAME")
    name = _printable(said if isinstance(said, str) else "") or _printable(name) or "without a name"
    for beginning, kind, profile in _KINDS:
        if name.startswith(beginning):
            return Program(name, osc_host, osc_port, kind, profile, host, port)
    return Program(name, osc_host, osc_port, "OSC", "generic", host, port)


def addresses_heard(program: Program) -> frozenset[str]:
    """Return the addresses that a program hears now; VRChat's are those of the avatar worn.

    Blocks for a second or two at most.

    Raises:
        OutputError: The program does not answer.
    """
    root = fetch_json(program.http_host, program.http_port, "/", most_bytes=_LARGEST_TREE)
    if not isinstance(root, dict):
        raise OutputError(
            f"{program.name} does not say which addresses it hears", "See whether it still runs."
        )
    heard: set[str] = set()
    waiting: list[object] = [root]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue
        path, access = node.get("FULL_PATH"), node.get("ACCESS", WRITE)
        # A branch without a value has no type.
        if isinstance(path, str) and "TYPE" in node and isinstance(access, int) and access & WRITE:
            heard.add(path)
        contents = node.get("CONTENTS")
        if isinstance(contents, dict):
            waiting.extend(contents.values())
    return frozenset(heard)


def _printable(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable())[:_LONGEST_NAME].strip()
