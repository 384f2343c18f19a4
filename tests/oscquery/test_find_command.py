"""`vrfer-app find` as people read it, and as scripts do."""

import json

import pytest
import typer
from oscquery.hostile import answering, says
from oscquery.playing import VRChat
from typer.testing import CliRunner, Result

from vrfer.command_line import BAD_INPUT, run_app
from vrfer.find_command import find
from vrfer.oscquery import browse
from vrfer.outputs.osc import parse_receiver

app = typer.Typer()
app.command()(find)


@pytest.fixture(autouse=True)
def _no_mdns(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nowhere() -> tuple[str, ...]:
        return ()

    monkeypatch.setattr(browse, "usable_addresses", nowhere)


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["--seconds", "30", *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_a_program_is_told_with_what_to_type() -> None:
    with answering(says(NAME="A scene", OSC_PORT=7000)) as at:
        text = run("--at", at).stdout
    assert text == "A scene (OSC): --osc 127.0.0.1:7000,profile=generic\n"
    parse_receiver(text.rpartition("--osc ")[2].strip())


@pytest.mark.parametrize(
    ("avatar", "profile", "count"),
    [
        ({"vrfer/happiness": "float", "vrfer/fear": "float", "Hat": "bool"}, "vrchat", 2),
        ({"FT/v2/JawOpen": "float", "FT/v2/LipPucker": "float"}, "vrcft", 2),
    ],
)
def test_vrchat_s_profile_is_the_one_that_the_avatar_has(
    avatar: dict[str, str], profile: str, count: int
) -> None:
    with VRChat(avatar, "--no-mdns") as vrchat:
        text = run("--at", vrchat.at).stdout
        (line,) = run("--at", vrchat.at, "--json").stdout.splitlines()
    receiver = f"127.0.0.1:{vrchat.osc_port},profile={profile}"
    assert f"{vrchat.name} (VRChat): --osc {receiver}\n" in text
    assert f"has {count} of the parameters" in text
    said = json.loads(line)
    assert (said["name"], said["kind"], said["osc"]) == (vrchat.name, "VRChat", receiver)
    assert (said["host"], said["osc_port"]) == ("127.0.0.1", vrchat.osc_port)
    assert len(said["heard"]) == count


def test_an_avatar_without_the_parameters_is_said() -> None:
    with VRChat({"Hat": "bool"}, "--no-mdns") as vrchat:
        text = run("--at", vrchat.at).stdout
    assert "profile=vrchat\n" in text
    assert "none of the parameters" in text


def test_vrcfacetracking_is_no_receiver() -> None:
    with answering(says(NAME="VRCFT-ABCDEF", OSC_PORT=7000)) as at:
        assert "--osc" not in run("--at", at).stdout
        assert json.loads(run("--at", at, "--json").stdout)["osc"] is None


def test_nothing_found_says_what_to_do() -> None:
    text = run().stdout
    assert "switched on" in text
    assert "VPN" in text
    assert "--osc 127.0.0.1:9000,profile=vrchat" in text
    assert run("--json").stdout == ""


def test_several_places_are_asked() -> None:
    with (
        answering(says(NAME="A", OSC_PORT=7000)) as one,
        answering(says(NAME="B", OSC_PORT=7001)) as other,
    ):
        lines = run("--at", other, "--at", one, "--json").stdout.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["A", "B"]


def test_a_wrong_place_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(app, ["--at", "203.0.113.7:80"]) == BAD_INPUT
    assert "no address of this computer" in capsys.readouterr().err
