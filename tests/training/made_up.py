"""A small made-up FER+ with faces that a network can learn, and recipes that train in seconds."""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vrfer.expressions import EXPRESSIONS
from vrfer.training.ferplus import FaceSet, FerPlus, Split
from vrfer.training.recipe import Input, Recipe, Region, View, Votes
from vrfer.training.recipe_file import read_recipe

CLASSES = len(EXPRESSIONS)
COUNTS: dict[Split, int] = {"train": 64, "validation": 24, "test": 32}


def made_up_faces(labels: NDArray[np.int64], seed: int) -> NDArray[np.uint8]:
    """Noise with one bright bar in each half; its height says the class, mirrored or not."""
    faces = np.random.default_rng(seed).integers(60, 100, (len(labels), 48, 48), dtype=np.uint8)
    for face, label in zip(faces, labels, strict=True):
        for half in (0, 24):
            face[half + 3 * label : half + 3 * label + 3, 6:42] = 230
    return faces


def made_up_ferplus(seed: int = 1) -> FerPlus:
    """All classes in all splits, which leak.

    Test face 0 is training face 0, test face 1 is validation face 1, and validation face 0 is
    training face 8.
    """
    labels = np.concatenate([np.arange(n, dtype=np.int64) % CLASSES for n in COUNTS.values()])
    faces = made_up_faces(labels, seed)
    ids = np.arange(len(labels), dtype=np.int64)
    validation, test = COUNTS["train"], COUNTS["train"] + COUNTS["validation"]
    for copy, original in ((test, 0), (test + 1, validation + 1), (validation, 8)):
        faces[copy], ids[copy] = faces[original], ids[original]
    rows: dict[tuple[Votes, Split], NDArray[np.int64]] = {}
    votes: dict[tuple[Votes, Split], NDArray[np.int64]] = {}
    start = 0
    for split, count in COUNTS.items():
        numbers = np.arange(start, start + count, dtype=np.int64)
        counts = np.zeros((count, 10), dtype=np.int64)
        counts[np.arange(count), labels[numbers]] = 8
        counts[np.arange(count), (labels[numbers] + 1) % CLASSES] = 2
        for kind in ("official", "fer2013new"):
            rows[kind, split], votes[kind, split] = numbers, counts
        start += count
    return FerPlus(faces, ids, rows, votes)


def face_set(labels: list[int], crowd: NDArray[np.float32] | None = None) -> FaceSet:
    """Blank faces with these labels, for measures that look at labels and votes only."""
    votes = np.eye(CLASSES, dtype=np.float32)[labels]
    blank = np.zeros((len(labels), 48, 48), np.uint8)
    return FaceSet(blank, votes, votes if crowd is None else crowd, np.arange(len(labels)))


def tiny_recipe(**changes: Any) -> Recipe:
    """Full faces, then a lower-half stage with every DSD phase."""
    fields: dict[str, Any] = {
        "name": "tiny",
        "about": "For tests.",
        "seed": 3,
        "input": {"size": 48, "scale": 0.015625},
        "augmentation": {"flip": 0.5, "rotation_deg": 5, "shift": 0.02, "brightness": 10},
        "stages": [
            {
                "region": "full-face",
                "epochs": 2,
                "batch_size": 16,
                "learning_rate": 0.01,
                "schedule": "cosine",
            },
            {
                "region": "lower-half",
                "occlusion": "crop",
                "epochs": 6,
                "batch_size": 16,
                "learning_rate": 0.01,
                "schedule": "constant",
                "dsd": {"first_sparsity": 0.2, "last_sparsity": 0.5},
            },
        ],
    }
    return Recipe.model_validate({**fields, **changes})


def without_dropout() -> Recipe:
    """The tiny recipe with batches that do not divide by two, and nothing random in the network.

    Its steps are small: large ones let the last bits of a sum grow to thousandths.
    """
    changes = {"dropout": 0.0, "batch_size": 15, "learning_rate": 0.002}
    stages = [one.model_copy(update=changes) for one in tiny_recipe().stages]
    return tiny_recipe(stages=[one.model_dump() for one in stages])


def stage(**fields: Any) -> dict[str, Any]:
    """A one-epoch full-face stage, changed."""
    return {
        "region": "full-face",
        "epochs": 1,
        "batch_size": 16,
        "learning_rate": 0.01,
        "schedule": "constant",
        **fields,
    }


def view(region: Region, size: int) -> View:
    """What a network of this input size sees of a region."""
    return Input(size=size).view(region)


def real_data() -> Path:
    """The folder that holds fer2013/, whether it is there or not."""
    root = Path(__file__).parents[2]
    return Path(os.environ.get("VRFER_DATA", root.parent / "shared" / "data"))


def write_folder(folder: Path, data: FerPlus, *, kaggle: bool = False) -> str:
    """Write a FER+ in the layout that `load_ferplus` reads; returns its pixels' checksum.

    Pictures' names are not their row numbers, and label.csv is not in row order.
    """
    folder.mkdir(parents=True)
    usages = {"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}
    names = {"train": "FER2013Train", "validation": "FER2013Valid", "test": "FER2013Test"}
    new = ["Usage,Image name,neutral,...,,,,,,,,"]
    old = ["emotion,pixels,Usage"]
    labels = ["emotion,Usage,face"]
    distinct, face_of = np.unique(
        data.faces.reshape(len(data.faces), -1), axis=0, return_inverse=True
    )
    for split, usage in usages.items():
        pairs = list(zip(data.rows["official", split], data.votes["official", split], strict=True))
        lines = []
        for row, counts in pairs:
            votes = ",".join(map(str, counts))
            new.append(f"{usage},fer{row + 1000:07}.png,{votes}")
            pixels = " ".join(map(str, data.faces[row].ravel()))
            old.append(f"0,{pixels},{usage}")
            labels.append(f"0,{usage},{face_of.reshape(-1)[row]}")
            lines.append(f'fer{row + 1000:07}.png,"(0, 0, 48, 48)",{votes}')
        path = folder / "ferplus" / names[split] / "label.csv"
        path.parent.mkdir(parents=True)
        path.write_text("\n".join(reversed(lines)) + "\n", encoding="utf-8")
    (folder / "fer2013new.csv").write_text("\n".join(new) + "\n", encoding="utf-8")
    if kaggle:
        (folder / "fer2013.csv").write_text("\n".join(old) + "\n", encoding="utf-8")
    else:
        (folder / "fer2013_labels.csv").write_text("\n".join(labels) + "\n", encoding="utf-8")
        with zipfile.ZipFile(folder / "fer2013_faces.zip", "w") as archive:
            for start in range(0, len(distinct), 64):
                strip = distinct[start : start + 64].reshape(-1, 48)
                content = io.BytesIO()
                Image.fromarray(strip).convert("RGB").save(content, "WEBP", lossless=True)
                archive.writestr(f"{start:04}.webp", content.getvalue())
    return hashlib.sha256(np.ascontiguousarray(data.faces)).hexdigest()


def toml(recipe: Recipe) -> str:
    """A recipe as the text of a file; enough of TOML for the tiny ones."""

    def lines(fields: dict[str, Any], header: str) -> Iterator[str]:
        yield header
        tables = {k: v for k, v in fields.items() if isinstance(v, dict)}
        plain = {k: v for k, v in fields.items() if v is not None and k not in tables}
        yield from (f"{k} = {json.dumps(v)}" for k, v in plain.items() if k != "stages")
        for name, table in tables.items():
            prefix = "stages." if header == "[[stages]]" else ""
            yield from lines(table, f"[{prefix}{name}]")
        for one in fields.get("stages", ()):
            yield from lines(one, "[[stages]]")

    return "\n".join(lines(recipe.model_dump(mode="json"), ""))


def write_recipe(recipe: Recipe, folder: Path = Path()) -> Path:
    path = folder / f"{recipe.name}.toml"
    path.write_text(toml(recipe), encoding="utf-8")
    assert read_recipe(path) == recipe
    return path
