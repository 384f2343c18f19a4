"""`vrfer-app find`: the programs of this computer that hear OSC, and how to send to them."""

import json
from dataclasses import dataclass
from typing import Annotated

import typer

from vrfer.errors import OutputError
from vrfer.oscquery.browse import Browser
from vrfer.oscquery.fitting import best_avatar_profile
from vrfer.oscquery.programs import Program, addresses_heard
from vrfer.oscquery.tree import addresses_of
from vrfer.outputs.profiles import load_profile

_NOTHING = """\
No program of this computer says that it hears OSC.
- Is it running, and is OSC switched on in it? VRChat: Action Menu, Options, OSC, Enabled.
- Only programs that speak OSCQuery are found. To others you can send all the same: find their
  port in their settings and write --osc 127.0.0.1:PORT,profile=NAME."""
_NO_MDNS = """\
- mDNS does not work here ({error}), often because of a VPN: switch it off, or name the program's
  OSCQuery port: vrfer-app find --at 127.0.0.1:PORT. VRChat's usual OSC address needs no finding:
  --osc 127.0.0.1:9000,profile=vrchat."""


@dataclass(frozen=True, slots=True)
class _Found:
    program: Program
    profile: str
    heard: frozenset[str] | None
    """Which of the profile's addresses the program hears; None where that is not known."""

    @property
    def receiver(self) -> str:
        profile = f",profile={self.profile}" if self.profile else ""
        return f"{self.program.host}:{self.program.osc_port}{profile}"


def find(
    seconds: Annotated[float, typer.Option(min=0.1, max=60, help="How long to look.")] = 3.0,
    at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Ask for OSCQuery here too, where mDNS does not work; may be given several times.",
            show_default="none",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, nothing else.")
    ] = False,
) -> None:
    """List the programs of this computer that hear OSC, and what `run` needs to send to them."""
    with Browser(lambda programs: None, known=at or ()) as browser:
        browser.wait(seconds)
        programs, error = browser.programs, browser.error
    found = [_look_closer(program) for program in programs]
    for one in found:
        typer.echo(_as_json(one) if as_json else _as_text(one))
    if not found and not as_json:
        typer.echo(_NOTHING)
        if error:
            typer.echo(_NO_MDNS.format(error=error))


def _look_closer(program: Program) -> _Found:
    """Choose VRChat's profile by what the avatar has."""
    if program.kind != "VRChat":
        return _Found(program, program.profile, None)
    try:
        heard = addresses_heard(program)
    except OutputError:
        return _Found(program, program.profile, None)
    best = best_avatar_profile(heard)
    return _Found(program, best, heard & addresses_of(load_profile(best)))


def _as_text(found: _Found) -> str:
    program = found.program
    head = f"{program.name} ({program.kind})"
    if not found.profile:
        return f"{head}: listens to VRChat, not to expressions; nothing needs to be sent to it"
    line = f"{head}: --osc {found.receiver}"
    if found.heard is None:
        return line
    if not found.heard:
        return (
            f"{line}\n  The avatar worn now has none of the parameters; docs/profiles.md says "
            "how to add them."
        )
    return f"{line}\n  The avatar worn now has {len(found.heard)} of the parameters."


def _as_json(found: _Found) -> str:
    program = found.program
    return json.dumps(
        {
            "name": program.name,
            "kind": program.kind,
            "host": program.host,
            "osc_port": program.osc_port,
            "profile": found.profile,
            "osc": found.receiver if found.profile else None,
            "heard": None if found.heard is None else sorted(found.heard),
        }
    )
