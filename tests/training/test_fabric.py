import logging

import pytest
import torch

from vrfer.training.fabric import fabric_for


@pytest.mark.parametrize("native", [True, False])
def test_bfloat16_is_used_where_the_processor_has_it_and_said_where_not(
    native: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Emulated, VGG-face's first epoch takes an hour instead of a quarter of one.
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: native)
    with caplog.at_level(logging.DEBUG):
        fabric = fabric_for("cpu", "bf16-mixed")
    with fabric.autocast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype is (torch.bfloat16 if native else torch.float32)
    assert ("no bfloat16" in caplog.text) is not native
