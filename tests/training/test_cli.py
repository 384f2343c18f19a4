"""`vrfer-train` as people start it: in this process on made-up data, and as a process."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from training.made_up import stage, tiny_recipe, write_recipe

from vrfer.locator import LOCATOR_FILE
from vrfer.metadata import METADATA_KEY
from vrfer.shipped import shipped
from vrfer.training.by_name import network_folders
from vrfer.training.checkpoint import RunState, load_state
from vrfer.training.ferplus import FerPlus
from vrfer.training.loop import Progress, Watcher, fit
from vrfer.training.provenance import file_in_brief, file_in_words

ROOT = Path(__file__).parents[2]
TRAIN = "from vrfer.training.cli import main; main()"

Finished = tuple[Path, RunState]
Cli = Callable[..., tuple[int, str, str]]


pytestmark = pytest.mark.usefixtures("logging_as_before")


def one_error(errors: str) -> str:
    """The single line of an error that a user sees."""
    lines = errors.strip().splitlines()
    assert len(lines) == 1, errors
    assert lines[0].startswith("Error: ")
    return lines[0]


# ---- the commands, in this process


def test_data_counts_pictures(cli: Cli) -> None:
    code, out, errors = cli("data")
    assert (code, errors) == (0, "")
    rows = {line.split(" | ")[0].strip("| "): line for line in out.splitlines()}
    assert "| 64 | 8 | 8 |" in rows["majority, train"]
    assert "| 62 | 6 | 8 |" in rows["majority, train, leak-free"]
    assert "| 32 | 4 | 4 |" in rows["soft, test"]
    assert "| 30 | " in rows["soft, test-deduplicated"]


def test_data_counts_photographs_where_they_are(
    cli: Cli, made_up_folder: Path, photographs_folder: Path
) -> None:
    assert "hotographs" not in cli("data")[1]
    shutil.copytree(photographs_folder, made_up_folder.parent / "faces")
    code, out, errors = cli("data")
    assert code == 0
    assert "decoding the pictures of" in errors, "it takes a while, and nothing says so"
    assert "Photographs of faces: 10 train, 4 validation." in out
    assert "Rooms: 6 train, 2 held out." in out


def test_fit_evaluate_and_export_follow_one_another(cli: Cli, data: FerPlus) -> None:
    path = write_recipe(tiny_recipe())
    code, out, errors = cli("fit", path, "--accelerator", "cpu", "--timing")
    assert (code, errors) == (0, "")
    assert out.count(" epoch ") == 8
    waits = re.findall(r"steps waited for their pictures ([\d.]+)% of the time", out)
    assert len(waits) == 8
    assert all(0 <= float(share) <= 100 for share in waits)
    assert "lower-half re-dense epoch 6/6" in out
    assert f"Done: {Path('runs/tiny/lower-half.pt')}" in out
    assert list(Path("runs/tiny/tensorboard").iterdir())

    code, out, errors = cli("fit", path, "--accelerator", "cpu")  # nothing is left to do
    assert (code, errors, out.count(" epoch ")) == (0, "", 0)
    assert "waited" not in out

    code, out, errors = cli(
        "evaluate", "runs/tiny/full-face.pt", "--split", "test", "--region", "lower-half",
        "--occlusion", "crop", "--out", "figures/full.json",
    )  # fmt: skip
    assert (code, errors) == (0, "")
    code, _, errors = cli("evaluate", "runs/tiny/full-face.pt", "--occlusion", "mask")
    assert (code, "Add --region lower-half" in one_error(errors)) == (2, True)
    code, _, errors = cli("evaluate", "runs/tiny/last.pt", "--out", "figures/last.json")
    assert (code, "last.pt is for going on" in one_error(errors)) == (2, True)
    figures = json.loads(Path("figures/full.json").read_text(encoding="utf-8"))
    assert figures["model"] == "full-face.pt"
    assert [m["split"] for m in figures["measures"]] == ["test"]
    assert f"| test | 32 | {figures['measures'][0]['accuracy']:.2%} |" in out
    assert "Confusion, test:" in out

    code, out, errors = cli("export", "runs/tiny/lower-half.pt", "--out", "net/tiny.onnx")
    assert code == 0
    assert "Traceback" not in errors
    code, again, errors = cli("evaluate", "net/tiny.onnx")
    assert (code, errors) == (0, "")
    assert again.strip() in out
    assert Path("net/tiny.md").is_file()

    keeps = ["--out", "net/anew.onnx"]
    code, _, errors = cli("export", "net/tiny.onnx", "--precision", "int8", *keeps)
    assert (code, "keeps its precision" in one_error(errors)) == (2, True)
    code, anew, errors = cli("export", "net/tiny.onnx", *keeps)
    assert (code, errors) == (0, "")
    assert again.strip() in anew
    assert Path("net/anew.md").is_file()


def test_control_seed_and_dry_run_have_folders_of_their_own(cli: Cli) -> None:
    path = write_recipe(tiny_recipe())
    assert cli("fit", path, "--dry-run", "--accelerator", "cpu")[0] == 0
    arguments = ("--dry-run", "--control", "--seed", "9", "--accelerator", "cpu")
    assert cli("fit", path, *arguments)[0] == 0
    folders = {folder.name for folder in Path("runs").iterdir()}
    assert folders == {"tiny-dry-run", "tiny-control-seed9-dry-run"}
    state = load_state(Path("runs/tiny-control-seed9-dry-run/last.pt"))
    assert state.recipe == tiny_recipe(seed=9).control().shortened()


def test_a_stage_is_taken_over_by_name(cli: Cli, finished: Finished) -> None:
    path = write_recipe(tiny_recipe(name="heir"))
    code, out, _ = cli(
        "fit",
        path,
        "--after",
        finished[0] / "full-face.pt",
        "--out",
        "heir",
        "--accelerator",
        "cpu",
    )
    assert code == 0
    assert "full-face dense" not in out
    assert "lower-half dense epoch 1/6" in out


def test_a_student_has_the_start_and_the_teachers_that_were_named(
    cli: Cli, finished: Finished
) -> None:
    distillation = {"weight": 0.3, "live": 0.3}
    lessons = stage(region="lower-half", occlusion="crop", epochs=1, distillation=distillation)
    path = write_recipe(tiny_recipe(name="student", start="checkpoint", stages=[lessons]))
    begin, teacher = finished[0] / "lower-half.pt", finished[0] / "full-face.pt"
    code, _, errors = cli(
        "fit", path, "--start", begin, "--teacher", teacher, "--live-teacher", "lower-face",
        "--accelerator", "cpu",
    )  # fmt: skip
    assert (code, errors) == (0, "")
    state = load_state(Path("runs/student/lower-half.pt"))
    assert state.lineage == file_in_words(begin)
    assert state.taught_by == (file_in_brief(teacher),)
    assert [name.startswith("lower-face-further (") for name in state.live_teachers] == [True]

    code, out, errors = cli("compare", begin, begin, "--split", "test")
    assert (code, errors) == (0, "")
    assert "| test | " in out


def test_recipes_and_models_are_listed(cli: Cli) -> None:
    code, out, errors = cli("recipes")
    assert (code, errors) == (0, "")
    folder = shipped("training")
    for path in folder.rglob("*.toml"):
        assert path.relative_to(folder).with_suffix("").as_posix() in out.splitlines()
    assert "ablations/without-votes" in out.splitlines()
    code, out, errors = cli("models")
    assert (code, errors) == (0, "")
    files = [path for one in network_folders() for path in one.glob("*.onnx")]
    assert {"lower-face", "full-face"} <= {path.stem for path in files}
    for path in files:
        if METADATA_KEY.encode() in path.read_bytes():
            row = next(line for line in out.splitlines() if path.name in line)
            is_locator = path.name == LOCATOR_FILE
            assert ("| lower face | off by 0." in row) == is_locator
            assert (" right |" in row) != is_locator


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["fit", "no-such-recipe"], "no-such-recipe"),
        (["fit", "text.toml"], "text.toml"),
        (["fit", "vgg-f-112", "--out", "text.pt"], "text.pt"),
        (["fit", "vgg-f-112", "--accelerator", "banana"], "banana"),
        (["fit", "vgg-f-112", "--after", "text.pt", "--dry-run"], "text.pt"),
        (["evaluate", "text.pt"], "text.pt"),
        (["evaluate", "nothing.pt"], "nothing.pt"),
        (["evaluate", "text.onnx"], "text.onnx"),
        (["evaluate", "nothing.onnx"], "nothing.onnx"),
        (["evaluate", "vrferless.onnx"], "carries no vrfer contract"),
        (["export", "text.pt", "--out", "a.onnx"], "text.pt"),
        (["export", "text.pt", "--out", "a.pth"], "a.pth"),
        (["data", "--data", "nowhere"], "nowhere"),
    ],
)
def test_a_bad_input_is_one_line_and_exit_2(
    cli: Cli, exported_without_contract: Path, arguments: list[str], named: str
) -> None:
    for name in ("text.toml", "text.pt", "text.onnx"):
        Path(name).write_text("hello", encoding="utf-8")
    os.replace(exported_without_contract, "vrferless.onnx")
    code, out, errors = cli(*arguments)
    assert code == 2
    assert named in one_error(errors)
    assert "Done" not in out


@pytest.fixture
def exported_without_contract(tmp_path: Path) -> Path:
    """An ONNX file of somebody else's."""
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info("patches", TensorProto.FLOAT, [1])
    result = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])
    node = helper.make_node("Identity", ["patches"], ["out"])
    graph = helper.make_graph([node], "other", [value], [result])
    opset = helper.make_opsetid("", 20)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=9), tmp_path / "x.onnx")
    return tmp_path / "x.onnx"


@pytest.mark.parametrize(
    "arguments",
    [["bake"], ["fit"], ["evaluate", "a.pt", "--split", "train"], ["fit", "x", "--seed", "-1"]],
)
def test_a_wrong_command_line_is_exit_2(cli: Cli, arguments: list[str]) -> None:
    code, _, errors = cli(*arguments)
    assert code == 2
    assert "Traceback" not in errors


def test_without_a_data_folder_its_variable_is_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VRFER_DATA")
    code, _, errors = cli("data")
    assert code == 2
    assert "VRFER_DATA" in one_error(errors)


# ---- the program as a process


def python(
    *arguments: str, folder: Path, first_on_path: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    paths = [str(path) for path in (first_on_path, ROOT) if path is not None]
    inherited = {k: v for k, v in os.environ.items() if k not in ("VRFER_DATA", "PYTHONPATH")}
    return subprocess.run(
        [sys.executable, *arguments],
        env={**inherited, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"} | variables,
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


MODULES_AT_EXIT = """
import atexit, sys
atexit.register(lambda: print(*sorted({n.partition(".")[0] for n in sys.modules}), file=sys.stderr))
"""


def test_help_lists_the_commands_and_loads_neither_mediapipe_nor_qt(tmp_path: Path) -> None:
    ended = python("-c", MODULES_AT_EXIT + TRAIN, "--help", folder=tmp_path)
    assert ended.returncode == 0
    loaded = set(ended.stderr.split())
    assert {"torch", "vrfer"} <= loaded
    assert not {"mediapipe", "PyQt6", "pythonosc"} & loaded
    for command in ("data", "fit", "evaluate", "export", "models", "recipes"):
        assert f"  {command} " in ended.stdout


def test_a_missing_data_folder_ends_the_process_with_2(tmp_path: Path) -> None:
    ended = python("-c", TRAIN, "fit", "vgg-f-112", "--data", "nowhere", folder=tmp_path)
    assert ended.returncode == 2
    assert "nowhere" in one_error(ended.stderr)
    assert not list(tmp_path.iterdir())


def test_without_torch_the_install_command_is_named(tmp_path: Path) -> None:
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    (stubs / "torch.py").write_text('raise ModuleNotFoundError("No module", name="torch")\n')
    ended = python("-c", TRAIN, "recipes", folder=tmp_path, first_on_path=stubs)
    assert ended.returncode == 2
    assert 'pip install "vrfer[train]"' in one_error(ended.stderr)
    assert "torch" in ended.stderr


FIT_MADE_UP = """
import hashlib
from pathlib import Path
import platformdirs
import torch
from training.made_up import COUNTS, made_up_ferplus
from vrfer.training import ferplus
torch.set_num_threads(1)
ferplus.ROWS = sum(COUNTS.values())
ferplus.FACES_SHA256 = hashlib.sha256(made_up_ferplus().faces).hexdigest()
platformdirs.user_cache_path = lambda name: Path("cache")
from vrfer.training.cli import main
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send Ctrl-C to one process alone")
def test_ctrl_c_ends_with_130_and_the_run_goes_on(
    made_up_folder: Path, data: FerPlus, tmp_path: Path
) -> None:
    recipe = tiny_recipe(name="long", stages=[stage(epochs=60, batch_size=64)])
    path = write_recipe(recipe, tmp_path)
    arguments = ["fit", str(path), "--data", str(made_up_folder.parent), "--accelerator", "cpu"]
    python_path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    with subprocess.Popen(
        [sys.executable, "-c", FIT_MADE_UP, *arguments],
        env={**os.environ, "PYTHONPATH": python_path, "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "epoch 2/60" in line:
                break
        running.send_signal(signal.SIGINT)
        rest, errors = running.communicate(timeout=300)
    assert running.returncode == 130, errors
    assert errors == ""
    assert "Stopped." in rest
    out = tmp_path / "runs" / "long"
    stopped = load_state(out / "last.pt")
    assert 2 <= stopped.epoch < 60
    seen: list[Progress] = []

    def look(at: Progress) -> None:
        seen.append(at)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(recipe, data, out, accelerator="cpu", watcher=Watcher(on_batch=look))
    assert [at.epoch for at in seen] == [stopped.epoch]
    assert stopped.history[-1].epoch == stopped.epoch - 1
