"""The Unreal component, compiled against stand-ins for the engine's headers and run there.

Unreal itself is not here: what is tried is the component's own code, with g++.
"""

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from receivers.clip_sender import RECEIVERS, STUBS

GPP = shutil.which("g++")
UNREAL = RECEIVERS / "unreal"
SCRIPT = UNREAL / "vrfer_setup.py"
SOURCES = ("VrferReceiverComponent.h", "VrferReceiverComponent.cpp")


@pytest.mark.skipif(GPP is None, reason="a C++ compiler is not here (Debian: g++)")
def test_the_component_does_what_it_is_told(tmp_path: Path) -> None:
    program = tmp_path / "level"
    stubs = STUBS / "unreal"
    done = subprocess.run(
        [
            *(str(GPP), "-std=c++17", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"),
            *("-I", stubs, "-I", UNREAL, "-o", program),
            *(stubs / "Level.cpp", UNREAL / "VrferReceiverComponent.cpp"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = subprocess.run([program], capture_output=True, text=True, check=True, timeout=30).stdout
    *lines, last = said.splitlines()
    assert lines == [
        *("seen", "label happiness", "calm 1", "calm 0", "calm 1"),
        "Mouth 0.750",  # two expressions move one morph target
        "Mouth 0.276",  # after the time of smoothing: 0.75 / e
        *("level loads", "Mouth 0.000", "pause"),  # the scene goes on
        *("silence", "label none", "lost", "calm 0", "Mouth 0.000"),
        *("again", "label fear", "label none", "active 0"),  # EndPlay leaves all at rest
    ]
    assert last.startswith("Error vrfer: UDP port 1 cannot be listened to.")


def prepare(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(project)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=30,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    file = tmp_path / "Game.uproject"
    plugins = [{"Name": "OSC", "Enabled": False}, {"Name": "Water", "Enabled": True}]
    described = {"FileVersion": 3, "EngineAssociation": "5.4", "Plugins": plugins}
    file.write_text(json.dumps(described), encoding="utf-8-sig")
    return file


def test_setup_switches_the_plugin_on_and_keeps_the_rest(project: Path) -> None:
    for _ in range(2):
        assert prepare(project).returncode == 0
        described = json.loads(project.read_text(encoding="utf-8"))
        assert described["EngineAssociation"] == "5.4"
        enabled = {plugin["Name"]: plugin["Enabled"] for plugin in described["Plugins"]}
        assert len(enabled) == len(described["Plugins"])
        assert enabled["OSC"] is enabled["Water"] is enabled["PythonScriptPlugin"] is True


def test_setup_copies_the_component_and_names_the_missing_line(project: Path) -> None:
    module = project.parent / "Source" / "Game"
    module.mkdir(parents=True)
    rules = module / "Game.Build.cs"
    rules.write_text("public class Game : ModuleRules {}", encoding="utf-8")
    said = prepare(project).stdout
    assert '"OSC"' in said
    assert str(rules) in said
    for name in SOURCES:
        assert (module / name).read_bytes() == (UNREAL / name).read_bytes()
    rules.write_text('PublicDependencyModuleNames.AddRange(new[] { "OSC" });', encoding="utf-8")
    assert '"OSC"' not in prepare(project).stdout


def test_setup_says_what_a_project_without_a_module_needs(project: Path) -> None:
    assert "has no C++ module" in prepare(project).stdout


@pytest.mark.parametrize("text", ["{", "[]", '{"Plugins": [1]}', None])
def test_what_is_no_project_is_refused_and_kept(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "Game.uproject"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    done = prepare(file)
    assert done.returncode == 2
    assert "Name a .uproject file" in done.stderr
    assert done.stderr.count("\n") == 1
    if text is not None:
        assert file.read_text(encoding="utf-8") == text


def test_the_step_in_the_editor_can_at_least_be_read() -> None:
    assert callable(runpy.run_path(str(SCRIPT))["create_in_editor"])
