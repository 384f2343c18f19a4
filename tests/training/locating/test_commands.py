"""`vrfer-train` on the locator, in this process and as a process. There is no FER+ here."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest
from training.locating.test_headset_photographs import write_headsets
from training.locating.tiny_run import recipe_text, tiny_locator_recipe

from vrfer.command_line import run_app
from vrfer.training.commands import app
from vrfer.training.locating.checkpoint import LocatorRun, load_run

ROOT = Path(__file__).parents[3]
Finished = tuple[Path, LocatorRun]
Cli = Callable[..., tuple[int, str, str]]

# Reading the photographs once fills the cache, so that no command says that it does.
pytestmark = pytest.mark.usefixtures("logging_as_before", "little_mining", "photographs")


@pytest.fixture
def data_folder(photographs_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(photographs_folder, tmp_path / "data" / "faces")
    return tmp_path / "data"


@pytest.fixture
def cli(
    data_folder: Path,
    cache_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    """Runs a command in an empty folder: exit code, output, errors."""
    monkeypatch.setenv("VRFER_DATA", str(data_folder))
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_: cache_folder)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    Path("tiny.toml").write_text(recipe_text(tiny_locator_recipe()), encoding="utf-8")

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run_app(app, [str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run


def one_error(errors: str) -> str:
    lines = errors.strip().splitlines()
    assert len(lines) == 1, errors
    assert lines[0].startswith("Error: ")
    return lines[0]


def test_a_dry_run_trains_and_a_finished_one_says_so(cli: Cli) -> None:
    arguments = ("fit", "tiny.toml", "--dry-run", "--seed", "9", "--accelerator", "cpu")
    code, out, errors = cli(*arguments)
    assert (code, errors) == (0, "")
    folder = Path("runs/tiny-locator-seed9-dry-run")
    assert "Reading the photographs" in out
    for part in ("epoch 1/2: loss ", "epoch 2/2: ", " error bare ", "recall ", "false ", "mined "):
        assert part in out
    assert out.count(" face widths, ") == 2
    assert f"Done: {folder / 'last.pt'}" in out
    assert list((folder / "tensorboard").iterdir())
    assert load_run(folder / "last.pt").recipe == tiny_locator_recipe(seed=9).shortened()
    code, out, errors = cli(*arguments)
    assert (code, errors, out.count(" epoch ")) == (0, "", 0)
    assert "nothing is left to do" in out


def test_evaluate_prints_and_writes_both_measures(
    cli: Cli, exported_locator: Path, data_folder: Path
) -> None:
    code, out, errors = cli("evaluate", exported_locator)
    assert (code, errors) == (0, "")
    assert "| faces | 4 |" in out
    assert "labelled box" not in out
    write_headsets(data_folder / "headset")
    code, out, errors = cli(
        "evaluate", exported_locator, "--split", "validation", "--out", "f.json"
    )
    assert (code, errors) == (0, "")
    assert "| all | 2 |" in out
    figures = json.loads(Path("f.json").read_text(encoding="utf-8"))
    assert figures["model"] == "tiny-locator.onnx"
    assert figures["measures"][0]["split"] == "validation"
    assert [one["pose"] for one in figures["headset_photographs"]] == ["all", "frontal", "profile"]


def test_a_checkpoint_is_evaluated_and_exported(cli: Cli, finished_locator: Finished) -> None:
    checkpoint = finished_locator[0] / "last.pt"
    code, out, errors = cli("evaluate", checkpoint)
    assert (code, errors) == (0, "")
    assert "| faces | 4 |" in out
    errors_of_points = [line for line in out.splitlines() if line.startswith("| error of")]
    assert len(errors_of_points) == 2
    code, out, errors = cli("export", checkpoint, "--out", "net/small.onnx")
    assert code == 0, errors
    assert "| measured on validation | |" in out
    assert set(errors_of_points) <= set(out.splitlines()), "the file computes something else"
    assert f"Wrote {Path('net/small.onnx')}" in out
    assert Path("net/small.md").is_file()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["fit", "tiny.toml", "--control"], "--control does not go with tiny-locator"),
        (["fit", "tiny.toml", "--after", "x.pt"], "--after does not go with tiny-locator"),
        (["fit", "tiny.toml", "--data", "nowhere"], "nowhere"),
        (["fit", "wrong.toml"], "batch_size"),
        (["fit", "task.toml"], "task"),
        (["evaluate", "MODEL", "--split", "test"], "--split test does not go with"),
        (["evaluate", "MODEL", "--region", "lower-half"], "--region does not go with"),
        (["evaluate", "MODEL", "--occlusion", "crop"], "--occlusion does not go with"),
        (["evaluate", "MODEL", "--data", "nowhere"], "nowhere"),
        (["export", "RUN", "--out", "a.onnx", "--data", "nowhere"], "nowhere"),
        (["fit", "tiny.toml", "--out", "RUNS", "--seed", "8"], "seed differs"),
    ],
)
def test_a_bad_input_is_one_line_and_exit_2(
    cli: Cli,
    exported_locator: Path,
    finished_locator: Finished,
    arguments: list[str],
    named: str,
) -> None:
    text = recipe_text(tiny_locator_recipe())
    Path("wrong.toml").write_text(text.replace("batch_size = 12", "batch_size = 1"))
    Path("task.toml").write_text(text.replace("'locate'", "'dance'"))
    before = {path.name for path in Path().iterdir()}
    places = {
        "MODEL": exported_locator,
        "RUN": finished_locator[0] / "last.pt",
        "RUNS": finished_locator[0],
    }
    code, out, errors = cli(*(places.get(word, word) for word in arguments))
    assert code == 2
    assert named in one_error(errors)
    assert "Done" not in out
    assert {path.name for path in Path().iterdir()} == before


def group_members(group: int) -> str:
    """The processes of a group that are no zombies, as ps prints them."""
    asked = ["ps", "-e", "-o", "pgid=,stat=,pid=,args="]
    listed = subprocess.run(asked, capture_output=True, encoding="utf-8", check=True).stdout
    lines = (line.split(maxsplit=2) for line in listed.splitlines())
    return "; ".join(rest for pgid, stat, rest in lines if int(pgid) == group and stat[0] != "Z")


PROGRAM = """
import sys
from pathlib import Path
import platformdirs
import torch
from vrfer.training.locating import mining
if __name__ == "__main__":
    torch.set_num_threads(1)
    mining._FACES = mining._TURNED = mining._ROOMS = 2
    cache = Path(sys.argv.pop(1))
    platformdirs.user_cache_path = lambda name: cache
    from vrfer.training.cli import main
    main()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send Ctrl-C to one group alone")
def test_ctrl_c_ends_everybody_with_130_and_the_run_goes_on(
    data_folder: Path, cache_folder: Path, tmp_path: Path
) -> None:
    recipe = tiny_locator_recipe(name="long", epochs=400, mine_every=400)
    (tmp_path / "long.toml").write_text(recipe_text(recipe), encoding="utf-8")
    arguments = ["fit", "long.toml", "--data", str(data_folder), "--accelerator", "cpu"]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(cache_folder), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,  # a terminal sends Ctrl-C to the whole group
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("epoch 2/400"):
                break
        os.killpg(running.pid, signal.SIGINT)
        rest, errors = running.communicate(timeout=120)
    assert running.returncode == 130, errors
    assert errors == ""
    assert f"Stopped. The same command goes on from {Path('runs/long')}." in rest
    stopped = load_run(tmp_path / "runs" / "long" / "last.pt", recipe)
    assert 2 <= stopped.epoch < 400
    for _ in range(100):  # multiprocessing's resource tracker ends a moment later
        if not group_members(running.pid):
            break
        time.sleep(0.05)
    else:
        pytest.fail(f"left behind: {group_members(running.pid)}")
