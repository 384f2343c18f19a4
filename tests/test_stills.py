"""Single pictures: the answers as the command line prints them, and the drawings."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_network import bands_picture, expected_probabilities, tiny_contract, write_network

from vrfer import stills
from vrfer.classifier import Classifier, Device
from vrfer.errors import OutputError
from vrfer.expressions import EXPRESSIONS
from vrfer.finder import lower_face_box
from vrfer.frames import LowerFace

FACE = LowerFace((60.123, 40.456), (61.0, 60.0), 50.0, 0.876543)
PICTURE = np.full((90, 120, 3), 100, np.uint8)


class FakeFinder:
    """Gives a prepared answer, and knows in which order it was used."""

    def __init__(self, face: LowerFace | None) -> None:
        self.face = face
        self.calls: list[str] = []

    def reset(self) -> None:
        self.calls.append("reset")

    def find(self, image: NDArray[np.uint8]) -> LowerFace | None:
        self.calls.append(f"find {image.shape[1]}x{image.shape[0]}")
        return self.face


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    model = write_network(tmp_path_factory.mktemp("network") / "tiny.onnx")
    return Classifier(model, Device.CPU)


@pytest.fixture(scope="module")
def full_face(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    contract = tiny_contract(
        region="full-face",
        input={"name": "patches", "height": 112, "width": 112, "color": "gray"},
    )
    folder = tmp_path_factory.mktemp("network")
    return Classifier(write_network(folder / "full.onnx", contract, size=(112, 112)), Device.CPU)


def test_a_found_face_is_located() -> None:
    finder = FakeFinder(FACE)
    answer, face = stills.locate(finder, PICTURE, "one.png")
    assert face is FACE
    assert finder.calls == ["reset", "find 120x90"]
    assert list(answer) == ["file", "found", "box", "mouth", "chin", "score", "ms"]
    assert json.loads(json.dumps(answer)) == answer
    assert answer.pop("ms") >= 0
    assert answer == {
        "file": "one.png",
        "found": True,
        "box": pytest.approx(lower_face_box(FACE), abs=0.006),
        "mouth": [60.12, 40.46],
        "chin": [61.0, 60.0],
        "score": 0.8765,
    }


def test_a_missing_face_is_null() -> None:
    answer, face = stills.locate(FakeFinder(None), PICTURE, "one.png")
    assert face is None
    assert json.loads(json.dumps(answer)) == {
        "file": "one.png", "found": False, "box": None, "mouth": None, "chin": None,
        "score": None, "ms": answer["ms"],
    }  # fmt: skip


def test_a_found_face_is_classified(classifier: Classifier) -> None:
    # A camera's picture that is brightest on the left of the lower face: the first expression.
    picture = np.repeat(np.linspace(250, 5, 120, dtype=np.uint8)[None], 90, axis=0)
    finder = FakeFinder(LowerFace((60, 45), (60, 60), 60, 0.9))
    answer = stills.classify(classifier, finder, np.dstack([picture] * 3), "two.png")
    assert finder.calls == ["reset", "find 120x90"]
    assert list(answer) == ["file", "found", "label", "confidence", "probabilities", "ms"]
    assert json.loads(json.dumps(answer)) == answer
    assert (answer["file"], answer["found"], answer["label"]) == ("two.png", True, "neutral")
    probabilities = answer["probabilities"]
    assert tuple(probabilities) == EXPRESSIONS
    assert answer["confidence"] == probabilities["neutral"] == max(probabilities.values())
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-4)
    assert sorted(probabilities.values(), reverse=True) == list(probabilities.values())


def test_without_a_face_there_is_nothing_to_classify(classifier: Classifier) -> None:
    answer = stills.classify(classifier, FakeFinder(None), PICTURE, "two.png")
    assert json.loads(json.dumps(answer)) == {
        "file": "two.png", "found": False, "label": None, "confidence": None,
        "probabilities": None, "ms": answer["ms"],
    }  # fmt: skip


def test_a_cut_face_is_classified_by_its_lower_half_without_a_finder(
    classifier: Classifier,
) -> None:
    levels = [40, 40, 90, 120, 40, 40, 40, 40]
    small = bands_picture(levels, height=112)
    small[:56] = bands_picture(levels[::-1])  # the upper half says something else
    cut = cv2.resize(small, (48, 48), interpolation=cv2.INTER_AREA)
    answer = stills.classify(classifier, None, np.dstack([cut] * 3), "cut.png")
    assert (answer["found"], answer["label"]) == (True, "sadness")
    # Scaling up mixes neighbouring bands a little.
    assert list(answer["probabilities"].values()) == pytest.approx(
        expected_probabilities(levels), abs=0.05
    )


def test_a_full_face_network_sees_the_upper_half_too(full_face: Classifier) -> None:
    def label(*, upper_id: int) -> str:
        levels = [10] * 8
        levels[upper_id] = 250
        picture = bands_picture([10, 10, 10, 200, 10, 10, 10, 10], height=112)
        picture[:56] = bands_picture(levels)
        return str(stills.classify(full_face, None, np.dstack([picture] * 3), "")["label"])

    assert label(upper_id=6) == "fear"
    assert label(upper_id=3) == "sadness"


def test_a_found_face_is_shown_whole_to_a_full_face_network(full_face: Classifier) -> None:
    # Bright on the right in the upper half alone: the last expression, which lower halves hide.
    picture = np.full((200, 200), 100, np.uint8)
    picture[:100] = np.linspace(5, 250, 200, dtype=np.uint8)
    face = LowerFace((100, 100 + 0.257 * 160), (100, 180), 0.796 * 160, 0.9)
    answer = stills.classify(full_face, FakeFinder(face), np.dstack([picture] * 3), "")
    assert answer["label"] == "contempt"


@pytest.mark.parametrize("face", [FACE, None, LowerFace((-500, 4000), (-490, 5000), 3000, 0.1)])
@pytest.mark.parametrize("size", [(90, 120), (1080, 1920), (1, 1), (5, 300)])
def test_a_drawing_has_the_pictures_shape_and_leaves_it_alone(
    size: tuple[int, int], face: LowerFace | None
) -> None:
    picture = np.full((*size, 3), 100, np.uint8)
    drawn = stills.draw(picture, face)
    assert drawn.shape == picture.shape
    assert drawn.dtype == np.uint8
    assert (picture == 100).all()


def test_a_drawing_shows_mouth_chin_and_box_or_that_there_is_none() -> None:
    drawn = stills.draw(PICTURE, FACE)
    green, red = drawn[40, 60].tolist(), drawn[60, 61].tolist()
    assert max(green) == green[1] > 150
    assert max(red) == red[2] > 150
    x0, y0, _, _ = (round(value) for value in lower_face_box(FACE))
    assert drawn[y0, x0].tolist() == green
    nothing = stills.draw(PICTURE, None)
    assert (nothing != PICTURE).any()
    assert (nothing[:, :, 2] >= nothing[:, :, 1]).all()


def test_drawings_are_written_into_a_new_folder(tmp_path: Path) -> None:
    drawn = stills.draw(PICTURE, FACE)
    path = stills.save_drawing(drawn, tmp_path / "a" / "b", "face.jpg")
    assert path == tmp_path / "a" / "b" / "face.jpg.png"
    assert np.array_equal(cv2.imread(str(path)), drawn)


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        stills.save_drawing(PICTURE, tmp_path / "taken", "face")
