import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from vrfer.crop import scaled_up
from vrfer.training.batches import Batch, augmented, patches_of, training_batches
from vrfer.training.ferplus import FaceSet, FerPlus
from vrfer.training.recipe import Augmentation, Region

STILL = Augmentation(flip=0)
WILD = Augmentation(flip=0.5, rotation_deg=20, zoom=0.2, shift=0.1, contrast=0.5, brightness=60)


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(count: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 48, 48), dtype=np.uint8)


def moved(faces: np.ndarray, size: int, region: Region = "full-face", **ranges: float) -> Tensor:
    augmentation = Augmentation.model_validate({"flip": 0, **ranges})
    return augmented(torch.from_numpy(faces), region, size, augmentation, seeded())


@pytest.mark.parametrize("size", [48, 64, 112, 224])
def test_patches_have_their_sizes(size: int) -> None:
    full, lower = patches_of(noise(), "full-face", size), patches_of(noise(), "lower-half", size)
    assert full.shape == (4, 1, size, size)
    assert lower.shape == (4, 1, size // 2, size)
    assert full.dtype == lower.dtype == torch.float32


def test_at_the_data_sets_own_size_pixels_stay_as_they_are() -> None:
    faces = noise()
    assert np.array_equal(patches_of(faces, "full-face", 48)[:, 0].numpy(), faces)
    assert np.array_equal(patches_of(faces, "lower-half", 48)[:, 0].numpy(), faces[:, 24:])


@pytest.mark.parametrize("size", [112, 224])
def test_training_and_the_app_scale_alike(size: int) -> None:
    faces = noise()
    patches = patches_of(faces, "lower-half", size)[:, 0].numpy()
    cropped = np.stack([scaled_up(face[24:], (size // 2, size)) for face in faces])
    assert np.abs(patches - cropped).max() <= 1


@settings(deadline=None, max_examples=25)
@given(arrays(np.uint8, (2, 24, 48)), st.sampled_from([48, 64, 112]))
def test_nothing_of_the_upper_half_is_in_a_lower_half(upper: np.ndarray, size: int) -> None:
    faces = noise(2)
    changed = faces.copy()
    changed[:, :24] = upper
    assert torch.equal(
        patches_of(changed, "lower-half", size), patches_of(faces, "lower-half", size)
    )


@pytest.mark.parametrize("size", [48, 112, 224])
def test_no_augmentation_is_plain_scaling(size: int) -> None:
    faces = noise()
    torch.testing.assert_close(
        moved(faces, size), patches_of(faces, "full-face", size), rtol=0, atol=0.05
    )
    lower = moved(faces, size, "lower-half")
    # Only the first rows mix with the row above, which a face cut out first does not have.
    skip = size // 48
    torch.testing.assert_close(
        lower[:, :, skip:],
        patches_of(faces, "lower-half", size)[:, :, skip:],
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


def test_the_wildest_changes_stay_gray_values() -> None:
    found = augmented(torch.from_numpy(noise(64)), "lower-half", 56, WILD, seeded())
    assert found.shape == (64, 1, 28, 56)
    assert found.min() >= 0
    assert found.max() <= 255


def numbered(count: int) -> FaceSet:
    """Faces whose gray value is their number; votes that tell it, too."""
    faces = np.repeat(np.arange(count, dtype=np.uint8), 48 * 48).reshape(count, 48, 48)
    votes = np.zeros((count, 8), np.float32)
    votes[:, 0] = np.arange(count)
    return FaceSet(faces, votes, votes, np.arange(count))


def epoch(faces: FaceSet, batch_size: int, seed: int, how: Augmentation = STILL) -> list[Batch]:
    return list(training_batches(faces, "full-face", 48, batch_size, how, seeded(seed)))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 50), st.integers(1, 60))
def test_an_epoch_visits_every_face_once_with_its_votes(count: int, batch_size: int) -> None:
    batches = epoch(numbered(count), batch_size, seed=2)
    values = torch.cat([batch.patches[:, 0, 20, 20] for batch in batches])
    votes = torch.cat([batch.votes[:, 0] for batch in batches])
    torch.testing.assert_close(values, votes, rtol=0, atol=1e-3)
    assert sorted(votes.tolist()) == list(range(count))
    assert [len(batch.votes) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)


def test_the_seed_alone_decides_an_epoch(data: FerPlus) -> None:
    faces = data.split("train", labels="majority")
    first, again, other = (epoch(faces, 10, seed, WILD) for seed in (4, 4, 5))
    torch.rand(3)  # the global generator has no part in it
    assert all(
        torch.equal(a.patches, b.patches) and torch.equal(a.votes, b.votes)
        for a, b in zip(first, again, strict=True)
    )
    assert not torch.equal(first[0].votes, other[0].votes)
