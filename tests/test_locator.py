"""The shipped locator on a real portrait, and files that are none."""

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from portrait import CHIN, MOUTH, WIDTH, expect, portrait, warp

from vrfer.errors import ModelContractError
from vrfer.locator import LOCATOR_FILE, POINT_NAMES, Located, Locator
from vrfer.metadata import METADATA_KEY
from vrfer.square import FACE_WIDTHS, Square

MODELS = Path(__file__).parents[1] / "models"
RIGHT = Square(MOUTH[0], MOUTH[1], FACE_WIDTHS * WIDTH)


@pytest.fixture(scope="module")
def locator() -> Locator:
    return Locator(MODELS / LOCATOR_FILE)


def settled(locator: Locator, picture: np.ndarray, square: Square) -> Located:
    for _ in range(3):
        (found,) = locator.judge(picture, [square])
        square = found.square
    return found


@pytest.mark.parametrize("headset", [False, True])
@pytest.mark.parametrize(("x", "y"), [(0, 0), (30, 0), (-30, 10), (0, 30), (15, -25)])
@pytest.mark.parametrize("growth", [0.75, 1.0, 1.3])
def test_it_finds_its_way_from_half_a_mouth_off(
    locator: Locator, headset: bool, x: float, y: float, growth: float
) -> None:
    start = Square(RIGHT.x + x, RIGHT.y + y, RIGHT.side * growth)
    found = settled(locator, portrait(headset=headset), start)
    expect(found.face(), within=0.12)
    assert found.visible > 0.8


def test_it_tells_a_headset_from_a_bare_face(locator: Locator) -> None:
    bare = settled(locator, portrait(), RIGHT).headset
    worn = settled(locator, portrait(headset=True), RIGHT).headset
    assert bare < 0.5 < worn


@pytest.mark.parametrize("degrees", [-40, 40])
def test_the_tilt_is_the_heads(locator: Locator, degrees: float) -> None:
    import cv2

    matrix = cv2.getRotationMatrix2D(MOUTH, -degrees, 1.0)  # OpenCV counts anticlockwise
    level = settled(locator, portrait(), RIGHT)
    found = settled(locator, warp(portrait(), matrix, (512, 512)), RIGHT)
    assert math.degrees(found.tilt_rad - level.tilt_rad) == pytest.approx(degrees, abs=6)
    expect(found.face(), matrix, within=0.12)


def test_a_mirrored_face_has_the_opposite_yaw_and_swapped_corners(locator: Locator) -> None:
    found = settled(locator, portrait(), RIGHT)
    picture = np.ascontiguousarray(portrait()[:, ::-1])
    mirrored = settled(locator, picture, Square(511 - RIGHT.x, RIGHT.y, RIGHT.side))
    assert mirrored.yaw_rad == pytest.approx(-found.yaw_rad, abs=0.15)
    left, right = (POINT_NAMES.index(f"mouth corner {side}") for side in ("left", "right"))
    assert found.points[left, 0] < found.points[right, 0]
    assert mirrored.points[left, 0] == pytest.approx(511 - found.points[right, 0], abs=6)


@pytest.mark.parametrize(
    "square",
    [
        Square(60, 60, 100),  # flag
        Square(400, 300, 120),  # shuttle
        Square(220, 380, 150),  # suit
        Square(220, 235, 150),  # collar
    ],
)
def test_no_lower_face_where_none_is(locator: Locator, square: Square) -> None:
    (found,) = locator.judge(portrait(), [square])
    assert found.visible < 0.5


def test_answers_do_not_depend_on_what_else_is_asked(locator: Locator) -> None:
    squares = [Square(100 + 8 * n, 150, 90 + n) for n in range(20)]
    together = locator.judge(portrait(), squares)
    for square, one in zip(squares, together, strict=True):
        (alone,) = locator.judge(portrait(), [square])
        assert alone.points == pytest.approx(one.points, abs=0.05)
        assert alone.visible == pytest.approx(one.visible, abs=1e-3)


def test_no_squares_give_no_answers(locator: Locator) -> None:
    assert locator.judge(portrait(), []) == []


def test_a_blurred_mouth_is_less_certain(locator: Locator) -> None:
    import cv2

    sharp = settled(locator, portrait(), RIGHT)
    blurred = np.asarray(cv2.GaussianBlur(portrait(), (0, 0), 9), np.uint8)
    (vague,) = locator.judge(blurred, [sharp.square])
    assert vague.spread_px[:2].mean() > 1.2 * sharp.spread_px[:2].mean()


def test_the_box_reaches_from_the_nose_to_the_chin(locator: Locator) -> None:
    box = settled(locator, portrait(), RIGHT).face().box
    assert box is not None
    x0, y0, x1, y1 = box
    assert x0 < MOUTH[0] - 0.3 * WIDTH
    assert x1 > MOUTH[0] + 0.3 * WIDTH
    assert MOUTH[1] - 0.5 * WIDTH < y0 < MOUTH[1]
    assert CHIN[1] - 0.1 * WIDTH < y1 < CHIN[1] + 0.25 * WIDTH


def test_the_file_is_small_and_says_what_it_is(locator: Locator) -> None:
    assert (MODELS / LOCATOR_FILE).stat().st_size < 2 * 2**20
    contract = locator.contract
    assert contract.points == POINT_NAMES
    (figures,) = contract.figures
    assert 0 < figures.bare_error < 0.05
    assert 0 < figures.headset_error < 0.07
    assert "headset" in contract.training.data


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelContractError, match=r"nowhere\.onnx"):
        Locator(tmp_path / "nowhere.onnx")


@pytest.mark.parametrize("content", [b"", b"no network", None])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.onnx"
    whole = (MODELS / LOCATOR_FILE).read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(ModelContractError, match=r"broken\.onnx") as caught:
        Locator(path)
    assert caught.value.remedy.endswith(".")


@pytest.mark.parametrize("document", [None, "{}", '{"kind": "classifier"}', "no JSON"])
def test_another_kind_of_network_is_refused(tmp_path: Path, document: str | None) -> None:
    model = onnx.load(MODELS / LOCATOR_FILE)
    del model.metadata_props[:]
    if document is not None:
        model.metadata_props.add(key=METADATA_KEY, value=document)
    path = tmp_path / "other.onnx"
    onnx.save(model, path)
    with pytest.raises(ModelContractError, match=r"other\.onnx"):
        Locator(path)


def test_looking_at_the_mirrored_square_too_gives_one_answer_for_both(locator: Locator) -> None:
    (plain,) = locator.judge(portrait(), [RIGHT], mirrored_too=True)
    picture = np.ascontiguousarray(portrait()[:, ::-1])
    (mirrored,) = locator.judge(
        picture, [Square(511 - RIGHT.x, RIGHT.y, RIGHT.side)], mirrored_too=True
    )
    swapped = mirrored.points[[1, 0, 2, 3, 4, 6, 5, 8, 7, 9, 10]]
    swapped = np.stack([511 - swapped[:, 0], swapped[:, 1]], axis=1)
    assert swapped == pytest.approx(plain.points, abs=1.0)
    assert mirrored.visible == pytest.approx(plain.visible, abs=0.02)
    assert mirrored.yaw_rad == pytest.approx(-plain.yaw_rad, abs=0.02)
