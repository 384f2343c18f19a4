"""Profiles: those that travel with vrfer, the user's own, broken ones, and their page."""

import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrfer.errors import OutputError
from vrfer.outputs.osc import OscSender, Receiver, parse_receiver
from vrfer.outputs.profiles import (
    PROFILES,
    known_profiles,
    load_profile,
    own_profiles_folder,
    read_profile,
)
from vrfer.shipped import shipped

ROOT = Path(__file__).resolve().parents[2]
MINE = """\
schema_version = 1
name = "Mine"
about = "A lamp."

messages = [
  { address = "/lamp", arguments = [{ source = "happiness", threshold = 0.2, clamp = [0, 1] }] },
]

[sending]
least_change = 0.01
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder of profiles."""
    monkeypatch.setattr(platformdirs, "user_config_path", lambda name: tmp_path / name)
    folder = own_profiles_folder()
    assert folder == tmp_path / "vrfer" / "profiles"
    folder.mkdir(parents=True)
    return folder


def write(file: Path, text: str = MINE) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def test_a_byte_order_mark_of_notepad_is_no_part_of_a_profile(tmp_path: Path) -> None:
    file = write(tmp_path / "mine.toml", f"\ufeff{MINE}")
    assert read_profile(file) == read_profile(write(tmp_path / "plain.toml"))


def test_every_shipped_file_is_offered_and_usable() -> None:
    files = {file.stem for file in (shipped("assets") / "profiles").glob("*.toml")}
    assert files == set(PROFILES)
    titles = {load_profile(name).name for name in PROFILES}
    assert len(titles) == len(PROFILES)
    assert PROFILES[0] == "generic"


@pytest.mark.parametrize("name", PROFILES)
def test_a_receiver_can_be_given_every_profile(name: str) -> None:
    receiver = parse_receiver(f"127.0.0.1:9000,profile={name}")
    assert receiver == Receiver("127.0.0.1", 9000, name)
    with OscSender(receiver) as sender:
        assert sender.profile == load_profile(name)


def test_the_page_is_what_the_script_makes(tmp_path: Path) -> None:
    made = tmp_path / "profiles.md"
    script = [sys.executable, str(ROOT / "scripts" / "profile_pages.py"), "--to", str(made)]
    subprocess.run(script, check=True, cwd=ROOT)
    committed = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
    assert made.read_text(encoding="utf-8") == committed, "run scripts/profile_pages.py"
    for name in PROFILES:
        assert f"\n## {name}\n" in committed


def test_own_profiles_are_known_by_their_files_names(own: Path) -> None:
    assert known_profiles() == PROFILES
    write(own / "lamp.toml")
    write(own / "attic-2.toml")
    write(own / "My lamp.toml")
    (own / "notes.txt").write_text("no profile", encoding="utf-8")
    assert known_profiles() == (*PROFILES, "My lamp", "attic-2", "lamp")
    assert load_profile("My lamp").name == "Mine"
    assert load_profile("lamp").messages[0].address == "/lamp"
    assert parse_receiver("127.0.0.1:9000,profile=lamp").profile == "lamp"


def test_an_own_profile_comes_before_the_shipped_one(own: Path) -> None:
    write(own / "vrchat.toml")
    assert load_profile("vrchat").name == "Mine"
    assert known_profiles() == PROFILES


def test_a_profile_can_be_named_by_its_path(tmp_path: Path) -> None:
    file = write(tmp_path / "somewhere.toml")
    receiver = parse_receiver(f"127.0.0.1:9000,profile={file}")
    with OscSender(receiver) as sender:
        assert sender.profile.name == "Mine"


def test_a_path_may_begin_in_the_users_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path / "lamp.toml")
    assert load_profile("~/lamp.toml").name == "Mine"


@pytest.mark.parametrize("name", ["", "nonesuch", "../generic", "/etc/passwd", "generic/", "a\0b"])
def test_an_unknown_profile_is_refused_with_those_that_are_known(own: Path, name: str) -> None:
    write(own / "lamp.toml")
    write(own.parent / "generic.toml")  # what "../generic" would find
    with pytest.raises(OutputError) as caught:
        load_profile(name)
    assert repr(name) in caught.value.message
    assert all(known in caught.value.remedy for known in (*PROFILES, "lamp"))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("schema_version = 1", "", "schema_version: Field required"),
        ("schema_version = 1", "schema_version = 0", "schema_version: "),
        ("schema_version = 1", "schema_version = 2", "for a newer vrfer (version 2)"),
        ('name = "Mine"', 'name = ""', "name: "),
        ('name = "Mine"', 'nane = "Mine"', "name: "),
        ('about = "A lamp."', 'about = "A lamp."\nhue = 3', "hue: Extra inputs"),
        ("[sending]", "[sendin]", "sendin: Extra inputs"),
        ("0.01", '"often"', "sending.least_change: "),
        ("0.01", "-1", "sending.least_change: "),
        ("0.01", "nan", "sending.least_change: "),
        ("0.01", "0.01\nrate_hz = 0", "sending.rate_hz: "),
        ("least_change = 0.01", "complete_every_s = 3", "sending: complete_every_s goes with"),
        ('"/lamp"', '"lamp"', "'lamp' is no OSC address"),
        ('"/lamp"', '"/la mp"', "'/la mp' is no OSC address"),
        ('"/lamp"', '"/lamp/*"', "'/lamp/*' is no OSC address"),
        ('"/lamp"', '"/lamp/"', "'/lamp/' is no OSC address"),
        ('"happiness"', '"joy"', "messages.0.arguments.0.source: the sources are neutral"),
        ('source = "happiness"', "mix = { joy = 1 }", "mix.joy.[key]: the expressions are"),
        ('source = "happiness"', "mix = {}", "arguments.0.mix: "),
        ('source = "happiness", ', "", "it needs one of source, mix and value"),
        ("threshold", 'value = 1, threshold', "it needs one of source, mix and value"),
        ('source = "happiness"', "value = 3", "a value is sent as it is"),
        ('source = "happiness", threshold = 0.2, clamp = [0, 1]', 'value = "a\\u0000b"', "zero"),
        ('"happiness"', '"label"', "a string has no threshold"),
        ('"happiness", threshold = 0.2', '"label", type = "int"', "label is sent as a string"),
        ("threshold = 0.2", 'type = "string"', "label is sent as a string"),
        ("threshold = 0.2", 'type = "double"', "arguments.0.type: "),
        ("threshold = 0.2, clamp = [0, 1]", 'type = "bool"', "a bool needs a threshold"),
        ("threshold = 0.2", 'threshold = 0.2, type = "bool"', "no scale, offset or clamp"),
        ('"happiness", threshold = 0.2', '"label_id", invert = true', "can be inverted"),
        ('"happiness"', '"label_id"', "label_id has no threshold"),
        ("[0, 1]", "[1, 0]", "clamp needs its lower number first"),
        ("[0, 1]", "[0, 1, 2]", "arguments.0.clamp"),
        ("[0, 1]", "[0, inf]", "arguments.0.clamp.1: "),
        ("threshold = 0.2", "scale = 1e300", "arguments.0.scale: "),
        ("[sending]", "[sending", "is no TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_file_and_field(
    tmp_path: Path, before: str, after: str, told: str
) -> None:
    assert before in MINE
    file = write(tmp_path / "mine.toml", MINE.replace(before, after))
    with pytest.raises(OutputError) as caught:
        parse_receiver(f"127.0.0.1:9000,profile={file}")
    assert str(file) in caught.value.message
    assert told in caught.value.message
    assert "\n" not in str(caught.value)
    assert caught.value.remedy.endswith(".")


def test_a_profile_without_messages_is_refused(tmp_path: Path) -> None:
    text = 'schema_version = 1\nname = "x"\nabout = "x"\nmessages = []\n'
    with pytest.raises(OutputError, match="messages: "):
        read_profile(write(tmp_path / "mine.toml", text))


def test_a_file_that_is_missing_or_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be read"):
        load_profile(str(tmp_path / "none.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(OutputError, match="cannot be read"):
        load_profile(str(tmp_path / "folder.toml"))


@given(st.binary(max_size=200) | st.integers(0, len(MINE)).map(lambda end: MINE[:end].encode()))
def test_damaged_files_are_refused_and_nothing_worse(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "damaged.toml"
    file.write_bytes(content)
    told = ""
    try:
        name = read_profile(file).name
    except OutputError as err:
        name, told = "", err.message
    assert name == "Mine" or str(file) in told


def test_deeply_nested_files_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "deep.toml", f"messages = {'[' * 100_000}")
    with pytest.raises(OutputError, match="this is no TOML"):
        read_profile(file)
