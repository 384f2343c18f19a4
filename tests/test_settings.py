import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vrfer import settings as module
from vrfer.classifier import Device
from vrfer.errors import OutputError, SettingsError
from vrfer.expressions import EXPRESSIONS
from vrfer.live.wishes import SteadyWish
from vrfer.outputs import lsl
from vrfer.outputs.lsl import can_name_stream
from vrfer.outputs.osc import Receiver
from vrfer.settings import (
    PRESETS,
    CameraPart,
    ExpressionPart,
    NetworkPart,
    OffersPart,
    ReceiverPart,
    RecordingPart,
    Settings,
    SettingsFile,
    WindowPart,
    read_settings,
    write_settings,
)
from vrfer.steady import SteadySettings

finite = st.floats(-1e4, 1e4)
all_settings = st.builds(
    Settings,
    camera=st.builds(
        CameraPart,
        source=st.text(max_size=40),
        width=st.integers(16, 16384),
        fps=st.floats(0.1, 1000),
        compressed=st.booleans(),
        exposure_ms=st.none() | st.floats(0.01, 10_000),
        mirrored=st.booleans(),
        rotation_deg=st.sampled_from([0, 90, 180, 270]),
        region=st.none() | st.tuples(finite, finite, finite, finite),
    ),
    receivers=st.lists(
        st.builds(
            ReceiverPart,
            host=st.text(max_size=20),
            port=st.integers(1, 65535),
            rate_hz=st.none() | st.floats(0.001, 1000),
            on=st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    expression=st.builds(
        ExpressionPart,
        smoothing_s=st.floats(0, 5),
        sensitivity=st.dictionaries(st.sampled_from(EXPRESSIONS), st.floats(-5, 5)),
        unsure_below=st.none() | st.floats(0, 1),
        person=st.none() | st.text(max_size=10),
    ),
    network=st.builds(NetworkPart, device=st.sampled_from(Device)),
    recording=st.builds(RecordingPart, folder=st.just(Path("some where")), video=st.booleans()),
    offers=st.builds(
        OffersPart,
        lsl=st.booleans(),
        lsl_name=st.from_regex(r"[\w.-]([\w .-]{0,9}[\w.-])?", fullmatch=True),
        oscquery=st.booleans(),
    ),
    window=st.builds(
        WindowPart,
        theme=st.sampled_from(["system", "light", "dark"]),
        volume=st.floats(0, 1),
        size=st.none() | st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
    ),
)


@given(all_settings)
def test_what_is_written_is_read_again(settings: Settings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.toml"
        write_settings(settings, path)
        assert read_settings(path) == settings


def test_without_a_file_there_are_defaults_and_nothing_to_say(tmp_path: Path) -> None:
    assert SettingsFile(tmp_path / "settings.toml").load() == (Settings(), None)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"\xff\xfe\x00", "no TOML"),
        (b"[camera", "no TOML"),
        (b"x = " + b"[" * 5000, "no TOML"),
        (b"x = " + b"1" * 5000, "no TOML"),
        (b"[camera]\nwidth = 3\n", "camera.width"),
        (b"[camera]\nzoom = 3\n", "camera.zoom"),
        (b"[expression.sensitivity]\njoy = 1.0\n", "expression.sensitivity.joy"),
        (b"[window]\nvolume = nan\n", "window.volume"),
        (b"[window]\nsize = [99999999999999999999, 1]\n", "window.size"),
        (b"[[receivers]]\nport = 0\n", "receivers.0.port"),
        (b'[offers]\nlsl_name = "\'"\n', "offers.lsl_name"),
        (b"schema_version = 99\n", "newer vrfer"),
        (b"schema_version = 'one'\n", "schema_version"),
    ],
)
def test_a_broken_file_is_kept_and_named_and_defaults_are_used(
    content: bytes, named: str, tmp_path: Path
) -> None:
    file = SettingsFile(tmp_path / "settings.toml")
    file.path.write_bytes(content)
    settings, told = file.load()
    assert settings == Settings()
    assert told is not None
    assert named in told
    assert "settings.broken-1.toml" in told
    assert (tmp_path / "settings.broken-1.toml").read_bytes() == content
    file.path.write_bytes(content)
    file.load()
    assert (tmp_path / "settings.broken-2.toml").read_bytes() == content
    assert (tmp_path / "settings.broken-1.toml").read_bytes() == content


def test_files_of_before_offers_and_videos_are_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        'schema_version = 1\n[recording]\nfolder = "x"\n[remote]\nport = 9011\n', encoding="utf-8"
    )
    settings = read_settings(path)
    assert settings.offers == OffersPart(lsl=False, lsl_name="vrfer", oscquery=False)
    assert settings.recording == RecordingPart(folder=Path("x"), video=False)
    assert settings.remote.port == 9011


@given(st.text(max_size=3) | st.from_regex(r"[\w .-]{1,66}\n?", fullmatch=True))
@example("")
@example("a" * 64)
@example("a" * 65)
@example("vrfer\n")
@example("e\u0301")
def test_streams_have_the_names_that_lsl_takes(name: str) -> None:
    def refused() -> None:
        raise OutputError("the name was taken", "")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lsl, "_load_pylsl", refused)
        with pytest.raises(OutputError) as told:
            lsl.LslOutlet(name)
    assert can_name_stream(name) == (told.value.message == "the name was taken")


def test_the_settings_of_before_are_the_backup(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path / "new folder" / "settings.toml")
    first, second = Settings(), Settings(window=WindowPart(volume=0.1))
    file.save(first)
    assert not file.backup.exists()
    file.save(second)
    assert read_settings(file.path) == second
    assert read_settings(file.backup) == first
    file.path.write_text("broken", encoding="utf-8")
    settings, told = file.load()
    assert settings == first
    assert told is not None
    assert "the settings of before are used" in told
    file.save(settings)
    file.save(second)
    assert read_settings(file.backup) == first


def test_a_byte_order_mark_of_notepad_is_no_part_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("[window]\nvolume = 0.1\n", encoding="utf-8-sig")
    assert read_settings(path).window.volume == 0.1


def test_a_broken_file_that_cannot_be_renamed_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held_open(self: Path, target: Path) -> Path:
        raise PermissionError(13, "The process cannot access the file")

    file = SettingsFile(tmp_path / "settings.toml")
    file.path.write_text("broken", encoding="utf-8")
    monkeypatch.setattr(Path, "rename", held_open)
    file.load()
    assert (tmp_path / "settings.broken-1.toml").read_text(encoding="utf-8") == "broken"


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path / "settings.toml")
    file.save(Settings())
    before = file.path.read_bytes()
    (tmp_path / "in the way").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot be written"):
        write_settings(Settings(), tmp_path / "in the way" / "settings.toml")
    assert file.path.read_bytes() == before


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path)


def test_older_versions_are_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def renamed(document: dict[str, object]) -> dict[str, object]:
        return {"window": {"volume": document["loudness"]}}

    monkeypatch.setattr(module, "MIGRATIONS", {0: renamed})
    path = tmp_path / "settings.toml"
    path.write_text("schema_version = 0\nloudness = 0.25\n", encoding="utf-8")
    assert read_settings(path) == Settings(window=WindowPart(volume=0.25))


def test_the_file_can_be_read_by_people(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    write_settings(Settings(), path)
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    assert document["receivers"][0]["host"] == "127.0.0.1"
    assert set(document) == set(Settings.model_fields)


def test_presets_are_known_by_their_two_numbers() -> None:
    assert ExpressionPart().preset == "balanced"
    for name, preset in PRESETS.items():
        part = ExpressionPart(smoothing_s=preset.smoothing_s, hold_s=preset.hold_s)
        assert part.preset == name
    assert ExpressionPart(smoothing_s=0.31).preset is None
    quick, calm = PRESETS["quick"], PRESETS["calm"]
    assert quick.smoothing_s < PRESETS["balanced"].smoothing_s < calm.smoothing_s


def test_parts_are_what_a_session_is_asked_for() -> None:
    part = ExpressionPart(smoothing_s=0.2, hold_s=0.1, sensitivity={"fear": 0.5})
    own = SteadySettings(unsure_below=0.46, lead=0.2)
    steady = part.steady_wish().settings(own)
    assert steady == SteadySettings(
        smoothing_s=0.2, hold_s=0.1, lead=0.2, unsure_below=0.46,
        sensitivity=(0, 0, 0, 0, 0, 0, 0.5, 0),
    )  # fmt: skip
    assert ExpressionPart(unsure_below=0.9).steady_wish().settings(own).unsure_below == 0.9
    assert ExpressionPart().steady_wish() == SteadyWish()
    assert ReceiverPart(host="::1", port=7, rate_hz=5).receiver() == Receiver(
        "::1", 7, "generic", 5
    )
    assert CameraPart(source="0", name="C920").wish().camera_name == "C920"
    wish = CameraPart(source="0", mirrored=True, exposure_ms=5, region=(1, 2, 3, 4)).wish()
    assert (wish.spec, wish.camera.mirrored, wish.camera.exposure, wish.region) == (
        "0", True, 5, (1, 2, 3, 4),
    )  # fmt: skip
