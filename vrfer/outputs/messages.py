"""From a reading to OSC packets, as a profile says (OSC 1.0).

Numbers leave as Python's own: the OSC types of numpy's are anybody's guess. Probabilities are held
in 0-1, and what is no number counts as 0, so that NaN never goes out.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from pythonosc.parsing import osc_types

from vrfer.expressions import EXPRESSIONS
from vrfer.frames import LowerFace, Reading
from vrfer.outputs.profiles import INT32, ArgumentLayout, Profile, Value

LARGEST_PACKET: Final = 1431
"""Bytes that pass every network in one piece."""

_BUNDLE: Final = b"#bundle\0"


class Message(NamedTuple):
    """An address with its values."""

    address: str
    values: tuple[Value, ...]
    constant: bool = False
    """Whether it always says the same."""


def messages_of(profile: Profile, reading: Reading) -> list[Message]:
    """Return everything that a profile says of a reading, in its order."""
    numbers = _numbers(reading)
    filled = [
        (
            layout.address,
            tuple(
                value
                for argument in layout.arguments
                for value in _values(argument, numbers, reading.label)
            ),
            layout.constant,
        )
        for layout in profile.messages
    ]
    return [
        Message(prefix + address, values, constant)
        for prefix in profile.prefixes
        for address, values, constant in filled
    ]


def encode_packets(
    messages: Sequence[Message], unix_ns: int | None, *, bundled: bool
) -> list[bytes]:
    """Encode messages as packets of at most `LARGEST_PACKET` bytes.

    Args:
        messages: In the order in which they shall arrive.
        unix_ns: Capture time, nanoseconds since the Unix epoch: the bundle's time tag. None means
            "immediately".
        bundled: All in one bundle, or in as few as hold them; else each is a packet of its own.
    """
    encoded = [_encode(message) for message in messages]
    if not bundled:
        return encoded
    head = _BUNDLE + osc_types.write_date(
        osc_types.IMMEDIATELY if unix_ns is None else unix_ns / 1e9
    )
    packets = [bytearray(head)]
    for message in encoded:
        element = osc_types.write_int(len(message)) + message
        if len(packets[-1]) + len(element) > LARGEST_PACKET and len(packets[-1]) > len(head):
            packets.append(bytearray(head))
        packets[-1] += element
    return [bytes(packet) for packet in packets]


def encode_reading(profile: Profile, reading: Reading) -> list[bytes]:
    """Encode everything that a profile says of a reading."""
    messages = messages_of(profile, reading)
    return encode_packets(messages, reading.captured_unix_ns, bundled=profile.sending.bundle)


def example_reading(label_id: int, captured_ns: int, captured_unix_ns: int) -> Reading:
    """Return a made-up reading with one expression at 1 and the others at 0.

    Args:
        label_id: The expression's index.
        captured_ns: Capture time by `time.perf_counter_ns()`.
        captured_unix_ns: The same moment since the Unix epoch. Some receivers wait for a time tag
            that lies ahead, so let it be now.
    """
    shares = np.zeros(len(EXPRESSIONS), np.float32)
    shares[label_id] = 1.0
    return Reading(
        frame=0,
        captured_ns=captured_ns,
        captured_unix_ns=captured_unix_ns,
        source_s=None,
        face=LowerFace(mouth=(0.0, 0.0), chin=(0.0, 1.0), width_px=1.0, score=1.0),
        raw=shares,
        steady=shares,
        label_id=label_id,
        unsure=False,
    )


def _numbers(reading: Reading) -> Mapping[str, float]:
    steady = map(_share, reading.steady.tolist())
    return dict(zip(EXPRESSIONS, steady, strict=True)) | {
        "confidence": _share(float(reading.confidence)),
        "label_id": int(reading.label_id),
        "unsure": int(reading.unsure),
        "face": int(reading.face is not None),
    }


def _share(number: float) -> float:
    if 0.0 <= number <= 1.0:
        return number
    return 1.0 if number > 1.0 else 0.0


def _values(argument: ArgumentLayout, numbers: Mapping[str, float], label: str) -> Iterator[Value]:
    if argument.value is not None:
        yield argument.value
    elif argument.source == "label":
        yield label
    elif argument.source == "probabilities":
        for name in EXPRESSIONS:
            yield _shaped(argument, numbers[name])
    elif argument.source is not None:
        yield _shaped(argument, numbers[argument.source])
    else:
        weights = argument.mix or {}
        yield _shaped(argument, sum(numbers[name] * weight for name, weight in weights.items()))


def _shaped(argument: ArgumentLayout, number: float) -> float | int | bool:
    if abs(number) < argument.threshold:
        number = 0.0
    kind = argument.kind
    if kind == "bool":
        return (number > 0) != argument.invert
    if argument.invert:
        number = 1.0 - number
    number = number * argument.scale + argument.offset
    if argument.clamp is not None:
        number = min(max(number, argument.clamp[0]), argument.clamp[1])
    if kind == "int":
        return min(max(round(number), INT32[0]), INT32[1])
    return float(number)


def _encode(message: Message) -> bytes:
    # python-osc's builders parse again what they wrote: ten times slower than its writers.
    tags, written = ",", b""
    for value in message.values:
        if isinstance(value, bool):
            tags += "T" if value else "F"
        elif isinstance(value, int):
            tags += "i"
            written += osc_types.write_int(value)
        elif isinstance(value, float):
            tags += "f"
            written += osc_types.write_float(value)
        else:
            tags += "s"
            written += _string(value)
    return _string(message.address) + _string(tags) + written


@functools.lru_cache(maxsize=1024)
def _string(text: str) -> bytes:
    # The same addresses, tags and labels go out again and again.
    return osc_types.write_string(text)
