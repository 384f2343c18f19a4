"""Compiles the window's translations whenever vrfer is built, an editable installation included."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileTranslations(BuildHookInterface[Any]):
    """Called by hatchling before it collects the files of a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the `.mo` files, which git ignores, and have them packed."""
        del version
        root = Path(self.root)
        translations = runpy.run_path(str(root / "scripts" / "translations.py"))
        written = translations["compile_catalogs"]()
        build_data["artifacts"] += [f"/{path.relative_to(root).as_posix()}" for path in written]
