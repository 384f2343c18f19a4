"""Finds what the network takes for a face and is none: the negatives that matter."""

import math

import numpy as np

from vrfer.square import Square
from vrfer.training.locating.answering import Ask
from vrfer.training.locating.photographs import LocatorData
from vrfer.training.locating.refine import refined
from vrfer.training.locating.samples import Mined, is_far
from vrfer.training.locating.scenes import SceneKey, make_scene

_FACES, _TURNED, _ROOMS, _STARTS = 100, 130, 150, 12
_BELIEVED = 0.05


def mine(ask: Ask, data: LocatorData, *, seed: int) -> list[Mined]:
    """Search fresh scenes from random starts, and return the finds that are false.

    Photographs in which more than one face was found are left out: what is found there may be
    the other one.
    """
    rng = np.random.default_rng(seed)
    alone = np.flatnonzero(data.train.alone)
    turnable = np.intersect1d(alone, data.train.turnable)
    keys = [SceneKey("face", int(i), int(rng.integers(2**31))) for i in rng.choice(alone, _FACES)]
    keys += [
        SceneKey("turned", int(i), int(rng.integers(2**31))) for i in rng.choice(turnable, _TURNED)
    ]
    keys += [
        SceneKey("room", int(i), int(rng.integers(2**31)))
        for i in rng.integers(len(data.rooms), size=_ROOMS)
    ]
    scenes = [make_scene(data, key) for key in keys]
    views, origin = [], []
    for number, scene in enumerate(scenes):
        height, width = scene.picture.shape[:2]
        for _ in range(_STARTS):
            if scene.truth is not None:
                # Near the head: farther away an unlabelled face may be found.
                near = scene.truth.square
                x, y = rng.normal([near.x, near.y + 0.1 * near.side], 0.6 * near.side)
                side = near.side * math.exp(rng.uniform(-0.5, 0.4))
            else:
                x, y = rng.uniform(0, width), rng.uniform(0, height)
                side = min(height, width) * math.exp(rng.uniform(math.log(0.15), 0))
            views.append((scene.picture, Square(x, y, side, rng.normal(0, 0.15))))
            origin.append(number)
    squares, judged = refined(views, ask)
    found = []
    for number, square, score in zip(origin, squares, judged.visible, strict=True):
        truth = scenes[number].truth
        if score > _BELIEVED and (truth is None or is_far(square, truth)):
            found.append(Mined(keys[number], square))
    return found
