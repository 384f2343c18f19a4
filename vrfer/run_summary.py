"""What is printed at the end of a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from vrfer.outputs.osc import Receiver
from vrfer.pipeline import Summary


@dataclass(frozen=True, slots=True)
class Told:
    """What one receiver was told."""

    receiver: Receiver
    sent: int
    failed: int
    last_error: str
    """Empty if there was none."""


def print_summary(
    console: Console, summary: Summary, told: Sequence[Told] = (), away: str | None = None
) -> None:
    """Print frames, latencies and receivers, a line each.

    Args:
        console: Where.
        summary: What the run did.
        told: Of each receiver.
        away: Name of a live source that was away at the end.
    """
    share = summary.with_face / summary.frames if summary.frames else 0.0
    corrupt = f", corrupt {summary.corrupt}" if summary.corrupt else ""
    lines = [
        f"frames {summary.frames}, skipped {summary.skipped}{corrupt}, with a face {share:.1%}, "
        f"{summary.fps:.1f} fps"
    ]
    if summary.frames:
        p50, p95, p99 = (summary.latency.percentile(p) for p in (0.50, 0.95, 0.99))
        lines.append(f"latency, capture to sent: p50 {p50} ms, p95 {p95} ms, p99 {p99} ms")
    for one in told:
        error = f" (last: {one.last_error})" if one.last_error else ""
        lines.append(f"OSC {one.receiver}: sent {one.sent}, failed {one.failed}{error}")
    if away is not None:
        lines.append(f"{away} was away at the end")
    for line in lines:
        console.print(line)
