"""Small labelled pictures in files: both layouts of AffectNet, and folders of classes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vrfer.training.picture_list import PictureList

LIST_HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,"
    "valence,arousal"
)
BOX = (6, 4, 20, 24)
"""Where `write_affectnet_lists` says that faces are."""


def scene(seed: int, width: int = 40, height: int = 32) -> NDArray[np.uint8]:
    """Noise that no other seed draws: height x width gray."""
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


def write_picture(file: Path, pixels: NDArray[np.uint8]) -> Path:
    """Write a picture without loss: a PNG, whatever the file is called."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file, "PNG")
    return file


def picture_list(
    files: Sequence[Path], boxes: Sequence[Sequence[int]] | None = None, label: int = 0
) -> PictureList:
    """List files, all of one class."""
    return PictureList(
        tuple(files),
        np.full(len(files), label, dtype=np.int64),
        None if boxes is None else np.array(boxes, dtype=np.int64).reshape(-1, 4),
    )


def write_affectnet_lists(folder: Path, splits: Mapping[str, Sequence[int]]) -> Path:
    """Write the layout with tables; a split is called as its table and given as labels.

    Picture n of a split stands in line n + 2; its pixels are `scene(n)`, in validation of
    n + 500.
    """
    for name, labels in splits.items():
        lines = [LIST_HEADER]
        for number, label in enumerate(labels):
            path = f"{number % 3}/{name}{number}.jpg"
            seed = number + (500 if name == "validation" else 0)
            write_picture(folder / "Manually_Annotated_Images" / path, scene(seed))
            lines.append(f"{path},{','.join(map(str, BOX))},1.5;2.5;3.5;4.5,{label},0.25,-0.5")
        table = folder / "Manually_Annotated_file_lists" / f"{name}.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def write_affectnet_sets(folder: Path, splits: Mapping[str, Sequence[int]]) -> Path:
    """Write the layout with one label file a picture; splits are `train_set` and `val_set`.

    Picture n's pixels are `scene(n)`, in val_set of n + 500. Labels of odd pictures are text.
    """
    for name, labels in splits.items():
        annotations = folder / name / "annotations"
        annotations.mkdir(parents=True)
        for number, label in enumerate(labels):
            seed = number + (500 if name == "val_set" else 0)
            write_picture(folder / name / "images" / f"{number}.jpg", scene(seed, 32, 32))
            stored = np.array(str(label) if number % 2 else label)
            np.save(annotations / f"{number}_exp.npy", stored)
            np.save(annotations / f"{number}_val.npy", np.array("-0.5"))
    return folder


def write_class_folders(
    folder: Path, splits: Mapping[str, Mapping[str, Sequence[NDArray[np.uint8]]]]
) -> Path:
    """Write `FOLDER/split/class/number.png` for the pictures of each class."""
    for split, classes in splits.items():
        for name, pictures in classes.items():
            for number, pixels in enumerate(pictures):
                write_picture(folder / split / name / f"{number}.png", pixels)
    return folder
