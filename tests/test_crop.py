"""The canonical lower half: drawn dots must land where `CropGeometry` says."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from vrfer.crop import CropGeometry, Region, face_crop, lower_half, scaled_up
from vrfer.frames import LowerFace, Point

GEOMETRY = CropGeometry()
SIDE = GEOMETRY.face_px
NATIVE = (SIDE // 2, SIDE)
"""Size of a lower half at effective resolution: nothing is scaled up."""
SIZE = (56, 112)
MOUTH = np.array([GEOMETRY.mouth_x * SIDE - 0.5, (GEOMETRY.mouth_y - 0.5) * SIDE - 0.5])
"""Where the mouth belongs in a patch of `NATIVE` size, in pixel centres."""
WIDTH = GEOMETRY.width * SIDE
"""The face width in such a patch, in pixels."""
BELOW = np.array([0, 0.12 * WIDTH])
"""As far below the mouth as still lies well inside the patch."""

Picture = NDArray[np.uint8]
rng = np.random.default_rng(1)


def dot(shape: tuple[int, int], place: Point, sigma_px: float) -> Picture:
    """Return a dark picture with one bright, soft dot."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    bright = 200 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * sigma_px**2))
    return np.repeat(bright.round().astype(np.uint8)[:, :, None], 3, axis=2)


def centre(patch: Picture) -> NDArray[np.float64]:
    """Return the dot's centre of brightness, x and y."""
    y, x = np.mgrid[: patch.shape[0], : patch.shape[1]]
    weights = patch.astype(np.float64)
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


def same(value: float, size: tuple[int, int] = (90, 120)) -> Picture:
    return np.full((*size, 3), value, np.uint8)


@settings(max_examples=40, deadline=None)
@given(
    scale=st.floats(math.log(0.3), math.log(12)).map(math.exp),
    roll=st.floats(-40, 40).map(math.radians),
    shift=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    chin=st.floats(0.2, 0.35),
)
def test_mouth_chin_and_cheeks_land_in_their_places(
    scale: float, roll: float, shift: Point, chin: float
) -> None:
    # The dots are as soft as two pixels of the patch; below that the camera's pixels are the limit.
    sigma_px = max(1.5 * scale, 0.8)
    side = math.ceil(SIDE * scale * 1.6) + 20
    mouth = np.array([side / 2, side / 2]) + np.array(shift) * scale
    down = np.array([-math.sin(roll), math.cos(roll)])
    right = np.array([math.cos(roll), math.sin(roll)])
    width_px = WIDTH * scale
    face = LowerFace(
        (float(mouth[0]), float(mouth[1])),
        (float(mouth[0] + chin * width_px * down[0]), float(mouth[1] + chin * width_px * down[1])),
        width_px,
        1.0,
    )

    def lands(place: NDArray[np.float64]) -> NDArray[np.float64]:
        picture = dot((side, side), (float(place[0]), float(place[1])), sigma_px)
        return centre(lower_half(picture, face, GEOMETRY, NATIVE))

    assert lands(mouth) == pytest.approx(MOUTH, abs=0.1)
    below = BELOW[1] * scale
    assert lands(mouth + below * down) == pytest.approx(MOUTH + BELOW, abs=0.1)
    left, right_ = lands(mouth - 0.35 * width_px * right), lands(mouth + 0.35 * width_px * right)
    assert right_ - left == pytest.approx([0.7 * WIDTH, 0], abs=0.2)


def test_two_dots_one_face_width_apart_land_as_far_apart_as_the_geometry_says() -> None:
    geometry = CropGeometry(face_px=64, mouth_x=0.5, mouth_y=0.7, width=0.6)
    face = LowerFace((200, 200), (200, 240), 180, 1.0)
    left, right = (
        centre(lower_half(dot((400, 400), (x, 200), 8), face, geometry, (32, 64)))
        for x in (110, 290)
    )
    assert right - left == pytest.approx([0.6 * 64, 0], abs=0.05)
    assert (left + right) / 2 == pytest.approx([0.5 * 64 - 0.5, 0.2 * 64 - 0.5], abs=0.05)


@pytest.mark.parametrize("mouth_x", [0.4, 0.6])
@pytest.mark.parametrize("mouth_y", [0.65, 0.8])
def test_the_mouth_lands_where_another_geometry_wants_it(mouth_x: float, mouth_y: float) -> None:
    geometry = CropGeometry(mouth_x=mouth_x, mouth_y=mouth_y)
    face = LowerFace((150, 130), (150, 160), 2 * WIDTH, 1.0)
    lands = centre(lower_half(dot((300, 300), (150, 130), 3), face, geometry, NATIVE))
    assert lands == pytest.approx([mouth_x * 48 - 0.5, (mouth_y - 0.5) * 48 - 0.5], abs=0.05)


@pytest.mark.parametrize("scale", [1, 2, 5, 16])
def test_a_camera_and_a_data_set_give_the_same_patch(scale: int) -> None:
    square = rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    square = cv2.GaussianBlur(square, (0, 0), 1.5).astype(np.uint8)
    # As a camera would see it: each pixel `scale` pixels wide, in a larger picture.
    large = np.kron(square, np.ones((scale, scale), np.uint8))
    picture = np.repeat(np.pad(large, 30)[:, :, None], 3, axis=2)
    mouth = (
        30 + GEOMETRY.mouth_x * SIDE * scale - 0.5,
        30 + GEOMETRY.mouth_y * SIDE * scale - 0.5,
    )
    face = LowerFace(mouth, (mouth[0], mouth[1] + 10 * scale), WIDTH * scale, 1.0)
    seen = lower_half(picture, face, GEOMETRY, SIZE).astype(int)
    cut = face_crop(square, "lower-half", SIDE, SIZE).astype(int)
    # Without the outermost row, which may mix with what lies beyond the square.
    assert np.abs(seen - cut)[2:-2, 2:-2].max() <= 2


@pytest.mark.parametrize("size", [(24, 48), (56, 112), (112, 224), (20, 40)])
def test_patches_have_the_wanted_size_and_type(size: tuple[int, int]) -> None:
    face = LowerFace((60, 40), (60, 60), 40, 1.0)
    for patch in (
        lower_half(same(100), face, GEOMETRY, size),
        face_crop(same(100), "lower-half", 48, size),
        face_crop(same(100)[:, :, 0], "full-face", 48, size),
        scaled_up(np.full((24, 48), 100, np.uint8), size),
    ):
        assert patch.shape == size
        assert patch.dtype == np.uint8
        assert (patch == 100).all()


@pytest.mark.parametrize("scale", [2.0, 3.7, 6.3, 11.9])
@pytest.mark.parametrize("roll", [0.0, 13.0])
def test_what_is_finer_than_the_effective_resolution_becomes_gray(
    scale: float, roll: float
) -> None:
    board = (np.indices((800, 800)).sum(axis=0) % 2 * 255).astype(np.uint8)
    chin = (400 - 100 * math.sin(math.radians(roll)), 400 + 100 * math.cos(math.radians(roll)))
    face = LowerFace((400.3, 400.6), chin, WIDTH * scale, 1.0)
    patch = lower_half(np.repeat(board[:, :, None], 3, axis=2), face, GEOMETRY, NATIVE)
    assert patch.mean() == pytest.approx(127.5, abs=3)
    assert patch.std() < (12 if scale == 2.0 else 6)
    assert face_crop(board[:432, :432], "full-face", 48, (48, 48)).std() < 3


CORNERS = [(0, 0), (119, 0), (0, 89), (119, 89), (-30, 40), (60, 120)]


@pytest.mark.parametrize("mouth", CORNERS)
@pytest.mark.parametrize("width_px", [8, 60, 900])
def test_at_the_border_the_edge_is_continued(mouth: Point, width_px: float) -> None:
    face = LowerFace(mouth, (mouth[0] + 3, mouth[1] + 9), width_px, 0.5)
    patch = lower_half(same(77), face, GEOMETRY, SIZE)
    assert patch.shape == SIZE
    assert (patch == 77).all()


def test_a_face_half_out_of_the_picture_keeps_its_visible_half() -> None:
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[:, 100:] = 200
    whole = lower_half(picture, LowerFace((100, 100), (100, 130), 100, 1), GEOMETRY, NATIVE)
    cut_off = lower_half(
        np.ascontiguousarray(picture[:, 90:]), LowerFace((10, 100), (10, 130), 100, 1),
        GEOMETRY, NATIVE,
    )  # fmt: skip
    assert np.abs(whole.astype(int) - cut_off).max() <= 1


def test_colour_becomes_gray_as_rec_601_weighs_it() -> None:
    face = LowerFace((60, 40), (60, 60), 40, 1.0)
    for color, gray in (((255, 0, 0), 29), ((0, 255, 0), 150), ((0, 0, 255), 76)):
        picture = np.full((90, 120, 3), color, np.uint8)
        assert np.abs(lower_half(picture, face, GEOMETRY, SIZE).astype(int) - gray).max() <= 1
        assert np.abs(face_crop(picture, "full-face", 48, SIZE).astype(int) - gray).max() <= 1


def test_the_lower_half_of_a_data_set_face_is_rows_24_to_47() -> None:
    square = rng.integers(0, 256, (48, 48), dtype=np.uint8)
    assert np.array_equal(face_crop(square, "lower-half", 48, (24, 48)), square[24:])
    assert np.array_equal(face_crop(square, "full-face", 48, (48, 48)), square)
    assert np.array_equal(
        face_crop(square, "lower-half", 48, (56, 112)), scaled_up(square[24:], (56, 112))
    )


def test_the_upper_half_cannot_be_seen_in_a_lower_half() -> None:
    square = rng.integers(0, 256, (48, 48), dtype=np.uint8)
    other = square.copy()
    other[:24] = 255 - other[:24]
    lower, full = (
        [face_crop(one, region, 48, SIZE) for one in (square, other)]
        for region in ("lower-half", "full-face")
    )
    assert np.array_equal(*lower)
    assert not np.array_equal(*full)


@pytest.mark.parametrize("region", ["lower-half", "full-face"])
def test_gray_and_bgr_pictures_give_the_same(region: Region) -> None:
    gray = rng.integers(0, 256, (48, 48), dtype=np.uint8)
    bgr = np.repeat(gray[:, :, None], 3, axis=2)
    assert np.array_equal(face_crop(gray, region, 48, SIZE), face_crop(bgr, region, 48, SIZE))


@pytest.mark.parametrize("factor", [2, 5])
def test_larger_pictures_come_down_to_the_effective_resolution(factor: int) -> None:
    square = rng.integers(0, 256, (48, 48), dtype=np.uint8)
    large = np.kron(square, np.ones((factor, factor), np.uint8))
    assert np.array_equal(
        face_crop(large, "lower-half", 48, SIZE), face_crop(square, "lower-half", 48, SIZE)
    )


@pytest.mark.parametrize("size", [(56, 112), (112, 224), (24, 48), (37, 74)])
def test_scaling_up_agrees_with_torch(size: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch", reason="torch comes with vrfer[train] alone")
    patch = rng.integers(0, 256, (24, 48), dtype=np.uint8)
    scaled = torch.nn.functional.interpolate(
        torch.from_numpy(patch)[None, None].float(), size, mode="bilinear", align_corners=False
    )
    assert np.abs(scaled_up(patch, size) - scaled[0, 0].numpy()).max() <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"face_px": 47}, {"face_px": 14}, {"face_px": 514}, {"mouth_x": 0}, {"mouth_x": 1},
        {"mouth_y": 1.0}, {"width": 0}, {"width": 2}, {"eyes": 0.3},
    ],
)  # fmt: skip
def test_impossible_geometry_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        CropGeometry.model_validate(wrong)


def test_geometry_cannot_be_changed() -> None:
    change: Callable[..., None] = setattr
    with pytest.raises(ValidationError):
        change(CropGeometry(), "face_px", 64)
