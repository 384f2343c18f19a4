"""Measure how expressions are read on people in headsets and over time, one network or several.

    python benchmarks/reading.py --data FOLDER [--model FILE]... [--sheet FILE]

FOLDER holds headset/ (labelled photographs) and videos/ (labelled clips). The finder runs once;
every network reads the same crops. Figures go to standard output, progress to standard error:

    photographs   share of those with a labelled expression that is read rightly; smiles apart;
                  a face that is not found counts as wrong
    mirrored      the same of their crops' mirror images: what is luck comes out otherwise
    read          share of the clips' segments labelled with an expression whose most frequent
                  steady label is the right one
    calm          changes of the steady label a minute within neutral and talking segments, of the
                  time in which a face was read
    baseline      the same with a baseline from each clip's first neutral segment, and without,
                  on the other segments
    talking       share of talking frames whose steady label is surprise or happiness
    speed         median milliseconds a patch on one core, and the file's size
"""

import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from finding.asking import ask, share, tracked
from finding.clips import Clip, Segment, read_clips
from finding.photos import Photograph, photographs
from numpy.typing import NDArray

from vrfer.baseline import Baseline, RestingFace
from vrfer.classifier import Classifier, Device
from vrfer.crop import CropGeometry, face_square, scaled_up
from vrfer.expressions import EXPRESSIONS
from vrfer.finder import Finder
from vrfer.frames import Frame, LowerFace, Scores
from vrfer.shipped import default_model, shipped
from vrfer.sources import open_source
from vrfer.sources.pictures import load
from vrfer.steady import Steady, SteadySettings

_SPEED_TRIALS = 300
_LONGEST_GAP_S = 0.5
"""Time between two pictures with a face in which it is taken to have been read all along."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A frame, the lower face in it, and its cut at the effective resolution."""

    frame: Frame
    face: LowerFace | None
    cut: NDArray[np.uint8] | None


def look(finder: Finder, frame: Frame, geometry: CropGeometry, *, still: bool) -> Seen:
    """Find the face of a frame and cut it, and drop the frame's pixels."""
    face = ask(finder, frame.image, None if still else frame.timeline_s)
    cut = None if face is None else face_square(frame.image, face, geometry, "lower-half")
    return Seen(replace(frame, image=np.zeros((1, 1, 3), np.uint8)), face, cut)


def frames(path: Path) -> Iterator[Frame]:
    """Yield a video's frames as the pipeline sees them."""
    with open_source(str(path), as_fast_as_possible=True) as source:
        while not source.exhausted:
            frame = source.read(1.0)
            if frame is not None:
                yield frame


class Read:
    """One network reading what was seen."""

    def __init__(self, model: Path) -> None:
        """Load it."""
        self.model = model
        self.network = Classifier(model, Device.CPU)
        if self.network.contract.region != "lower-half":
            raise typer.BadParameter(f"{model} wants whole faces, of which a headset shows half.")

    def scores(self, seen: Seen, *, mirrored: bool = False) -> Scores | None:
        """Return what the network says; None without a face."""
        if seen.cut is None:
            return None
        cut = np.ascontiguousarray(seen.cut[:, ::-1]) if mirrored else seen.cut
        return self.network.classify(scaled_up(cut, self.network.patch_size))

    def photographs(self, labelled: Sequence[tuple[Photograph, Seen]]) -> dict[str, object]:
        """Return the shares that are read rightly, and what was read instead."""
        right, total, wrong = Counter[str](), Counter[str](), []
        mirrored = 0
        for photograph, seen in labelled:
            said = _label(self.scores(seen))
            mirrored += _label(self.scores(seen, mirrored=True)) == photograph.expression
            total[photograph.expression] += 1
            right[photograph.expression] += said == photograph.expression
            if said != photograph.expression:
                wrong.append(f"{photograph.path.name}: {photograph.expression} as {said}")
        return {
            "photographs": share(right.total(), total.total()),
            "mirrored": share(mirrored, total.total()),
            "by_expression": {name: f"{right[name]} of {total[name]}" for name in sorted(total)},
            "wrong": wrong,
        }

    def resting(self, clip: Clip, seen: Sequence[Seen]) -> tuple[Baseline | None, Segment | None]:
        """Return a baseline from a clip's first neutral segment, and that segment."""
        for segment in clip.main:
            if segment.visible and segment.label == "neutral":
                face = RestingFace(self.network.contract)
                for one in seen:
                    scores = self.scores(one)
                    if scores is not None and one.frame.timeline_s in segment:
                        face.add(scores, one.frame.timeline_s)
                baseline = face.baseline()
                if baseline is not None:
                    return baseline, segment
        return None, None

    def with_baselines(self, clips: Sequence[tuple[Clip, list[Seen]]]) -> dict[str, object]:
        """Compare readings with and without a baseline, on the segments that it was not made of."""
        if self.network.contract.resting is None:
            return {}
        offsets, rest = {}, []
        for clip, seen in clips:
            baseline, used = self.resting(clip, seen)
            if baseline is not None:
                offsets[clip.path] = np.array(baseline.offsets)
                rest.append((replace(clip, segments=_without(clip.segments, used)), seen))
        if not rest:
            return {}
        names = ("read", "changes_a_minute", "talking_as_surprise_or_happiness", "misread")
        plain, corrected = self.clips(rest), self.clips(rest, offsets)
        return {
            "baselines": len(rest),
            "without_baseline": {name: plain[name] for name in names},
            "with_baseline": {name: corrected[name] for name in names},
        }

    def clips(
        self,
        clips: Sequence[tuple[Clip, list[Seen]]],
        offsets: Mapping[Path, NDArray[np.float64]] | None = None,
    ) -> dict[str, object]:
        """Return how rightly and how calmly the clips are read, with baselines if given."""
        right, total = Counter[str](), Counter[str]()
        changes, calm_s, talking, excited = 0, 0.0, 0, 0
        wrong = []
        settings = SteadySettings(unsure_below=self.network.contract.unsure_below)
        for clip, seen in clips:
            steady = Steady(settings, (offsets or {}).get(clip.path))
            labels = [
                (one.frame.timeline_s, steady.update(one.frame, one.face, self.scores(one)).label)
                for one in seen
            ]
            for segment in clip.main:
                if not segment.visible:
                    continue
                read = [one for one in labels if one[0] in segment and one[1] != "none"]
                said = [label for _, label in read]
                if segment.label in EXPRESSIONS:
                    most = Counter(said).most_common(1)[0][0] if said else "none"
                    total[segment.label] += 1
                    right[segment.label] += most == segment.label
                    if most != segment.label:
                        where = f"{clip.path.stem} {segment.start_s:.1f} s"
                        wrong.append(f"{where}: {segment.label} as {most}")
                if segment.label in ("neutral", "talking"):
                    changes += sum(one != other for one, other in itertools.pairwise(said))
                    gaps_s = (later[0] - one[0] for one, later in itertools.pairwise(read))
                    calm_s += sum(gap_s for gap_s in gaps_s if gap_s < _LONGEST_GAP_S)
                if segment.label == "talking":
                    talking += len(said)
                    excited += sum(label in ("surprise", "happiness") for label in said)
        return {
            "read": share(right.total(), total.total()),
            "read_by_label": {name: f"{right[name]} of {total[name]}" for name in sorted(total)},
            "changes_a_minute": changes / calm_s * 60 if calm_s else None,
            "talking_as_surprise_or_happiness": share(excited, talking),
            "misread": wrong,
        }

    def speed(self) -> dict[str, object]:
        """Return the median time a patch and the file's size."""
        patch = np.random.default_rng(0).integers(0, 256, self.network.patch_size, dtype=np.uint8)
        durations = []
        for _ in range(_SPEED_TRIALS):
            started = time.perf_counter()
            self.network.classify(patch)
            durations.append(time.perf_counter() - started)
        return {
            "ms": float(np.median(durations)) * 1e3,
            "mib": self.model.stat().st_size / 2**20,
        }


def lines(figures: Mapping[str, object], *, verbose: bool) -> Iterator[str]:
    """Yield figures for people; what was misread is named on request."""
    for name, value in figures.items():
        if isinstance(value, list):
            if verbose:
                yield from (f"{name}: {one}" for one in value)
        elif isinstance(value, dict):
            yield f"{name}:"
            yield from (f"  {line}" for line in lines(value, verbose=verbose))
        else:
            yield f"{name}: {f'{value:.3f}' if isinstance(value, float) else value}"


def _label(scores: Scores | None) -> str:
    return "none" if scores is None else EXPRESSIONS[int(scores.probabilities.argmax())]


def _without(segments: Sequence[Segment], used: Segment | None) -> tuple[Segment, ...]:
    return tuple(segment for segment in segments if segment is not used)


def sheet_of(labelled: Sequence[tuple[Photograph, Seen]], read: Read) -> NDArray[np.uint8]:
    """Return the photographs' crops with what was read of them."""
    tiles = []
    for photograph, seen in labelled:
        cut = np.zeros((24, 48), np.uint8) if seen.cut is None else seen.cut
        tile = cv2.cvtColor(cv2.resize(cut, (192, 96)), cv2.COLOR_GRAY2BGR)
        tile = cv2.copyMakeBorder(tile, 0, 34, 2, 2, cv2.BORDER_CONSTANT)
        found = read.scores(seen)
        said = "none"
        if found is not None:
            best = found.probabilities.argsort()[::-1][:2]
            said = " ".join(f"{EXPRESSIONS[i][:8]} {found.probabilities[i]:.2f}" for i in best)
        for row, text in enumerate((f"{photograph.expression}", said)):
            where = (3, 110 + 14 * row)
            cv2.putText(tile, text, where, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (255, 255, 255), 1)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 6)
    return np.vstack([np.hstack(tiles[i : i + 6]) for i in range(0, len(tiles), 6)])


def main(
    data: Annotated[Path, typer.Option(envvar="VRFER_DATA", help="Folder of research data.")],
    model: Annotated[
        list[Path] | None, typer.Option(help="A network; may be given several times.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Name what was misread.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Write the last network's photographs to this picture.")
    ] = None,
) -> None:
    """Print the figures."""
    readers = [Read(path) for path in model or [default_model()]]
    geometry = readers[0].network.contract.crop
    if any(reader.network.contract.crop != geometry for reader in readers):
        raise typer.BadParameter("the networks want different crops; measure them one by one")
    with Finder(shipped("models")) as finder:
        stills = []
        for one in tracked(photographs(data / "headset"), "photographs"):
            if one.expression:
                finder.reset()
                image = load(one.path)
                frame = Frame(image, 0, 0, 0, 0.0)
                stills.append((one, look(finder, frame, geometry, still=True)))
        films = []
        for clip in tracked(read_clips(data / "videos"), "clips"):
            finder.reset()
            seen = [look(finder, frame, geometry, still=False) for frame in frames(clip.path)]
            films.append((clip, seen))
    figures = {}
    for read in readers:
        found = read.photographs(stills) | read.clips(films)
        found |= read.with_baselines(films) | read.speed()
        figures[read.model.stem] = found
        typer.echo(read.model.stem)
        for line in lines(found, verbose=verbose):
            typer.echo(f"  {line}")
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if sheet is not None and stills:
        cv2.imwrite(str(sheet), sheet_of(stills, readers[-1]))


if __name__ == "__main__":
    typer.run(main)
