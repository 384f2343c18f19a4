"""Table 1: rows from evaluation files, intervals, claims; a tiny one from end to end."""

import csv
import json
import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist

import cv2
import pytest
from scipy.stats import t
from training.made_up import stage, tiny_recipe, write_recipe

from vrfer.errors import DataError
from vrfer.training.claims import beyond, claims, order, recipes_used, variants
from vrfer.training.compare import mcnemar
from vrfer.training.recipe import Region
from vrfer.training.speed import Speed, read_speeds, speed_table, write_speeds
from vrfer.training.subject import Subject
from vrfer.training.table import (
    COLUMNS,
    FULL,
    LOWER,
    TABLE_1,
    Evaluation,
    Row,
    check_each_once,
    difference,
    table_rows,
)

Cli = Callable[..., tuple[int, str, str]]

SUBJECT = Subject(
    network="vgg_f",
    recipe="tiny",
    trained_on=FULL,
    tested_on=FULL,
    occlusion=None,
    training_data="ferplus",
    dataset="ferplus",
    seed=1,
    start="random weights",
    epochs=3,
    dsd="no",
    pixels=96,
)


def evaluation(share: float, *, n: int = 400, shuffle: int = 0, **changes: object) -> Evaluation:
    """An evaluation with a share of hits, the first ones or shuffled ones."""
    hits = ["1"] * round(share * n) + ["0"] * (n - round(share * n))
    if shuffle:
        random.Random(shuffle).shuffle(hits)
    return Evaluation(replace(SUBJECT, **changes), share, "".join(hits), "x.json")  # type: ignore[arg-type]


def row(rows: list[Row], network: str, trained_on: Region, tested_on: Region) -> Row:
    (found,) = [r for r in rows if r.paper_row.place == (network, trained_on, tested_on, "ferplus")]
    return found


def test_the_papers_figures_are_all_there() -> None:
    assert len(TABLE_1) == 16
    assert len({one.place for one in TABLE_1}) == 16
    assert sum(one.paper for one in TABLE_1) == pytest.approx(
        80.65 + 84.99 + 85.05 + 84.79 + 70.00 + 68.89 + 78.23 + 82.28
        + 48.30 + 58.00 + 57.37 + 59.03 + 41.58 + 37.70 + 47.58 + 49.23
    )  # fmt: skip


def test_a_row_without_evaluation_has_a_reason() -> None:
    for one in table_rows([]):
        fields = one.fields()
        assert list(fields) == list(COLUMNS)
        assert fields["reason"]
        assert fields["ours"] == fields["seeds"] == ""


def test_what_belongs_to_no_row_stays_out() -> None:
    lower = {"trained_on": LOWER, "tested_on": LOWER}
    found = table_rows(
        [
            evaluation(0.6, occlusion="crop", **lower),
            evaluation(0.7, occlusion="mask", dsd="control", recipe="tiny-control", **lower),
        ]
    )
    assert not any(one.evaluations for one in found)


def test_the_recipe_with_the_most_seeds_stands_in_the_row() -> None:
    found = table_rows(
        [
            evaluation(0.9, recipe="once"),
            evaluation(0.7, seed=2),
            evaluation(0.8, seed=1),
            evaluation(0.75, seed=3),
        ]
    )
    chosen = row(found, "vgg_f", FULL, FULL)
    assert [one.subject.seed for one in chosen.evaluations] == [1, 2, 3]
    assert chosen.ours == pytest.approx(75)
    assert chosen.fields()["seeds"] == "3"


def test_a_networks_rows_come_from_one_recipe_the_one_that_is_whole() -> None:
    lower = {"tested_on": LOWER, "occlusion": "mask"}
    larger = [
        evaluation(0.8, recipe="larger", pixels=224),
        evaluation(0.5, recipe="larger", pixels=224, **lower),
    ]
    whole = [
        evaluation(0.7, recipe="whole"),
        evaluation(0.4, recipe="whole", **lower),
        evaluation(0.6, recipe="whole", trained_on=LOWER, **lower),
    ]
    found = table_rows([*larger, *whole])
    assert [one for r in found for one in r.evaluations] == whole
    assert recipes_used(found) == "Recipes: `whole` (96 pixels)."
    beside = "\n".join(variants(found, [*larger, *whole]))
    assert "recipe larger, 224 pixels, seed 1: trained on full-face, tested on lower-half" in beside
    assert "recipe whole" not in beside
    assert [one for r in table_rows(larger) for one in r.evaluations] == larger


def test_the_interval_knows_pictures_and_seeds() -> None:
    z = NormalDist().inv_cdf(0.975)
    one = Row(TABLE_1[0], (evaluation(0.75),), "")
    half = 100 * z * math.sqrt(0.75 * 0.25 / 400)
    assert one.interval == pytest.approx((75 - half, 75 + half))
    seeds = Row(TABLE_1[0], tuple(evaluation(s, seed=i) for i, s in enumerate((0.7, 0.8))), "")
    pictures, between = 0.75 * 0.25 / 400, 0.005 / 2
    # Welch-Satterthwaite: the variance of two seeds has one degree of freedom.
    quantile = t.ppf(0.975, ((pictures + between) / between) ** 2)
    assert quantile > 3 * z
    half = 100 * quantile * math.sqrt(pictures + between)
    assert seeds.interval == pytest.approx((75 - half, 100))


def test_seeds_that_agree_add_nothing_to_the_interval() -> None:
    alike = Row(TABLE_1[0], tuple(evaluation(0.75, seed=i) for i in (1, 2, 3)), "")
    assert alike.interval == Row(TABLE_1[0], (evaluation(0.75),), "").interval


@pytest.mark.parametrize("other", [{"seed": 2}, {"recipe": "tiny-control"}, {"dsd": "control"}])
def test_a_network_that_was_evaluated_twice_is_refused(other: dict[str, object]) -> None:
    check_each_once([evaluation(0.7), evaluation(0.8, **other)])
    with pytest.raises(DataError, match="are both of tiny, seed 1") as caught:
        check_each_once([evaluation(0.7), evaluation(0.8, **other), evaluation(0.7)])
    assert caught.value.remedy == "Delete one of them."


def test_a_difference_is_that_of_the_same_pictures() -> None:
    better, worse = evaluation(0.75), evaluation(0.70)
    found = difference([better], [worse])
    assert found is not None
    assert found.mean == pytest.approx(5)
    # 20 pictures are right in one alone: far less noise than that of two independent samples.
    assert found.high - found.mean == pytest.approx(
        100 * NormalDist().inv_cdf(0.975) * math.sqrt((0.05 - 0.0025) / 400)
    )
    assert found.p == (mcnemar(20, 0),)
    shuffled = difference([evaluation(0.75, shuffle=1)], [evaluation(0.70, shuffle=2)])
    assert shuffled is not None
    assert shuffled.high - shuffled.mean > 2 * (found.high - found.mean)


def test_seeds_are_compared_with_the_same_seeds() -> None:
    better = [evaluation(0.80, seed=1), evaluation(0.70, seed=2), evaluation(0.1, seed=9)]
    worse = [evaluation(0.60, seed=2), evaluation(0.75, seed=1)]
    found = difference(better, worse)
    assert found is not None
    assert found.mean == pytest.approx((5 + 10) / 2)
    assert len(found.p) == 2
    assert difference(better[:2], [evaluation(0.5, seed=7), evaluation(0.5, seed=8)]) is None


def three(full: float, unseen: float, lower: float) -> list[Evaluation]:
    return [
        evaluation(full),
        evaluation(unseen, tested_on=LOWER, occlusion="mask"),
        evaluation(lower, trained_on=LOWER, tested_on=LOWER, occlusion="mask", dsd="yes"),
    ]


def test_the_papers_finding_holds_or_does_not() -> None:
    assert "full holds (one seed" in order(table_rows(three(0.8, 0.5, 0.7)))[0]
    assert "does **not** hold" in order(table_rows(three(0.8, 0.7, 0.5)))[0]
    assert "may be chance" in order(table_rows(three(0.8, 0.5, 0.795)))[0]
    assert "not run" in order(table_rows(three(0.8, 0.5, 0.7)[:2]))[0]


def test_claims_and_variants_are_in_points() -> None:
    evaluations = [
        *three(0.8, 0.5, 0.7),
        evaluation(
            *(0.65,), recipe="tiny-control", trained_on=LOWER, tested_on=LOWER, occlusion="mask",
            dsd="control",
        ),
        # Tests of the control other than DSD's are not its like.
        evaluation(0.1, recipe="tiny-control", tested_on=LOWER, occlusion="mask"),
        evaluation(
            *(0.2,), recipe="tiny-control", trained_on=LOWER, tested_on=LOWER, occlusion="crop",
            dsd="control",
        ),
    ]  # fmt: skip
    lines = claims(table_rows(evaluations))
    (costs,) = [line for line in lines if "| ferplus | vgg_f: hiding the upper half" in line]
    assert "| +15.05 | +30.00 |" in costs
    (gains,) = [line for line in lines if "| ferplus | vgg_f: fine-tuning" in line]
    assert "| +8.23 | +20.00 |" in gains
    assert "one seed" in gains
    (dsd,) = [line for line in variants(table_rows(evaluations), evaluations) if "Dense" in line]
    assert "| +5.00 |" in dsd


def test_our_own_networks_are_compared_with_the_papers() -> None:
    lower = {"trained_on": LOWER, "tested_on": LOWER}
    evaluations = [
        evaluation(0.7, occlusion="mask", **lower),
        evaluation(0.8, network="mobilenet", recipe="mine", occlusion="crop", **lower),
        evaluation(0.84, network="mobilenet", recipe="mine", occlusion="crop", seed=2, **lower),
        evaluation(0.9, network="mobilenet", recipe="teacher"),
        evaluation(0.1, network="mobilenet", recipe="mine", occlusion="mask", **lower),
    ]
    rows = table_rows(evaluations)
    _, _, mine, over = beyond(rows, evaluations)
    assert mine.startswith("| mobilenet, recipe mine, seeds: 2 | 82.00% | ")
    assert over.startswith("| mine over vgg_f on lower halves, points | +12.00 | ")
    assert "one seed" in over  # the paper's network has one
    assert not any("mine" in line for line in variants(rows, evaluations))


def test_without_a_network_of_our_own_nothing_was_run() -> None:
    found = [evaluation(0.7, occlusion="mask", trained_on=LOWER, tested_on=LOWER)]
    assert beyond(table_rows(found), found) == ["Nothing was run yet."]


def test_speeds_are_kept_and_read(tmp_path: Path) -> None:
    speeds = [Speed("vgg_f", 224, 30.0, 15.0, 56.8, 2.2)]
    write_speeds(speeds, tmp_path / "speed.json")
    assert read_speeds(tmp_path / "speed.json") == speeds
    assert "| 2.00 |" in speed_table(speeds)[-1]
    assert "Not measured" in speed_table(read_speeds(tmp_path / "none.json"))[0]


# ---- from end to end


@pytest.mark.usefixtures("logging_as_before")
def test_a_tiny_table_from_pictures_to_plot(cli: Cli) -> None:
    lower = stage(
        region="lower-half", occlusion="mask", epochs=4, learning_rate=0.02, dsd={"rounds": 1}
    )
    recipe = tiny_recipe(stages=[stage(epochs=4, learning_rate=0.02), lower], augmentation={})
    path = write_recipe(recipe)
    assert cli("fit", path, "--accelerator", "cpu")[0] == 0
    control = ["--control", "--after", "runs/tiny/full-face.pt", "--accelerator", "cpu"]
    assert cli("fit", path, *control)[0] == 0
    for checkpoint, name, options in (
        ("tiny/full-face", "full-full", []),
        ("tiny/full-face", "full-lower", ["--region", "lower-half", "--occlusion", "mask"]),
        ("tiny/lower-half", "lower-lower", []),
        ("tiny-control/lower-half", "control", []),
    ):
        out = f"results/{name}.json"
        assert cli("evaluate", f"runs/{checkpoint}.pt", *options, "--out", out)[0] == 0
    code, said, errors = cli("table", "--results", "results")
    assert (code, errors) == (0, "")
    assert "vgg_face: not run whole" in said

    with Path("results/table1.csv").open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    assert list(rows[0]) == list(COLUMNS)
    run = [r for r in rows if not r["reason"]]
    assert [(r["network"], r["trained_on"], r["tested_on"], r["dataset"]) for r in run] == [
        ("vgg_f", FULL, FULL, "ferplus"),
        ("vgg_f", FULL, LOWER, "ferplus"),
        ("vgg_f", LOWER, LOWER, "ferplus"),
    ]
    for one, name in zip(run, ("full-full", "full-lower", "lower-lower"), strict=True):
        document = json.loads(Path(f"results/{name}.json").read_text(encoding="utf-8"))
        (test,) = [m for m in document["measures"] if m["split"] == "test"]
        assert one["ours"] == f"{100 * test['accuracy']:.2f}"
        assert float(one["low"]) <= float(one["ours"]) <= float(one["high"])
        assert (one["n"], one["seeds"], one["start"]) == ("32", "1", "random weights")
    assert len(rows) - len(run) == 13
    written = Path("results/table1.md").read_text(encoding="utf-8")
    for row in run:
        assert f"| {row['paper']} | {row['ours']} |" in written
    assert "Dense-Sparse-Dense over its control" in written
    plot = cv2.imread("results/table1.png")
    assert plot.std() > 10


@pytest.mark.usefixtures("logging_as_before")
def test_a_damaged_evaluation_is_named(cli: Cli) -> None:
    assert "there is no folder nowhere" in cli("table", "--results", "nowhere")[2]
    folder = Path("results")
    folder.mkdir()
    (folder / "other.json").write_text('{"model": "a locator"}', encoding="utf-8")
    assert cli("table", "--results", folder)[0] == 0
    for text in ("{", '{"subject": {}, "measures": []}'):
        (folder / "bad.json").write_text(text, encoding="utf-8")
        code, _, errors = cli("table", "--results", folder)
        assert code == 2
        assert str(folder / "bad.json") in errors
