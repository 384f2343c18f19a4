import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from training.made_up import view

from vrfer.crop import scaled_up
from vrfer.training.batches import Batch, drawn_pictures, patches_of, repeats, training_batches
from vrfer.training.ferplus import FaceSet, FerPlus
from vrfer.training.recipe import Augmentation

STILL = Augmentation(flip=0)
WILD = Augmentation(flip=0.5, rotation_deg=20, zoom=0.2, shift=0.1, contrast=0.5, brightness=60)


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(count: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 48, 48), dtype=np.uint8)


@pytest.mark.parametrize("size", [48, 64, 112, 224])
def test_patches_have_their_sizes(size: int) -> None:
    full, lower = (
        patches_of(noise(), view("full-face", size)),
        patches_of(noise(), view("lower-half", size)),
    )
    assert full.shape == (4, 1, size, size)
    assert lower.shape == (4, 1, size // 2, size)
    assert full.dtype == lower.dtype == torch.float32


def test_at_the_data_sets_own_size_pixels_stay_as_they_are() -> None:
    faces = noise()
    assert np.array_equal(patches_of(faces, view("full-face", 48))[:, 0].numpy(), faces)
    assert np.array_equal(patches_of(faces, view("lower-half", 48))[:, 0].numpy(), faces[:, 24:])


@pytest.mark.parametrize("size", [112, 224])
def test_training_and_the_app_scale_alike(size: int) -> None:
    faces = noise()
    patches = patches_of(faces, view("lower-half", size))[:, 0].numpy()
    cropped = np.stack([scaled_up(face[24:], (size // 2, size)) for face in faces])
    assert np.abs(patches - cropped).max() <= 1


@settings(deadline=None, max_examples=25)
@given(arrays(np.uint8, (2, 24, 48)), st.sampled_from([48, 64, 112]))
def test_nothing_of_the_upper_half_is_in_a_lower_half(upper: np.ndarray, size: int) -> None:
    faces = noise(2)
    changed = faces.copy()
    changed[:, :24] = upper
    assert torch.equal(
        patches_of(changed, view("lower-half", size)), patches_of(faces, view("lower-half", size))
    )


def numbered(count: int) -> FaceSet:
    """Faces whose gray value is their number; votes that tell it, too."""
    faces = np.repeat(np.arange(count, dtype=np.uint8), 48 * 48).reshape(count, 48, 48)
    votes = np.zeros((count, 8), np.float32)
    votes[:, 0] = np.arange(count)
    return FaceSet(faces, votes, votes, np.arange(count))


def epoch(faces: FaceSet, batch_size: int, seed: int, how: Augmentation = STILL) -> list[Batch]:
    generator = seeded(seed)
    drawn = drawn_pictures(faces.votes, 0, generator)
    return list(
        training_batches(faces, None, drawn, view("full-face", 48), batch_size, how, generator)
    )


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


def test_what_teachers_said_travels_with_its_picture() -> None:
    faces = numbered(20)
    taught = torch.from_numpy(faces.votes) / 2
    drawn = drawn_pictures(faces.votes, 0, seeded())
    for batch in training_batches(faces, taught, drawn, view("lower-half", 48), 7, STILL, seeded()):
        assert batch.taught is not None
        assert torch.equal(batch.taught, batch.votes / 2)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 30), st.integers(1, 12), st.floats(0.01, 0.5))
def test_of_mixed_pictures_the_labels_are_mixed_alike(
    count: int, batch_size: int, mixup: float
) -> None:
    faces = numbered(count)
    taught = torch.from_numpy(faces.votes) / 2
    drawn = drawn_pictures(faces.votes, 0, seeded())
    how = STILL.model_copy(update={"mixup": mixup})
    batches = training_batches(
        faces, taught, drawn, view("lower-half", 48), batch_size, how, seeded()
    )
    for batch, chosen in zip(batches, torch.split(drawn, batch_size), strict=True):
        values = batch.patches[:, 0, 12, 20]
        torch.testing.assert_close(values, batch.votes[:, 0], rtol=0, atol=1e-3)
        assert batch.taught is not None
        torch.testing.assert_close(batch.taught, batch.votes / 2)
        own = chosen.float()
        following = own.roll(-1)
        mixture = (values - own) / torch.where(following == own, 1.0, following - own)
        assert (mixture >= -1e-3).all()
        assert (mixture <= mixup + 1e-3).all()
        if len(chosen) > 2:
            assert mixture.std() > 0


def test_rare_expressions_are_drawn_more_often() -> None:
    votes = np.zeros((1000, 8), np.float32)
    votes[:990, 0] = 1
    votes[990:, 6] = 1  # fear: one in a hundred
    expected = repeats(torch.from_numpy(votes), 0.04)
    assert expected[0] == 1
    assert float(expected[-1]) == pytest.approx(2)  # sqrt(0.04 / 0.01)
    drawn = drawn_pictures(votes, 0.05, seeded())
    counts = np.bincount(drawn.numpy(), minlength=1000)
    assert (counts[:990] == 1).all()
    assert set(counts[990:]) <= {2, 3}
    assert 20 <= counts[990:].sum() <= 25
    assert not torch.equal(drawn, drawn.sort().values)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.01, 1))
def test_an_epoch_draws_some_of_the_photographs_and_other_ones_the_next_time(
    labelled: int, photographs: int, share: float
) -> None:
    votes = np.eye(8, dtype=np.float32)[np.zeros(labelled, np.int64)]
    generator, seen = seeded(), set()
    for _ in range(40):
        drawn = drawn_pictures(
            votes, 0.05, generator, photographs=photographs, photographs_share=share
        ).tolist()
        assert sorted(number for number in drawn if number < labelled) == list(range(labelled))
        others = [number for number in drawn if number >= labelled]
        assert len(others) == len(set(others)) == math.ceil(photographs * share)
        assert all(number < labelled + photographs for number in others)
        seen |= set(others)
    assert len(seen) >= min(photographs, math.ceil(photographs * share) + 1)
