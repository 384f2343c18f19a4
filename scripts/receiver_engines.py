"""The receivers that are tried: engines, and programs that stand in for one."""

import http.client
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from app_runs import Running, free_port, until
from receiver_trials import (
    GENERIC_LIKE,
    SPEAKS_GENERIC,
    Column,
    Sent,
    Trial,
    Verdict,
    compare,
    first_line,
    judged,
    last_values,
    needs,
    send_end,
    told_events,
)

from vrfer.expressions import EXPRESSIONS
from vrfer.outputs.profiles import PROFILES
from vrfer.shipped import shipped

RECEIVERS: Final = shipped("assets") / "receivers"

# Godot 3.


def godot_version() -> str:
    """Return the engine's version."""
    needs("godot3", "Xvfb", package="godot3, xvfb")
    return f"Godot {first_line('godot3', '--version').partition('.stable')[0]}"


@contextmanager
def screen() -> Iterator[str]:
    """Start an X server without a screen; give its display."""
    read_end, write_end = os.pipe()
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "800x800x24", "-nolisten", "tcp"],
        pass_fds=[write_end],
        stderr=subprocess.DEVNULL,
    ) as server:
        os.close(write_end)
        try:
            with os.fdopen(read_end) as chosen:
                yield f":{chosen.readline().strip()}"
        finally:
            server.terminate()


@contextmanager
def godot(_: str, folder: Path) -> Iterator[Trial]:
    """Run the demo scene in Godot 3, drawn in software."""
    port, heard_file = free_port(), folder / "heard.json"
    command = [
        *("godot3", "--audio-driver", "Dummy", "--path", str(RECEIVERS / "godot3"), "--"),
        *("--vrfer-test", str(heard_file), "--port", str(port), "--seconds", "100"),
        *("--picture", str(folder / "face.png"), "--until-event", "end", "--rest-after", "100"),
    ]
    homes = dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), str(folder))
    with screen() as display:
        environment = {**homes, "DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1"}
        with Running(command, folder / "godot.txt", environment=environment) as engine:
            engine.until_said(f"listening on UDP port {port}")

            def verdict(sent: Sent) -> Verdict:
                send_end(port)
                engine.ended()
                heard: dict[str, Any] = json.loads(heard_file.read_bytes())
                *events, _ = heard["events"]
                return judged(
                    (heard["packets"] - 1, len(sent.packets)),
                    "packets",
                    [
                        ("labels", heard["labels"], sent.labels),
                        ("events", [tuple(one) for one in events], told_events(sent)),
                        ("last values", heard["values"], last_values(sent)),
                    ],
                )

            yield Trial(port, verdict, folder)


# Pure Data.


def pd_version() -> str:
    """Return Pure Data's version."""
    needs("pd", package="puredata-core")
    return first_line("pd", "-version").partition(" ")[0].replace("Pd-", "Pd ")


def pure_data_patch(profile: str, port: int) -> str:
    """Return a patch that prints what it hears: by `[vrfer]` if that is meant, else by Pd alone."""
    if profile not in GENERIC_LIKE:
        return "\n".join(
            [
                "#N canvas 0 0 400 400 10;",
                f"#X obj 0 0 netreceive -u -b {port};",
                "#X obj 0 40 oscparse;",
                "#X obj 0 80 list trim;",
                "#X obj 0 120 print heard;",
                *(f"#X connect {i} 0 {i + 1} 0;" for i in range(3)),
                "#X obj 0 160 loadbang;",
                f"#X msg 0 180 listening {port};",
                "#X obj 0 200 print vrfer;",
                *("#X connect 4 0 5 0;", "#X connect 5 0 6 0;", ""),
            ]
        )
    lines = ["#N canvas 0 0 400 400 10;", f"#X obj 0 0 vrfer {port};"]
    wires = []
    for i, name in enumerate(("event", "confidence", *EXPRESSIONS)):
        lines += [f"#X obj 0 {40 * i} r vrfer-{name};", f"#X obj 0 {40 * i} print {name};"]
        wires.append(f"#X connect {2 * i + 1} 0 {2 * i + 2} 0;")
    return "\n".join([*lines, *wires, ""])


@contextmanager
def pure_data(profile: str, folder: Path) -> Iterator[Trial]:
    """Run a patch in Pure Data, without its window."""
    port, patch = free_port(), folder / "patch.pd"
    patch.write_text(pure_data_patch(profile, port), encoding="utf-8")
    quiet = ("-nogui", "-nrt", "-noaudio", "-nomidi", "-nostdpath", "-noprefs")
    command = ["pd", *quiet, "-path", str(RECEIVERS / "puredata"), str(patch)]
    with Running(command, folder / "pd.txt") as program:
        program.until_said(f"vrfer: listening {port}")

        def verdict(sent: Sent) -> Verdict:
            send_end(port)
            if profile not in GENERIC_LIKE:
                program.until_said("heard: vrfer event end 1")
                return compare_lists(program.lines, sent)
            program.until_said("event: end 1")

            def said(name: str) -> list[str]:
                start = f"{name}: "
                return [one.removeprefix(start) for one in program.lines if one.startswith(start)]

            labels = [one.split()[1] for one in said("vrfer") if one.startswith("label ")]
            events = [(name, on == "1") for name, on in map(str.split, said("event"))]
            pairs: list[tuple[str, object, object]] = [
                ("labels", labels, sent.labels),
                ("events", events[:-1], told_events(sent)),
            ]
            values = [number for name in EXPRESSIONS for number in said(name)]
            wanted = [number for name in EXPRESSIONS for number in sent.of(f"/vrfer/{name}")]
            pairs.append(("all values", values, wanted))
            frames = len(sent.of("/vrfer/confidence"))
            return judged((len(said("confidence")), frames), "frames", pairs)

        yield Trial(port, verdict)


def compare_lists(lines: list[str], sent: Sent) -> Verdict:
    """Compare the lists that Pure Data makes of messages with those that were sent."""
    heard = []
    told = [one.removeprefix("heard: ") for one in lines if one.startswith("heard: ")]
    for line, message in zip(told, sent.messages, strict=False):
        depth = message.address.count("/")
        words = line.split()
        heard.append((f"/{'/'.join(words[:depth])}", words[depth:]))
    extra = [("", [line]) for line in told[len(sent.messages) : -1]]
    # `[oscparse]` of Pd 0.53 leaves booleans out.
    readable = [
        replace(
            message,
            arguments=tuple(one for one in message.arguments if not isinstance(one, bool)),
        )
        for message in sent.messages
    ]
    return compare([*heard, *extra], readable)


# The browser's bridge.


def node_version() -> str:
    """Return Node's version."""
    needs("node", package="nodejs")
    return f"Node {first_line('node', '--version').removeprefix('v')}"


@contextmanager
def bridge(_: str, folder: Path) -> Iterator[Trial]:
    """Run the bridge to a browser, and read what a page would."""
    command = ["node", RECEIVERS / "web" / "bridge.mjs", "--osc-port", "0", "--http-port", "0"]
    with Running(command, folder / "bridge.txt") as program:
        words = program.until_said("Listening").split()
        port = int(words[6].rstrip("."))
        connection = http.client.HTTPConnection(
            "127.0.0.1", int(words[-1].rstrip("/").rpartition(":")[2]), timeout=60
        )
        connection.request("GET", "/events")
        stream = connection.getresponse()
        heard: list[tuple[str, dict[str, Any]]] = []
        ended = threading.Event()

        def read() -> None:
            kind = ""
            for line in stream:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    heard.append((kind, json.loads(value)))
                    if heard[-1][1].get("name") == "end":
                        break
            ended.set()

        reading = threading.Thread(target=read, name="page", daemon=True)
        reading.start()

        def verdict(sent: Sent) -> Verdict:
            send_end(port)
            until(ended.is_set, "the bridge to hear everything")
            readings = [data for kind, data in heard if kind == "reading"][1:]
            events = [(data["name"], data["on"]) for kind, data in heard if kind == "event"]
            labels = [label for label, _ in groupby(one["label"] for one in readings)]
            values = [one["probabilities"][name] for name in EXPRESSIONS for one in readings]
            wanted = [number for name in EXPRESSIONS for number in sent.of(f"/vrfer/{name}")]
            return judged(
                (len(readings), len(sent.of("/vrfer/label"))),
                "frames",
                [
                    ("labels", labels, sent.labels),
                    ("events", events[:-1], told_events(sent)),
                    ("all values", values, wanted),
                ],
            )

        try:
            yield Trial(port, verdict)
        finally:
            program.process.kill()
            reading.join()
            connection.close()


COLUMNS: Final = (
    Column(
        "Godot 3",
        "The demo scene of `assets/receivers/godot3` in the engine, drawn in software: labels, "
        "events and the last values compared.",
        godot_version,
        godot,
        GENERIC_LIKE,
        SPEAKS_GENERIC,
    ),
    Column(
        "Pure Data",
        "`[vrfer]` of `assets/receivers/puredata` for `generic` and `unreal`; for the others, "
        "which it does not speak, Pd's own `[oscparse]`, with every argument compared.",
        pd_version,
        pure_data,
        tuple(name for name in PROFILES if name != "vrcft"),
        "`[oscparse]` of Pd 0.53 leaves booleans out: `vrcft` needs them, and of VRChat's events "
        "only the addresses are compared.",
    ),
    Column(
        "Web bridge",
        "`assets/receivers/web`, read as a page reads it: labels, events and every value compared.",
        node_version,
        bridge,
        GENERIC_LIKE,
        SPEAKS_GENERIC,
    ),
)
