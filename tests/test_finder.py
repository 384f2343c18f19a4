"""The finder on real pictures: a public-domain portrait, and photographs where the data is.

Long, as the tests of one module stand in one file.
"""

import csv
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from portrait import WIDTH, Picture, expect, portrait, warp

from vrfer.detector import Region
from vrfer.errors import ModelContractError
from vrfer.finder import Finder, lower_face_box
from vrfer.frames import LowerFace
from vrfer.locator import Located
from vrfer.search import Search
from vrfer.square import Square

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "models"
DATA = Path(os.environ.get("VRFER_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="module")
def loaded() -> Iterator[Finder]:
    with Finder(MODELS) as finder:
        yield finder


@pytest.fixture
def finder(loaded: Finder) -> Iterator[Finder]:
    yield loaded
    loaded.reset()


@pytest.mark.parametrize("headset", [False, True])
@pytest.mark.parametrize(
    ("scale", "degrees", "mirrored"),
    [(1, 0, False), (0.5, 0, False), (2, 0, False), (1, 15, False), (1, -15, False), (1, 0, True)],
)
def test_finds_the_portrait(
    finder: Finder, headset: bool, scale: float, degrees: float, mirrored: bool
) -> None:
    matrix = cv2.getRotationMatrix2D((220, 130), degrees, 1.0)
    if mirrored:
        matrix = np.array([[-1.0, 0, 511], [0, 1, 0]])
    matrix = matrix * scale
    size = round(512 * scale)
    face = finder.find(warp(portrait(headset=headset), matrix, (size, size)))
    expect(face, matrix)


def test_the_tilt_is_the_heads(finder: Finder) -> None:
    level = finder.find(portrait())
    turn = cv2.getRotationMatrix2D((220, 130), -15, 1.0)  # clockwise
    finder.reset()
    tilted = finder.find(warp(portrait(), turn, (512, 512)))
    assert level is not None
    assert tilted is not None
    assert math.degrees(tilted.roll_rad - level.roll_rad) == pytest.approx(15, abs=4)


def test_a_huge_picture_keeps_its_own_pixels(finder: Finder) -> None:
    canvas = np.full((2250, 4000, 3), 128, np.uint8)
    grown = cv2.resize(portrait(headset=True), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    canvas[600 : 600 + 1536, 1800 : 1800 + 1536] = grown
    expect(finder.find(canvas), np.array([[3.0, 0, 1801], [0, 3, 601]]))


def test_a_small_face_is_seen_the_same_when_searched_and_when_followed(finder: Finder) -> None:
    canvas = np.full((720, 1280, 3), 110, np.uint8)
    canvas[200 : 200 + 512, 500 : 500 + 512] = portrait()
    matrix = np.array([[1.0, 0, 500], [0, 1, 200]])
    for _ in range(12):
        expect(finder.find(canvas), matrix)


def test_following_does_not_make_a_still_face_jump(finder: Finder) -> None:
    faces = [finder.find(portrait(headset=True)) for _ in range(25)]
    mouths = np.array([face.mouth for face in faces if face is not None])
    widths = np.array([face.width_px for face in faces if face is not None])
    assert len(mouths) == 25
    assert np.ptp(mouths, axis=0).max() < 0.02 * WIDTH
    assert np.ptp(widths) < 0.02 * WIDTH


def pair(left: float, right: float) -> tuple[Picture, NDArray[np.float64], NDArray[np.float64]]:
    """Two portraits side by side, each with its own size; and their matrices."""
    canvas = np.full((512, 1024, 3), 110, np.uint8)
    matrices = []
    for scale, start in ((left, 0), (right, 512)):
        side = round(512 * scale)
        canvas[:side, start : start + side] = cv2.resize(portrait(), (side, side))
        matrices.append(np.array([[scale, 0, start], [0, scale, 0]], float))
    return canvas, matrices[0], matrices[1]


def test_the_nearer_of_two_faces_is_chosen(finder: Finder) -> None:
    canvas, left, _ = pair(1.0, 0.6)
    expect(finder.find(canvas), left)
    finder.reset()
    canvas, _, right = pair(0.6, 1.0)
    expect(finder.find(canvas), right)


def test_the_followed_face_is_kept_when_a_nearer_one_comes(finder: Finder) -> None:
    canvas, left, right = pair(0.8, 1.0)
    alone = canvas.copy()
    alone[:, 512:] = 110
    expect(finder.find(alone), left)
    for _ in range(12):
        expect(finder.find(canvas), left)
    finder.reset()
    expect(finder.find(canvas), right)


def hidden(picture: Picture, matrix: NDArray[np.float64]) -> Picture:
    """Return the picture with a plain patch over one portrait's lower face."""
    covered = picture.copy()
    x, y = matrix @ [219, 150, 1.0]
    reach = 70 * matrix[0, 0]
    cv2.circle(covered, (round(x), round(y)), round(reach), (110, 110, 110), -1)
    return covered


def test_a_hidden_face_is_waited_for_before_another_takes_over(finder: Finder) -> None:
    canvas, left, right = pair(1.0, 0.9)
    expect(finder.find(canvas, 0.0), left)
    covered = hidden(canvas, left)
    finds = [finder.find(covered, n / 30) for n in range(1, 45)]
    assert finds[0] is None, "another face took over at once"
    expect(finds[-1], right)


def test_a_wearer_is_waited_for_longer_before_a_bystander_takes_over(finder: Finder) -> None:
    canvas, left, right = pair(1.0, 0.9)
    canvas[:, :512] = portrait(headset=True)
    expect(finder.find(canvas, 0.0), left)
    covered = hidden(canvas, left)
    finds = {n: finder.find(covered, n / 30) for n in range(1, 100)}
    assert all(finds[n] is None for n in range(1, 74))  # heads turn away all the time
    expect(finds[99], right)


def test_where_a_face_was_lost_it_is_found_again_whenever_it_comes_back(
    finder: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(finder.find(portrait(headset=True), 0.0), np.eye(2, 3))
    covered = hidden(portrait(headset=True), np.eye(2, 3))
    for n in range(1, 30):
        assert finder.find(covered, n / 10) is None
    # Detectors do not see every headset.
    monkeypatch.setattr(Search, "look", lambda *_: [])
    monkeypatch.setattr(Search, "comb", lambda *_: [])
    expect(finder.find(portrait(headset=True), 3.0), np.eye(2, 3))


@pytest.mark.parametrize(("rate_hz", "least", "most"), [(30, 9, 13), (5, 4, 6)])
def test_where_nobody_is_searches_are_few_after_a_while(
    finder: Finder, monkeypatch: pytest.MonkeyPatch, rate_hz: int, least: int, most: int
) -> None:
    """The scene that runs beside it has better use for the processor."""
    empty = np.full((240, 320, 3), 110, np.uint8)
    searches: list[float] = []
    monkeypatch.setattr(Search, "look", lambda *_: searches.append(now_s) or [])
    monkeypatch.setattr(Search, "comb", lambda *_: searches.append(now_s) or [])
    for n in (*range(3 * rate_hz), *range(31 * rate_hz, 33 * rate_hz)):
        now_s = n / rate_hz
        assert finder.find(empty, now_s) is None
    in_the_second = [sum(second <= at < second + 1 for at in searches) for second in (2, 32)]
    assert in_the_second[0] == pytest.approx(rate_hz, abs=1)
    assert least <= in_the_second[1] <= most


def test_a_face_that_comes_back_is_found_at_once(finder: Finder) -> None:
    canvas, left, _ = pair(1.0, 0.9)
    finder.find(canvas, 0.0)
    first = finder.find(canvas, 0.5 / 30)
    for n in range(1, 12):
        assert finder.find(hidden(canvas, left), n / 30) is None
    again = finder.find(canvas, 12 / 30)
    expect(again, left)
    assert first is not None
    assert again is not None
    assert first.person == again.person


def test_a_cut_in_a_film_leads_to_the_new_face_at_once(finder: Finder) -> None:
    canvas, left, _ = pair(1.0, 0.9)
    expect(finder.find(canvas, 0.0), left)
    other = 255 - np.asarray(np.roll(255 - canvas, 300, axis=1))
    bright = cv2.addWeighted(other, 0.6, np.full_like(other, 255), 0.4, 0)
    assert finder.find(np.asarray(bright, np.uint8), 1 / 30) is not None


def test_a_moving_face_is_followed_closely(finder: Finder) -> None:
    for n in range(30):
        matrix = np.array([[1.0, 0, 6 * n], [0, 1, 3 * n]])
        expect(finder.find(warp(portrait(), matrix, (768, 640)), n / 30), matrix, within=0.12)


def test_the_wearer_is_preferred_to_a_larger_bare_face(finder: Finder) -> None:
    canvas, left, _ = pair(0.7, 1.0)
    canvas[:358, :358] = cv2.resize(portrait(headset=True), (358, 358))
    expect(finder.find(canvas), left)


def test_the_wearer_takes_the_place_of_a_bystander(finder: Finder) -> None:
    canvas, left, right = pair(1.0, 1.0)
    expect(finder.find(canvas[:, :512].copy()), left)
    finder.reset()
    alone = canvas.copy()
    alone[:, :512] = 110
    expect(finder.find(alone, 0.0), right)
    canvas[:, :512] = portrait(headset=True)
    finds = [finder.find(canvas, n / 30) for n in range(1, 90)]
    expect(finds[0], right)
    expect(finds[-1], left)
    assert finds[0] is not None
    assert finds[-1] is not None
    assert finds[0].person != finds[-1].person


class Stage:
    """Stands in for the networks: what they say of a wearer and of a bystander is prescribed."""

    closed = False

    def __init__(self, models: Path) -> None:
        self.locator = self
        self.verdicts = {WEARER: 0.95, BYSTANDER: 0.9}

    def look(self, image: Picture, view: Region | None = None) -> list[Located]:
        return [self._answer(place) for place in self.verdicts]

    def comb(self, image: Picture, squares: Sequence[Square]) -> list[Located]:
        return self.look(image)

    def judge(
        self, image: Picture, squares: Sequence[Square], *, mirrored_too: bool = False
    ) -> list[Located]:
        return [
            self._answer(min(self.verdicts, key=lambda place: abs(place - square.x)))
            for square in squares
        ]

    def look_again(self, image: Picture, found: Located) -> Located:
        return found

    def close(self) -> None:
        self.closed = True

    def _answer(self, place: float) -> Located:
        # Of a face seen from the front, 100 px wide.
        points = np.array(
            [[-20, 0], [20, 0], [0, -6], [0, 6], [0, 45], [-40, 20], [40, 20], [-48, -20],
             [48, -20], [0, -30], [0, -20]], float,
        ) + np.array([place, 240.0])  # fmt: skip
        return Located(
            asked=Square(place, 240.0, 160.0),
            points=points,
            spread_px=np.ones(11),
            width_px=100.0,
            yaw_rad=0.0,
            pitch_rad=0.0,
            tilt_rad=0.0,
            visible=self.verdicts[place],
            headset=0.95 if place == WEARER else 0.05,
        )


WEARER, BYSTANDER = 160.0, 480.0
ROOM = np.linspace(0, 100, 480 * 640 * 3).astype(np.uint8).reshape(480, 640, 3)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Finder, Stage]]:
    """A finder that has begun to follow the wearer, and what it is told of both faces."""
    made: list[Stage] = []
    monkeypatch.setattr(
        "vrfer.finder.Search", lambda models: made.append(Stage(models)) or made[-1]
    )
    with Finder(MODELS) as finder:
        assert seen_at(finder, ROOM, 0.0) == WEARER
        yield finder, made[0]


def seen_at(finder: Finder, picture: Picture, at_s: float) -> float | None:
    face = finder.find(picture, at_s)
    return None if face is None else round(face.mouth[0])


@pytest.mark.parametrize("verdict", [0.62, 0.7, 0.78])
def test_a_doubtful_wearer_keeps_the_scene_beside_a_sure_bystander(
    stage: tuple[Finder, Stage], verdict: float
) -> None:
    finder, told = stage
    told.verdicts[WEARER] = verdict
    assert {seen_at(finder, ROOM, n / 30) for n in range(1, 300)} == {WEARER}


@pytest.mark.parametrize("verdict", [0.34, 0.36, 0.45])
def test_a_wearer_who_is_half_hidden_is_waited_for_as_one_who_is_hidden(
    stage: tuple[Finder, Stage], verdict: float
) -> None:
    finder, told = stage
    told.verdicts[WEARER] = verdict
    seen = {n / 30: seen_at(finder, ROOM, n / 30) for n in range(1, 180)}
    assert BYSTANDER not in {place for at_s, place in seen.items() if at_s < 2.4}
    assert seen[max(seen)] == BYSTANDER


def test_a_half_hidden_wearer_who_shows_again_is_the_same_person(
    stage: tuple[Finder, Stage],
) -> None:
    finder, told = stage
    told.verdicts[WEARER] = 0.4
    seen = [finder.find(ROOM, n / 30) for n in range(1, 60)]
    assert seen[-1] is None
    told.verdicts[WEARER] = 0.9
    again = finder.find(ROOM, 2.0)
    assert again is not None
    assert seen[0] is not None
    assert again.person == seen[0].person


def test_a_lamp_that_is_switched_on_is_no_cut(stage: tuple[Finder, Stage]) -> None:
    finder, told = stage
    told.verdicts[WEARER] = 0.75
    assert {seen_at(finder, ROOM + np.uint8(80), n / 30) for n in range(1, 60)} == {WEARER}
    elsewhere = ROOM[::-1].copy()
    assert seen_at(finder, elsewhere, 2.0) == BYSTANDER


def test_only_the_region_is_looked_at(finder: Finder) -> None:
    canvas, left, right = pair(0.8, 1.0)
    expect(finder.find(canvas), right)
    with Finder(MODELS, region=(0, 0, 500, 500)) as narrow:
        expect(narrow.find(canvas), left)
        narrow.region = (600.0, 0.0, 1024.0, 512.0)
        narrow.reset()
        expect(narrow.find(canvas), right)
        narrow.region = (2000.0, 0.0, 3000.0, 10.0)
        assert narrow.find(canvas) is None


def test_an_interrupt_while_a_search_runs_beside_leaves_nothing_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finder = Finder(MODELS)
    finder.find(portrait(), 0.0)
    finder.find(portrait(), 1.0)  # long enough after the first one for a search beside
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "join", interrupt)
        with pytest.raises(KeyboardInterrupt):
            finder.reset()
    finder.close()
    with pytest.raises(ValueError, match="closed"):
        finder.find(portrait())


def interrupt(thread: threading.Thread, timeout: float | None = None) -> None:
    raise KeyboardInterrupt


def test_a_search_beside_that_fails_does_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    with Finder(MODELS) as finder:
        finder.find(portrait(), 0.0)
        monkeypatch.setattr("vrfer.search.Search.look", fail)
        for n in range(1, 60):
            expect(finder.find(portrait(), n / 30))
    assert "beside the followed face failed" in caplog.text


def test_a_clock_that_is_set_back_does_not_bar_other_faces(finder: Finder) -> None:
    canvas, left, right = pair(1.0, 1.0)
    only_left, only_right = canvas.copy(), canvas.copy()
    only_left[:, 512:] = only_right[:, :512] = 110
    expect(finder.find(only_left, 1000.0), left)
    expect(finder.find(only_right, 1.0), right)


@pytest.mark.parametrize("size", [(1, 640), (100, 20000)])
def test_thin_pictures_end_soon(finder: Finder, size: tuple[int, int]) -> None:
    assert finder.find(np.zeros((*size, 3), np.uint8)) is None


def test_a_far_off_face_is_found(finder: Finder) -> None:
    canvas = np.full((720, 1280, 3), 110, np.uint8)
    canvas[300:556, 900:1156] = cv2.resize(portrait(headset=True), (256, 256))
    matrix = np.array([[0.5, 0, 900], [0, 0.5, 300]])
    expect(finder.find(canvas), matrix, within=0.15)


@pytest.mark.parametrize("name", ["rocket", "brick", "grass", "gravel", "moon"])
def test_no_face_where_nobody_is(finder: Finder, name: str) -> None:
    picture = getattr(skimage.data, name)()
    colour = picture[:, :, ::-1] if picture.ndim == 3 else np.dstack([picture] * 3)
    assert finder.find(np.ascontiguousarray(colour)) is None


def nameless(face: LowerFace | None) -> LowerFace | None:
    """Who it is a finder counts over its whole life."""
    return None if face is None else replace(face, person=0)


def test_the_same_pictures_give_the_same_faces(finder: Finder) -> None:
    pictures = [portrait(), portrait(headset=True), warp(portrait(), np.eye(2, 3), (500, 500))]
    with Finder(MODELS) as other:
        first = [nameless(finder.find(picture)) for picture in pictures]
        assert [nameless(other.find(picture)) for picture in pictures] == first


def test_the_box_runs_from_nose_to_chin_and_turns_with_the_head() -> None:
    level = LowerFace((100.0, 100.0), (100.0, 140.0), 100.0, 1.0)
    x0, y0, x1, y1 = lower_face_box(level)
    assert x0 < 60 < 140 < x1
    assert 55 < y0 < 80
    assert 140 < y1 < 150
    lying = LowerFace((100.0, 100.0), (60.0, 100.0), 100.0, 1.0)
    turned = lower_face_box(lying)
    assert turned == pytest.approx((200 - y1, x0, 200 - y0, x1))


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10, 3), np.float32),
        np.zeros((0, 10, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(finder: Finder, picture: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="uint8 picture"):
        finder.find(picture)


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2)])
def test_tiny_pictures_have_no_face(finder: Finder, size: tuple[int, int]) -> None:
    assert finder.find(np.zeros((*size, 3), np.uint8)) is None


def test_closing_twice_is_fine_and_a_closed_finder_says_so() -> None:
    finder = Finder(MODELS)
    finder.close()
    finder.close()
    with pytest.raises(ValueError, match="closed"):
        finder.find(portrait())


@pytest.mark.parametrize(
    "name",
    [
        "face_detection_short_range.tflite",
        "face_detection_full_range_sparse.tflite",
        "lower_face_map.json",
        "lower-face-locator.onnx",
    ],
)
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_bad_model_file_is_named(tmp_path: Path, name: str, damage: str) -> None:
    shutil.copytree(MODELS, tmp_path / "models")
    broken = tmp_path / "models" / name
    content = broken.read_bytes()
    broken.unlink()
    if damage == "truncated":
        broken.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelContractError, match=name) as caught:
        Finder(tmp_path / "models")
    assert caught.value.remedy.endswith(".")


@pytest.mark.parametrize(
    ("field", "value"),
    [("schema_version", 2), ("features", ["x"]), ("detectors", {}), ("targets", None)],
)
def test_a_map_of_another_kind_is_refused(tmp_path: Path, field: str, value: object) -> None:
    shutil.copytree(MODELS, tmp_path / "models")
    path = tmp_path / "models" / "lower_face_map.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {field: value}), encoding="utf-8")
    with pytest.raises(ModelContractError, match=r"lower_face_map\.json"):
        Finder(tmp_path / "models")


def test_the_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "Modelle für Gesichter 顔"
    shutil.copytree(MODELS, folder)
    with Finder(folder) as finder:
        expect(finder.find(portrait()))


def test_the_library_keeps_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    with Finder(MODELS) as finder:
        finder.find(portrait())
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_a_full_drive_costs_no_more_than_the_librarys_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_room() -> None:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", no_room)
    with Finder(MODELS) as finder:
        expect(finder.find(portrait()))


def test_importing_the_finder_does_not_import_mediapipe() -> None:
    code = "import sys, vrfer.finder; sys.exit('mediapipe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_region_outside_of_the_picture_is_said_once(
    finder: Finder, caplog: pytest.LogCaptureFixture
) -> None:
    finder.region = (700.0, 0.0, 1200.0, 480.0)
    try:
        for size in ((480, 640), (480, 640), (240, 320)):
            assert finder.find(np.zeros((*size, 3), np.uint8)) is None
    finally:
        finder.region = None
    said = [record.getMessage() for record in caplog.records]
    assert ["640x480" in line for line in said] == [True, False]
    assert all("700,0,1200,480" in line for line in said)


def test_a_region_may_reach_beyond_the_picture() -> None:
    region = Region.whole(np.zeros((90, 120, 3), np.uint8), 0.75)
    assert region == Region(-20, -15, 160, 120)


def headset_rows() -> list[dict[str, str]]:
    path = DATA / "headset" / "labels.csv"
    if not path.is_file():
        pytest.skip(f"the headset photographs are not at {DATA} (VRFER_DATA says where)")
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_the_mouth_lies_in_the_box_on_most_headset_photographs(finder: Finder) -> None:
    rows = headset_rows()
    hits = 0
    for row in rows:
        picture = cv2.imread(str(DATA / "headset" / "photos" / row["file"]))
        assert picture is not None
        finder.reset()
        face = finder.find(np.asarray(picture, np.uint8))
        x0, y0, x1, y1 = (float(row[key]) for key in ("x0", "y0", "x1", "y1"))
        hits += face is not None and x0 <= face.mouth[0] <= x1 and y0 <= face.mouth[1] <= y1
    assert hits / len(rows) >= 0.9
