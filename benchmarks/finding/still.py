"""A wearer who keeps still before a noisy camera: whatever moves then is the finder's own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finding.asking import FRAMES_PER_S, Result, ask, inside, tracked
from finding.photos import Photograph, as_from_camera
from vrfer.finder import Finder
from vrfer.frames import LowerFace

POSES = ("frontal", "three-quarter", "profile")
FRAMES = 200
SETTLED = 15
"""So many frames a finder may take to settle."""
_NOISE = 4.0
"""Standard deviation in gray levels."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A photograph on which the finder finds the right face."""

    photograph: Photograph
    image: NDArray[np.uint8]


def subjects(finder: Finder, labelled: Sequence[Photograph]) -> list[Subject]:
    """Return the first photograph of each pose on which the finder is right."""
    chosen = []
    for pose in POSES:
        for photograph in labelled:
            if photograph.pose != pose:
                continue
            image, box = as_from_camera(photograph)
            finder.reset()
            face = ask(finder, image)
            if face is not None and inside(face.mouth, box):
                chosen.append(Subject(photograph, image))
                break
    return chosen


def on_still(finder: Finder, labelled: Sequence[Photograph], seed: int) -> Result:
    """Measure how much the answers about an unmoving face scatter."""
    result = Result({})
    for subject in subjects(finder, labelled):
        pose, name = subject.photograph.pose, subject.photograph.path.name
        finder.reset()
        faces: list[LowerFace] = []
        noisy = _noisy(subject.image, np.random.default_rng(seed))
        for index, image in enumerate(tracked(noisy, f"still ({pose})", FRAMES)):
            face = ask(finder, image, index / FRAMES_PER_S)
            if face is not None and index >= SETTLED:
                faces.append(face)
        lost = FRAMES - SETTLED - len(faces)
        if len(faces) < 2:
            result.figures[pose] = {"file": name, "lost": lost}
            result.lines.append(f"{pose}: lost under the noise ({name})")
            continue
        scatter = _scatter(faces)
        result.figures[pose] = {"file": name, "lost": lost} | scatter
        said = ", ".join(f"{what} {value:.2f}" for what, value in scatter.items())
        result.lines.append(f"{pose}: {said} % of the face width; lost {lost} frames ({name})")
    return result


def _noisy(image: NDArray[np.uint8], rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    for _ in range(FRAMES):
        noise = rng.standard_normal(image.shape, np.float32) * np.float32(_NOISE)
        yield np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def _scatter(faces: Sequence[LowerFace]) -> dict[str, float]:
    """Return standard deviations in % of the mean face width; of points, a coordinate's."""
    widths = np.array([face.width_px for face in faces])
    points = {name: np.array([getattr(face, name) for face in faces]) for name in ("mouth", "chin")}
    deviations = {name: float(np.sqrt(one.var(axis=0).mean())) for name, one in points.items()}
    deviations["width"] = float(widths.std())
    return {name: 100 * value / float(widths.mean()) for name, value in deviations.items()}
