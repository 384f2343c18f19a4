"""Ablations: trainings that leave an ingredient out, compared with the whole recipe."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training.made_up import stage, tiny_recipe, write_recipe

from vrfer.errors import DataError
from vrfer.training.ablations import ablation_table, read_ablations
from vrfer.training.disturbances import DISTURBANCES

Cli = Callable[..., tuple[int, str, str]]


def write_evaluation(
    folder: Path,
    recipe: str,
    hits: str,
    *,
    seed: int = 1,
    lost: float | None = None,
    **changed: str,
) -> None:
    """Write what `evaluate --out` writes, as far as ablations read it."""
    right = hits.count("1") / len(hits)
    subject = {
        "network": "mobilenet",
        "recipe": recipe,
        "trained_on": "lower-half",
        "tested_on": "lower-half",
        "occlusion": "crop",
        "training_data": "ferplus",
        "dataset": "ferplus",
        "seed": seed,
        "start": "a teacher",
        "epochs": 3,
        "dsd": "no",
        "pixels": 96,
        **changed,
    }
    measure = {
        "split": "validation",
        "accuracy": right,
        "hits": hits,
        "macro_f1_common": right / 2,
        "recall": {"neutral": right, "fear": right / 4},
    }
    figures: dict[str, Any] = {"model": "x.pt", "subject": subject}
    figures["measures"] = [measure, {**measure, "split": "test", "accuracy": 0.0}]
    if lost is not None:
        figures["disturbed"] = [
            {"split": split, "disturbance": one.name, "accuracy": 0.5, "lost": factor * lost}
            for split, factor in (("validation", 1), ("test", 9))
            for one in DISTURBANCES
        ]
        figures["disturbed"][0]["lost"] = 9 * lost
    (folder / f"{recipe}-{seed}.json").write_text(json.dumps(figures), encoding="utf-8")


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_each_ablation_is_compared_with_the_whole_recipe_seed_by_seed(tmp_path: Path) -> None:
    write_evaluation(tmp_path, "without-average", "1" * 60 + "0" * 40, seed=1, lost=0.01)
    write_evaluation(tmp_path, "without-average", "1" * 70 + "0" * 30, seed=2)
    write_evaluation(tmp_path, "with-everything", "1" * 80 + "0" * 20, seed=1)
    write_evaluation(tmp_path, "with-everything", "1" * 80 + "0" * 20, seed=2)
    write_evaluation(tmp_path, "lower-face", "1" * 100)
    _, _, whole, average = map(cells, ablation_table(read_ablations(tmp_path)))
    assert whole == ["with-everything", "2", "80.00%", "", "", "", "", "0.400", "20", "-", "-"]
    assert average[:5] == ["average", "2", "65.00%", "with-everything", "-15.00"]
    low, high = (float(bound) for bound in average[5].split(" to "))
    assert low < -15 < high
    assert average[6] == "1.9e-06, 0.002"
    assert average[7:] == ["0.325", "16", "2.0", "1.0"]


def test_without_the_whole_recipe_nothing_is_compared(tmp_path: Path) -> None:
    write_evaluation(tmp_path, "without-average", "1100")
    _, _, average = map(cells, ablation_table(read_ablations(tmp_path)))
    assert average[:7] == ["average", "1", "50.00%", "with-everything", "no common seed", "", ""]


def test_a_seed_is_compared_with_the_same_seed_alone(tmp_path: Path) -> None:
    write_evaluation(tmp_path, "without-average", "1100", seed=2)
    for seed, hits in ((1, "1111"), (2, "1110"), (3, "1111")):
        write_evaluation(tmp_path, "with-everything", hits, seed=seed)
    average = cells(ablation_table(read_ablations(tmp_path))[-1])
    assert (average[4], average[6]) == ("-25.00", "1")


def test_the_teacher_is_compared_with_what_differs_in_it_alone(tmp_path: Path) -> None:
    for recipe, hits in (
        ("with-everything", "0000"), ("without-photographs", "1110"), ("without-teacher", "1100")
    ):  # fmt: skip
        write_evaluation(tmp_path, recipe, hits)
    teacher = cells(ablation_table(read_ablations(tmp_path))[-1])
    assert teacher[0] == "photographs and teacher"
    assert teacher[3:5] == ["without-photographs", "-25.00"]


def test_a_seed_in_two_files_is_refused(tmp_path: Path) -> None:
    write_evaluation(tmp_path, "without-average", "1100")
    shutil.copy(tmp_path / "without-average-1.json", tmp_path / "again.json")
    with pytest.raises(DataError, match=r"again\.json and without-average-1\.json"):
        ablation_table(read_ablations(tmp_path))


@pytest.mark.parametrize(
    "other", [{"occlusion": "mask"}, {"tested_on": "full-face"}, {"dataset": "folders"}]
)
def test_other_tests_of_an_ablation_stay_out(tmp_path: Path, other: dict[str, str]) -> None:
    write_evaluation(tmp_path, "without-average", "1100", **other)
    assert read_ablations(tmp_path) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({"disturbed": [{"split": "validation", "disturbance": "up", "lost": 0}]}, "it lacks"),
        ({"measures": [{"split": "validation"}]}, "it lacks 'accuracy'"),
        ({"measures": ["validation"]}, "cannot be read"),
        ({"subject": {"recipe": "without-average"}}, "cannot be read"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, damage: dict[str, Any], said: str) -> None:
    write_evaluation(tmp_path, "without-average", "1100")
    path = tmp_path / "without-average-1.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(whole | damage), encoding="utf-8")
    with pytest.raises(DataError, match=f"without-average-1.json.*{said}"):
        read_ablations(tmp_path)


def test_a_tiny_ablation_from_training_to_table(cli: Cli) -> None:
    lower = stage(region="lower-half", occlusion="crop")
    for name in ("with-everything", "without-flips"):
        path = write_recipe(tiny_recipe(name=name, stages=[lower]))
        assert cli("fit", path, "--accelerator", "cpu")[0] == 0
        measured = ["--split", "validation", "--disturbed", "--out", f"results/{name}.json"]
        assert cli("evaluate", f"runs/{name}/lower-half.pt", *measured)[0] == 0
    code, said, errors = cli("table", "--results", "results")
    assert (code, errors) == (0, "")
    assert "ablations.md" in said
    lines = Path("results/ablations.md").read_text(encoding="utf-8").splitlines()
    whole, flips = (
        cells(line) for line in lines if line.startswith(("| with-everything", "| flips"))
    )
    assert flips[4] == "+0.00"  # the same recipe
    assert all(float(cell) < 100 for cell in whole[9:])


def test_moved_faces_go_with_a_networks_own_region(cli: Cli) -> None:
    path = write_recipe(tiny_recipe(stages=[stage()]))
    assert cli("fit", path, "--accelerator", "cpu", "--dry-run")[0] == 0
    checkpoint = "runs/tiny-dry-run/full-face.pt"
    code, _, errors = cli("evaluate", checkpoint, "--disturbed", "--region", "lower-half")
    assert code == 2
    assert "--region does not go with --disturbed" in errors
