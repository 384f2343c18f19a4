"""The receivers that are tried: programs that print messages. Engines have their own file."""

import importlib.metadata
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app_runs import Running, app, free_port
from receiver_trials import (
    END,
    GENERIC_LIKE,
    Column,
    Sent,
    Trial,
    Verdict,
    compare,
    events_of,
    first_line,
    judged,
    needs,
    send_end,
    wait_until_listening,
)

from vrfer.shipped import shipped

PYTHON: Final = shipped("assets") / "receivers" / "python"
PRINTS_ALL: Final = """
import json, sys
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer
dispatcher = Dispatcher()
dispatcher.set_default_handler(lambda *heard: print(json.dumps(heard), flush=True))
BlockingOSCUDPServer(("127.0.0.1", int(sys.argv[1])), dispatcher).serve_forever()
"""


def oscdump_version() -> str:
    """Return the version of liblo's tools."""
    needs("oscdump", "stdbuf", package="liblo-tools, coreutils")
    package = shutil.which("dpkg-query") and first_line(
        "dpkg-query", "-W", "-f=${Version}", "liblo-tools"
    )
    return f"liblo {package}" if package else "liblo"


@contextmanager
def oscdump(_: str, folder: Path) -> Iterator[Trial]:
    """Run liblo's oscdump."""
    port = free_port()
    with Running(["stdbuf", "-oL", "oscdump", str(port)], folder / "oscdump.txt") as program:
        wait_until_listening(port)

        def verdict(sent: Sent) -> Verdict:
            send_end(port)
            program.until_said(END)
            heard = [line.split()[1:] for line in program.lines if not line.endswith(f"{END} i 1")]
            plain = [(address, words[1:]) for address, *words in heard]
            texts = [
                (address, [word.strip('"').replace("#T", "1").replace("#F", "0") for word in words])
                for address, words in plain
            ]
            return compare(texts, sent.messages)

        yield Trial(port, verdict)


@contextmanager
def python_osc(_: str, folder: Path) -> Iterator[Trial]:
    """Run a server of python-osc's that prints everything."""
    port = free_port()
    command = [sys.executable, "-c", PRINTS_ALL, str(port)]
    with Running(command, folder / "python-osc.txt") as program:
        wait_until_listening(port)

        def verdict(sent: Sent) -> Verdict:
            send_end(port)
            program.until_said(END)
            heard = [json.loads(line) for line in program.lines]
            return compare([(one[0], one[1:]) for one in heard if one[0] != END], sent.messages)

        yield Trial(port, verdict)


@contextmanager
def monitor(_: str, folder: Path) -> Iterator[Trial]:
    """Run `vrfer-app listen`."""
    port = free_port()
    with Running(app("listen", "--port", str(port)), folder / "listen.txt") as program:
        program.until_said("Listening on")

        def verdict(sent: Sent) -> Verdict:
            send_end(port)
            program.until_said(END)
            lines = [line.split() for line in program.lines if line.startswith("/")]
            heard = [(words[0], words[1:]) for words in lines if words[0] != END]
            return compare(heard, sent.messages)

        yield Trial(port, verdict)


@contextmanager
def ten_lines(_: str, folder: Path) -> Iterator[Trial]:
    """Run the receiver of ten lines that uses python-osc."""
    port = free_port()
    command = [sys.executable, PYTHON / "vrfer_ten_lines.py", str(port)]
    with Running(command, folder / "ten-lines.txt") as program:
        wait_until_listening(port)

        def verdict(sent: Sent) -> Verdict:
            send_end(port)
            program.until_said(END)
            lines = program.lines[:-1]
            labels = [line.split()[1] for line in lines if line.startswith("expression ")]
            events = [line for line in lines if line.startswith("/vrfer/event/")]
            return judged(
                (len(labels), len(sent.of("/vrfer/label"))),
                "labels",
                [("labels", labels, sent.of("/vrfer/label")), ("events", events, events_of(sent))],
            )

        yield Trial(port, verdict)


@contextmanager
def plain(_: str, folder: Path) -> Iterator[Trial]:
    """Run the receiver that uses no package."""
    port = free_port()
    command = [sys.executable, PYTHON / "vrfer_plain.py", str(port)]
    with Running(command, folder / "plain.txt") as program:
        wait_until_listening(port)

        def verdict(sent: Sent) -> Verdict:
            send_end(port)
            program.until_said("event end began")
            labels = [line.split()[1] for line in program.lines if line.startswith("expression ")]
            told = [line.split() for line in program.lines[:-1] if line.startswith("event ")]
            events = [f"/vrfer/event/{words[1]} {int(words[2] == 'began')}" for words in told]
            return judged(
                (len(labels), len(sent.labels)),
                "changes of the label",
                [("labels", labels, sent.labels), ("events", events, events_of(sent))],
            )

        yield Trial(port, verdict)


def python_version() -> str:
    """Return the version of Python."""
    return f"Python {sys.version.split()[0]}"


_ASSETS = "The receivers in `assets/receivers` understand the addresses of `generic`."

COLUMNS: Final = (
    Column(
        "oscdump",
        "The program of liblo, with every message and argument compared.",
        oscdump_version,
        oscdump,
    ),
    Column(
        "python-osc",
        "The server and dispatcher of python-osc, with every message and argument compared.",
        lambda: f"python-osc {importlib.metadata.version('python-osc')}",
        python_osc,
    ),
    Column(
        "vrfer-app listen",
        "Every message and argument compared; it prints four decimals.",
        lambda: f"vrfer {importlib.metadata.version('vrfer')}",
        monitor,
    ),
    Column(
        "vrfer_ten_lines.py",
        "`assets/receivers/python`, with python-osc: labels and events compared.",
        python_version,
        ten_lines,
        (*GENERIC_LIKE, "unity"),
        _ASSETS,
    ),
    Column(
        "vrfer_plain.py",
        "`assets/receivers/python`, no package: changes of the label and events compared.",
        python_version,
        plain,
        (*GENERIC_LIKE, "unity"),
        _ASSETS,
    ),
)
