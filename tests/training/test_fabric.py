import logging

import pytest
import torch

from vrfer.training.fabric import fabric_for


def test_without_onednn_as_on_apples_processors_it_trains_in_32_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> bool:
        raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute")

    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", missing)
    with fabric_for("cpu", "bf16-mixed").autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32


@pytest.mark.parametrize(
    ("supported", "avx512", "amx", "fast"),
    [
        # Emulated, VGG-face's first epoch takes an hour instead of a quarter of one.
        (False, True, False, False),
        # VGG-13 takes half as long again as in 32 bits.
        (True, True, False, False),
        (True, True, True, True),
        (True, False, False, True),
    ],
    ids=["emulated", "avx512", "amx", "arm"],
)
def test_bfloat16_is_used_where_the_processor_is_fast_at_it_and_said_where_not(
    supported: bool,
    avx512: bool,
    amx: bool,
    fast: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: supported)
    monkeypatch.setattr(torch.cpu, "_is_avx512_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    with caplog.at_level(logging.DEBUG):
        fabric = fabric_for("cpu", "bf16-mixed")
    with fabric.autocast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype is (torch.bfloat16 if fast else torch.float32)
    assert ("no fast bfloat16" in caplog.text) is not fast
