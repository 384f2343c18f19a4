"""The receivers that are tried: components for engines that are not here, run with stand-ins."""

import contextlib
import json
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app_runs import until
from receiver_clip import RULES
from receiver_trials import (
    GENERIC_LIKE,
    SPEAKS_GENERIC,
    Column,
    Sent,
    Trial,
    Verdict,
    first_line,
    judged,
    last_values,
    needs,
    told_events,
)

from vrfer.expressions import EXPRESSIONS
from vrfer.listen import decode
from vrfer.outputs.profiles import read_profile
from vrfer.shipped import shipped

RECEIVERS: Final = shipped("assets") / "receivers"
PARAMETERS: Final = "/avatar/parameters/"
VRCHAT: Final = Path(__file__).resolve().parent.parent / "tests" / "oscquery" / "vrchat_stand_in.py"
STUBS: Final = Path(__file__).resolve().parent.parent / "tests" / "receivers" / "stubs"
LEVEL: Final = Path(__file__).resolve().parent / "receiver_level.cpp"


# Unity's component, with Mono.


def mono_version() -> str:
    """Return Mono's version."""
    needs("mono", "mcs", package="mono-runtime, mono-mcs")
    return f"Mono {first_line('mono', '--version').split()[4]}"


@contextmanager
def unity(profile: str, folder: Path) -> Iterator[Trial]:
    """Compile the component against stand-ins for Unity and run it."""
    gain = 1 if profile == "unity" else 100
    scene = folder / "Scene.cs"
    text = (STUBS / "unity" / "Scene.cs").read_text(encoding="utf-8")
    shape = 'blendShape = "Face_" + expression,'
    if shape not in text:
        raise ValueError(f"{STUBS / 'unity' / 'Scene.cs'} has changed: {shape!r} is not in it")
    scene.write_text(text.replace(shape, f"{shape} gain = {gain}f,"), encoding="utf-8")
    stubs = [file for file in (STUBS / "unity").glob("*.cs") if file.name != scene.name]
    program = folder / "Scene.exe"
    sources = [scene, *stubs, *(RECEIVERS / "unity").glob("*.cs")]
    subprocess.run(["mcs", f"-out:{program}", *sources], check=True, capture_output=True)
    with subprocess.Popen(
        ["mono", program, "udp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as engine:
        if engine.stdout is None or engine.stdin is None:
            raise ValueError("Mono has no pipes")
        lines: list[str] = []

        def said(beginning: str) -> str:
            for line in engine.stdout or ():
                lines.append(line.rstrip())
                if line.startswith(beginning):
                    return line
            raise ValueError(f"the scene ended before {beginning!r}: {lines}")

        port = int(said("listening").split()[1])

        def verdict(sent: Sent) -> Verdict:
            counted: list[int] = []

            def all_heard() -> bool:
                if engine.stdin is not None:
                    engine.stdin.write("state\n")
                    engine.stdin.flush()
                counted[:] = [int(part.split("=")[1]) for part in said("state").split()[1:]]
                return sum(counted) >= len(sent.packets)

            until(all_heard, "Mono to hear everything")
            rest, _ = engine.communicate(timeout=60)
            weights = rest.splitlines()[0].split()[1:]
            labels = [line.split()[1] for line in lines if line.startswith("label ")]
            events = [(line.split()[0], line.endswith("began")) for line in lines if "calm" in line]
            return judged(
                (counted[0], len(sent.packets)),
                "packets",
                [
                    ("labels", labels, sent.labels),
                    ("events", events, told_events(sent)),
                    ("last blend shapes", weights, last_values(sent, gain)),
                ],
            )

        try:
            yield Trial(port, verdict)
        finally:
            engine.kill()


# Unreal's component, with a C++ compiler.


def gpp_version() -> str:
    """Return the compiler's version."""
    needs("g++", package="g++")
    return f"g++ {first_line('g++', '-dumpfullversion')}"


@contextmanager
def unreal(_: str, folder: Path) -> Iterator[Trial]:
    """Compile the component against stand-ins for Unreal; it is handed what a socket hears."""
    program = folder / "level"
    folders = ("-I", STUBS / "unreal", "-I", RECEIVERS / "unreal")
    sources = (LEVEL, RECEIVERS / "unreal" / "VrferReceiverComponent.cpp")
    command = ["g++", "-std=c++17", *folders, "-o", program, *sources]
    subprocess.run(command, check=True, capture_output=True)

    def verdict(sent: Sent) -> Verdict:
        text = handed(sent)
        done = subprocess.run(
            [program], input=text, capture_output=True, text=True, check=True, timeout=60
        )
        lines = [line.split() for line in done.stdout.splitlines()]
        labels = [words[1] for words in lines if words[0] == "label"]
        events = [(words[1], words[2] == "1") for words in lines if words[0] == "event"]
        frames = [words[1:] for words in lines if words[0] == "weights"]
        heard = [frames[at] for at in frames_at(sent)]
        columns = [sent.of(f"/vrfer/{name}") for name in EXPRESSIONS]
        return judged(
            (len(frames), len(sent.packets)),
            "packets handed over",
            [
                ("labels", labels, sent.labels),
                ("events", events, told_events(sent)),
                (
                    "all morph targets",
                    [number for frame in heard for number in frame],
                    [number for frame in zip(*columns, strict=True) for number in frame],
                ),
            ],
        )

    with contextlib.closing(_Deaf()) as deaf:
        yield Trial(deaf.port, verdict)


class _Deaf:
    """A port that takes packets which nobody reads: the verdict has its own copy."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def close(self) -> None:
        self._socket.close()


def handed(sent: Sent) -> str:
    """Return the packets as receiver_level.cpp reads them."""
    kinds = {int: "i", float: "f", str: "s"}
    lines = []
    for packet in sent.packets:
        for message in decode(packet):
            words = [message.address]
            for argument in message.arguments:
                words += [kinds[type(argument)], str(argument)]
            lines.append(" ".join(words))
        lines.append("")
    return "\n".join([*lines, ""])


def frames_at(sent: Sent) -> list[int]:
    """Return which packets are frames; the others are events."""
    return [
        place
        for place, packet in enumerate(sent.packets)
        if any(one.address == "/vrfer/label" for one in decode(packet))
    ]


# VRChat, by a program that behaves as VRChat's documentation says.


def avatar_of(profile: str) -> dict[str, str]:
    """Return the parameters of an avatar that has all that a profile sends, with their types."""
    layout = read_profile(shipped("assets") / "profiles" / f"{profile}.toml")
    sent = {
        f"{prefix}{message.address}": str(message.arguments[0].kind)
        for prefix in layout.prefixes
        for message in layout.messages
    }
    events = {
        layout.events.address_of(rule["name"]): layout.events.type
        for rule in tomllib.loads(RULES)["rules"]
    }
    return {address.removeprefix(PARAMETERS): kind for address, kind in (sent | events).items()}


def as_vrchat_keeps(kind: str, value: object) -> object:
    """Return a value of a parameter as VRChat passes it on: floats in steps of 1/127."""
    number = float(value)  # type: ignore[arg-type]
    if kind == "float":
        return round(max(-1.0, min(1.0, number)) * 127) / 127
    return max(0, min(255, int(number))) if kind == "int" else bool(number)


@contextmanager
def vrchat(profile: str, _: Path) -> Iterator[Trial]:
    """Run the stand-in for VRChat, with an avatar that has the profile's parameters."""
    avatar = avatar_of(profile)
    with subprocess.Popen(
        [sys.executable, VRCHAT, "--no-mdns", "--avatar", json.dumps(avatar)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as client:
        if client.stdout is None:
            raise ValueError("the stand-in for VRChat has no pipe")
        port = json.loads(client.stdout.readline())["osc_port"]

        def verdict(sent: Sent) -> Verdict:
            said, _ = client.communicate(timeout=60)  # it hears all that waits before it ends
            values = json.loads(said.splitlines()[-1])["values"]
            pairs = [
                (
                    f"all {len(avatar)} parameters",
                    [value for name in avatar for value in values[name]],
                    [
                        as_vrchat_keeps(kind, value)
                        for name, kind in avatar.items()
                        for value in sent.of(f"{PARAMETERS}{name}")
                    ],
                )
            ]
            parameters = [one for one in sent.messages if one.address.startswith(PARAMETERS)]
            heard = sum(len(one) for one in values.values())
            return judged((heard, len(parameters)), "messages", pairs)

        try:
            yield Trial(port, verdict)
        finally:
            client.kill()


COLUMNS: Final = (
    Column(
        "Unity's component",
        "`VrferReceiver.cs` compiled and run with Mono against stand-ins for Unity, **not in "
        "Unity**: labels, events and the last blend shapes compared; for `unity` with *Gain* 1.",
        mono_version,
        unity,
        (*GENERIC_LIKE, "unity"),
        "It understands the addresses of `generic`.",
    ),
    Column(
        "Unreal's component",
        "`VrferReceiverComponent.cpp` compiled with g++ against stand-ins for Unreal, **not in "
        "Unreal**, and handed the messages, for the plugin that hears them is the engine's: "
        "labels, events and every morph target compared.",
        gpp_version,
        unreal,
        GENERIC_LIKE,
        SPEAKS_GENERIC,
    ),
    Column(
        "VRChat's stand-in",
        "`tests/oscquery/vrchat_stand_in.py`, which behaves as VRChat's documentation says, **not "
        "VRChat**: every value of every parameter compared, in VRChat's own steps.",
        lambda: f"Python {sys.version.split()[0]}",
        vrchat,
        ("vrchat", "vrchat-compact", "vrcft"),
        "VRChat knows no other addresses.",
    ),
)
