#!/usr/bin/env python3
"""Write docs/profiles.md: the OSC profiles, as their files say.

    python scripts/profile_pages.py            writes the page
    python scripts/profile_pages.py --to FILE  writes it elsewhere

Run it after changing `assets/profiles` or the form of profiles.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from vrfer.outputs.profiles import (
    PROFILES,
    ArgumentLayout,
    EventLayout,
    MessageLayout,
    Profile,
    Sending,
    read_profile,
)
from vrfer.shipped import shipped

PAGE = Path(__file__).resolve().parent.parent / "docs" / "profiles.md"
SOURCES = {
    "probabilities": "the eight probabilities",
    "confidence": "probability of the label",
    "label": "the label (`none` without a face)",
    "label_id": "the label's index (-1 without a face)",
    "unsure": "1 while the network cannot tell",
    "face": "1 while a lower face is seen",
}
BOOLS = {"unsure": "while the network cannot tell", "face": "while a lower face is seen"}
INTRODUCTION = """\
# OSC profiles

<!-- Made by scripts/profile_pages.py; changes here are lost. -->

A profile says under which addresses and in which form a receiver is told of the expression. Choose
one per receiver: in the window under Send, or

```
vrfer-app run --source 0 --osc 127.0.0.1:9000,profile=vrchat --osc 192.168.1.40:39540,profile=vmc
```

Common to all: probabilities are the steady ones, 0 to 1, in the order neutral, happiness, surprise,
sadness, anger, disgust, fear, contempt. While no face is seen they are 0. Where frames stop, that
is told once, and to other computers, to which packets get lost, three times more in the next
seconds (by the window and with `--control`). While the network is unsure the label holds. Nothing
that is sent is ever NaN. Packets stay below 1,432 bytes; what does not fit into one bundle goes out
in several with the same time tag. The scenes in `assets/receivers` go to rest after two seconds of
silence: tell them something at least once a second. The test signal sends each expression at 1, in
the profile's own addresses, whatever has changed.

"""
OWN = """\
## Your own

Copy one of `assets/profiles/*.toml`, change it, and name it: `--osc HOST:PORT,profile=PATH.toml` (a
path without commas). Or put it into the folder `profiles` in vrfer's folder for settings (Linux
`~/.config/vrfer`, Windows `%LOCALAPPDATA%\\vrfer\\vrfer`, macOS
`~/Library/Application Support/vrfer`); its name is then the file's, without `.toml`, and it comes
before a shipped one of that name. A file that cannot be used is refused with the field that is
wrong.

```toml
schema_version = 1
name = "My lamp"
about = "Turns a lamp from blue to yellow, and on when someone is there."
messages = [
  { address = "/lamp/warmth", arguments = [
    { mix = { happiness = 1, sadness = -1 }, scale = 0.5, offset = 0.5, clamp = [0, 1] },
  ] },
  { address = "/lamp/on", arguments = [{ source = "face" }] },
]

[sending]
least_change = 0.01
complete_every_s = 5
rate_hz = 10
```

"""


def page(profiles: dict[str, Profile]) -> str:
    """Return the whole page."""
    parts = [INTRODUCTION, "| profile | for |\n|---|---|\n"]
    parts += [f"| [`{name}`](#{name}) | {one.name} |\n" for name, one in profiles.items()]
    parts += ["\n", *(chapter(name, one) for name, one in profiles.items())]
    parts.append(OWN)
    for title, model in (
        ("The file", Profile),
        ("`[sending]`", Sending),
        ("`[events]`", EventLayout),
        ("A message", MessageLayout),
        ("An argument", ArgumentLayout),
    ):
        parts.append(f"### {title}\n\n| field | is |\n|---|---|\n{''.join(fields(model))}\n")
    return "".join(parts).rstrip() + "\n"


def chapter(name: str, profile: Profile) -> str:
    """Return what the page says of one profile."""
    rows = [row(profile, message) for message in profile.messages]
    shared = ", ".join(f"`{prefix}`" for prefix in profile.prefixes if prefix)
    below = f"Below each of {shared}:\n\n" if len(profile.prefixes) > 1 else ""
    port = profile.port or "PORT"
    return (
        f"## {name}\n\n**{profile.name}.** {profile.about}\n\n{profile.setup.strip()}\n\n"
        f"`--osc 127.0.0.1:{port},profile={name}`\n\n{rhythm(profile.sending)}\n\n{below}"
        f"| address | arguments | range |\n|---|---|---|\n{''.join(rows)}"
        f"{event_row(profile.events)}\n"
    )


def rhythm(sending: Sending) -> str:
    """Return how often it is sent, in words."""
    if sending.least_change is None:
        told = "Sent: everything with every frame"
    else:
        told = f"Sent: what changed by {sending.least_change:g} or more"
    if sending.rate_hz is not None:
        told += f", at most {sending.rate_hz:g} times a second"
    if sending.complete_every_s is not None:
        told += f", and everything every {sending.complete_every_s:g} seconds"
    form = "each frame in one bundle" if sending.bundle else "each message on its own"
    if sending.hold_face_s:
        form += f"; a face that is gone for less than {sending.hold_face_s:g} s is not told to be"
    return f"{told}; {form}."


def row(profile: Profile, message: MessageLayout) -> str:
    """Return a message's row of the table."""
    prefix = profile.prefixes[0] if len(profile.prefixes) == 1 else ""
    arguments = [f"{kind(one)} {what(one)}" for one in message.arguments] or ["none"]
    ranges = "<br>".join(map(limits, message.arguments))
    if message.about:
        arguments.append(f"*{message.about}*")
    return f"| `{prefix}{message.address}` | {'<br>'.join(arguments)} | {ranges} |\n"


def event_row(events: EventLayout) -> str:
    """Return the table's row for the events of rules."""
    address = events.address_of("NAME")
    values = "true, false" if events.type == "bool" else "1, 0"
    return f"| `{address}` | {events.type}: {values} as a rule's event begins and ends | |\n"


def kind(argument: ArgumentLayout) -> str:
    """Return the argument's type, and how many there are."""
    return "8 floats:" if argument.source == "probabilities" else f"{argument.kind}:"


def what(argument: ArgumentLayout) -> str:
    """Return where an argument comes from, in words."""
    if argument.value is not None:
        return f"`{json.dumps(argument.value)}`"
    if argument.kind == "bool":
        told = BOOLS.get(argument.source or "", "")
        told = told or f"from {argument.threshold:g} of {origin(argument)}"
        return f"true {told}" if not argument.invert else f"false {told}"
    told = origin(argument)
    if argument.threshold:
        told += f", 0 below {argument.threshold:g}"
    if argument.invert:
        told = f"1 minus {told}"
    if argument.scale != 1:
        told += f", times {argument.scale:g}"
    if argument.offset:
        told += f", plus {argument.offset:g}"
    return told


def origin(argument: ArgumentLayout) -> str:
    """Return an argument's source, in words."""
    if argument.mix is None:
        source = argument.source or ""
        return SOURCES.get(source, source)
    told = ""
    for name, weight in argument.mix.items():
        sign = "-" if weight < 0 else "+" if told else ""
        share = "" if abs(weight) == 1 else f"{abs(weight):g} "
        told += f" {sign} {share}{name}" if told else f"{sign}{share}{name}"
    return told


def limits(argument: ArgumentLayout) -> str:
    """Return an argument's range; empty where there is none to say."""
    if argument.constant or argument.limits is None or argument.kind == "bool":
        return ""
    low, high = argument.limits
    return f"{low:g} to {high:g}"


def fields(model: type[BaseModel]) -> Iterator[str]:
    """Yield a row for each field of a part of the file."""
    for name, field in model.model_fields.items():
        needed = " (needed)" if field.is_required() else ""
        yield f"| `{name}`{needed} | {field.description} |\n"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description="Write docs/profiles.md.")
    parser.add_argument("--to", type=Path, default=PAGE, help="where to write it")
    folder = shipped("assets") / "profiles"
    written = page({name: read_profile(folder / f"{name}.toml") for name in PROFILES})
    parser.parse_args().to.write_text(written, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
