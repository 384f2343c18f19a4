"""Finds the wearer's lower face in a picture and follows it from picture to picture.

While a face is followed, the locator alone looks where it must be by now. A thread searches the
whole picture now and then, in case a better face has come: the wearer's, if a bystander's was
taken. A face that is lost is searched for in every
picture, and "no face" is said meanwhile instead of a guess.

This station must know nothing of crops, networks or outputs.
"""

import logging
import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from vrfer.detector import Region
from vrfer.following import SURE, Track
from vrfer.frames import Box, LowerFace
from vrfer.locator import Located
from vrfer.search import TILES, Search, coarse_rounds, coarse_squares, same_face, tiles
from vrfer.square import Square

logger = logging.getLogger(__name__)

_BELIEVED = 0.4
"""Verdict from which on a face in a still picture is believed."""
_BELIEVED_LIVE = 0.6
"""The same in films: more looks have more chances to deceive."""
_KEPT = 0.35
"""Verdict down to which a face that is being followed is kept for the moment."""
_DOUBTED = 0.5
"""A face whose verdict stays below this on average is let go."""
_NARROWEST_PX = 18.0
"""Narrower faces show no expression, and most finds that small are none."""

_MOVED = 0.1
"""After a move by this share of the square, or as much growth, the locator looks once more."""
_FORGET_S = 1.5
"""So long the place of a lost face is looked at first."""
_CUT_GRAY = 24.0
"""Mean change of the picture, in gray levels, that only a cut in a film makes, or light."""
_CUT_ALIKE = 0.5
"""Pictures that correlate as much show the same scene: a lamp was switched on. At cuts in films
0.39 is the most that was seen."""
_CUT_SIZE = (32, 18)

_GLANCE_S = 0.8
"""So often the whole picture is searched while a face is followed."""
_GLANCE_FRAMES = 8
"""After so many pictures the result is used, ready or not, so that files read the same twice ..."""
_GLANCE_LASTS_S = 0.25
"""... or after so long on their clock, which is sooner where a camera is slow."""
_IDLE_AFTER_S = 30.0
"""Where nobody was seen for so long ..."""
_IDLE_EVERY_S = 0.095
"""... only so often is searched: the scene that runs beside it has better use for the processor."""
_BACKWARDS_S = 1.0
"""A clock that goes back by more has been set anew: what came before is forgotten."""
_STILL_S = 1 / 30
"""Time between pictures that come without one."""


class Finder:
    """Finds and follows one lower face; a context manager."""

    def __init__(self, models: Path, *, region: Box | None = None) -> None:
        """Load the detectors and the locator.

        Args:
            models: Folder with their files.
            region: Look only here, in pixels of the picture; None is everywhere.

        Raises:
            ModelContractError: A file is missing or broken.
        """
        self.region = region
        self._search = Search(models)
        self._said_outside: tuple[Box | None, tuple[int, ...]] | None = None
        self._glance: _Glance | None = None
        self._person = 0
        self._place: Square | None = None
        self.reset()

    def __enter__(self) -> Self:
        """Return the finder itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the networks."""
        self.close()

    def close(self) -> None:
        """Release the networks; later calls do nothing."""
        try:
            self._take_glance()
        finally:
            self._search.close()

    def reset(self) -> None:
        """Forget the face that is being followed; the next one may be another person's."""
        self._take_glance()
        if self._place is not None:
            self._person += 1
        self._track: Track | None = None
        self._glanced_s = -math.inf
        self._rival: Square | None = None
        self._now_s = 0.0
        self._seen_s: float | None = None
        self._searched_s = -math.inf
        self._tiny: NDArray[np.float32] | None = None
        self._rounds: Iterator[list[Square]] = iter(())
        self._tiles: Iterator[Region] = iter(())
        self._turn = 0
        self._shape: tuple[int, ...] = ()
        self._place = None

    def find(self, image: NDArray[np.uint8], at_s: float | None = None) -> LowerFace | None:
        """Return the followed face, else the best face, or None.

        Args:
            image: H x W x 3, uint8, BGR.
            at_s: The picture's time on any steady clock, in seconds; None is a thirtieth of a
                second after the last one. The first picture without a time after a `reset` is
                searched thoroughly, as a still.

        Raises:
            ValueError: The picture has another shape or type, or the finder is closed.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise ValueError(f"expected a uint8 picture (H, W, 3), got {image.dtype} {image.shape}")
        if self._search.closed:
            raise ValueError("the finder is closed")
        part, (left, top) = _part(image, self.region)
        if min(part.shape[:2]) < _NARROWEST_PX:
            self._say_outside(image)
            return None
        turned_back = at_s is not None and at_s < self._now_s - _BACKWARDS_S
        if part.shape != self._shape or turned_back:
            self.reset()
            self._shape = part.shape
            self._rounds, self._tiles = coarse_rounds(part.shape), tiles(part.shape)
        still = at_s is None and self._tiny is None
        self._now_s = self._now_s + _STILL_S if at_s is None else at_s
        self._seen_s = self._now_s if self._seen_s is None else self._seen_s
        face = self._find(part, still)
        if face is None:
            return None
        assert self._track is not None
        self._seen_s = self._now_s
        self._place = self._track.found.square
        return _moved(replace(face, person=self._person), left, top)

    def _say_outside(self, image: NDArray[np.uint8]) -> None:
        """Say once that the region leaves nothing to look at: a camera may give other sizes."""
        if self.region is not None and self._said_outside != (self.region, image.shape):
            self._said_outside = self.region, image.shape
            left, top, right, bottom = self.region
            logger.warning(
                "no face can be found: of the region %g,%g,%g,%g next to nothing lies in the "
                "picture, which is %dx%d",
                left, top, right, bottom, image.shape[1], image.shape[0],
            )  # fmt: skip

    def _find(self, image: NDArray[np.uint8], still: bool) -> LowerFace | None:
        cut = self._cut(image)
        if cut:
            self._seen_s = self._now_s  # a new scene is searched as the first one was
        track = self._track
        found = None if track is None or track.let_go else self._follow(image, track)
        if cut and (found is None or found.visible < SURE):
            self._track = found = None
        if self._track is not None:
            better = None if found is None else self._look_around(image, self._track)
            if better is not None:
                return self._begin(better)
            if found is not None:
                face = self._track.update(found, self._now_s)
                if self._track.verdict >= _DOUBTED:
                    return face
                self._track.let_go = True
        found = self._lost(image, still)
        return None if found is None else self._begin(found)

    def _cut(self, image: NDArray[np.uint8]) -> bool:
        """Say whether a film has gone on to another scene."""
        small = cv2.resize(image, _CUT_SIZE, interpolation=cv2.INTER_AREA)
        tiny = small.mean(axis=2, dtype=np.float32)
        before, self._tiny = self._tiny, tiny
        if before is None or float(np.abs(tiny - before).mean()) <= _CUT_GRAY:
            return False
        alike = cv2.matchTemplate(tiny, before, cv2.TM_CCOEFF_NORMED)
        return float(alike[0, 0]) < _CUT_ALIKE

    def _follow(self, image: NDArray[np.uint8], track: Track) -> Located | None:
        """Return the face near where it must be by now, if it is still there."""
        if track.lost_s(self._now_s) > _FORGET_S:
            return None
        locator, expected = self._search.locator, track.expected(self._now_s)
        (found,) = locator.judge(image, [expected], mirrored_too=True)
        if _far_apart(found.square, expected):
            (found,) = locator.judge(image, [found.square], mirrored_too=True)
        if found.visible < _KEPT:
            around = locator.judge(image, _around(expected))
            again = max(around, key=lambda one: one.visible)
            (found,) = locator.judge(image, [again.square], mirrored_too=True)
        return found if self._fitting([found], _KEPT) else None

    def _lost(self, image: NDArray[np.uint8], still: bool) -> Located | None:
        """Search the whole picture for the face that was lost, or for any."""
        self._take_glance()
        if not still and self._rests():
            return None
        best = self._search_all(image) if still else self._search_some(image)
        track = self._track
        if track is None:
            return best
        if best is not None:
            waited = track.lost_s(self._now_s) > track.wait_s(best)
            if waited or same_face(best.square, track.found.square):
                return best
        # Where a face was doubted for long, a single look has deceived often enough.
        return None if track.let_go else self._look_where_it_was(image, track)

    def _rests(self) -> bool:
        """Whether this picture is not searched, for nobody was seen for long."""
        idle = self._seen_s is not None and self._now_s - self._seen_s > _IDLE_AFTER_S
        return idle and 0 <= self._now_s - self._searched_s < _IDLE_EVERY_S

    def _look_where_it_was(self, image: NDArray[np.uint8], track: Track) -> Located | None:
        """Return the face at the place where it was lost: most hands and heads come back there."""
        (rough,) = self._search.locator.judge(image, [track.found.square])
        found = self._search.locator.judge(image, [rough.square], mirrored_too=True)
        return _meant(self._fitting(found, SURE))

    def _search_some(self, image: NDArray[np.uint8]) -> Located | None:
        """Search by the means whose turn it is: a picture must not wait for all of them."""
        self._searched_s = self._now_s
        turn, self._turn = self._turn % 4, self._turn + 1
        if turn == 1:
            found = self._search.look(image, next(self._tiles))
        elif turn == 3:
            found = self._search.comb(image, next(self._rounds))
        else:
            found = self._search.look(image)
        return _meant(self._fitting(found, _BELIEVED_LIVE))

    def _search_all(self, image: NDArray[np.uint8]) -> Located | None:
        """Search by all means."""
        whole = self._search.look(image)
        best = _meant(self._fitting(whole, SURE))
        if best is not None:
            return best
        views = [next(self._tiles) for _ in range(TILES)]
        closer = [one for view in views for one in self._search.look(image, view)]
        combed = self._search.comb(image, coarse_squares(image.shape))
        best = _meant(self._fitting([*whole, *closer, *combed], _BELIEVED))
        return None if best is None else self._search.look_again(image, best)

    def _look_around(self, image: NDArray[np.uint8], track: Track) -> Located | None:
        """Return a face that is meant more than the followed one, if there is one.

        The whole picture is searched in a thread; what it finds must be found twice.
        """
        if self._glance is None:
            if self._now_s - self._glanced_s >= _GLANCE_S or self._now_s < self._glanced_s:
                self._glanced_s = self._now_s
                self._glance = _Glance(self._search, image)
            return None
        self._glance.frames -= 1
        if self._glance.frames > 0 and 0 <= self._now_s - self._glanced_s < _GLANCE_LASTS_S:
            return None
        rival = _meant(
            [
                one
                for one in self._fitting(self._take_glance(), _BELIEVED_LIVE)
                if not same_face(one.square, track.found.square) and track.yields_to(one)
            ]
        )
        if rival is None:
            self._rival = None
            return None
        known, self._rival = self._rival, rival.square
        if known is None or not same_face(known, rival.square):
            self._glanced_s = -math.inf
            return None
        (again,) = self._search.locator.judge(image, [rival.square], mirrored_too=True)
        return again if self._fitting([again], _BELIEVED_LIVE) and track.yields_to(again) else None

    def _take_glance(self) -> list[Located]:
        """Return what the thread found; it must not use the detectors while we do."""
        if self._glance is None:
            return []
        # It is forgotten only once it has ended: its detectors must not be closed under it.
        self._glance.wait()
        glance, self._glance = self._glance, None
        return glance.found

    def _fitting(self, found: list[Located], believed: float) -> list[Located]:
        """Return the answers that are believed and large enough."""
        return [one for one in found if one.visible >= believed and one.width_px >= _NARROWEST_PX]

    def _begin(self, found: Located) -> LowerFace:
        if self._place is not None and not same_face(found.square, self._place):
            self._person += 1
        self._track = Track(found, self._now_s)
        self._rival, self._turn = None, 0
        return self._track.update(found, self._now_s)


class _Glance:
    """A search of one whole picture in a thread of its own."""

    def __init__(self, search: Search, image: NDArray[np.uint8]) -> None:
        self.frames = _GLANCE_FRAMES
        """Pictures until its result is used."""
        self.found: list[Located] = []
        """What was found; empty while it runs, and where the search failed."""
        self._search, self._image = search, image.copy()
        self._thread = threading.Thread(target=self._run, name="vrfer-glance", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self.found = self._search.look(self._image)
        except Exception:  # the face at hand is followed all the same
            logger.exception("the search beside the followed face failed")


def lower_face_box(face: LowerFace) -> Box:
    """Return the box of the visible lower face: headset's edge to chin, cheek to cheek.

    Args:
        face: The face, in pixels.

    Returns:
        x0, y0, x1, y1 in pixels, upright; that of a face seen from the front, turned as this one,
        where the finder did not say it.
    """
    if face.box is not None:
        return face.box
    roll, width = face.roll_rad, face.width_px
    down = np.array([-math.sin(roll), math.cos(roll)])
    right = np.array([down[1], -down[0]])
    upper = np.array(face.mouth) - 0.34 * width * down
    lower = np.array(face.chin) + 0.05 * width * down
    corners = [
        middle + side * 0.95 * right * width / 2 for middle in (upper, lower) for side in (-1, 1)
    ]
    x0, y0 = np.min(corners, axis=0)
    x1, y1 = np.max(corners, axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _rank(found: Located) -> float:
    """Return how much a face is meant: a wearer before a bystander, then the surer and larger.

    A doubtful wearer does not go before a sure bare face: the fourth power sees to that.
    """
    return found.visible**4 * (0.5 + 0.5 * found.headset) * math.sqrt(found.width_px)


def _meant(found: list[Located]) -> Located | None:
    """Return the face that is meant, or None where there is none."""
    return max(found, key=_rank, default=None)


def _far_apart(one: Square, other: Square) -> bool:
    """Say whether the verdict about one square says little about the other."""
    off = math.hypot(one.x - other.x, one.y - other.y) / other.side
    return (
        off > _MOVED
        or abs(math.log(one.side / other.side)) > _MOVED
        or abs(one.tilt_rad - other.tilt_rad) > 0.2
    )


def _around(square: Square) -> list[Square]:
    """Return where a face may have gone that is not where it should be."""
    step = 0.28 * square.side
    places = [(0, 0), (step, 0), (-step, 0), (0, step), (0, -step)]
    return [replace(square, x=square.x + x, y=square.y + y) for x, y in places]


def _part(
    image: NDArray[np.uint8], region: Box | None
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return what of the picture may be looked at, and where its corner is."""
    if region is None:
        return image, (0, 0)
    height, width = image.shape[:2]
    x0, y0 = max(0, round(region[0])), max(0, round(region[1]))
    x1, y1 = min(width, round(region[2])), min(height, round(region[3]))
    return np.ascontiguousarray(image[y0 : max(y1, y0), x0 : max(x1, x0)]), (x0, y0)


def _moved(face: LowerFace, left: int, top: int) -> LowerFace:
    """Return the face in the whole picture's pixels."""
    if left == top == 0:
        return face
    box = face.box
    return replace(
        face,
        mouth=(face.mouth[0] + left, face.mouth[1] + top),
        chin=(face.chin[0] + left, face.chin[1] + top),
        box=None if box is None else (box[0] + left, box[1] + top, box[2] + left, box[3] + top),
    )
