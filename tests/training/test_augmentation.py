import numpy as np
import pytest
import torch
from torch import Tensor
from training.made_up import view

from vrfer.training.augmentation import augmented
from vrfer.training.batches import patches_of
from vrfer.training.recipe import Augmentation, Input, Region

EVERYTHING = {
    "flip": 0.5,
    "rotation_deg": 20,
    "zoom": 0.2,
    "shift": 0.1,
    "aspect": 0.1,
    "yaw_deg": 45,
    "contrast": 0.5,
    "brightness": 60,
    "gamma": 0.5,
    "light": 0.5,
    "noise": 30,
    "blur_px": 1,
    "jpeg": 0.5,
    "headset_edge": 0.5,
    "occluder": 0.5,
}
PHOTOMETRIC = ("gamma", "light", "noise", "blur_px", "jpeg", "headset_edge", "occluder")


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(count: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 48, 48), dtype=np.uint8)


def moved(faces: np.ndarray, size: int, region: Region = "full-face", **ranges: float) -> Tensor:
    augmentation = Augmentation.model_validate({"flip": 0, **ranges})
    return augmented(torch.from_numpy(faces), view(region, size), augmentation, seeded())


@pytest.mark.parametrize("size", [48, 112, 224])
def test_no_augmentation_is_plain_scaling(size: int) -> None:
    faces = noise()
    torch.testing.assert_close(
        moved(faces, size), patches_of(faces, view("full-face", size)), rtol=0, atol=0.05
    )
    lower = moved(faces, size, "lower-half")
    # Only the first rows mix with the row above, which a face cut out first does not have.
    skip = size // 48
    torch.testing.assert_close(
        lower[:, :, skip:],
        patches_of(faces, view("lower-half", size))[:, :, skip:],
        rtol=0,
        atol=0.05,
    )


@pytest.mark.parametrize("region", ["full-face", "lower-half"])
def test_a_flip_mirrors(region: Region) -> None:
    faces = noise()
    torch.testing.assert_close(
        moved(faces, 112, region, flip=1), moved(faces, 112, region).flip(3), rtol=0, atol=0.05
    )


def test_about_half_are_flipped_by_a_half() -> None:
    faces = np.zeros((400, 48, 48), np.uint8)
    faces[:, :, :24] = 200
    found = moved(faces, 48, flip=0.5)[:, 0, 24, 4] < 100
    assert 150 < int(found.sum()) < 250


def disc(x: float, y: float) -> np.ndarray:
    """A soft bright disc on black, its centre in pixels."""
    rows, columns = np.mgrid[:48, :48]
    squares = (columns - x) ** 2 + (rows - y) ** 2
    return np.repeat((255 * np.exp(-squares / 18))[None].astype(np.uint8), 200, axis=0)


def centres(patches: Tensor) -> tuple[Tensor, Tensor]:
    weights = patches[:, 0] / patches[:, 0].sum(dim=(1, 2), keepdim=True)
    places = torch.arange(patches.shape[3], dtype=torch.float32)
    return (weights.sum(dim=1) * places).sum(dim=1), (weights.sum(dim=2) * places).sum(dim=1)


def peaks(patches: Tensor) -> Tensor:
    """Return the column of each picture's brightest pixel."""
    return patches[:, 0].amax(dim=1).argmax(dim=1)


def test_a_shift_reaches_its_share_of_the_side_and_no_further() -> None:
    for found in centres(moved(disc(23.5, 23.5), 48, shift=0.1)):
        reach = (found - 23.5).abs().max()
        assert float(reach) == pytest.approx(4.8, abs=0.15)
        assert abs(float(found.mean()) - 23.5) < 0.6


@pytest.mark.parametrize("flip", [0, 1])
def test_a_rotation_reaches_its_angle_and_keeps_the_distance(flip: int) -> None:
    x, y = centres(moved(disc(35.5, 23.5), 48, rotation_deg=20, flip=flip))
    x = 47 - x if flip else x
    angle = torch.rad2deg(torch.atan2(y - 23.5, x - 23.5))
    assert float(angle.abs().max()) == pytest.approx(20, abs=0.5)
    assert float(angle.min()) < -15
    assert float(angle.max()) > 15
    distance = torch.hypot(x - 23.5, y - 23.5)
    assert float((distance - 12).abs().max()) < 0.2


def test_a_skew_pushes_the_top_aside_and_keeps_the_middle() -> None:
    for height, share in ((23.5, 0.0), (11.5, 0.5), (35.5, -0.5)):
        x, y = centres(moved(disc(23.5, height), 48, skew=0.2))
        # Half a face side, 24 pixels, times the skew, at the very top.
        reach = 24 * 0.2 * abs(share)
        assert float((x - 23.5).abs().max()) == pytest.approx(reach, abs=0.15)
        assert float((y - height).abs().max()) < 0.1
    up, down = (centres(moved(disc(23.5, height), 48, skew=0.2))[0] for height in (11.5, 35.5))
    torch.testing.assert_close(up - 23.5, 23.5 - down, rtol=0, atol=0.1)


def test_a_turned_head_keeps_its_mouth_in_the_middle_and_foreshortens_its_cheek() -> None:
    x, y = centres(moved(disc(23.5, 35.5), 48, yaw_deg=45))
    assert float((x - 23.5).abs().max()) < 0.7
    assert float((y - 35.5).abs().max()) < 0.1
    x = peaks(moved(disc(35.5, 35.5), 96, yaw_deg=45)) / 2
    # On a head of radius 0.9 half squares, a point half a half square from the mouth.
    angle = np.arcsin(0.5 / 0.9)
    nearest = 23.5 + 24 * 0.9 * (np.sin(angle + np.pi / 4) - np.sin(np.pi / 4))
    assert float(x.min()) == pytest.approx(nearest, abs=0.5)
    unturned = x == x.median()
    assert 70 < int(unturned.sum()) < 130  # half of 200


def test_a_head_that_turns_the_other_way_is_the_mirror_image() -> None:
    faces = noise(200)
    turned = moved(faces, 48, yaw_deg=45)
    mirrored = moved(np.ascontiguousarray(faces[:, :, ::-1]), 48, yaw_deg=45).flip(3)
    assert not torch.allclose(turned, mirrored)  # each draws its side, not its picture's
    straight = (turned - moved(faces, 48)).abs().amax(dim=(1, 2, 3)) < 0.1
    torch.testing.assert_close(turned[straight], mirrored[straight], rtol=0, atol=0.05)


def test_a_zoom_reaches_its_share() -> None:
    x, _ = centres(moved(disc(33.5, 23.5), 48, zoom=0.2))
    scale = (x - 23.5) / 10
    assert float(scale.min()) == pytest.approx(0.8, abs=0.02)
    assert float(scale.max()) == pytest.approx(1.2, abs=0.02)


def test_contrast_turns_about_the_mean_and_brightness_shifts_it() -> None:
    faces = np.full((200, 48, 48), 100, np.uint8)
    faces[:, :, 24:] = 140
    contrast = moved(faces, 48, contrast=0.5)
    assert float((contrast.mean(dim=(1, 2, 3)) - 120).abs().max()) < 0.01
    spread = (contrast[:, 0, 0, -1] - contrast[:, 0, 0, 0]) / 40
    assert 0.5 <= float(spread.min()) < 0.55
    assert 1.45 < float(spread.max()) <= 1.5
    shift = moved(faces, 48, brightness=30).mean(dim=(1, 2, 3)) - 120
    assert -30 <= float(shift.min()) < -27
    assert 27 < float(shift.max()) <= 30


@pytest.mark.parametrize("region", ["full-face", "lower-half"])
def test_the_wildest_changes_stay_gray_values(region: Region) -> None:
    found = moved(noise(64), 56, region, **EVERYTHING)
    assert found.shape == (64, 1, 28 if region == "lower-half" else 56, 56)
    assert found.min() >= 0
    assert found.max() <= 255


def test_what_is_not_asked_for_draws_no_random_numbers() -> None:
    """A recipe of before keeps its numbers when another change is invented."""
    generator, expected = seeded(), seeded()
    augmented(torch.from_numpy(noise(5)), view("lower-half", 64), Augmentation(), generator)
    for _ in ("angle", "zoom", "shift x", "shift y", "mirror", "contrast", "brightness"):
        torch.rand(5, generator=expected)
    assert torch.equal(generator.get_state(), expected.get_state())


@pytest.mark.parametrize("change", PHOTOMETRIC)
def test_each_change_changes_pictures_and_its_seed_decides_how(change: str) -> None:
    faces = np.full((32, 48, 48), 100, np.uint8)
    faces[:, 20:40, 10:30] = 180
    plain = moved(faces, 64, "lower-half")
    found = moved(faces, 64, "lower-half", **{change: EVERYTHING[change]})
    assert torch.equal(found, moved(faces, 64, "lower-half", **{change: EVERYTHING[change]}))
    changed = (found - plain).abs().amax(dim=(1, 2, 3)) > 3
    assert 8 <= int(changed.sum()) <= 32


def test_a_headsets_edge_covers_the_top_and_spares_the_chin() -> None:
    faces = np.full((200, 48, 48), 128, np.uint8)
    found = moved(faces, 64, "lower-half", headset_edge=1.0)
    off = (found - 128).abs()[:, 0] > 30
    covered = off.float().mean(dim=(0, 2))
    assert covered[0] > 0.4
    assert covered[-8:].max() < 0.05
    full = moved(faces, 64, "full-face", headset_edge=1.0)
    assert torch.equal(full, torch.full_like(full, 128))


def test_blur_spares_flat_pictures_and_softens_edges() -> None:
    faces = np.zeros((64, 48, 48), np.uint8)
    faces[:, :, 24:] = 200
    steepest = moved(faces, 96, blur_px=1.5).diff(dim=3).abs().amax(dim=(1, 2, 3))
    sharp = moved(faces, 96).diff(dim=3).abs().max()
    untouched = steepest > 0.99 * sharp
    assert 16 <= int(untouched.sum()) <= 48  # half of the pictures
    assert steepest.min() < 0.4 * sharp
    flat = moved(np.full((8, 48, 48), 77, np.uint8), 96, blur_px=1.5)
    torch.testing.assert_close(flat, torch.full_like(flat, 77))


def test_noise_is_as_strong_as_asked_for() -> None:
    flat = np.full((400, 48, 48), 128, np.uint8)
    spread = moved(flat, 48, noise=20).std(dim=(1, 2, 3))
    assert spread.min() < 2
    assert 18 < spread.max() < 21


def test_gamma_keeps_black_and_white() -> None:
    faces = np.zeros((50, 48, 48), np.uint8)
    faces[:, 24:] = 255
    found = moved(faces, 48, gamma=0.5)
    torch.testing.assert_close(found, moved(faces, 48))
    middle = moved(np.full((50, 48, 48), 100, np.uint8), 48, gamma=0.5)
    assert middle.min() < 80
    assert middle.max() > 130


def test_a_lower_half_may_be_stretched() -> None:
    """The stretched picture holds the same rows as the plain one."""
    faces = np.zeros((1, 48, 48), np.uint8)
    faces[0] = np.arange(48)[:, None] * 5
    stretched = Input(size=96, lower_half_height=72).view("lower-half")
    found = augmented(torch.from_numpy(faces), stretched, Augmentation(flip=0), seeded())
    assert found.shape == (1, 1, 72, 96)
    plain = patches_of(faces, stretched)
    torch.testing.assert_close(found[:, :, 2:], plain[:, :, 2:], rtol=0, atol=0.05)
    everything = augmented(
        torch.from_numpy(noise(16)), stretched, Augmentation(**EVERYTHING), seeded()
    )
    assert everything.shape == (16, 1, 72, 96)
