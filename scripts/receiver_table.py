"""Write docs/receivers.md: each OSC profile into each receiver that can be run here.

    python scripts/receiver_table.py [--out FILE] [--only PROFILE] [--pictures docs/pictures]

For each profile `vrfer-app run` reads the built-in clip, every fifth picture of it, into all
receivers at once and into a socket that keeps the packets; what receivers made of them is compared
with those. Takes two to seven minutes. Programs that are missing leave a cell that says so. Ends
with 1 where a receiver heard anything else than what was sent. A new receiver is one function and a
`Column`.
"""

import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import receiver_columns
import receiver_components
import receiver_engines
import typer
from app_runs import Running, app
from receiver_clip import RULES, short_clip
from receiver_pictures import draw_faces, draw_report
from receiver_trials import Column, MissingError, Sent, Tap, Trial, Verdict

from vrfer.command_line import DONE
from vrfer.outputs.profiles import PROFILES
from vrfer.recording import load_session
from vrfer.shipped import shipped

PAGE = Path(__file__).resolve().parent.parent / "docs" / "receivers.md"
COLUMNS: Final = (
    *receiver_columns.COLUMNS,
    *receiver_engines.COLUMNS,
    *receiver_components.COLUMNS,
)
READ_ONLY: Final = (
    (
        "VRChat",
        "`vrchat`, `vrchat-compact`, `vrcft`",
        "docs.vrchat.com/docs/osc-overview; the wiki of vrchat-community/osc",
    ),
    (
        "VSeeFace, Warudo, VMagicMirror, VNyan, Virtual Motion Capture",
        "`vmc`, `vmc-vrm1`",
        "protocol.vmc.info; sh-akira/VirtualMotionCaptureProtocol; emilianavt/VSeeFaceReleases "
        "issue 43",
    ),
    (
        "Unity's editor, with extOSC or OscJack",
        "`generic`, `unity`",
        "Iam1337/extOSC and keijiro/OscJack; the components alone were run, see above",
    ),
    (
        "Unreal's editor",
        "`generic`, `unreal`",
        "the documentation of the engine's OSC plugin; the component alone was run, see above",
    ),
    ("TouchDesigner", "`generic`", "the documentation of OSC In CHOP and OSC In DAT"),
)
INTRODUCTION = """\
# Which receivers have heard which profile

<!-- Made by scripts/receiver_table.py; changes here are lost. -->

Each cell that says *run* was run: `vrfer-app run` sent the built-in clip, every fifth picture of
it, to the program in that profile, and what the program made of it was compared with the packets
that were sent. What the profiles are for: [profiles.md](profiles.md); how receivers are set up:
[assets/receivers](../assets/receivers/README.md).

"""


@dataclass(frozen=True, slots=True)
class Results:
    """The cells of one profile, and what there is to say of its run."""

    cells: Mapping[str, str]
    """By the title of the column."""
    frames: int
    good: bool


def try_out(profile: str, columns: Sequence[Column], clip: Path, folder: Path) -> Results:
    """Send the clip in a profile to all receivers that are meant for it.

    Args:
        profile: Its name.
        clip: The video.
        columns: The receivers; their programs are installed.
        folder: An empty one for files.

    Raises:
        ValueError: vrfer did not send what it recorded.
    """
    meant = [one for one in columns if one.profiles is None or profile in one.profiles]
    rules, recording = folder / "rules.toml", folder / "clip.csv"
    rules.write_text(RULES, encoding="utf-8")
    with ExitStack() as stack:
        tap = stack.enter_context(Tap())
        trials: dict[str, Trial] = {}
        for column in meant:
            place = folder / str(len(trials))
            place.mkdir()
            trials[column.title] = stack.enter_context(column.start(profile, place))
        ports = [tap.port, *(trial.port for trial in trials.values())]
        receivers = [part for port in ports for part in ("--osc", f"127.0.0.1:{port}")]
        played = ("--source", clip, "--headless", "--as-fast-as-possible", "--record", recording)
        command = app("run", *played, "--rules", rules, "--profile", profile, *receivers)
        with Running(command, folder / "run.txt") as run:
            if run.ended() != DONE:
                raise ValueError(f"vrfer-app run failed: {run.lines}")
        sent = Sent(profile, tap.all())
        check(sent, recording)
        verdicts = {title: ask(trial, sent) for title, trial in trials.items()}
    cells = {title: str(verdict) for title, verdict in verdicts.items()}
    good = all(verdict.is_good for verdict in verdicts.values())
    return Results(cells, len(load_session(recording).rows), good)


def ask(trial: Trial, sent: Sent) -> Verdict:
    """Ask a receiver what it heard; one that does not answer is bad."""
    try:
        return trial.verdict(sent)
    except TimeoutError as err:
        return Verdict(0, len(sent.packets), "packets", "", str(err))


def check(sent: Sent, recording: Path) -> None:
    """Compare what was sent with the recording of the same run.

    Raises:
        ValueError: They differ.
    """
    if not sent.packets:
        raise ValueError(f"nothing was sent in the profile {sent.profile}")
    if sent.profile != "generic":
        return
    session = load_session(recording)
    told = [one.arguments for one in sent.messages if one.address == "/vrfer/probabilities"]
    values = np.array(told, np.float32)
    if values.shape != session.steady.shape or not np.allclose(values, session.steady, atol=1e-4):
        raise ValueError("the profile generic did not send what was recorded")


def page(
    results: Mapping[str, Results], versions: Mapping[str, str], parsed: str, where: str
) -> str:
    """Return the whole page.

    Args:
        results: By profile.
        versions: By the title of the column; what is missing says so in its cell.
        parsed: What came of reading the scripts for Godot 4.
        where: The computer and the day, in words.
    """
    heads = [
        f"{one.title}<br>{versions[one.title]} [^{number}]"
        if one.title in versions
        else f"{one.title} [^{number}]"
        for number, one in enumerate(COLUMNS, 1)
    ]
    frames = ", ".join(sorted({f"{one.frames}" for one in results.values()}, key=int))
    parts = [
        INTRODUCTION,
        f"Measured on {where}, with {frames} frames a profile. A run sends to all its receivers at "
        "once.\n\n",
        f"| profile | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}\n",
    ]
    for profile, result in results.items():
        cells = [result.cells[one.title] for one in COLUMNS]
        parts.append(f"| [`{profile}`](profiles.md#{profile}) | {' | '.join(cells)} |\n")
    parts.append("\n")
    parts += [f"[^{number}]: {footnote(one)}\n" for number, one in enumerate(COLUMNS, 1)]
    parts.append(
        "\n*Not meant* is what the receiver was not written for; it is nothing that failed. Values "
        "are equal where they differ by no more than the digits that the program prints.\n\n"
        "Lab Streaming Layer is no OSC profile and has no column: `tests/outputs/test_lsl.py` "
        "receives readings and markers with pylsl, in a process of its own ([lsl.md](lsl.md)).\n\n"
        "## Read about, not run\n\n"
        "These were not here when this was made; the profile follows their documentation.\n\n"
        "| program | profiles | sources |\n|---|---|---|\n"
    )
    parts += [f"| {' | '.join(row)} |\n" for row in READ_ONLY]
    parts.append(f"| Godot 4 | `generic` | not run; {parsed} |\n")
    return "".join(parts)


def footnote(column: Column) -> str:
    """Return what there is to say of a column."""
    return f"{column.about} {column.why_not}".strip()


def parse_godot_4() -> str:
    """Read the scripts for Godot 4 with a parser of their language; return what came of it.

    Raises:
        ValueError: One is not of that language.
    """
    scripts = sorted((shipped("assets") / "receivers" / "godot4").glob("*.gd"))
    names = ", ".join(f"`{one.name}`" for one in scripts)
    parser = Path(sys.executable).with_name("gdparse")
    if not parser.exists():
        return f"{names} are its scripts (gdtoolkit, which parses them, is not installed)"
    done = subprocess.run([parser, *scripts], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ValueError(f"gdparse refuses a script of Godot 4: {done.stderr or done.stdout}")
    return f"gdtoolkit {version('gdtoolkit')}, a parser of GDScript 2, accepts {names}"


def installed() -> tuple[dict[str, str], dict[str, str]]:
    """Return the versions of the receivers' programs, and what is said of missing ones."""
    versions, missing = {}, {}
    for column in COLUMNS:
        try:
            versions[column.title] = column.version()
        except MissingError as err:
            missing[column.title] = f"not run here: {err}"
    return versions, missing


def main(
    out: Annotated[Path, typer.Option(help="Where the table goes.")] = PAGE,
    only: Annotated[str, typer.Option(help="Only this profile.")] = "",
    pictures: Annotated[
        Path | None,
        typer.Option(help="Folder for pictures of Godot's face and of a report, and no table."),
    ] = None,
) -> None:
    """Run every receiver with every profile and write the table."""
    if pictures is not None:
        for path in (draw_faces(pictures), *draw_report(pictures)):
            typer.echo(f"{path}: {path.stat().st_size / 1000:.0f} kB")
        return
    versions, missing = installed()
    here = [one for one in COLUMNS if one.title in versions]
    results = {}
    with tempfile.TemporaryDirectory(prefix="vrfer-receivers-") as name:
        clip = Path(name) / "clip.mp4"
        short_clip(clip)
        for profile in [known for known in PROFILES if only in ("", known)]:
            began_s = time.monotonic()
            folder = Path(name) / profile
            folder.mkdir()
            result = try_out(profile, here, clip, folder)
            others = {one.title: "not meant" for one in here if one.title not in result.cells}
            cells = {**result.cells, **others, **missing}
            results[profile] = Results(cells, result.frames, result.good)
            typer.echo(f"{profile} ({time.monotonic() - began_s:.0f} s): {dict(result.cells)}")
    where = (
        f"{platform.system()} {platform.release().partition('-')[0]}, vrfer {version('vrfer')}, "
        f"{time.strftime('%d %B %Y')}"
    )
    written = page(results, versions, parse_godot_4(), where)
    out.write_text(written, encoding="utf-8", newline="\n")
    if not all(one.good for one in results.values()):
        typer.echo("BAD")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
