"""The command line in processes of its own: what it prints, writes and ends with.

Long, as the tests of one module stand in one file.
"""

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import pytest
from loopback import hears_others

from vrfer.expressions import EXPRESSIONS
from vrfer.listen import Listener
from vrfer.outputs.film import film_files
from vrfer.outputs.rows import COLUMNS

ROOT = Path(__file__).resolve().parent.parent
CLIP = ROOT / "assets" / "demo.mp4"
APP = (sys.executable, "-c", "from vrfer.cli import main; main()")


def app(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*APP, *arguments], capture_output=True, text=True, encoding="utf-8", timeout=120, cwd=cwd
    )


@pytest.fixture(scope="module")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the demo clip."""
    path = tmp_path_factory.mktemp("clip") / "short.mp4"
    reader = cv2.VideoCapture(str(CLIP))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, (640, 480))
    for _ in range(60):
        writer.write(reader.read()[1])
    writer.release()
    reader.release()
    return path


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One frame of the demo clip."""
    path = tmp_path_factory.mktemp("picture") / "portrait.png"
    reader = cv2.VideoCapture(str(CLIP))
    path.write_bytes(cv2.imencode(".png", reader.read()[1])[1].tobytes())
    reader.release()
    return path


def assert_one_clear_line(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("Error: ")
    for word in words:
        assert word in lines[0]


def test_run_sends_and_records_every_frame(short_clip: Path, tmp_path: Path) -> None:
    record = tmp_path / "session.csv"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        receiver.bind(("127.0.0.1", 0))
        port = receiver.getsockname()[1]
        result = app(
            *("run", "--headless", "--as-fast-as-possible", "--source", str(short_clip)),
            *("--osc", f"127.0.0.1:{port}", "--osc", f"127.0.0.1:{port},hz=10"),
            *("--record", str(record)),
        )
        assert result.returncode == 0, result.stderr
        receiver.setblocking(False)
        heard = 0
        while True:
            try:
                assert receiver.recv(65535).startswith(b"#bundle\0")
            except BlockingIOError:
                break
            heard += 1
    assert heard == 60 + 20
    assert "frames 60, skipped 0, with a face 100.0%" in result.stdout
    assert f"OSC 127.0.0.1:{port}: sent 60, failed 0" in result.stdout
    assert f"OSC 127.0.0.1:{port}: sent 20, failed 0" in result.stdout
    with record.open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(line for line in text if not line.startswith("#")))
    assert tuple(rows[0]) == COLUMNS
    assert [int(row["frame"]) for row in rows] == list(range(60))
    assert all(row["face"] == "1" and row["label"] in EXPRESSIONS for row in rows)
    about = json.loads(record.with_suffix(".json").read_text(encoding="utf-8"))
    assert len(about["model_sha256"]) == 64
    assert record.with_suffix(".markers.csv").exists()


def test_two_runs_on_a_file_agree(short_clip: Path, tmp_path: Path) -> None:
    readings = []
    for name in ("a.csv", "b.csv"):
        app(
            *("run", "--headless", "--as-fast-as-possible", "--source", str(short_clip)),
            *("--record", str(tmp_path / name)),
        )
        with (tmp_path / name).open(newline="", encoding="utf-8") as text:
            rows = csv.DictReader(line for line in text if not line.startswith("#"))
            readings.append([[row[f"raw_{e}"] for e in EXPRESSIONS] for row in rows])
    assert len(readings[0]) == 60
    assert readings[0] == readings[1]


def test_run_does_all_that_its_options_say(short_clip: Path, tmp_path: Path) -> None:
    pytest.importorskip("pylsl", reason="pylsl comes with vrfer[lsl] alone")
    record = tmp_path / "all.csv"
    name = f"vrfer {uuid.uuid4().hex[:12]}"
    with Listener(0) as heard:
        result = app(
            "run", "--headless", "--as-fast-as-possible", "--source", str(short_clip),
            "--record", str(record), "--video", "--lsl", name, "--region", "0,0,100,640",
            "--rotate", "90", "--mirror", "--osc", f"127.0.0.1:{heard.port}",
            "--profile", "vrchat",
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        messages = heard.packet(1.0)
    assert messages is not None
    assert messages[0].address == "/avatar/parameters/vrfer/neutral"
    about = json.loads(record.with_suffix(".json").read_text(encoding="utf-8"))
    assert about["region"] == [0, 0, 100, 640]
    assert about["orientation"] == {"mirrored": True, "rotation_deg": 90}
    film = cv2.VideoCapture(str(film_files(record)[0]))
    assert film.read()[1].shape == (640, 480, 3)
    film.release()
    lines = result.stdout.splitlines()
    assert "frames 60, skipped 0, with a face 0.0%" in lines[1]  # none in the region
    assert re.fullmatch(r"latency, .*: p50 [\d.]+ ms, p95 [\d.]+ ms, p99 [\d.]+ ms", lines[2])
    assert any(line.startswith(f"LSL {name}: sent ") for line in lines)
    assert f"recorded 60 pictures into {film_files(record)[0]}" in lines


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_a_file_that_loops_does_not_end(short_clip: Path, tmp_path: Path) -> None:
    record = tmp_path / "loop.csv"
    process = subprocess.Popen(
        [
            *APP, "run", "--headless", "--loop", "--as-fast-as-possible",
            "--source", str(short_clip), "--record", str(record),
        ],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline_s = time.monotonic() + 60
    while not record.exists() or record.read_text("utf-8").count("\n60,0.000000,") == 0:
        assert process.poll() is None
        assert time.monotonic() < deadline_s
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130


def test_seconds_ends_a_paced_run(short_clip: Path) -> None:
    result = app("run", "--headless", "--source", str(short_clip), "--seconds", "0.5")
    assert result.returncode == 0, result.stderr
    frames = int(result.stdout.split("frames ")[1].split(",")[0])
    assert 0 < frames < 60


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_run_that_is_stopped_ends_with_130_and_keeps_the_recording(
    tmp_path: Path, name: str
) -> None:
    record = tmp_path / "session.csv"
    # What runs the tests may ignore it, as nohup does, and so would its children.
    code = f"import signal; signal.signal(signal.{name}, signal.SIG_DFL); {APP[2]}"
    if name == "SIGINT":
        code = APP[2]
    process = subprocess.Popen(
        [*APP[:2], code, "run", "--headless", "--source", str(CLIP), "--record", str(record)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "demo.mp4" in process.stdout.readline()  # printed when everything is open
    process.send_signal(getattr(signal, name))
    out, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "frames" in out
    lines = record.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if not line.startswith("#")][1:]
    assert f"recorded {len(rows)} rows" in out


def test_demo_hears_every_bundle() -> None:
    result = app("demo", "--as-fast-as-possible")
    assert result.returncode == 0, result.stderr
    assert "synthetic" in result.stdout
    intended = json.loads((ROOT / "assets" / "demo.json").read_text(encoding="utf-8"))
    assert intended
    assert "heard 558 bundles with 7812 messages" in result.stdout
    assert "with a face 100.0%" in result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="XDG_CONFIG_HOME moves settings there alone")
def test_the_demo_is_the_same_where_a_user_has_a_profile_called_generic(tmp_path: Path) -> None:
    folder = tmp_path / "vrfer" / "profiles"
    folder.mkdir(parents=True)
    text = (ROOT / "assets" / "profiles" / "vrchat.toml").read_text(encoding="utf-8")
    (folder / "generic.toml").write_text(text, encoding="utf-8")
    result = subprocess.run(
        [*APP, "demo", "--as-fast-as-possible"],
        capture_output=True, text=True, encoding="utf-8", timeout=120,
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "heard 558 bundles with 7812 messages" in result.stdout


def test_names_are_printed_as_they_are(short_clip: Path, tmp_path: Path) -> None:
    result = app(
        *("run", "--headless", "--as-fast-as-possible", "--source", str(short_clip)),
        *("--record", "session [anna] :x:.csv"),
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert "rows into session [anna] :x:.csv" in result.stdout
    missing = app("run", "--headless", "--source", "[b]:x:.mp4")
    assert_one_clear_line(missing, "[b]:x:.mp4")


def test_locate_looks_only_in_the_region(portrait: Path) -> None:
    everywhere = json.loads(app("locate", str(portrait), "--json").stdout)
    x, y = everywhere["mouth"]
    around = f"{x - 150:.0f},{y - 150:.0f},{x + 150:.0f},{y + 150:.0f}"
    inside = json.loads(app("locate", str(portrait), "--json", "--region", around).stdout)
    assert inside["mouth"] == pytest.approx([x, y], abs=4)
    corner = app("locate", str(portrait), "--json", "--region", "0,0,80,80")
    assert json.loads(corner.stdout)["found"] is False


@pytest.mark.parametrize("region", ["1,2,3", "a,b,c,d", "50,0,10,10", "nan,0,10,10", ""])
def test_a_region_that_is_none_is_one_line(portrait: Path, region: str) -> None:
    assert_one_clear_line(app("locate", str(portrait), "--region", region), "--region")


def test_locate_prints_json_only(portrait: Path, tmp_path: Path) -> None:
    room = tmp_path / "room.png"
    gradient = np.tile(np.linspace(40, 90, 320, dtype=np.uint8), (240, 1))
    room.write_bytes(cv2.imencode(".png", gradient)[1].tobytes())
    result = app("locate", str(portrait), str(room), "--json", "--draw", str(tmp_path / "drawn"))
    assert result.returncode == 0, result.stderr
    found, empty = (json.loads(line) for line in result.stdout.splitlines())
    assert found.keys() == empty.keys() == {"file", "found", "box", "mouth", "chin", "score", "ms"}
    x0, y0, x1, y1 = found["box"]
    assert x0 < found["mouth"][0] < x1
    assert y0 < found["mouth"][1] < found["chin"][1] <= y1
    assert empty["found"] is False
    assert {empty[name] for name in ("box", "mouth", "chin", "score")} == {None}
    assert len(list((tmp_path / "drawn").iterdir())) == 2


def test_classify_prints_json_only(portrait: Path) -> None:
    result = app("classify", str(portrait), "--json")
    assert result.returncode == 0, result.stderr
    (answer,) = (json.loads(line) for line in result.stdout.splitlines())
    assert answer["label"] in EXPRESSIONS
    assert tuple(answer["probabilities"]) == EXPRESSIONS
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert answer["confidence"] == answer["probabilities"][answer["label"]]


def test_face_crop_ignores_the_upper_half(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    face = rng.integers(0, 255, (48, 48), dtype=np.uint8)
    other = face.copy()
    other[:24] = 255 - other[:24]
    for name, pixels in (("one.png", face), ("other.png", other)):
        (tmp_path / name).write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    names = [str(tmp_path / name) for name in ("one.png", "other.png")]
    result = app("classify", *names, "--json", "--face-crop")
    one, two = (json.loads(line) for line in result.stdout.splitlines())
    assert one["probabilities"] == two["probabilities"]


BAD_COMMANDS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "no such file": (("run", "--source", "gone.mp4"), ("gone.mp4",)),
    "no such camera": (("run", "--source", "7"), ("7",)),
    "text as video": (("run", "--source", "text.mp4"), ("text.mp4",)),
    "empty folder": (("run", "--source", "empty"), ("empty",)),
    "server away": (("run", "--source", "http://127.0.0.1:9/x"), ("127.0.0.1:9",)),
    "bad receiver": (("run", "--source", "0", "--osc", "localhost"), ("localhost",)),
    "bad port": (("run", "--source", "0", "--osc", "localhost:0"), ("localhost:0",)),
    "bad profile": (("run", "--source", "0", "--osc", "localhost:9000,profile=x"), ("'x'",)),
    "bad default profile": (("run", "--source", "0", "--osc", "a:1", "--profile", "y"), ("'y'",)),
    "bad size": (("run", "--source", "0", "--size", "x"), ("x",)),
    "film of no recording": (("run", "--source", "0", "--video"), ("--record",)),
    "no such model": (("run", "--source", "0", "--model", "gone.onnx"), ("gone.onnx",)),
    "text as model": (("classify", "text.mp4", "--model", "text.onnx"), ("text.onnx",)),
    "text as picture": (("locate", "text.mp4", "--json"), ("text.mp4",)),
    "folder as picture": (("classify", "empty", "--json"), ("empty",)),
}


@pytest.mark.parametrize("case", BAD_COMMANDS)
def test_bad_input_is_one_clear_line(case: str, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video at all\n" * 50, encoding="utf-8")
    (tmp_path / "text.onnx").write_text("no network at all\n", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    arguments, words = BAD_COMMANDS[case]
    assert_one_clear_line(app(*arguments, cwd=tmp_path), *words)


def test_one_bad_picture_does_not_keep_the_others_back(portrait: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff nonsense")
    result = app("locate", str(bad), str(portrait), "--json")
    assert_one_clear_line(result, "bad.jpg")
    (answer,) = (json.loads(line) for line in result.stdout.splitlines())
    assert answer["found"] is True


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "soon"])
def test_impossible_durations_are_refused(seconds: str) -> None:
    result = app("run", "--source", str(CLIP), "--headless", "--seconds", seconds)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_an_existing_recording_is_refused_untouched(short_clip: Path, tmp_path: Path) -> None:
    record = tmp_path / "kept.csv"
    record.write_text("mine\n", encoding="utf-8")
    result = app("run", "--headless", "--source", str(short_clip), "--record", str(record))
    assert_one_clear_line(result, "kept.csv")
    assert record.read_text(encoding="utf-8") == "mine\n"


def test_listen_on_a_taken_port(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        assert_one_clear_line(app("listen", "--port", str(port)), str(port))


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
@pytest.mark.parametrize("everyone", [False, True])
def test_listen_hears_other_computers_where_it_is_told_to(everyone: bool) -> None:
    options = ["--everyone"] if everyone else []
    process = subprocess.Popen(
        [*APP, "listen", "--port", "0", *options], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        port = int(process.stderr.readline().split("port ")[1].split(".")[0])
        assert hears_others(port) is everyone
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_listen_prints_what_arrives() -> None:
    process = subprocess.Popen(
        [*APP, "listen", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert process.stdout is not None
    port = int(process.stderr.readline().split("port ")[1].split(".")[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"nonsense", ("127.0.0.1", port))
        sender.sendto(b"/a/b\0\0\0\0,i\0\0\0\0\0\x07", ("127.0.0.1", port))
    assert process.stdout.readline() == "/a/b 7\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "1 packets, 1 malformed" in errors


def test_a_bug_ends_with_a_code_of_its_own() -> None:
    code = """
import sys, typer
from vrfer.command_line import run_app

app = typer.Typer()

@app.command()
def fail():
    raise RuntimeError("nobody foresaw it")

sys.exit(run_app(app, []))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "nobody foresaw it" in ended.stderr


def test_the_version_is_told() -> None:
    assert app("--version").stdout.strip().endswith(version("vrfer"))


def test_help_and_unknown_options() -> None:
    assert app("--help").returncode == 0
    assert app("run", "--help").returncode == 0
    unknown = app("run", "--nonsense")
    assert unknown.returncode == 2
    assert "Traceback" not in unknown.stderr


def test_doctor_tries_real_things() -> None:
    result = app("doctor")
    assert result.returncode == 0, result.stdout
    for words in ("network, CPU", "finds and reads a face", "a test message to 127.0.0.1 arrived"):
        assert words in result.stdout


@pytest.mark.parametrize(
    ("module", "kind", "says", "missing", "arguments"),
    [
        (
            "cv2",
            "ImportError",
            "libGL.so.1: cannot open shared object file",
            "libGL.so.1",
            ["doctor"],
        ),
        ("cv2", "ImportError", "DLL load failed while importing cv2: ...", "DLL", ["doctor"]),
        ("PyQt6", "ImportError", "libEGL.so.1: cannot open shared object file", "libEGL.so.1", []),
        ("pyqtgraph", "OSError", "libX.so: cannot open shared object file", "libX.so", []),
    ],
)
def test_what_the_system_lacks_is_one_line(
    tmp_path: Path, module: str, kind: str, says: str, missing: str, arguments: list[str]
) -> None:
    (tmp_path / f"{module}.py").write_text(f"raise {kind}({says!r})\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from vrfer.entry import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert missing in line
    assert "nstall" in line


def test_the_app_needs_no_torch(short_clip: Path, tmp_path: Path) -> None:
    for package in ("torch", "lightning_fabric"):
        (tmp_path / f"{package}.py").write_text("raise ImportError('blocked')", encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    result = subprocess.run(
        [*APP, "run", "--headless", "--as-fast-as-possible", "--source", str(short_clip)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    assert "frames 60" in result.stdout


def test_no_device_id_is_kept_and_nothing_is_queued_for_reporting(
    portrait: Path, tmp_path: Path
) -> None:
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"} | home
    result = subprocess.run(
        [*APP, "classify", str(portrait), "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    assert not list(tmp_path.rglob("*onnxruntime*"))


def test_importing_vrfer_pulls_nothing_heavy_in() -> None:
    code = (
        "import sys, vrfer; "
        "print([m for m in ('cv2', 'mediapipe', 'onnxruntime', 'torch') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]"


def test_every_exported_name_can_be_imported() -> None:
    import vrfer

    for name in vrfer.__all__:
        assert getattr(vrfer, name) is not None
