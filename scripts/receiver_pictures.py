"""Pictures of real runs: the face that Godot 3 drew, and the page of a recording."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from app_runs import CLIP, Running, app
from numpy.typing import NDArray
from receiver_clip import RULES, short_clip
from receiver_engines import godot
from receiver_trials import Sent, Tap

from vrfer.command_line import DONE

FACES: Final = ("neutral", "happiness", "surprise", "event")
TILE_PX: Final = 300
CAPTION_PX: Final = 34
COLORS: Final = 128
PAGE_PX: Final = (1000, 1380)
"""Its upper part: timeline, shares, changes."""
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")


def draw_faces(folder: Path) -> Path:
    """Send the clip to Godot 3 and write a sheet of what it drew; return its path.

    Raises:
        ValueError: vrfer failed, or the engine did not draw one of the faces.
    """
    with tempfile.TemporaryDirectory(prefix="vrfer-faces-") as name:
        place = Path(name)
        clip = place / "clip.mp4"
        short_clip(clip)
        with Tap() as tap, godot("generic", place) as trial:
            # At the clip's own pace, as a person would see it.
            play(place, clip, "--osc", f"127.0.0.1:{trial.port}", "--osc", f"127.0.0.1:{tap.port}")
            verdict = trial.verdict(Sent("generic", tap.all()))
        if not verdict.is_good:
            raise ValueError(f"Godot 3: {verdict}")
        tiles = [tile(place / f"face-{face}.png", face) for face in FACES]
    return few_colors(np.hstack(tiles), folder / "godot-face.png")


def play(folder: Path, clip: Path, *options: str | Path) -> None:
    """Run vrfer on a clip with the rule.

    Raises:
        ValueError: It failed.
    """
    rules = folder / "rules.toml"
    rules.write_text(RULES, encoding="utf-8")
    command = app("run", "--source", clip, "--headless", "--rules", rules, *options)
    with Running(command, folder / "run.txt") as run:
        if run.ended() != DONE:
            raise ValueError(f"vrfer-app run failed: {run.lines}")


def tile(path: Path, caption: str) -> NDArray[np.uint8]:
    """Return a picture in its size on the sheet, with a caption below.

    Raises:
        ValueError: It is not there.
    """
    picture = cv2.imread(str(path))
    if picture is None:
        raise ValueError(f"Godot 3 has not drawn {path.name}")
    small = cv2.resize(picture, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA)
    below = np.full((CAPTION_PX, TILE_PX, 3), 255, np.uint8)
    font = cv2.FONT_HERSHEY_DUPLEX
    (width, _), _ = cv2.getTextSize(caption, font, 0.7, 1)
    at = ((TILE_PX - width) // 2, CAPTION_PX - 10)
    cv2.putText(below, caption, at, font, 0.7, (60, 50, 40), 1, cv2.LINE_AA)
    return np.vstack([small, below]).astype(np.uint8)


def draw_report(folder: Path) -> list[Path]:
    """Record the whole clip and write the picture of its report; return its path.

    With a browser it is the page, else the timeline alone.

    Raises:
        ValueError: vrfer failed, or the browser did.
    """
    with tempfile.TemporaryDirectory(prefix="vrfer-report-") as name:
        place = Path(name)
        recording, page, timeline = (place / f"session.{end}" for end in ("csv", "html", "png"))
        play(place, CLIP, "--record", recording)
        subprocess.run(
            app("report", recording, "--out", page, "--png", timeline),
            check=True,
            capture_output=True,
        )
        browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if browser is None:
            taken = timeline
        else:
            taken = place / "page.png"
            width, height = PAGE_PX
            options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
            window = f"--window-size={width},{height}"
            subprocess.run(
                [browser, *options, window, f"--screenshot={taken}", page.as_uri()],
                check=True,
                capture_output=True,
                timeout=120,
            )
        picture = cv2.imread(str(taken))
        if picture is None:
            raise ValueError(f"there is no picture {taken.name}")
    return [few_colors(without_margin(picture), folder / "report.png")]


def without_margin(picture: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return a picture without the empty rows at its end."""
    same = (picture == picture[-1, 0]).all(axis=(1, 2))
    end = len(picture) - int(np.argmin(same[::-1]))
    return picture[: min(len(picture), end + 24)].astype(np.uint8)


def few_colors(picture: NDArray[np.uint8], path: Path) -> Path:
    """Write a picture with few colours, for pages must be small; return its path."""
    from PIL import Image

    whole = Image.fromarray(np.ascontiguousarray(picture[:, :, ::-1]))
    whole.quantize(COLORS, kmeans=4).save(path, optimize=True)
    return path
