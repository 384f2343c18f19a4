"""The demo clip that ships: it opens, and it lasts as long as its list of expressions says."""

import json
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from vrfer.expressions import EXPRESSIONS

ASSETS = Path(__file__).parents[1] / "assets"
CLIP = ASSETS / "demo.mp4"
SEGMENTS = json.loads((ASSETS / "demo.json").read_text(encoding="utf-8"))


def read_frames() -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(CLIP))
    frames = []
    while True:
        more, frame = capture.read()
        if not more:
            capture.release()
            return frames
        frames.append(frame)


def test_every_frame_can_be_read_and_the_clip_ends_with_its_last_segment() -> None:
    frames = read_frames()
    assert {frame.shape for frame in frames} == {(480, 640, 3)}
    assert len(frames) / 30 == pytest.approx(SEGMENTS[-1]["end_s"], abs=0.05)


def test_the_clip_stays_small_enough_for_the_repository() -> None:
    assert CLIP.stat().st_size < 2**20


def test_segments_follow_each_other_and_name_our_expressions() -> None:
    for segment in SEGMENTS:
        assert segment["expression"] in EXPRESSIONS
        assert segment["start_s"] < segment["end_s"]
    assert all(one["end_s"] <= two["start_s"] for one, two in pairwise(SEGMENTS))


def test_the_same_expressions_are_shown_without_and_with_headset() -> None:
    bare, worn = (
        {s["expression"] for s in SEGMENTS if s["headset"] is headset} for headset in (False, True)
    )
    assert bare == worn == {"neutral", "happiness", "surprise", "sadness", "anger"}


def test_the_headset_hides_the_eyes() -> None:
    frames = read_frames()

    def brightness(segment: dict[str, float], rows: slice) -> float:
        middle = frames[round((segment["start_s"] + segment["end_s"]) / 2 * 30)]
        return float(middle[rows, 270:370].mean())

    bare, worn = ([s for s in SEGMENTS if s["headset"] is headset] for headset in (False, True))
    eyes = slice(170, 220)
    assert max(brightness(s, eyes) for s in worn) < 70 < min(brightness(s, eyes) for s in bare)
