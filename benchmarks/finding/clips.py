"""Real clips with labelled segments: how steadily the lower face is found over time.

Scored as the README beside them says, at the files' own time stamps. Only the first person's
segments count; a frame outside of them is nobody's. Segments of other persons serve to tell
whose face was found instead.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finding.asking import Result, ask, frames_of, inside, share, shown, tracked
from vrfer.finder import Finder
from vrfer.frames import Box, LowerFace


@dataclass(frozen=True, slots=True)
class Segment:
    """A labelled stretch of a clip; the frame at its end belongs to what follows."""

    start_s: float
    end_s: float
    visible: bool
    box: Box | None
    """The lower face in its middle frame."""
    person: int
    label: str
    """An expression, `talking` or `unclear`."""

    def __contains__(self, at_s: float) -> bool:
        """Say whether a moment lies in it."""
        return self.start_s <= at_s < self.end_s


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip and its labels."""

    path: Path
    kind: str
    segments: tuple[Segment, ...]

    @property
    def main(self) -> list[Segment]:
        """The first person's segments."""
        return [one for one in self.segments if one.person == 1]


@dataclass(slots=True)
class Count:
    """What was counted in one clip, or in several."""

    visible: int = 0
    """Frames in which the face is visible."""
    found: int = 0
    """Of these, frames with an answer."""
    hidden: int = 0
    """Frames of segments in which the face is not visible."""
    reported: int = 0
    """Of these, frames with an answer."""
    segments: int = 0
    """Segments whose face is visible."""
    right: int = 0
    """Of these, mouth in the box in the middle frame."""
    others: int = 0
    """Of these, mouth in another person's box instead."""
    misses: list[str] = field(default_factory=list)
    """Where a middle frame went wrong."""

    def add(self, other: "Count") -> None:
        """Take over what was counted elsewhere."""
        for name in ("visible", "found", "hidden", "reported", "segments", "right", "others"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.misses += other.misses

    def figures(self) -> dict[str, object]:
        """Return counts and shares."""
        return {
            "visible_frames": self.visible,
            "found": share(self.found, self.visible),
            "hidden_frames": self.hidden,
            "reported_though_hidden": share(self.reported, self.hidden),
            "segments": self.segments,
            "mouth_in_box": share(self.right, self.segments),
            "on_another_person": self.others,
        }


def read_clips(folder: Path) -> list[Clip]:
    """Read the labels."""
    entries = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    return [
        Clip(
            folder / entry["file"],
            entry["kind"],
            tuple(
                Segment(
                    one["start_s"],
                    one["end_s"],
                    one["face_visible"],
                    None if one["face_box"] is None else tuple(one["face_box"]),
                    one.get("person", 1),
                    one["label"],
                )
                for one in entry["segments"]
            ),
        )
        for entry in entries
    ]


def score(clip: Clip, answers: Sequence[tuple[float, LowerFace | None]]) -> Count:
    """Count right and wrong answers (time in seconds, face) of one clip."""
    count = Count()
    for at_s, face in answers:
        now = [one for one in clip.segments if at_s in one]
        if any(one.visible and one.person == 1 for one in now):
            count.visible += 1
            count.found += face is not None
        elif now and not any(one.visible for one in now):
            count.hidden += 1
            count.reported += face is not None
    for segment in clip.main:
        if not segment.visible or segment.box is None:
            continue
        middle_s = (segment.start_s + segment.end_s) / 2
        at_s, face = min(answers, key=lambda answer: abs(answer[0] - middle_s))
        count.segments += 1
        if face is not None and inside(face.mouth, segment.box):
            count.right += 1
            continue
        beside = face is not None and any(
            one.person != 1 and at_s in one and one.box is not None and inside(face.mouth, one.box)
            for one in clip.segments
        )
        count.others += beside
        why = "nothing found"
        if face is not None:
            x, y = face.mouth
            why = f"{'another person' if beside else 'elsewhere'}, mouth at ({x:.0f}, {y:.0f})"
        count.misses.append(f"miss: {clip.path.name} at {at_s:.2f} s: {why}")
    return count


def on_clips(finder: Finder, folder: Path) -> Result:
    """Follow the face through every clip, and count."""
    counts: list[tuple[Clip, Count]] = []
    for clip in tracked(read_clips(folder), "clips"):
        finder.reset()
        answers = [(at_s, ask(finder, image, at_s)) for image, at_s in frames_of(clip.path)]
        counts.append((clip, score(clip, answers)))
    return _result(counts)


def _result(counts: Sequence[tuple[Clip, Count]]) -> Result:
    kinds = sorted({clip.kind for clip, _ in counts})
    groups = {"A": ["A"], "rest": [kind for kind in kinds if kind != "A"]}
    groups |= {kind: [kind] for kind in kinds if kind != "A"}
    sums = {name: Count() for name in groups}
    for name, members in groups.items():
        for clip, count in counts:
            if clip.kind in members:
                sums[name].add(count)
    lines = []
    for name, total in sums.items():
        title = "kind A" if name == "A" else "rest" if name == "rest" else f"    kind {name}"
        lines += [
            f"{title}: found {shown(total.found, total.visible)}; middle frames: mouth in the box "
            f"{shown(total.right, total.segments)}, on another person {total.others}; "
            f"reported though hidden: {shown(total.reported, total.hidden)}",
        ]
    details = [f"{'clip':40} visible  found  middles  hidden  reported"]
    for clip, count in counts:
        found = share(count.found, count.visible)
        details.append(
            f"{clip.path.stem:40} {count.visible:7} {'-' if found is None else f'{found:.3f}':>6} "
            f"{f'{count.right}/{count.segments}':>8} {count.hidden:7} {count.reported:9}"
        )
    figures = {name: total.figures() for name, total in sums.items()}
    each = {clip.path.name: count.figures() for clip, count in counts}
    misses = [miss for _, count in counts for miss in count.misses]
    return Result({**figures, "clips": each, "misses": misses}, lines, details + misses)
