"""Set vrfer up in an Unreal project. Two steps, one file.

Outside of the editor, with any Python 3:

    python vrfer_setup.py MyProject.uproject

switches the plugins on and copies the C++ component into the project's module. Then, in the
editor of the built project, Tools > Execute Python Script > this file: it makes the Blueprint
`/Game/vrfer/BP_VrferFace`, an actor with a skeletal mesh and the component. That step needs
Unreal 5; in 4.27 make the actor by hand.

GPL-3.0-or-later, part of vrfer.
"""

from __future__ import annotations  # Unreal 4.27 has Python 3.7

import json
import shutil
import sys
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve().parent
PLUGINS = ("OSC", "PythonScriptPlugin", "EditorScriptingUtilities")
SOURCES = ("VrferReceiverComponent.h", "VrferReceiverComponent.cpp")
FOLDER, NAME = "/Game/vrfer", "BP_VrferFace"


def prepare(project: Path) -> list[str]:
    """Switch the plugins on, copy the component; return what is left to do by hand.

    Raises:
        ValueError: The file is no Unreal project.
    """
    try:
        # utf-8-sig: editors on Windows put a mark in front.
        described = json.loads(project.read_text(encoding="utf-8-sig"))
        listed = described.setdefault("Plugins", [])
        known = {plugin["Name"]: plugin for plugin in listed}
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as err:
        raise ValueError(f"{project} is no Unreal project ({err}). Name a .uproject file.") from err
    for name in PLUGINS:
        if name in known:
            known[name]["Enabled"] = True
        else:
            listed.append({"Name": name, "Enabled": True})
    project.write_text(json.dumps(described, indent="\t") + "\n", encoding="utf-8")

    module = project.parent / "Source" / project.stem
    rules = module / f"{project.stem}.Build.cs"
    if not rules.is_file():
        return [
            "This project has no C++ module: in the editor add any C++ class once, and run this "
            "again. Or use Blueprint nodes alone, as the README says."
        ]
    for name in SOURCES:
        shutil.copyfile(HERE / name, module / name)
    left = ["Build the project, open it, and execute this file there."]
    if '"OSC"' not in rules.read_text(encoding="utf-8-sig"):
        left.insert(0, f'In {rules} add: PublicDependencyModuleNames.AddRange(new[] {{ "OSC" }});')
    return left


def create_in_editor() -> None:
    """Make the Blueprint with the component, in the open editor."""
    import unreal

    path = f"{FOLDER}/{NAME}"
    if unreal.EditorAssetLibrary.does_asset_exist(path):
        unreal.log_warning(f"vrfer: {path} exists already and is left as it is.")
        return
    receiver = _find_component(unreal)
    if receiver is None:
        unreal.log_error(
            "vrfer: VrferReceiverComponent is not in this project. Build the project with it first."
        )
        return
    factory = unreal.BlueprintFactory()
    factory.set_editor_property("parent_class", unreal.Actor)
    tools = unreal.AssetToolsHelpers.get_asset_tools()
    blueprint = tools.create_asset(NAME, FOLDER, unreal.Blueprint, factory)
    _add_component(unreal, blueprint, unreal.SkeletalMeshComponent)
    _add_component(unreal, blueprint, receiver)
    unreal.BlueprintEditorLibrary.compile_blueprint(blueprint)
    unreal.EditorAssetLibrary.save_asset(path)
    unreal.log(f"vrfer: {path} is made. Give it your mesh, and list Shapes in the receiver.")


def _find_component(unreal):
    # Unreal makes every class that Blueprints see an attribute of this module.
    return getattr(unreal, "VrferReceiverComponent", None)


def _add_component(unreal, blueprint, component) -> None:
    subobjects = unreal.get_engine_subsystem(unreal.SubobjectDataSubsystem)
    root = subobjects.k2_gather_subobject_data_for_blueprint(blueprint)[0]
    _, problem = subobjects.add_new_subobject(
        unreal.AddNewSubobjectParams(
            parent_handle=root, new_class=component, blueprint_context=blueprint
        )
    )
    if str(problem):
        unreal.log_error(f"vrfer: {component} could not be added: {problem}")


def _is_in_editor() -> bool:
    try:
        import unreal  # noqa: F401
    except ImportError:
        return False
    return True


def main() -> None:
    """Do the step that belongs to where this runs."""
    if _is_in_editor():
        create_in_editor()
        return
    if len(sys.argv) != 2:
        _refuse("usage: python vrfer_setup.py MyProject.uproject")
    try:
        left = prepare(Path(sys.argv[1]))
    except ValueError as err:
        _refuse(str(err))
    sys.stdout.write("".join(f"{line}\n" for line in left))


def _refuse(why: str) -> NoReturn:
    sys.stderr.write(f"{why}\n")
    raise SystemExit(2)


if __name__ == "__main__":
    main()
