"""The data sets that recipes name, and trainings on them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from training.made_up import COUNTS, made_up_faces, stage, tiny_recipe, write_recipe
from training.made_up_pictures import write_picture

from vrfer.errors import DataError
from vrfer.expressions import EXPRESSIONS
from vrfer.training.checkpoint import load_state
from vrfer.training.data_sets import JointFaces, load_faces
from vrfer.training.loop import training_faces
from vrfer.training.recipe import Data

Cli = Callable[..., tuple[int, str, str]]
PER_CLASS = {"train": 8, "validation": 3, "test": 2}

pytestmark = pytest.mark.usefixtures("logging_as_before")


def write_own(folder: Path) -> Path:
    """Class folders with the made-up faces, and one picture that is none."""
    for number, (split, count) in enumerate(PER_CLASS.items()):
        labels = np.arange(8 * count) % 8
        for i, face in enumerate(made_up_faces(labels, seed=10 + number)):
            write_picture(folder / split / EXPRESSIONS[labels[i]] / f"{i}.png", face)
    (folder / "train" / "fear" / "broken.jpg").write_bytes(b"no picture")
    return folder


def write_affectnet(folder: Path) -> Path:
    """AffectNet's newer layout with the made-up faces; its order of classes is its own."""
    numbers = {
        "neutral": 0, "happiness": 1, "sadness": 2, "surprise": 3, "fear": 4, "disgust": 5,
        "anger": 6, "contempt": 7,
    }  # fmt: skip
    for place, split in (("train_set", "train"), ("val_set", "validation")):
        labels = np.arange(8 * PER_CLASS[split]) % 8
        for i, face in enumerate(made_up_faces(labels, seed=20 + len(split))):
            write_picture(folder / place / "images" / f"{i}.jpg", face)
            annotations = folder / place / "annotations"
            annotations.mkdir(exist_ok=True)
            np.save(annotations / f"{i}_exp.npy", str(numbers[EXPRESSIONS[labels[i]]]))
    return folder


def test_people_train_and_measure_on_their_own_pictures(cli: Cli, made_up_folder: Path) -> None:
    write_own(made_up_folder.parent / "mine")
    shutil.rmtree(made_up_folder)  # nothing of FER+ is needed
    stages = [stage(epochs=10, learning_rate=0.02)]
    recipe = tiny_recipe(
        data={"dataset": "folders", "folder": "mine", "face_px": 64}, stages=stages, augmentation={}
    )
    code, _, errors = cli("fit", write_recipe(recipe), "--accelerator", "cpu")
    assert code == 0, errors
    assert "broken.jpg" in errors
    assert "1 picture file could not be read." in errors
    state = load_state(Path("runs/tiny/full-face.pt"))
    assert state.history[-1].loss < 0.8 * state.history[0].loss
    code, out, _ = cli("evaluate", "runs/tiny/full-face.pt")
    assert code == 0
    assert "| test | 16 |" in out
    code, out, _ = cli("export", "runs/tiny/full-face.pt", "--out", "mine.onnx")
    assert code == 0
    code, again, _ = cli("data", "--dataset", "folders", "--pictures", "mine")
    assert "| majority, train | 64 |" in again
    code, out, _ = cli("evaluate", "mine.onnx", "--dataset", "folders")
    assert "| test | 16 |" in out
    shutil.rmtree(made_up_folder.parent / "mine" / "test")
    code, _, errors = cli("evaluate", "mine.onnx", "--dataset", "folders", "--split", "test")
    assert (code, "no pictures to measure mine.onnx on" in errors) == (2, True)


@pytest.mark.usefixtures("taken_for_fer2013")
def test_fer_plus_and_affectnet_are_trained_on_together(made_up_folder: Path) -> None:
    folder = made_up_folder.parent
    write_affectnet(folder / "affectnet")
    data = Data(dataset="ferplus+affectnet", face_px=64, per_class=5)
    joint, unreadable = load_faces(folder, data)
    assert isinstance(joint, JointFaces)
    assert unreadable == ()
    faces = training_faces(joint, data)
    clean = COUNTS["train"] - 2  # two of them stand in other splits
    assert len(faces) == clean + 8 * 5
    assert faces.faces.shape[1:] == (64, 64)
    assert np.bincount(faces.labels[clean:]).tolist() == [5] * 8
    assert len(np.unique(faces.face_ids)) == len(faces)
    # FER+ chooses: AffectNet's validation split is its test set.
    validation = joint.split("validation", labels="majority")
    assert len(validation) == COUNTS["validation"]
    alone, _ = load_faces(folder, Data(dataset="affectnet", face_px=64))
    assert len(alone.split("train", labels="majority")) == 64
    assert len(alone.split("validation", labels="majority")) == 24
    assert set(alone.split("train", labels="majority").labels.tolist()) == set(range(8))


def test_affectnet_is_measured_by_its_validation_split(cli: Cli, made_up_folder: Path) -> None:
    write_affectnet(made_up_folder.parent / "affectnet")
    recipe = tiny_recipe(data={"dataset": "ferplus+affectnet"}, stages=[stage(epochs=2)])
    assert cli("fit", write_recipe(recipe), "--accelerator", "cpu")[0] == 0
    for dataset, line in (("affectnet", "| validation | 24 |"), ("ferplus", "| test | 32 |")):
        out = f"results/{dataset}.json"
        code, said, errors = cli(
            "evaluate", "runs/tiny/full-face.pt", "--dataset", dataset, "--out", out
        )
        assert code == 0, errors
        assert line in said
    assert cli("table", "--results", "results")[0] == 0
    rows = Path("results/table1.csv").read_text(encoding="utf-8").splitlines()
    run = [row for row in rows if row.endswith(",")]
    assert [row.split(",")[:4] for row in run] == [
        ["vgg_f", "full-face", "full-face", "ferplus"],
        ["vgg_f", "full-face", "full-face", "affectnet"],
    ]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    for data, missing in (
        (Data(dataset="affectnet"), "affectnet"),
        (Data(dataset="folders", folder="mine"), "mine"),
        (Data(dataset="ferplus"), "fer2013"),
    ):
        with pytest.raises(DataError, match=missing):
            load_faces(tmp_path, data)
