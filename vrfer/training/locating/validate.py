"""Measures the locator on the validation photographs, bare and with the same headset drawn in."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vrfer.locator import LocatorMeasures
from vrfer.square import Square
from vrfer.training.locating.answering import Ask
from vrfer.training.locating.photographs import Photographs
from vrfer.training.locating.refine import Judged, Views, refined
from vrfer.training.locating.samples import is_far
from vrfer.training.locating.scenes import POINTS, Scene, Truth, face_scene

_CORNERS = [POINTS.index(61), POINTS.index(291)]
_CHIN = POINTS.index(152)
_AROUND = 4
"""Random starts beside each face."""


@dataclass(frozen=True, slots=True, eq=False)
class CheckSet:
    """Fixed scenes with the squares to begin from."""

    bare: list[Scene]
    worn: list[Scene]
    starts: list[Square]
    beside: list[tuple[int, Square]]
    """Index of a scene with a headset, and a square somewhere around its face."""


def check_set(faces: Photographs, *, seed: int) -> CheckSet:
    """Draw the validation scenes; the same seed gives the same ones."""
    bare: list[Scene] = []
    worn: list[Scene] = []
    starts, beside = [], []
    for index in range(len(faces)):
        for scenes, headset in ((bare, False), (worn, True)):
            rng = np.random.default_rng([seed, 78, index])
            scenes.append(face_scene(faces, index, rng, headset=headset))
        rng = np.random.default_rng([seed, 77, index])
        right = _truth(worn[-1]).square
        starts.append(_near(right, 0.06, 0.12, rng))
        beside += [(index, _near(right, 0.6, 0.35, rng)) for _ in range(_AROUND)]
    return CheckSet(bare, worn, starts, beside)


def validate(ask: Ask, checks: CheckSet) -> LocatorMeasures:
    """Measure a locator; each square is refined twice from its start."""
    bare, worn = judged_faces(ask, checks)
    mouths = [judged.points[:, _CORNERS].mean(axis=1) for judged in (bare, worn)]
    width = np.array([_truth(scene).width_px for scene in checks.bare])
    told = np.concatenate([bare.headset < 0.5, worn.headset > 0.5])
    return LocatorMeasures(
        bare_error=_error(bare, checks.bare),
        headset_error=_error(worn, checks.worn),
        crop_shift=float(np.median(np.linalg.norm(mouths[0] - mouths[1], axis=1) / width)),
        crop_scale=float(np.median(np.abs(np.log(worn.width_px / bare.width_px)))),
        recall=float((worn.visible > 0.5).mean()),
        false_share=float((verdicts_beside(ask, checks) > 0.5).sum() / max(len(checks.beside), 1)),
        headset_told=float(told.mean()),
    )


def judged_faces(ask: Ask, checks: CheckSet) -> tuple[Judged, Judged]:
    """Return the refined answers about the bare faces and about those with a headset."""
    bare, worn = (
        refined(_views(scenes, checks.starts), ask)[1] for scenes in (checks.bare, checks.worn)
    )
    return bare, worn


def verdicts_beside(ask: Ask, checks: CheckSet) -> NDArray[np.float64]:
    """Return the verdicts on what was found beside the faces, and not led back to them."""
    if not checks.beside:
        return np.zeros(0)
    views = [(checks.worn[index].picture, square) for index, square in checks.beside]
    squares, judged = refined(views, ask)
    away = [
        is_far(square, _truth(checks.worn[index]))
        for (index, _), square in zip(checks.beside, squares, strict=True)
    ]
    return np.asarray(judged.visible[np.array(away)])


def _views(scenes: list[Scene], starts: list[Square]) -> Views:
    return [(scene.picture, start) for scene, start in zip(scenes, starts, strict=True)]


def _error(judged: Judged, scenes: list[Scene]) -> float:
    truth = np.stack([_truth(scene).points for scene in scenes])
    width = np.array([_truth(scene).width_px for scene in scenes])
    mouth = judged.points[:, _CORNERS].mean(axis=1) - truth[:, _CORNERS].mean(axis=1)
    chin = judged.points[:, _CHIN] - truth[:, _CHIN]
    off = (np.linalg.norm(mouth, axis=1) + np.linalg.norm(chin, axis=1)) / 2
    return float((off / width).mean())


def _near(square: Square, shift: float, scale: float, rng: np.random.Generator) -> Square:
    """Return an upright square off by normal deviates: shift in sides, scale in e-folds."""
    x, y = rng.normal(0, shift * square.side, 2)
    factor = math.exp(rng.normal(0, scale))
    return Square(square.x + float(x), square.y + float(y), square.side * factor)


def _truth(scene: Scene) -> Truth:
    if scene.truth is None:
        raise ValueError("the scene shows no face")
    return scene.truth
