"""What every receiver is sent: the built-in clip with fewer pictures, and a rule with events."""

from pathlib import Path
from typing import Final

import cv2
from app_runs import CLIP

STRIDE: Final = 5
"""Every so many pictures of the clip are sent: all its expressions, in a fifth of the time."""
RULES: Final = """\
schema_version = 1
[[rules]]
name = "calm"
expression = "happiness"
above = 0.5
for_s = 0.2
below = 0.4
back_s = 0.2
cool_down_s = 0.0
"""


def short_clip(path: Path) -> None:
    """Write the built-in clip with fewer pictures, in the time of the whole one."""
    clip = cv2.VideoCapture(str(CLIP))
    size = (int(clip.get(cv2.CAP_PROP_FRAME_WIDTH)), int(clip.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    fps = clip.get(cv2.CAP_PROP_FPS) / STRIDE
    written = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
    number = 0
    while (found := clip.read())[0]:
        if number % STRIDE == 0:
            written.write(found[1])
        number += 1
    written.release()
    clip.release()
