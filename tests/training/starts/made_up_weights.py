"""Starting weights of the true structure with random numbers."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from vrfer.training.nets.mobilenet import MobileNet
from vrfer.training.starts import faceres


def made_up_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Write files of the same structure with random numbers, which pass for the true ones."""
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}

    def add(name: str, *shape: int, size: float = 1.0) -> None:
        arrays[name] = rng.normal(0, size, shape).astype("<f4")

    add("feats/kernel", 4, 2)
    add("conv1/convolution/merged_input", 3, 3, 3, 32, size=0.02)
    add("conv1_bn/batchnorm_1/sub", 32)
    for number, (convolution, norm) in enumerate(list(MobileNet().normalised_convolutions())[1:]):
        block, channels = number // 2 + 1, norm.num_features
        if number % 2 == 0:
            add(f"conv_dw_{block}/depthwise_kernel", 3, 3, channels, 1, size=0.5)
            add(f"conv_dw_{block}_bn/batchnorm_1/mul", channels)
            add(f"conv_dw_{block}_bn/batchnorm_1/sub", channels)
        else:
            into = convolution.in_channels
            name = f"conv_pw_{block}/convolution/merged_input"
            add(name, 1, 1, into, channels, size=into**-0.5)
            add(f"conv_pw_{block}_bn/batchnorm_1/sub", channels)
    entries = [
        {"name": name, "shape": list(values.shape), "dtype": "float32"}
        for name, values in arrays.items()
    ]
    manifest = {"weightsManifest": [{"paths": ["faceres-deep.bin"], "weights": entries}]}
    contents = {
        "faceres-deep.json": json.dumps(manifest).encode(),
        "faceres-deep.bin": b"".join(values.tobytes() for values in arrays.values()),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        monkeypatch.setitem(faceres.SHA256, name, hashlib.sha256(content).hexdigest())
    return arrays
