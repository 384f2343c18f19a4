"""Where a network sees the evidence for an expression: Grad-CAM over pictures (paper, Figure 1)."""

import json
import math
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor, nn

from vrfer.crop import CropGeometry, Picture, face_crop, face_square, scaled_up
from vrfer.errors import DataError, ModelContractError
from vrfer.expressions import EXPRESSIONS
from vrfer.frames import LowerFace
from vrfer.training.batches import patches_of
from vrfer.training.checkpoint import load_state
from vrfer.training.evaluate import open_network
from vrfer.training.nets import FaceNetwork
from vrfer.training.predict import finished_stage, load_network
from vrfer.training.recipe import Region
from vrfer.training.subject import of_network

CANVAS_PX = 224
"""Side of the drawn face squares."""
BOX_PER_WIDTH = 0.95
"""Width of the box that `vrfer-app locate` writes, in face widths (`lower_face_box`)."""
LEAST_EVIDENCE = 1e-6
UNSEEN_DARKER = 4
"""Divides the gray values of what a network does not see."""
LONGEST_NAME = 26

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face that is to be explained."""

    name: str
    picture: Picture
    """H x W x 3, BGR."""
    lower_face: LowerFace | None
    """Where it lies; None: the whole picture is the face square, as data sets cut it."""

    def square(self, geometry: CropGeometry) -> Picture:
        """Return the face square at the geometry's resolution, gray."""
        if self.lower_face is None:
            side = geometry.face_px
            return face_crop(self.picture, "full-face", side, (side, side))
        return face_square(self.picture, self.lower_face, geometry, "full-face")


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What a network says of a face, and why."""

    probabilities: Floats
    """8, sum to 1."""
    maps: Floats
    """8 x h x w: evidence for each expression by place, in logits."""
    region: Region
    """What of the face the network sees."""
    masked: bool
    """Whether its maps cover an empty upper half, too."""

    @property
    def top(self) -> float:
        """Where the maps begin in the face square, in its sides."""
        return 0.5 if self.region == "lower-half" and not self.masked else 0.0

    def heat(self, expression: int, side_px: int) -> Floats:
        """Return the evidence for an expression over the face square.

        Returns:
            side_px x side_px, 0 for none or evidence against, 1 for the strongest (the ReLU and
            the scaling of Selvaraju et al., ICCV 2017).
        """
        found = np.maximum(self.maps[expression], 0)
        found = found / max(float(found.max()), LEAST_EVIDENCE)
        top = round(self.top * side_px)
        heat = np.zeros((side_px, side_px), np.float32)
        heat[top:] = cv2.resize(found, (side_px, side_px - top), interpolation=cv2.INTER_CUBIC)
        return heat.clip(0, 1)


def explain_by_graph(path: Path, face: Face) -> Explanation:
    """Explain with the maps that an exported network answers beside its probabilities.

    Raises:
        ModelContractError: The network cannot be read, or answers no maps.
    """
    session, contract = open_network(path)
    if "maps" not in [output.name for output in session.get_outputs()]:
        raise ModelContractError(
            f"the network {path} has no maps: its layers are fully connected",
            "Name its checkpoint (.pt) instead.",
        )
    square = face.square(contract.crop)
    size = (contract.input.height, contract.input.width)
    patch = scaled_up(_seen(square, contract.region), size)
    probabilities, maps = session.run(
        ["probabilities", "maps"], {contract.input.name: patch[None, None]}
    )
    masked = of_network(path, "ferplus").occlusion == "mask"
    return Explanation(probabilities[0], maps[0], contract.region, masked)


def explain_by_gradients(path: Path, face: Face) -> Explanation:
    """Explain with Grad-CAM as it is defined, from a checkpoint's gradients; any head will do.

    Raises:
        RecipeError: The checkpoint cannot be read.
    """
    state = load_state(path)
    network = load_network(state)
    region = finished_stage(state).region
    square = face.square(CropGeometry(face_px=state.recipe.data.face_px))
    patches = patches_of(square[None], state.recipe.input.view(region)).round()
    with torch.no_grad():
        probabilities = network(patches).softmax(dim=1)[0]
    maps = torch.stack([grad_cam(network, patches, i)[0] for i in range(len(EXPRESSIONS))])
    masked = network.occlusion == "mask"
    return Explanation(probabilities.numpy(), maps.numpy(), region, masked)


def grad_cam(network: FaceNetwork, patches: Tensor, expression: int) -> Tensor:
    """Return Grad-CAM's evidence for one expression, before its ReLU, times the map's places.

    A channel's weight is the mean gradient of the logit over the map's places (Selvaraju et al.,
    ICCV 2017, equation 1). Multiplied by their number it is the head's own weight where the head
    is linear on pooled channels, whatever the pooling.

    Args:
        network: In evaluation mode.
        patches: N x 1 x H x W gray, 0-255.
        expression: Index in `EXPRESSIONS`.

    Returns:
        N x h x w of the finest map; coarser ones are scaled up and added.
    """
    with torch.no_grad():
        features = network.features(patches)
    leaves = tuple(found.detach().requires_grad_() for found in features)
    gradients = torch.autograd.grad(network.logits(leaves)[:, expression].sum(), leaves)
    maps = [
        (gradient.sum(dim=(2, 3), keepdim=True) * found).sum(dim=1, keepdim=True)
        for gradient, found in zip(gradients, features, strict=True)
    ]
    size = maps[0].shape[-2:]
    return sum(
        (nn.functional.interpolate(coarser, size, mode="nearest") for coarser in maps[1:]), maps[0]
    )[:, 0]


def _seen(square: Picture, region: Region) -> Picture:
    return square[len(square) // 2 :] if region == "lower-half" else square


def read_boxes(path: Path) -> dict[str, LowerFace | None]:
    """Read what `vrfer-app locate --json` wrote: the lower face of each picture, by file name.

    The face's width is taken from the box, its lean from the line between mouth and chin.

    Raises:
        DataError: The file is missing, or a line of it is not such an answer.
    """
    remedy = "Write it with: vrfer-app locate PICTURE... --json > FILE"
    try:
        content = path.read_bytes()
        # Windows PowerShell's > writes UTF-16.
        encoding = "utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
        lines = content.decode(encoding).splitlines()
    except (OSError, UnicodeDecodeError) as err:
        raise DataError(f"the boxes {path} cannot be read: {err}", remedy) from err
    found: dict[str, LowerFace | None] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            answer = json.loads(line)
            found[Path(answer["file"]).name] = _lower_face(answer) if answer["found"] else None
        except (ValueError, TypeError, KeyError) as err:
            raise DataError(
                f"{path}, line {number}, is no answer of vrfer-app locate", remedy
            ) from err
    return found


def _lower_face(answer: dict[str, list[float]]) -> LowerFace:
    x0, _, x1, _ = answer["box"]
    mouth, chin = ((float(x), float(y)) for x, y in (answer["mouth"], answer["chin"]))
    width = (x1 - x0) / BOX_PER_WIDTH
    lean = math.atan2(mouth[0] - chin[0], chin[1] - mouth[1])
    return LowerFace(mouth, chin, width, score=1.0, tilt_rad=lean)


def draw_sheet(
    faces: Sequence[Face],
    models: Sequence[str],
    explanations: Sequence[Sequence[Explanation]],
    expression: int | None,
) -> Figure:
    """Draw a row for each face: the face, then the evidence that each network sees in it.

    Args:
        faces: The faces.
        models: Names of the networks.
        explanations: By face, then by network.
        expression: Which evidence is drawn; None: that for the network's own answer.

    Returns:
        The figure, not yet written.
    """
    columns = 1 + len(models)
    figure = Figure(figsize=(2.3 * columns, 2.6 * len(faces)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(faces), columns, squeeze=False)
    geometry = CropGeometry(face_px=CANVAS_PX)
    for row, face, found in zip(panels, faces, explanations, strict=True):
        square = face.square(geometry)
        row[0].imshow(square, cmap="gray", vmin=0, vmax=255)
        row[0].set_title(_shortened(face.name), fontsize=8)
        for panel, name, explanation in zip(row[1:], models, found, strict=True):
            shown = int(explanation.probabilities.argmax()) if expression is None else expression
            seen = square.copy()
            if explanation.region == "lower-half":
                seen[: CANVAS_PX // 2] //= UNSEEN_DARKER
            panel.imshow(overlay(seen, explanation.heat(shown, CANVAS_PX)))
            share = float(explanation.probabilities[shown])
            panel.set_title(f"{_shortened(name)}\n{EXPRESSIONS[shown]} {share:.0%}", fontsize=8)
    for panel in panels.flat:
        panel.set_axis_off()
    return figure


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def overlay(square: Picture, heat: Floats) -> Picture:
    """Lay evidence over a gray face: the stronger, the more of the colour scale shows.

    Args:
        square: S x S gray, 0-255.
        heat: S x S, 0-1.

    Returns:
        S x S x 3, RGB.
    """
    colours = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_TURBO)[:, :, ::-1]
    weight = 0.6 * heat[:, :, None]
    mixed = (1 - weight) * square[:, :, None] + weight * colours
    return mixed.round().astype(np.uint8)
