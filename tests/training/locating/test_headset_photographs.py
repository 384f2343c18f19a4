from pathlib import Path

import cv2
import numpy as np
import pytest
from training.locating.oracle import coded_checks, oracle

from vrfer.errors import DataError
from vrfer.training.locating.headset_photographs import (
    Labelled,
    headset_table,
    measure_headset_photographs,
)

CHECKS = coded_checks()
HEADER = "file,x0,y0,x1,y1,mouth_x,mouth_y,pose,headset,expression"


def write_headsets(folder: Path, poses: tuple[str, ...] = ("frontal", "profile")) -> Path:
    """The oracle's scenes as photographs; the box of every second lies elsewhere."""
    (folder / "photos").mkdir(parents=True)
    lines = [HEADER]
    for number, pose in enumerate(poses):
        scene = CHECKS.worn[number]
        assert scene.truth is not None
        x, y = scene.truth.points[:2].mean(axis=0)
        shift = 11 if number % 2 else 0
        box = (x - 10, y - 8 + shift, x + 10, y + 9 + shift)
        cv2.imwrite(str(folder / "photos" / f"{number}.png"), scene.picture)
        lines.append(f"{number}.png,{','.join(map(str, box))},{x},{y},{pose},Quest 2,")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_mouths_are_counted_in_their_boxes_by_pose(tmp_path: Path) -> None:
    ask = oracle(CHECKS, verdict=lambda number, near: 0.25 + 0.5 * (number == 0))
    everything, frontal, profile = measure_headset_photographs(ask, write_headsets(tmp_path / "h"))
    assert (everything.pose, everything.photographs) == ("all", 2)
    assert everything.mouth_inside == 0.5
    assert everything.median_visible == pytest.approx(0.5)
    assert (frontal.pose, frontal.photographs, frontal.mouth_inside) == ("frontal", 1, 1)
    assert (profile.pose, profile.photographs, profile.mouth_inside) == ("profile", 1, 0)
    assert profile.median_visible == pytest.approx(0.25)
    assert "| all | 2 | 50.0% | 0.500 |" in headset_table([everything])


@pytest.mark.parametrize(
    ("x", "y", "inside"),
    [(30, 45, True), (10, 40, True), (9, 45, False), (71, 45, False), (30, 39, False),
     (30, 61, False)],
)  # fmt: skip
def test_the_box_ends_on_all_sides(x: float, y: float, inside: bool) -> None:
    label = Labelled("a.jpg", (10, 40, 70, 60), "frontal")
    assert label.holds(x, y) == inside


@pytest.mark.parametrize(
    ("box", "width"), [((10, 40, 70, 60), 60), ((10, 0, 70, 100), 115)], ids=["wide", "high"]
)
def test_the_first_square_is_a_face_around_the_box(
    box: tuple[float, float, float, float], width: float
) -> None:
    start = Labelled("a.jpg", box, "frontal").start
    assert (start.x, start.y, start.tilt_rad) == (40, 50, 0)
    assert start.side == pytest.approx(1.6 * width)


def test_squares_are_refined_three_times_from_the_label(tmp_path: Path) -> None:
    sides: list[float] = []
    ask = oracle(CHECKS)

    def counting(squares: np.ndarray) -> list[np.ndarray]:
        sides.append(len(squares))
        return ask(squares)

    measure_headset_photographs(counting, write_headsets(tmp_path / "h"))
    assert sides == [2, 2, 2, 2]


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda folder: (folder / "labels.csv").unlink(), "labels"),
        (lambda folder: (folder / "labels.csv").write_text(HEADER), "labels"),
        (lambda folder: (folder / "labels.csv").write_text("file,x0\na,1\n"), "labels"),
        (lambda folder: (folder / "photos" / "0.png").unlink(), r"0\.png"),
        (lambda folder: (folder / "photos" / "1.png").write_text("hello"), r"1\.png"),
        (lambda folder: (folder / "photos" / "1.png").write_text(""), r"1\.png"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, damage: object, named: str) -> None:
    folder = write_headsets(tmp_path / "h")
    damage(folder)  # type: ignore[operator]
    with pytest.raises(DataError, match=named):
        measure_headset_photographs(oracle(CHECKS), folder)
