"""Fit the linear map from a face detection to mouth, chin and width, and measure it.

    python scripts/fit_lower_face_map.py --faces FOLDER --out models/lower_face_map.json

Half of the pictures get a drawn headset: a solid box with a strap that follows the head's turn,
from above the brows to the nose. It is far easier than a real one; the photographs in
`shared/data/headset` are for measuring and are never read here. Same seed, same file.

One long file: its drawing, fitting and measuring serve nothing else, and go when the trained
locator takes the map's place.

Long, for it is one script with its own data, fit and measure, run by hand.
"""

import csv
import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from vrfer.detector import FEATURES, TARGETS, BlazeFace, Detection, Model, Region, describe
from vrfer.errors import DataError, VrferError

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]

SIDE_PX = 320
SEED = 2019
LANDMARKS = (4, 6, 33, 61, 127, 152, 168, 234, 263, 291, 356, 454)
RIDGE = 1e-4
TERMS = (
    "fitted on LFW, Caltech Web Faces and YouTube Faces photographs (pseudo-labels of MediaPipe's "
    "Face Landmarker), half of them with a drawn headset; research data, not part of vrfer. "
    "The map locates mouths and cannot name anyone."
)


def face_width(points: dict[int, Array], yaw_deg: float) -> float:
    """Return the face's width as seen from the front, in pixels.

    The distance between the cheek sides (234, 454) shrinks with the cosine of about 0.8 yaw: the
    mesh keeps these points near the outline of a turned head. So corrected, its ratio to the face's
    height (10 to 152, corrected for pitch) stays within 2 % of 0.84 from 0 to 45 degrees of yaw;
    with the full cosine it grows by 8 %. Measured on the 8,509 training pictures.
    """
    seen = float(np.linalg.norm(points[454] - points[234]))
    return seen / float(np.cos(np.radians(0.8 * min(abs(yaw_deg), 50.0))))


# --- the drawn headset ---------------------------------------------------------------------------


@dataclass
class Head:
    """The head's own directions and sizes in a picture."""

    bridge: Array
    down: Array
    right: Array
    eye_to_mouth: float
    width: float
    turn: float
    left_edge: float
    right_edge: float
    nose: Array

    @classmethod
    def of(cls, points: dict[int, Array]) -> "Head":
        """Read a head from its landmarks (pixels)."""
        down = (points[61] + points[291] - points[33] - points[263]) / 2
        eye_to_mouth = float(np.linalg.norm(down))
        down = down / eye_to_mouth
        right = np.array([down[1], -down[0]])
        bridge = (points[168] + points[6]) / 2
        width = max(float(np.linalg.norm(points[356] - points[127])), 1.2 * eye_to_mouth)
        turn = float((points[4] - (points[127] + points[356]) / 2) @ right) / width
        left, outer = float((points[127] - bridge) @ right), float((points[356] - bridge) @ right)
        return cls(bridge, down, right, eye_to_mouth, width, turn, left, outer, points[4])


@dataclass
class Canvas:
    """A picture being painted on."""

    picture: Array
    rng: np.random.Generator
    grid: list[Array] = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the coordinates for gradients."""
        height, width = self.picture.shape[:2]
        self.grid = list(np.mgrid[0:height, 0:width].astype(np.float64))

    def mask(self, outline: Array, blur_px: float = 0.8) -> Array:
        """Return a polygon (N x 2) as H x W x 1, 0-1, with soft edges."""
        flat = np.zeros(self.picture.shape[:2], np.float32)
        cv2.fillPoly(flat, [np.round(outline * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
        return np.asarray(cv2.GaussianBlur(flat, (0, 0), max(blur_px, 0.5)))[:, :, None]

    def blend(self, mask: Array, colour: Array | float) -> None:
        """Paint a colour (or a picture) where the mask is."""
        self.picture = self.picture * (1 - mask) + np.clip(colour, 0, 255) * mask

    def panel(self, outline: Array, colour: Array, size_px: float) -> None:
        """Paint a panel with a gradient and, often, a grain."""
        way = self.rng.normal(0, 1, 2)
        way /= np.linalg.norm(way)
        centre = outline.mean(0)
        along = (self.grid[1] - centre[0]) * way[0] + (self.grid[0] - centre[1]) * way[1]
        shade = colour * (1 + self.rng.uniform(0, 0.5) * along / size_px)[:, :, None]
        if self.rng.random() < 0.5:
            height, width = self.picture.shape[:2]
            grain = self.rng.normal(0, self.rng.uniform(2, 14), (height // 3 + 1, width // 3 + 1))
            shade = shade + cv2.resize(grain, (width, height))[:, :, None]
        self.blend(self.mask(outline), shade)


def _rounded(corners: Array, radius: float) -> Array:
    """Return a quadrilateral (4 x 2) with rounded corners, radius as a share of the sides."""
    steps = np.linspace(0, 1, 6)[:, None]
    arcs = []
    for index in range(4):
        here = corners[index]
        to_last, to_next = corners[index - 1] - here, corners[(index + 1) % 4] - here
        reach = radius * min(np.linalg.norm(to_last), np.linalg.norm(to_next))
        start = here + to_last / (np.linalg.norm(to_last) + 1e-6) * reach
        end = here + to_next / (np.linalg.norm(to_next) + 1e-6) * reach
        arcs.append((1 - steps) ** 2 * start + 2 * steps * (1 - steps) * here + steps**2 * end)
    return np.concatenate(arcs)


def _shell(head: Head, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the corners (4 x 2) of the headset at the face and of its front."""
    above = rng.uniform(0.35, 0.85) * head.eye_to_mouth
    below = rng.uniform(0.45, 1.0) * float((head.nose - head.bridge) @ head.down)
    over = rng.uniform(1.0, 1.22)
    left = min(head.left_edge * over, -0.28 * head.width)
    right = max(head.right_edge * over, 0.28 * head.width)
    across, down = np.array([left, right, right, left]), np.array([-above, -above, below, below])
    back = head.bridge + across[:, None] * head.right + down[:, None] * head.down
    depth = rng.uniform(0.25, 0.7) * head.width
    shift = head.right * head.turn * 2.2 * depth + head.down * rng.normal(0, 0.06) * head.width
    return back, back.mean(0) + (back - back.mean(0)) * rng.uniform(0.9, 1.15) + shift


def _paint_strap(canvas: Canvas, head: Head, back: Array, base: Array) -> None:
    """Paint a band to both sides of the head, and at times one over it."""
    rng = canvas.rng
    flat = np.zeros(canvas.picture.shape[:2], np.float32)
    thick = max(2, round(rng.uniform(0.08, 0.3) * head.eye_to_mouth))
    lift = rng.uniform(-0.1, 0.5) * head.eye_to_mouth
    lines = []
    for side, edge in ((-1, (back[0] + back[3]) / 2), (1, (back[1] + back[2]) / 2)):
        reach = 0.35 * head.width * max(0.1, 1 - side * head.turn * 3)
        lines.append((edge, edge + head.right * side * reach - head.down * lift))
    if rng.random() < 0.4:
        top = (back[0] + back[1]) / 2
        lines.append((top, top - head.down * 1.1 * head.eye_to_mouth))
    for start, end in lines:
        cv2.line(flat, np.round(start).astype(int), np.round(end).astype(int), 1.0, thick)
    soft = np.asarray(cv2.GaussianBlur(flat, (0, 0), 0.8))[:, :, None]
    canvas.blend(soft, base * rng.uniform(0.5, 1.3) + rng.normal(0, 15))


def _paint_front(canvas: Canvas, head: Head, front: Array, radius: float) -> None:
    """Paint reflections and what makers put on the front: cameras, a visor, a sign."""
    rng = canvas.rng
    centre, across, down = front.mean(0), (front[1] - front[0]) / 2, (front[3] - front[0]) / 2
    if rng.random() < 0.5:
        band = np.array([[-0.5, -0.1], [0.5, -0.25], [0.5, 0.1], [-0.5, 0.2]])
        place = centre + across * rng.uniform(-0.6, 0.6) + down * rng.uniform(-0.6, 0.3)
        gloss = canvas.mask(place + band @ np.array([across, down]), 0.05 * head.width)
        canvas.picture += rng.uniform(20, 140) * gloss * canvas.mask(_rounded(front, radius))
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    kind = rng.random()
    if kind < 0.35:
        for x, y in corners * [0.8, 0.6]:
            lens = _rounded(centre + across * x + down * y + corners * 0.035 * head.width, 0.5)
            canvas.blend(canvas.mask(lens), rng.uniform(0, 60))
    elif kind < 0.6:
        visor = centre + corners * [0.75, 0.7] @ np.array([across, down])
        canvas.panel(_rounded(visor, 0.2), np.full(3, rng.uniform(5, 240)), head.width)
    elif kind < 0.75:
        sign = centre + corners * [0.2, 0.25] @ np.array([across, down])
        canvas.blend(canvas.mask(_rounded(sign, 0.5)), rng.uniform(0, 255, 3))


def draw_headset(picture: Picture, points: dict[int, Array], rng: np.random.Generator) -> Picture:
    """Return the picture with a headset drawn over the face.

    Args:
        picture: H x W x 3, BGR.
        points: Landmarks of the face, number: (x, y) in pixels.
        rng: Decides on shape, colours and parts.
    """
    head, canvas = Head.of(points), Canvas(picture.astype(np.float64), rng)
    back, front = _shell(head, rng)
    radius = rng.uniform(0.05, 0.45)
    outlines = np.concatenate([_rounded(back, radius), _rounded(front, radius)])
    hull = cv2.convexHull(outlines.astype(np.float32))[:, 0].astype(np.float64)
    shades = (rng.uniform(8, 50), rng.uniform(190, 245), rng.uniform(60, 160))
    kind = rng.integers(4)
    base = rng.uniform(20, 230, 3) if kind == 3 else np.full(3, shades[kind]) + rng.normal(0, 4, 3)
    shadow = hull + head.down * rng.uniform(0.03, 0.14) * head.width
    canvas.blend(
        rng.uniform(0, 0.55) * canvas.mask(shadow, rng.uniform(0.02, 0.07) * head.width), 0.0
    )
    if rng.random() < 0.85:
        _paint_strap(canvas, head, back, base)
    canvas.panel(hull, base * rng.uniform(0.45, 1.1), head.width)
    canvas.panel(_rounded(front, radius), base, head.width)
    _paint_front(canvas, head, front, radius)
    if rng.random() < 0.4:  # a gap at the nose: skin shows again
        low = (back[2] + back[3]) / 2
        gap = np.array([low - head.right * 0.1 * head.width, low + head.right * 0.1 * head.width])
        gap = np.vstack([gap, low - head.down * 0.16 * head.width])
        canvas.blend(canvas.mask(gap, 1.0), picture * 0.6)
    return np.clip(canvas.picture, 0, 255).astype(np.uint8)


# --- samples -------------------------------------------------------------------------------------


@dataclass
class Sample:
    """A picture given to the detectors, with what they should say."""

    picture: Picture
    mouth: Array
    chin: Array
    width_px: float
    headset: bool


@dataclass
class Faces:
    """The face photographs with their labels."""

    folder: Path

    def __post_init__(self) -> None:
        """Open the data.

        Raises:
            DataError: A file is missing.
        """
        for name in ("faces_labels.csv", "faces.zip"):
            if not (self.folder / name).is_file():
                raise DataError(
                    f"{self.folder / name} is missing",
                    "Give the folder of the face photographs with --faces.",
                )
        with (self.folder / "faces_labels.csv").open(newline="", encoding="utf-8") as lines:
            self.rows = list(csv.DictReader(lines))

    def samples(self, split: str, count: int, rng: np.random.Generator) -> Iterator[Sample]:
        """Yield `count` pictures of a split in random order, each bare and with a headset."""
        rows = [row for row in self.rows if row["split"] == split]
        with zipfile.ZipFile(self.folder / "faces.zip") as pictures:
            for index in rng.permutation(len(rows))[:count]:
                row = rows[index]
                packed = np.frombuffer(pictures.read(row["file"]), np.uint8)
                picture = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
                # Labels count from the first pixel's corner, vrfer from its centre.
                points = {
                    n: np.array([float(row[f"p{n}_x"]), float(row[f"p{n}_y"])]) - 0.5
                    for n in LANDMARKS
                }
                yaw = float(row["yaw"])
                yield _placed(picture, points, yaw, headset=False, rng=rng)
                drawn = draw_headset(picture, points, rng)
                yield _placed(drawn, points, yaw, headset=True, rng=rng)


def _placed(
    picture: Picture,
    points: dict[int, Array],
    yaw: float,
    *,
    headset: bool,
    rng: np.random.Generator,
) -> Sample:
    """Put a face at a random size, place and tilt into a square, mirrored half of the time."""
    width = face_width(points, yaw)
    share = float(np.exp(rng.uniform(np.log(0.18), np.log(0.55))))
    tilt = np.radians(rng.normal(0, 8))
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    scale = SIDE_PX * share / width
    matrix = scale * turn @ np.diag([1.0 if rng.random() < 0.5 else -1.0, 1.0])
    centre = np.mean([points[n] for n in (234, 454, 168, 152)], axis=0)
    shift = rng.uniform(-0.4, 0.4, 2) * (1 - 1.5 * share)
    offset = SIDE_PX * (0.5 + shift) - matrix @ centre
    moved = cv2.warpAffine(picture, np.column_stack([matrix, offset]), (SIDE_PX, SIDE_PX))
    mouth, chin = matrix @ (points[61] + points[291]) / 2 + offset, matrix @ points[152] + offset
    return Sample(np.asarray(moved, np.uint8), mouth, chin, width * scale, headset)


# --- fit -----------------------------------------------------------------------------------------


@dataclass
class Pairs:
    """Detections of one detector beside what they mean."""

    features: list[Array] = field(default_factory=list)
    targets: list[Array] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)
    headset: list[bool] = field(default_factory=list)
    missed: list[bool] = field(default_factory=list)

    def add(self, sample: Sample, found: list[Detection]) -> None:
        """Pair a sample with the detection on its face, or count a miss."""

        def distance(one: Detection) -> float:
            return float(np.linalg.norm(one.points[3] - sample.mouth)) / sample.width_px

        best = min(found, key=distance, default=None)
        if best is None or distance(best) > 0.6:
            self.missed.append(sample.headset)
            return
        vector, frame = describe(best)
        inverse = np.linalg.inv(frame[:, :2])
        unit = float(np.hypot(*frame[:, 0]))
        mouth, chin = (inverse @ (point - frame[:, 2]) for point in (sample.mouth, sample.chin))
        self.features.append(vector)
        self.targets.append(np.array([*mouth, *chin, np.log(sample.width_px / unit)]))
        self.sizes.append(sample.width_px / unit)
        self.headset.append(sample.headset)


def fit(pairs: Pairs) -> Array:
    """Return the coefficients, len(FEATURES) x len(TARGETS), by robust ridge regression.

    Huber's weights, recomputed eight times: some detections lie on a neighbour's face.
    """
    x, y = np.array(pairs.features), np.array(pairs.targets)
    penalty = RIDGE * len(x) * np.eye(x.shape[1])
    penalty[-1, -1] = 0.0
    columns = []
    for goal in y.T:
        weight = np.ones(len(x))
        for _ in range(8):
            weighted = x * weight[:, None]
            column = np.linalg.solve(weighted.T @ x + penalty, weighted.T @ goal)
            error = np.abs(x @ column - goal)
            spread = 1.4826 * float(np.median(error)) + 1e-9
            weight = np.minimum(1.0, 1.5 * spread / (error + 1e-9))
        columns.append(column)
    return np.array(columns).T


def measure(pairs: Pairs, coefficients: Array) -> dict[str, dict[str, float]]:
    """Return the errors on pictures that were not fitted, bare and with a headset."""
    error = np.array(pairs.features) @ coefficients - np.array(pairs.targets)
    size, worn = np.array(pairs.sizes), np.array(pairs.headset)
    figures = {}
    for name, chosen in (("bare", ~worn), ("drawn_headset", worn)):
        missed = sum(one == (name == "drawn_headset") for one in pairs.missed)
        mouth = np.hypot(*error[chosen, 0:2].T) / size[chosen]
        chin = np.hypot(*error[chosen, 2:4].T) / size[chosen]
        ratio = np.exp(error[chosen, 4])
        figures[name] = {
            "found": round(float(chosen.sum() / (chosen.sum() + missed)), 4),
            "mouth_error_median": round(float(np.median(mouth)), 4),
            "mouth_error_90": round(float(np.quantile(mouth, 0.9)), 4),
            "chin_error_median": round(float(np.median(chin)), 4),
            "chin_error_90": round(float(np.quantile(chin, 0.9)), 4),
            "width_ratio_05": round(float(np.quantile(ratio, 0.05)), 4),
            "width_ratio_95": round(float(np.quantile(ratio, 0.95)), 4),
        }
    return figures


def collect(
    faces: Faces, split: str, count: int, detectors: list[BlazeFace], rng: np.random.Generator
) -> dict[Model, Pairs]:
    """Run the detectors over the samples of a split."""
    pairs = {one.model: Pairs() for one in detectors}
    total = 2 * min(count, sum(row["split"] == split for row in faces.rows))
    console = Console(stderr=True)
    for sample in track(faces.samples(split, count, rng), split, total=total, console=console):
        for one in detectors:
            region = Region.whole(sample.picture)
            pairs[one.model].add(sample, one.detect(sample.picture, region, SIDE_PX))
    return pairs


def _digest(path: Path) -> str:
    """Return a detector file's sha256."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        remedy = "Give the folder of the detectors with --models."
        raise DataError(f"cannot read {path}", remedy) from error


def run(faces: Path, out: Path, models: Path, pictures: int) -> dict[str, object]:
    """Fit, measure and write the map; return what was written."""
    data = Faces(faces)
    digests = {model: _digest(models / f"{model}.tflite") for model in Model}
    detectors = [BlazeFace(models, m, threshold=0.2, sha256=digests[m]) for m in Model]
    try:
        rng = np.random.default_rng(SEED)
        fitted = collect(data, "train", pictures, detectors, rng)
        held = collect(data, "val", 10**6, detectors, rng)
    finally:
        for one in detectors:
            one.close()
    result: dict[str, object] = {
        "schema_version": 1,
        "what": "vrfer.detector.describe(detection) @ coefficients = targets, in the frame of the "
        "detection's box; errors in face widths, on pictures of people who were not fitted",
        "data": TERMS,
        "pictures": {"train": pictures, "val": len(held[Model.SHORT].headset) // 2},
        "features": list(FEATURES),
        "targets": list(TARGETS),
        "detectors": {},
    }
    entries = {}
    for model in Model:
        coefficients = fit(fitted[model])
        entries[str(model)] = {
            "sha256": digests[model],
            "figures": measure(held[model], coefficients),
            "coefficients": coefficients.round(6).tolist(),
        }
    result["detectors"] = entries
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def main(
    faces: Annotated[Path, typer.Option(help="Folder with faces.zip and faces_labels.csv.")],
    out: Annotated[Path, typer.Option(help="The map's file, overwritten.")],
    models: Annotated[Path, typer.Option(help="Folder with the detectors.")] = Path("models"),
    pictures: Annotated[int, typer.Option(help="How many training pictures.", min=100)] = 3000,
) -> None:
    """Fit the map from MediaPipe's detections to mouth, chin and face width."""
    cv2.setNumThreads(1)
    try:
        result = run(faces, out, models, pictures)
    except VrferError as error:
        Console(stderr=True).print(str(error))
        raise typer.Exit(2) from error
    entries = result["detectors"]
    assert isinstance(entries, dict)
    for model, entry in entries.items():
        Console().print(model, entry["figures"])


if __name__ == "__main__":
    typer.run(main)
