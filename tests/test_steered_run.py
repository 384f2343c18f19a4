"""`vrfer-app run --control`: a real process, steered over real sockets."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue

import pytest
from pythonosc.udp_client import SimpleUDPClient

from vrfer.command_line import plain_console
from vrfer.listen import Heard, Listener
from vrfer.live.status import Event, Happening, Phase
from vrfer.recording import load_session
from vrfer.steered_run import Watch

CLIP = str(Path(__file__).resolve().parent.parent / "assets" / "demo.mp4")
APP = (sys.executable, "-c", "from vrfer.cli import main; main()")
PATIENCE_S = 60.0


class Steered:
    """The program, and another one that steers it."""

    def __init__(self, process: "subprocess.Popen[str]", listener: Listener) -> None:
        self.process, self.listener = process, listener
        self.lines: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        found = re.search(r"UDP port (\d+)", self.until("UDP port"))
        assert found is not None
        self._port = int(found[1])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def until(self, text: str) -> str:
        """Return the next line with a text."""
        while True:
            try:
                line = self.lines.get(timeout=PATIENCE_S)
            except Empty:
                pytest.fail(f"the program never said {text!r}")
            if text in line:
                return line

    def command(self, name: str, *arguments: object) -> None:
        with SimpleUDPClient("127.0.0.1", self._port) as client:
            client.send_message(f"/vrfer/control/{name}", list(arguments))

    def hears(self, address: str, value: object) -> bool:
        """Whether a message with a value comes."""
        return any(value in one.arguments for one in self.messages() if one.address == address)

    def messages(self) -> Iterator[Heard]:
        while (messages := self.listener.packet(PATIENCE_S)) is not None:
            yield from messages

    def end(self) -> int:
        """Interrupt as Ctrl-C does, and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(PATIENCE_S)
        self._reader.join()
        return code


@contextmanager
def steered_run(*arguments: str) -> Iterator[Steered]:
    with Listener(0) as listener:
        process = subprocess.Popen(
            [
                *APP,
                *("run", "--source", CLIP, "--loop", "--headless", "--control", "0"),
                *("--osc", f"127.0.0.1:{listener.port}", *arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        steered = Steered(process, listener)
        try:
            yield steered
        finally:
            process.kill()
            steered.end()
            assert process.stdout is not None
            process.stdout.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no Ctrl-C to one process")
def test_a_run_is_steered_from_its_first_frame_to_its_last(tmp_path: Path) -> None:
    record = tmp_path / "session.csv"
    with steered_run("--record", str(record)) as run:
        assert run.hears("/vrfer/face", 1)
        run.command("marker", "the lift stops")
        run.until("marked: the lift stops")
        run.command("neutral", 1)
        assert run.hears("/vrfer/neutral", 1.0)
        run.until("neutral held")
        run.command("neutral", 0)
        run.until("neutral released")
        run.command("profile", "no such profile")
        run.until("there is no OSC profile")
        run.command("profile", "vrchat")
        assert any(one.address.startswith("/avatar/parameters/") for one in run.messages())
        run.command("stop")
        run.command("start")
        run.until("source opened")
        assert run.end() == 130
        run.until("since the source was opened last")
    session = load_session(record)
    assert [marker.text for marker in session.markers] == [
        "the lift stops",
        "neutral held",
        "neutral released",
        "source opened: demo.mp4",  # it was opened anew
        'picture turned: {"mirrored": false, "rotation_deg": 0}',
    ]
    assert session.ended is not None
    assert session.problems == ()


def test_a_pause_says_that_no_face_is_seen_and_holds_the_clip() -> None:
    with steered_run() as run:
        assert run.hears("/vrfer/face", 1)
        run.command("pause", 1)
        assert run.hears("/vrfer/face", 0)
        run.command("start")
        assert run.hears("/vrfer/face", 1)


def test_no_command_ends_a_run_whose_source_still_opens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/stream.mjpg"
        with steered_run("--source", url) as run:
            run.command("recalibrate", "a/b")
            run.until("baseline failed: 'a/b'")
            run.command("marker", "still there")
            run.until("marker not kept")  # nothing is recorded


def test_what_was_stopped_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    now_s = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    watch = Watch(plain_console(), lambda: opened.append("again"))
    for phase in (Phase.IDLE, Phase.FAILED):
        watch.take(Event(Happening.SOURCE_FAILED, "the camera is gone"), started=True)
        watch.retry(phase)
        now_s += 60
        watch.retry(phase)
        watch.retry(phase)
    assert opened == ["again"]
    assert "the camera is gone" in capsys.readouterr().out


def test_a_file_ends_the_run() -> None:
    result = refused("--source", CLIP, "--as-fast-as-possible", "--seconds", "60")
    assert result.returncode == 0, result.stderr
    assert "source ended" in result.stdout
    assert "frames 558, skipped 0" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--source", "no-such-film.mp4"), "no-such-film.mp4"),
        (("--source", CLIP, "--model", "no-such.onnx"), "no-such.onnx"),
        (("--source", CLIP, "--person", "nobody at all"), "nobody at all"),
        (("--source", CLIP, "--record", "session.txt"), "session.txt"),
    ],
)
def test_what_cannot_work_ends_it_at_once_with_one_line(
    arguments: tuple[str, ...], word: str
) -> None:
    result = refused(*arguments)
    assert result.returncode == 2, result.stdout
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert word in errors[0]
    assert "Traceback" not in result.stderr


def test_a_taken_port_is_named() -> None:
    with Listener(0) as taken:
        result = refused("--source", CLIP, port=taken.port)
    assert result.returncode == 2
    assert str(taken.port) in result.stderr


def refused(*arguments: str, port: int = 0) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*APP, "run", "--headless", "--control", str(port), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
