"""From readings to packets: every shipped profile, every transformation, real receivers."""

import math
import re
import select
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outputs.made_up import FACE, UNIX_NS, only, profile, reading, readings
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from pythonosc.osc_server import BlockingOSCUDPServer

from vrfer.expressions import EXPRESSIONS
from vrfer.frames import Reading
from vrfer.outputs.messages import encode_packets, encode_reading, messages_of
from vrfer.outputs.osc import OscSender, Receiver
from vrfer.outputs.profiles import PROFILES, Profile, load_profile

TAGS = {"float": "f", "int": "i", "string": "s"}
SHIPPED = {name: load_profile(name) for name in PROFILES}
SOME = [0.05, 0.5, 0.1, 0.05, 0.1, 0.05, 0.1, 0.05]
shipped = st.sampled_from(PROFILES)


def parsed(packets: list[bytes]) -> list[OscMessage]:
    """What a receiver makes of packets, in their order."""
    return [message for packet in packets for message in OscBundle(packet)]


def tags(message: OscMessage) -> str:
    packet = message.dgram
    return packet[packet.index(b",") + 1 :].split(b"\0")[0].decode()


def sent(name: str, told: Reading) -> list[tuple[str, list[object]]]:
    packets = encode_reading(SHIPPED[name], told)
    return [(message.address, message.params) for message in parsed(packets)]


@given(shipped, readings)
def test_packets_are_small_and_say_what_the_profile_says(name: str, told: Reading) -> None:
    layout = SHIPPED[name]
    packets = encode_reading(layout, told)
    assert all(len(packet) < 1432 for packet in packets)
    assert {packet[8:16] for packet in packets} == {
        struct.pack(">II", 1_700_000_000 + 2_208_988_800, 0)
    }
    expected = [(prefix, one) for prefix in layout.prefixes for one in layout.messages]
    messages = parsed(packets)
    assert [message.address for message in messages] == [p + one.address for p, one in expected]
    for message, (_, one) in zip(messages, expected, strict=True):
        arguments = [
            argument
            for argument in one.arguments
            for _ in range(8 if argument.source == "probabilities" else 1)
        ]
        kinds = [TAGS.get(argument.kind, "T or F") for argument in arguments]
        assert ["T or F" if tag in "TF" else tag for tag in tags(message)] == kinds
        for argument, value in zip(arguments, message.params, strict=True):
            if argument.limits is None:
                assert isinstance(value, str)
                continue
            low, high = argument.limits
            assert math.isfinite(value)
            assert low - 1e-5 * abs(low) <= value <= high + 1e-5 * abs(high)


@pytest.mark.parametrize("name", [name for name in PROFILES if name != "vrcft"])
@given(readings)
def test_a_frame_is_one_bundle(name: str, told: Reading) -> None:
    assert len(encode_reading(SHIPPED[name], told)) == 1


@given(st.sampled_from(["generic", "unity", "unreal"]), readings)
def test_game_engines_get_neither_bools_nor_anything_rare(name: str, told: Reading) -> None:
    messages = parsed(encode_reading(SHIPPED[name], told))
    assert set("".join(map(tags, messages))) <= set("fis")


odd = st.sampled_from([math.nan, math.inf, -math.inf, -0.5, 1.5, 3e38, 0.0, 1.0])


@given(shipped, st.lists(odd, min_size=8, max_size=8), st.integers(0, 7))
def test_numbers_that_are_none_never_go_out(name: str, shares: list[float], label_id: int) -> None:
    for message in parsed(encode_reading(SHIPPED[name], reading(shares, label_id=label_id))):
        for value in message.params:
            assert isinstance(value, str) or (math.isfinite(value) and abs(value) <= 100)


@pytest.mark.parametrize("name", PROFILES)
def test_numpys_numbers_are_sent_like_pythons(name: str) -> None:
    python = reading(SOME, label_id=1, unsure=True)
    numpy = Reading(
        np.int64(0), np.int64(0), np.int64(UNIX_NS), None, FACE, None,
        python.steady.astype(np.float64), np.int64(1), np.bool_(True),
    )  # fmt: skip
    assert encode_reading(SHIPPED[name], numpy) == encode_reading(SHIPPED[name], python)


@given(readings)
def test_unity_hears_the_generic_addresses_times_100(told: Reading) -> None:
    shapes = {f"/vrfer/{name}" for name in (*EXPRESSIONS, "probabilities")}
    for (address, plain), (same, scaled) in zip(
        sent("generic", told), sent("unity", told), strict=True
    ):
        assert address == same
        times = 100 if address in shapes else 1
        if plain[0].__class__ is str:
            assert scaled == plain
        else:
            assert scaled == pytest.approx([value * times for value in plain], rel=1e-6)  # type: ignore[operator]


@given(readings)
def test_unreal_hears_everything_of_generic_and_all_in_one(told: Reading) -> None:
    unreal = dict(sent("unreal", told))
    generic = dict(sent("generic", told))
    state = unreal.pop("/vrfer/state")
    assert unreal == generic
    names = ("face", "label/id", "unsure", "confidence", "probabilities")
    assert state == [value for name in names for value in generic[f"/vrfer/{name}"]]


@pytest.mark.parametrize("label_id", range(8))
def test_vrchat_hears_a_float_for_each_expression(label_id: int) -> None:
    assert sent("vrchat", only(label_id)) == [
        (f"/avatar/parameters/vrfer/{name}", [float(place == label_id)])
        for place, name in enumerate(EXPRESSIONS)
    ]


def test_vrchat_hears_expression_and_strength_in_16_bits() -> None:
    for label_id in range(8):
        assert sent("vrchat-compact", only(label_id, 0.75)) == [
            ("/avatar/parameters/vrfer/expression", [label_id + 1]),
            ("/avatar/parameters/vrfer/strength", [0.75]),
        ]
    assert sent("vrchat-compact", reading(None)) == [
        ("/avatar/parameters/vrfer/expression", [0]),
        ("/avatar/parameters/vrfer/strength", [0.0]),
    ]


def test_a_face_tracked_avatar_hears_shapes_below_both_prefixes() -> None:
    smile, sad, gone = (dict(sent("vrcft", told)) for told in (only(1), only(3), reading(None)))
    for prefix in ("/avatar/parameters/", "/avatar/parameters/FT/"):
        assert smile[f"{prefix}v2/SmileFrown"] == smile[f"{prefix}v2/SmileSadLeft"] == [1.0]
        assert smile[f"{prefix}v2/MouthSmileLeft"] == smile[f"{prefix}v2/MouthSmileRight"] == [1.0]
        assert sad[f"{prefix}v2/SmileFrown"] == sad[f"{prefix}v2/SmileSad"] == [-1.0]
        assert sad[f"{prefix}v2/MouthSadLeft"] == [1.0]
        assert smile[f"{prefix}ExpressionTrackingActive"] == [True]
        assert gone[f"{prefix}ExpressionTrackingActive"] == [False]
        assert gone[f"{prefix}v2/SmileFrown"] == [0.0]
    assert all(value in (0, False) for values in gone.values() for value in values)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("vmc", {"Neutral": 0, "Joy": 1, "Angry": 4, "Sorrow": 3, "Fun": None, "Surprised": 2}),
        (
            "vmc-vrm1",
            {"neutral": 0, "happy": 1, "angry": 4, "sad": 3, "relaxed": None, "surprised": 2},
        ),
    ],
)
@given(told=readings)
def test_vmc_hears_ok_the_shapes_and_apply(
    name: str, shapes: dict[str, int | None], told: Reading
) -> None:
    first, *values, last = sent(name, told)
    assert first == ("/VMC/Ext/OK", [1, 3, 0, int(told.face is not None)])
    assert last == ("/VMC/Ext/Blend/Apply", [])
    steady = told.steady.tolist()
    assert values == [
        ("/VMC/Ext/Blend/Val", [shape, 0.0 if place is None else steady[place]])
        for shape, place in shapes.items()
    ]


@pytest.mark.parametrize(
    ("argument", "happiness", "value"),
    [
        ({"source": "happiness"}, 0.25, 0.25),
        ({"source": "happiness", "scale": 100.0}, 0.25, 25.0),
        ({"source": "happiness", "scale": -2, "offset": 1.0}, 0.25, 0.5),
        ({"source": "happiness", "invert": True}, 0.25, 0.75),
        ({"source": "happiness", "invert": True, "scale": 10, "offset": 1}, 0.25, 8.5),
        ({"source": "happiness", "threshold": 0.25}, 0.25, 0.25),
        ({"source": "happiness", "threshold": 0.26}, 0.25, 0.0),
        ({"source": "happiness", "threshold": 0.26, "invert": True}, 0.25, 1.0),
        ({"source": "happiness", "threshold": 0.26, "offset": 0.5}, 0.25, 0.5),
        ({"source": "happiness", "scale": 8, "clamp": [0, 1]}, 0.25, 1.0),
        ({"source": "happiness", "offset": -1, "clamp": [-0.5, 0]}, 0.25, -0.5),
        ({"source": "happiness", "type": "int", "scale": 255}, 0.25, 64),
        ({"source": "happiness", "type": "int", "scale": 127, "offset": -0.5}, 0.0, 0),
        ({"source": "happiness", "type": "bool", "threshold": 0.25}, 0.25, True),
        ({"source": "happiness", "type": "bool", "threshold": 0.3}, 0.25, False),
        ({"source": "happiness", "type": "bool", "threshold": 0.3, "invert": True}, 0.25, True),
        ({"mix": {"happiness": 1, "neutral": -1}}, 0.25, -0.5),
        ({"mix": {"happiness": 2, "neutral": 0.5}, "scale": 2, "clamp": [0, 1.5]}, 0.25, 1.5),
        ({"mix": {"happiness": 1, "neutral": -1}, "threshold": 0.6}, 0.25, 0.0),
        ({"mix": {"happiness": 1, "neutral": -1}, "threshold": 0.4}, 0.25, -0.5),
        ({"mix": {"happiness": 1, "neutral": -1}, "type": "bool", "threshold": 0.4}, 0.25, False),
        ({"mix": {"happiness": 1, "neutral": -1}, "type": "bool", "threshold": 0.4}, 0.9, True),
        ({"source": "confidence"}, 0.25, 0.25),
        ({"source": "label"}, 0.25, "happiness"),
        ({"source": "label_id", "type": "float", "scale": 0.5}, 0.25, 0.5),
        ({"source": "face"}, 0.25, 1),
        ({"source": "face", "type": "bool", "invert": True}, 0.25, False),
        ({"source": "unsure", "type": "float"}, 0.25, 0.0),
        ({"value": "Fröhlich"}, 0.25, "Fröhlich"),
        ({"value": 7}, 0.25, 7),
        ({"value": 7.0}, 0.25, 7.0),
        ({"value": True}, 0.25, True),
    ],
)
def test_arguments_are_shaped(
    tmp_path: Path, argument: dict[str, object], happiness: float, value: object
) -> None:
    mine = profile(tmp_path, [{"address": "/a", "arguments": [argument]}])
    told = reading([1 - happiness, happiness, *[0.0] * 6], label_id=1)
    ((heard,),) = (message.params for message in parsed(encode_reading(mine, told)))
    assert heard == (pytest.approx(value) if isinstance(value, float) else value)
    assert type(heard) is type(value)


def test_ints_stay_within_32_bits(tmp_path: Path) -> None:
    arguments = [
        {"source": "happiness", "type": "int", "scale": scale, "offset": scale}
        for scale in (1e6, -1e6)
    ] + [{"mix": {"happiness": 1e6}, "type": "int", "scale": scale} for scale in (1e6, -1e6)]
    mine = profile(tmp_path, [{"address": "/a", "arguments": arguments}])
    (message,) = parsed(encode_reading(mine, only(1)))
    assert message.params == [2_000_000, -2_000_000, 2**31 - 1, -(2**31)]


@given(st.integers(1, 300), readings)
def test_what_does_not_fit_into_one_bundle_goes_out_in_several(count: int, told: Reading) -> None:
    layout = SHIPPED["generic"]
    messages = (messages_of(layout, told) * 30)[:count]
    packets = encode_packets(messages, told.captured_unix_ns, bundled=True)
    assert all(len(packet) < 1432 for packet in packets)
    assert len({packet[:16] for packet in packets}) == 1
    assert [message.address for message in parsed(packets)] == [one.address for one in messages]
    for one, following in pairwise(packets):
        first_size = 4 + struct.unpack(">i", following[16:20])[0]
        assert len(one) + first_size > 1431, "it would have had room"


def test_messages_can_go_out_one_by_one(tmp_path: Path) -> None:
    single: Profile = profile(
        tmp_path,
        [{"address": f"/{name}", "arguments": [{"source": name}]} for name in EXPRESSIONS],
        sending={"bundle": False},
    )
    packets = [OscMessage(packet) for packet in encode_reading(single, only(2))]
    assert [packet.address for packet in packets] == [f"/{name}" for name in EXPRESSIONS]
    assert [packet.params for packet in packets] == [[float(place == 2)] for place in range(8)]


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def oscdump(port: int) -> Iterator[Callable[[Callable[[], None], int], list[str]]]:
    """Liblo's receiver: sends until it listens, then returns so many lines of what it heard."""
    program = shutil.which("oscdump")
    if program is None:
        pytest.skip("needs oscdump of liblo-tools")
    with subprocess.Popen(
        [program, "-L", str(port)], stdout=subprocess.PIPE, text=True, bufsize=1
    ) as dump:

        def lines(send: Callable[[], None], count: int) -> list[str]:
            assert dump.stdout is not None
            for _ in range(200):
                send()
                if select.select([dump.stdout], [], [], 0.1)[0]:
                    break
            return [dump.stdout.readline().strip() for _ in range(count)]

        yield lines
        dump.terminate()


@pytest.mark.parametrize("name", [name for name in PROFILES if name != "vrcft"])
def test_liblo_hears_every_message_in_its_order(
    name: str, port: int, oscdump: Callable[[Callable[[], None], int], list[str]]
) -> None:
    told = reading(SOME)
    expected = sent(name, told)
    with OscSender(Receiver("127.0.0.1", port, name)) as sender:
        lines = oscdump(lambda: sender.take(told, at_once=True), len(expected))
    form = re.compile(r"e[0-9a-f]{7}\.[0-9a-f]{8} (\S+) ?(\S*) ?(.*)")
    heard = [match.groups() for match in map(form.fullmatch, lines) if match is not None]
    assert [address for address, _, _ in heard] == [address for address, _ in expected]
    for (_, types, words), (_, values) in zip(heard, expected, strict=True):
        assert types == "".join({str: "s", int: "i", float: "f"}[type(value)] for value in values)
        for word, value in zip(words.split(), values, strict=True):
            if isinstance(value, str):
                assert word == f'"{value}"'
            else:
                assert float(word) == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("name", PROFILES)
def test_the_server_of_python_osc_hears_every_message(name: str) -> None:
    heard: list[tuple[str, list[object]]] = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *got: heard.append((address, list(got))))
    told = reading(SOME)
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        server.timeout = 10
        with OscSender(Receiver(*server.server_address, name)) as sender:
            sender.take(told)
            for _ in range(sender.sent):
                server.handle_request()
    assert heard == sent(name, told)
