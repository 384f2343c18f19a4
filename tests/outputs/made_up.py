"""Made-up readings, and profiles written as files."""

from pathlib import Path

import numpy as np
import tomli_w
from hypothesis import strategies as st

from vrfer.frames import LowerFace, Reading
from vrfer.outputs.profiles import Profile, read_profile

FACE = LowerFace((10.0, 20.0), (10.0, 30.0), 40.0, 0.9)
UNIX_NS = 1_700_000_000 * 10**9


def reading(
    shares: list[float] | None = None,
    *,
    label_id: int = 1,
    unsure: bool = False,
    at_s: float = 0.0,
    source_s: float | None = None,
) -> Reading:
    """Return a reading with these eight probabilities; None is one without a face."""
    found = shares is not None
    steady = np.array(shares if found else [0.0] * 8, np.float32)
    return Reading(
        frame=0,
        captured_ns=round(at_s * 1e9),
        captured_unix_ns=UNIX_NS + round(at_s * 1e9),
        source_s=source_s,
        face=FACE if found else None,
        raw=steady if found else None,
        steady=steady,
        label_id=label_id if found else -1,
        unsure=unsure,
    )


def only(expression_id: int, share: float = 1.0, **options: float) -> Reading:
    """Return a reading of one expression."""
    shares = [0.0] * 8
    shares[expression_id] = share
    return reading(shares, label_id=expression_id, **options)  # type: ignore[arg-type]


def _normalised(weights: list[float]) -> list[float]:
    total = sum(weights)
    return [weight / total for weight in weights] if total > 0 else [1.0] + [0.0] * 7


shares = st.lists(st.floats(0, 1), min_size=8, max_size=8).map(_normalised)
readings = st.builds(
    lambda shares, label_id, unsure: reading(shares, label_id=label_id, unsure=unsure),
    st.none() | shares,
    st.integers(0, 7),
    st.booleans(),
)


def profile(folder: Path, messages: list[dict[str, object]], **more: object) -> Profile:
    """Write a profile and read it."""
    head = {"schema_version": 1, "name": "Mine", "about": "Made up."}
    file = folder / "mine.toml"
    file.write_text(tomli_w.dumps({**head, **more, "messages": messages}), encoding="utf-8")
    return read_profile(file)
