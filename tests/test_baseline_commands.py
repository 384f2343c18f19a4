"""`vrfer-app baseline` as people use it: make one from a film, use it, list it, delete it."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_network import tiny_contract, write_network

from vrfer.expressions import EXPRESSIONS

CLIP = Path(__file__).resolve().parent.parent / "assets" / "demo.mp4"
APP = (sys.executable, "-c", "from vrfer.cli import main; main()")

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the user's data folder is moved by XDG_DATA_HOME"
)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A network to which resting faces look neutral: whatever it reads else is an error."""
    resting = [3.5] + [-0.5] * 7
    return write_network(tmp_path / "tiny.onnx", tiny_contract(resting=resting))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def app(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"XDG_DATA_HOME": str(home)}
    return subprocess.run(
        [*APP, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        env=environment,
    )


def neutral_share(home: Path, network: Path, record: Path, *arguments: str) -> float:
    """Run the clip's first two seconds, and return the mean steady probability of neutral."""
    fast = ("run", "--headless", "--as-fast-as-possible", "--seconds", "2")
    ended = app(
        home,
        *(*fast, "--source", str(CLIP), "--model", str(network), "--record", str(record)),
        *arguments,
    )
    assert ended.returncode == 0, ended.stderr
    with record.open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(line for line in text if not line.startswith("#")))
    return float(np.mean([float(row["neutral"]) for row in rows]))


def test_a_baseline_is_made_used_listed_and_deleted(
    home: Path, network: Path, tmp_path: Path
) -> None:
    make = ("baseline", "make", "Ana", "--source", str(CLIP), "--seconds", "2")
    made = app(home, *make, "--model", str(network))
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("Ana: 2 s of a resting face, network tiny; from now on ")
    (file,) = (home / "vrfer" / "people").iterdir()
    offsets = json.loads(file.read_text(encoding="utf-8"))["offsets"]
    assert len(offsets) == len(EXPRESSIONS)
    assert max(offsets) > 0.5

    before = neutral_share(home, network, tmp_path / "before.csv")
    after = neutral_share(home, network, tmp_path / "after.csv", "--person", "Ana")
    assert after > before + 0.2
    about = json.loads((tmp_path / "after.json").read_text(encoding="utf-8"))
    assert about["baseline"]["offsets"] == offsets

    listed = app(home, "baseline", "list")
    assert listed.stdout.count("Ana: 2 s") == 1
    assert app(home, "baseline", "delete", "Ana").returncode == 0
    assert not file.exists()
    assert "There are none" in app(home, "baseline", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--source", str(CLIP), "--person", "Nobody"), "no baseline of Nobody"),
        (("baseline", "delete", "Nobody"), "no baseline of Nobody"),
        (("baseline", "delete", "../x"), "cannot be the name"),
        (("baseline", "make", "a/b", "--source", str(CLIP)), "cannot be the name"),
        (("baseline", "make", "Ana", "--source", "nowhere.mp4"), "nowhere.mp4"),
    ],
)
def test_what_is_not_there_is_one_line(home: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = app(home, *arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_face_that_is_hardly_seen_makes_no_baseline(
    home: Path, network: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "dark.png"
    Image.new("RGB", (640, 480)).save(picture)
    make = ("baseline", "make", "Ana", "--source", str(picture), "--model", str(network))
    ended = app(home, *make)
    assert ended.returncode == 2
    assert "a face was seen for 0.0 s only" in ended.stderr
    assert not home.exists()


def test_a_baseline_of_another_network_is_refused(
    home: Path, network: Path, tmp_path: Path
) -> None:
    make = ("baseline", "make", "Ana", "--source", str(CLIP), "--seconds", "2")
    assert app(home, *make, "--model", str(network)).returncode == 0
    other = write_network(tmp_path / "other.onnx", tiny_contract(name="other"))
    ended = app(home, "run", "--source", str(CLIP), "--person", "Ana", "--model", str(other))
    assert ended.returncode == 2
    assert "made with the network tiny, not with this other" in ended.stderr
    without = app(home, "baseline", "make", "B", "--source", str(CLIP), "--model", str(other))
    assert "does not say how it reads resting faces" in without.stderr
