import cv2
import numpy as np
import pytest
from sources.grays import jpeg, picture

from vrfer.sources.pictures import decode, is_picture, is_whole


def encoded(suffix: str) -> bytes:
    return cv2.imencode(suffix, picture(3))[1].tobytes()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff", ".ppm"])
def test_pictures_are_recognised_and_decoded(suffix: str) -> None:
    data = encoded(suffix)
    assert is_picture(data[:64])
    image = decode(data)
    assert image is not None
    assert abs(image.astype(int) - picture(3)).max() <= 2


@pytest.mark.parametrize("data", [b"P3\n2 1\n255\n9 8 7 6 5 4\n", b"P6 1 1 255\n\7\6\5"])
def test_pictures_of_other_programs_are_recognised(data: bytes) -> None:
    assert is_picture(data)
    assert decode(data) is not None


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_picture_without_its_end_is_not_whole(suffix: str) -> None:
    data = encoded(suffix)
    assert is_whole(data)
    assert not is_whole(data[: len(data) - 8])
    assert decode(data[: len(data) - 8]) is None


def test_end_of_a_thumbnail_is_not_the_end_of_its_picture() -> None:
    thumbnail, whole = jpeg(1, 32, 24), jpeg(2)
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    data = whole[:2] + segment + whole[2:]
    assert is_whole(data)
    assert not is_whole(data[:-2])


def test_bytes_behind_the_end_do_no_harm() -> None:
    assert is_whole(jpeg(2) + bytes(5000))


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8", bytes(1000)])
def test_no_picture_decodes_to_none(data: bytes) -> None:
    assert decode(data) is None


def test_decoded_pictures_are_bgr_bytes() -> None:
    image = decode(cv2.imencode(".png", np.full((4, 5, 4), 9, np.uint8))[1].tobytes())
    assert image is not None
    assert (image.shape, image.dtype) == ((4, 5, 3), np.uint8)
