"""Looking for programs: in threads, beside a program that behaves like VRChat."""

import threading
from collections.abc import Iterator

import pytest
from app.by_hand import Told
from oscquery.hostile import answering
from oscquery.playing import VRChat
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from vrfer.app import program_search
from vrfer.app.program_search import AvatarFit, ProgramSearch, fit
from vrfer.oscquery import browse
from vrfer.oscquery.programs import Program
from vrfer.oscquery.tree import addresses_of
from vrfer.outputs.profiles import load_profile

PATIENCE_MS = 30_000
BELOW = "/avatar/parameters/"


def parameters(profile: str, prefix: str = BELOW) -> dict[str, str]:
    """Return the parameters of an avatar that was made for a profile."""
    return {
        address.removeprefix(BELOW): "float"
        for address in addresses_of(load_profile(profile))
        if address.startswith(prefix)
    }


@pytest.fixture(autouse=True)
def _no_mdns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other programs on this computer are none of the tests' business."""

    async def nowhere() -> tuple[str, ...]:
        return ()

    monkeypatch.setattr(browse, "usable_addresses", nowhere)


@pytest.fixture(scope="module")
def vrchat() -> Iterator[VRChat]:
    with VRChat(parameters("vrchat"), "--no-mdns") as running:
        yield running


def program(at: VRChat) -> Program:
    return Program(at.name, "127.0.0.1", at.osc_port, "VRChat", "vrchat", "127.0.0.1", at.http_port)


def test_what_is_found_is_told_at_once_and_the_end_says_that_mdns_fails(
    qtbot: QtBot, vrchat: VRChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = ProgramSearch(known=[vrchat.at])
    found, finished = Told(search.found), Told(search.finished)
    told_in: list[str] = []
    search.found.connect(lambda _: told_in.append(threading.current_thread().name))
    over = threading.Event()
    monkeypatch.setattr(program_search, "SEARCH_S", PATIENCE_MS / 1000)
    monkeypatch.setattr(search._stopped, "wait", lambda _: over.wait(PATIENCE_MS / 1000))
    search.start()
    search.start()
    qtbot.waitUntil(lambda: found != [], timeout=PATIENCE_MS)
    assert finished == []
    over.set()
    qtbot.waitUntil(lambda: finished != [], timeout=PATIENCE_MS)
    assert found == [(program(vrchat),)]
    assert finished == ["no network interface passes multicast on"]
    assert told_in == ["MainThread"]
    search.close()


def test_closing_ends_a_search_that_hangs_and_nothing_is_told(
    qtbot: QtBot, qapp: QApplication
) -> None:
    before = threading.active_count()
    with answering(b"", endlessly=b" ") as at:
        search = ProgramSearch(known=[at])
        told = [Told(search.found), Told(search.finished), Told(search.avatar_seen)]
        search.start()
        silent = Program("silent", "127.0.0.1", 1, "VRChat", "vrchat", *at.split(":"))
        search.look_at_avatar(silent, "vrchat")
        search.close()
        left = [t.name for t in threading.enumerate() if t.name.startswith("vrfer")]
    qapp.processEvents()
    assert left == []
    assert told == [[], [], []]
    assert threading.active_count() <= before + 1


def test_an_avatar_is_looked_at(qtbot: QtBot, vrchat: VRChat) -> None:
    search = ProgramSearch()
    told: list[object] = []
    search.avatar_seen.connect(lambda *both: told.append(both))
    search.look_at_avatar(program(vrchat), "vrchat")
    qtbot.waitUntil(lambda: told != [], timeout=PATIENCE_MS)
    assert told == [(program(vrchat), AvatarFit("vrchat", 8, 8))]
    search.close()


def test_the_profile_that_fits_is_named_where_none_of_the_other_is_there(vrchat: VRChat) -> None:
    assert fit(program(vrchat), "vrchat-compact") == AvatarFit("vrchat-compact", 0, 2, "vrchat")
    with VRChat({"Smile": "float"}, "--no-mdns") as other:
        assert fit(program(other), "vrchat") == AvatarFit("vrchat", 0, 8)


def test_of_several_prefixes_an_avatar_needs_one() -> None:
    half = parameters("vrcft", "/avatar/parameters/FT/")
    with VRChat(half, "--no-mdns") as other:
        assert fit(program(other), "vrcft") == AvatarFit("vrcft", len(half), len(half))


def test_a_program_that_is_gone_is_said(vrchat: VRChat) -> None:
    with VRChat({}, "--no-mdns") as other:
        gone = program(other)
    told = fit(gone, "vrchat")
    assert "See whether it still runs" in told.error
    assert "no OSC profile" in fit(program(vrchat), "mine").error
