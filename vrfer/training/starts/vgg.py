"""Starting weights of VGG-f and VGG-face: convolutions, means, and where they come from.

`imagenet-vgg-f.mat` and `vgg-face.mat` are read by `matconvnet`; `vgg_face_dag.pth` is S. Albanie's
conversion of the latter for PyTorch, read here. All three take RGB.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vrfer.errors import RecipeError
from vrfer.training.nets.vgg_f import VggF
from vrfer.training.nets.vgg_face import BLOCKS, VggFace
from vrfer.training.starts.matconvnet import ConvolutionWeights, MatConvNetFile, md5_of

VGG_FACE_DAG_MEAN = (129.186279296875, 104.76238250732422, 93.59396362304688)
"""RGB, 0-255: the constants that belong to `vgg_face_dag.pth`, which does not hold them."""
RELEASED = {
    "3513562d28089bd965cc050cbf8597a6": "imagenet-vgg-f.mat",
    "4775484a70e8bac3e9521aed59f31dfc": "imagenet-vgg-f.mat",
    "f666c61dc968c413ef664a7e17b01144": "imagenet-vgg-f.mat",
    "3d6cd504bf9c98af4a561aad059565d1": "vgg-face.mat",
    "5069daad93d2937554325e30388463ca": "vgg-face.mat",
    "27e94d9979dad2385f901f0c360cf3bc": "vgg-face.mat",
}
"""MD5 of the files that MatConvNet's authors list, over several releases, and their names."""
ORIGINS = {
    "imagenet-vgg-f.mat": (
        "VGG-f (CNN-F of Chatfield et al., BMVC 2014), trained on ILSVRC 2012; terms: see the "
        "makers' page"
    ),
    "vgg-face.mat": (
        "VGG-face (Parkhi et al., BMVC 2015), trained on the faces of the VGG Face data set; said "
        "to be for non-commercial research only, terms: see the makers' page"
    ),
}
LOCAL_RESPONSE_NORMALISATIONS = ("lrn", "normalize")
"""What MatConvNet calls such a layer."""
VGG_F_REMEDY = "Name imagenet-vgg-f.mat of MatConvNet's page of pre-trained models with --start."
VGG_FACE_REMEDY = (
    "Name vgg-face.mat of MatConvNet's page of pre-trained models, or vgg_face_dag.pth, with "
    "--start."
)


def put_into_vgg_f(trunk: VggF, file: MatConvNetFile) -> None:
    """Replace a trunk's weights by a file's conv1 to conv5.

    Args:
        trunk: Left as it is where the file does not fit.
        file: As `read_matconvnet` returns it.

    Raises:
        RecipeError: A layer is missing or has another shape, or the file's network normalises
            otherwise than VGG-f, as those trained with batch normalisation do.
    """
    if file.kinds and not any(kind in LOCAL_RESPONSE_NORMALISATIONS for kind in file.kinds):
        raise RecipeError(
            f"{file.name} has no local response normalisation, so it is no VGG-f as released",
            VGG_F_REMEDY,
        )
    names = [f"conv{number}" for number in range(1, 6)]
    _put(_named_convolutions(trunk, names), file, VGG_F_REMEDY)


def put_into_vgg_face(trunk: VggFace, file: MatConvNetFile) -> None:
    """Replace a trunk's weights by a file's conv1_1 to conv5_3.

    Args:
        trunk: Left as it is where the file does not fit.
        file: As `read_matconvnet` or `read_vgg_face_dag` returns it.

    Raises:
        RecipeError: A layer is missing or has another shape.
    """
    names = [
        f"conv{block}_{number}"
        for block, widths in enumerate(BLOCKS, start=1)
        for number in range(1, len(widths) + 1)
    ]
    _put(_named_convolutions(trunk, names), file, VGG_FACE_REMEDY)


def read_vgg_face_dag(path: Path) -> MatConvNetFile:
    """Read the convolutions of `vgg_face_dag.pth`, without running code from it.

    Args:
        path: A state dict of torch, or a dict that holds one as `state_dict`, with names such as
            `conv1_1.weight`; its fully-connected layers are left out.

    Raises:
        RecipeError: The file is missing, damaged, holds anything but tensors and plain values, or
            has no convolutions.

    Source:
        S. Albanie's models for PyTorch, converted from MatConvNet's.
    """
    md5 = md5_of(path, VGG_FACE_REMEDY)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as err:  # damaged pickles may raise anything at all
        reason = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise RecipeError(
            f"{path} is no state dict that can be read safely ({reason})", VGG_FACE_REMEDY
        ) from err
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise RecipeError(
            f"{path} holds a {type(content).__name__}, no state dict", VGG_FACE_REMEDY
        )
    convolutions = tuple(_convolutions_of(content, path))
    if not convolutions:
        raise RecipeError(f"{path} holds no conv1_1.weight", VGG_FACE_REMEDY)
    average = torch.tensor(VGG_FACE_DAG_MEAN).reshape(1, 3, 1, 1)
    return MatConvNetFile(convolutions, average, md5, path.name, ())


def vgg_f_mean(file: MatConvNetFile, size: int) -> Tensor:
    """Return what VGG-f's input has subtracted: 1 x 3 x size x size, RGB, 0-255, float32.

    Args:
        file: Its average is scaled bilinearly where it is a picture, and repeated where it is
            three numbers.
        size: Side of the network's input, pixels.
    """
    if file.average.shape[2:] == (1, 1):
        return file.average.repeat(1, 1, size, size)
    return nn.functional.interpolate(
        file.average, size=(size, size), mode="bilinear", align_corners=False, antialias=True
    )


def vgg_face_mean(file: MatConvNetFile) -> Tensor:
    """Return what VGG-face's input has subtracted: 1 x 3 x 1 x 1, RGB, 0-255, float32.

    Args:
        file: The colours' means are taken where its average is a picture.
    """
    return file.average.mean(dim=(2, 3), keepdim=True)


def lineage(file: MatConvNetFile) -> str:
    """Return where a file's weights come from, in one sentence for the model's card."""
    released = RELEASED.get(file.md5)
    if released is not None:
        return (
            f"{file.name} (MD5 {file.md5}), {released} as MatConvNet's authors released it: "
            f"{ORIGINS[released]}."
        )
    likely = "vgg-face.mat" if "conv1_1" in dict(file.convolutions) else "imagenet-vgg-f.mat"
    return (
        f"{file.name} (MD5 {file.md5}), whose checksum is none that vrfer knows; if it is a "
        f"conversion of {likely}, as the names of its layers say, the weights are "
        f"{ORIGINS[likely]}."
    )


def _named_convolutions(trunk: nn.Module, names: list[str]) -> list[tuple[str, nn.Conv2d]]:
    convolutions = [module for module in trunk.modules() if isinstance(module, nn.Conv2d)]
    return list(zip(names, convolutions, strict=True))


def _put(convolutions: list[tuple[str, nn.Conv2d]], file: MatConvNetFile, remedy: str) -> None:
    weights = dict(file.convolutions)
    for name, convolution in convolutions:
        if name not in weights:
            raise RecipeError(f"{file.name} has no layer {name}", remedy)
        found, expected = weights[name].kernel.shape, convolution.weight.shape
        if found != expected:
            theirs, ours = (" x ".join(map(str, shape)) for shape in (found, expected))
            raise RecipeError(
                f"{file.name}, layer {name}: its kernel is {theirs} (out x in x H x W), and the "
                f"network's {ours}",
                remedy,
            )
    with torch.no_grad():
        for name, convolution in convolutions:
            assert convolution.bias is not None
            convolution.weight.copy_(weights[name].kernel)
            convolution.bias.copy_(weights[name].bias)


def _convolutions_of(state: dict[Any, Any], path: Path) -> Iterator[tuple[str, ConvolutionWeights]]:
    for key, kernel in state.items():
        name = str(key).removesuffix(".weight")
        if name == key or not name.startswith("conv"):
            continue
        bias = state.get(f"{name}.bias")
        if not (
            isinstance(kernel, Tensor)
            and isinstance(bias, Tensor)
            and kernel.ndim == 4
            and bias.shape == kernel.shape[:1]
        ):
            raise RecipeError(
                f"{path}: {name}.weight and {name}.bias are no convolution's", VGG_FACE_REMEDY
            )
        yield name, ConvolutionWeights(kernel.detach().float(), bias.detach().float())
