"""Baselines on disk: one small file a person, written whole, deleted on request."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs
from pydantic import TypeAdapter, ValidationError

from vrfer.baseline import Baseline
from vrfer.errors import OutputError, SourceError
from vrfer.replacing import replace_file

NOBODY_NAMED = "me"
"""Whose baseline is made where nobody is named."""
_NAME = re.compile(r"[\w][\w .-]{0,59}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices."""


@dataclass(frozen=True, slots=True)
class People:
    """The folder of the baselines."""

    folder: Path

    @classmethod
    def of_this_user(cls) -> "People":
        """Return the folder in the platform's place for a user's data."""
        return cls(platformdirs.user_data_path("vrfer") / "people")

    def names(self) -> list[str]:
        """Return who has a baseline."""
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def save(self, person: str, baseline: Baseline) -> Path:
        """Write a person's baseline over the last one.

        Raises:
            SourceError: The name cannot be a file's.
            OutputError: The folder or the disk cannot take it.
        """
        path = self._path(person)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, (json.dumps(asdict(baseline), indent=1) + "\n").encode())
        except OSError as err:
            raise OutputError(
                f"the baseline {path} cannot be written: {err.strerror or err}",
                "Free some space on its drive.",
            ) from err
        return path

    def load(self, person: str) -> Baseline:
        """Read a person's baseline.

        Raises:
            SourceError: There is none, or it is damaged.
        """
        path = self._path(person)
        remedy = "Make it with: vrfer-app baseline make."
        try:
            text = path.read_text(encoding="utf-8")
            return TypeAdapter(Baseline).validate_json(text)
        except FileNotFoundError as err:
            raise SourceError(f"there is no baseline of {person}", remedy) from err
        except (OSError, UnicodeDecodeError, ValidationError) as err:
            raise SourceError(f"the baseline {path} is damaged", remedy) from err

    def delete(self, person: str) -> None:
        """Delete a person's baseline.

        Raises:
            SourceError: There is none, or it cannot be deleted.
        """
        path = self._path(person)
        try:
            path.unlink()
        except FileNotFoundError as err:
            raise SourceError(
                f"there is no baseline of {person}", "List them with: vrfer-app baseline list."
            ) from err
        except OSError as err:
            raise SourceError(
                f"the baseline {path} cannot be deleted: {err.strerror or err}",
                "Close the program that uses it.",
            ) from err

    def check_name(self, person: str) -> None:
        """Refuse a name that cannot be a file's, before anything is done for it.

        Raises:
            SourceError: It cannot.
        """
        self._path(person)

    def _path(self, person: str) -> Path:
        if (
            not _NAME.fullmatch(person)
            or _RESERVED.fullmatch(person)
            or person.endswith((" ", "."))
        ):
            raise SourceError(
                f"{person!r} cannot be the name of a baseline",
                "Use letters, digits, spaces, dots and hyphens.",
            )
        return self.folder / f"{person}.json"
