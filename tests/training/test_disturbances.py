from pathlib import Path

import numpy as np
import pytest
from training.made_up_pictures import scene, write_class_folders

from vrfer.training.checkpoint import RunState
from vrfer.training.data_sets import load_faces
from vrfer.training.disturbances import HEADSET, MOVES, TOP_HIDDEN, Move, losses, losses_table
from vrfer.training.export import export
from vrfer.training.ferplus import FerPlus
from vrfer.training.recipe import Data


def spot(x: int, y: int) -> np.ndarray:
    """A dark face with a bright spot of 3 x 3 pixels."""
    face = np.zeros((1, 48, 48), np.uint8)
    face[0, y - 1 : y + 2, x - 1 : x + 2] = 240
    return face


def centre(faces: np.ndarray) -> tuple[float, float]:
    weights = faces[0].astype(float)
    y, x = np.mgrid[:48, :48]
    return float((x * weights).sum() / weights.sum()), float((y * weights).sum() / weights.sum())


@pytest.mark.parametrize(
    ("disturbance", "expected"),
    [
        (Move("", shift_x=0.25), (35.5 + 12, 23.5)),
        (Move("", shift_y=-0.125), (35.5, 23.5 - 6)),
        (Move("", scale=0.5), (23.5 + 6, 23.5)),
        (Move("", turn_deg=90), (23.5, 23.5 + 12)),
        (Move(""), (35.5, 23.5)),
    ],
)
def test_a_spot_goes_where_it_is_sent(disturbance: Move, expected: tuple[float, float]) -> None:
    # Two spots whose mean is at (35.5, 23.5): 12 pixels to the right of the middle.
    faces = np.maximum(spot(35, 23), spot(36, 24))
    if disturbance.shift_x == 0.25:
        faces = np.maximum(spot(30, 23), spot(31, 24))
        expected = (30.5 + 12, 23.5)
    assert centre(disturbance.of(faces)) == pytest.approx(expected, abs=0.2)


def test_a_drawn_headset_covers_the_top_of_the_lower_half_alone() -> None:
    faces = np.full((40, 48, 48), 128, np.uint8)
    worn = HEADSET.of(faces)
    assert (worn[:, :24] == 128).all()
    changed = np.abs(worn.astype(int) - 128).mean(axis=(0, 2))
    assert changed[24:28].min() > 30
    assert changed[44:].max() < 5
    assert (HEADSET.of(faces) == worn).all()


def test_what_a_move_up_takes_away_is_hidden_where_it_is() -> None:
    faces = np.arange(48, dtype=np.uint8)[None, :, None].repeat(48, axis=2)  # rows tell themselves
    hidden = TOP_HIDDEN.of(faces)[0, :, 7]
    assert hidden.tolist() == [*range(24), *[29] * 5, *range(29, 48)]
    up = next(move for move in MOVES if move.name == "10 % up").of(faces)[0, 24:, 7]
    assert up.min() == 29  # the same rows are gone


def test_a_loss_is_the_difference_in_accuracy(
    finished: tuple[Path, RunState], data: FerPlus, tmp_path: Path
) -> None:
    model = tmp_path / "tiny.onnx"
    (measured,) = export(finished[0] / "full-face.pt", data, model, splits=["validation"])
    found = losses(model, data, ["validation"])
    assert [loss.disturbance for loss in found] == [
        one.name for one in MOVES
    ]  # it sees whole faces
    for loss in found:
        assert loss.accuracy + loss.lost == pytest.approx(measured.accuracy)
    # The made-up classes are heights: a shift down by a tenth makes others of them.
    lost = {loss.disturbance: loss.lost for loss in found}
    assert lost["10 % down"] > 0.3
    table = losses_table(found)
    assert len(table) == 2 + len(found)
    assert f"{100 * lost['10 % down']:+.1f} points" in "\n".join(table)


def test_a_split_without_pictures_is_passed_over(
    finished: tuple[Path, RunState], tmp_path: Path
) -> None:
    pictures = {"train": {"fear": [scene(1)]}, "validation": {"fear": [scene(2)]}}
    write_class_folders(tmp_path / "pictures", pictures)
    own, _ = load_faces(tmp_path, Data(dataset="folders"), cache=tmp_path / "cache")
    found = losses(finished[0] / "full-face.pt", own, ["validation", "test"])
    assert {loss.split for loss in found} == {"validation"}
