"""Keep the translations of the window in step with its texts.

    python scripts/translations.py extract   read the texts of vrfer/app into the .pot and .po files
    python scripts/translations.py compile   write the .mo files that the window loads
    python scripts/translations.py check     say what is missing or wrong; then the exit code is 1

Texts are the literals in `tr(TEXT, disambiguation, n)`, `translate(CONTEXT, TEXT, ...)`,
`QT_TR_NOOP(TEXT)` and `QT_TRANSLATE_NOOP(CONTEXT, TEXT)`. The English text is the key; a
disambiguation keeps two meanings of one text apart. The build runs this file too, so that it needs
Babel and nothing else.
"""

import argparse
import ast
import re
import string
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
SOURCES = Path("vrfer", "app")
CATALOGS = SOURCES / "locale"
SOURCE_LANGUAGE = "en"
"""Its catalog holds only the texts with a number: everything else is already English."""

_SHOWS = re.compile(
    r"Q(Action|CheckBox|GroupBox|Label|Menu|PushButton|RadioButton)"
    r"|add(Action|Button|Items?|Menu|Row|Tab)|insert(Item|Tab)|drawText|say|showMessage"
    r"|set(Accessible(Name|Description)|Description|(Detailed|Informative|Label|Placeholder"
    r"|SpecialValue|Tab)?Text|HorizontalHeaderLabels|Label|Prefix|Suffix|StatusTip|ToolTip"
    r"|WhatsThis|(Sub|Window)?Title)"
)
"""Calls whose literals a user sees or hears."""
_NEVER_TRANSLATED = frozenset(["CPU", "CSV", "GPU", "Hz", "OSC", "VRChat", "fps", "ms", "vrfer"])
_WORD = re.compile(r"[^\W\d_]{2,}")
_ACCELERATOR = re.compile(r"&(&|\S)")
_QT_PLACES = re.compile(r"%(?:n|L?\d+)")
_TAGS = re.compile(r"</?\w+[^>]*>")
_ENDING = re.compile(r"(?:\.\.\.|[\s:.…!?])*\Z")
_DATE = re.compile(rb'^"POT-Creation-Date: .*\n', re.MULTILINE)
_BOILERPLATE = re.compile(
    rb'^"(Project-Id-Version|Report-Msgid-Bugs-To|PO-Revision-Date|Last-Translator|Language-Team'
    rb"|Generated-By): .*\n",
    re.MULTILINE,
)
_CEDILLAS = frozenset("ŞşŢţ")


@dataclass(frozen=True, slots=True)
class Text:
    """One text of the window, where it is used."""

    english: str
    disambiguation: str | None
    counted: bool
    path: str
    line: int
    owner: str
    """The class around it: accelerators are searched for collisions within one."""


class _Reader(ast.NodeVisitor):
    """Collects the texts of one module, and what cannot be translated."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.owner = ""
        self.texts: list[Text] = []
        self.problems: list[str] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        outer, self.owner = self.owner, node.name
        self.generic_visit(node)
        self.owner = outer

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if _SHOWS.fullmatch(name):
            self._find_english(name, node)
        given = dict(enumerate(node.args)) | {word.arg: word.value for word in node.keywords}
        match name:
            case "tr" | "QT_TR_NOOP":
                text, disambiguation, count = given.get(0), 1, 2
            case "translate" | "QT_TRANSLATE_NOOP" if _literal(given.get(0)) and 1 in given:
                text, disambiguation, count = given[1], 2, 3
            case _:
                return
        if _is_computed(text):
            self.problems.append(
                f"{self.path}:{node.lineno}: {name}() cannot look up a text that is put together; "
                "translate it with {places} and fill these afterwards"
            )
        english = _literal(text)
        if not english:
            return
        why = _literal(given.get(disambiguation, given.get("disambiguation")))
        counted = count in given or "n" in given
        self.texts.append(Text(english, why or None, counted, self.path, node.lineno, self.owner))

    def _find_english(self, name: str, call: ast.Call) -> None:
        """Note literals that are shown without having been translated."""
        for argument in call.args:
            parts = argument.elts if isinstance(argument, ast.List | ast.Tuple) else [argument]
            for part in parts:
                pieces = part.values if isinstance(part, ast.JoinedStr) else [part]
                shown = " ".join(_literal(piece) or "" for piece in pieces)
                if set(_WORD.findall(shown)) - _NEVER_TRANSLATED:
                    self.problems.append(
                        f"{self.path}:{call.lineno}: {name}() shows {shown!r}, which is not in tr()"
                    )


def _literal(node: ast.expr | None) -> str | None:
    """Return a text that stands in the source as such."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _is_computed(node: ast.expr | None) -> bool:
    """Tell a text that was put together from one that is looked up in a table."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr in {"format", "join"}
    return isinstance(node, ast.JoinedStr | ast.BinOp)


def read_sources(root: Path = ROOT) -> tuple[list[Text], list[str]]:
    """Return the texts of all modules, and one line for each that cannot be translated."""
    texts: list[Text] = []
    problems: list[str] = []
    for path in sorted((root / SOURCES).rglob("*.py")):
        reader = _Reader(path.relative_to(root).as_posix())
        reader.visit(ast.parse(path.read_text(encoding="utf-8"), str(path)))
        texts += reader.texts
        problems += reader.problems
    return texts, problems


def make_template(texts: Iterable[Text], *, counted_only: bool = False) -> Catalog:
    """Return the catalog without translations."""
    template = Catalog(project="vrfer", charset="utf-8", fuzzy=False)
    template.header_comment = "# The texts of vrfer's window. GPL-3.0-or-later, like vrfer."
    for text in texts:
        if text.counted or not counted_only:
            key = (text.english, text.english) if text.counted else text.english
            template.add(key, locations=[(text.path, text.line)], context=text.disambiguation)
    return template


def extract(root: Path = ROOT) -> list[str]:
    """Bring template and catalogs up to date; translations are kept.

    Returns:
        One line for each text that cannot be translated.
    """
    texts, problems = read_sources(root)
    _write(root / CATALOGS / "vrfer.pot", make_template(texts))
    for path in sorted((root / CATALOGS).glob("*.po")):
        catalog = _read(path)
        for message in list(catalog.obsolete.values()):
            catalog[message.id] = message
        template = make_template(texts, counted_only=path.stem == SOURCE_LANGUAGE)
        catalog.update(template, no_fuzzy_matching=True, update_creation_date=False)
        _write(path, catalog)
    return problems


def compile_catalogs(root: Path = ROOT) -> list[Path]:
    """Write the `.mo` file beside each `.po` file, and return what was written."""
    written = []
    for path in sorted((root / CATALOGS).rglob("*.po")):
        target = path.with_suffix(".mo")
        target.write_bytes(_compiled(_read(path)))
        written.append(target)
    return written


def check(root: Path = ROOT) -> list[str]:
    """Return one line for each thing that is missing or wrong."""
    texts, problems = read_sources(root)
    shown = {text.english: text.english for text in texts}
    problems += _collisions(SOURCE_LANGUAGE, texts, shown)
    for path in sorted((root / CATALOGS).rglob("*.po")):
        name = path.relative_to(root / CATALOGS).as_posix()
        catalog = _read(path)
        if path.parent == root / CATALOGS:
            wanted = make_template(texts, counted_only=path.stem == SOURCE_LANGUAGE)
            problems += [
                f"{name}: {_english(message)!r} is not in the file; run: translations.py extract"
                for message in wanted
                if message.id and catalog.get(message.id, message.context) is None
            ]
            if path.stem != SOURCE_LANGUAGE:
                shown = {_english(message): _forms(message)[0] for message in catalog}
                problems += _collisions(path.stem, texts, shown)
        for message in catalog:
            if message.id:
                problems += [
                    f"{name}: {_english(message)!r} {fault}"
                    for fault in _faults(message, path.stem)
                ]
        if not _is_compiled(path, catalog):
            problems.append(f"{name} is not compiled; run: translations.py compile")
    return problems


def _faults(message: Message, language: str) -> Iterator[str]:
    """Yield what is wrong with one translation."""
    english = _english(message)
    forms = _forms(message)
    if message.fuzzy:
        yield "is fuzzy"
    if not all(forms):
        yield "is not translated"
        return
    for form in forms:
        for what, part in _PARTS.items():
            if part(english) != part(form):
                yield f"{what} differ in {form!r}"
        if language == "ro" and _CEDILLAS & set(form):
            yield f"{form!r} has a cedilla where Romanian has a comma below"


def _fields(text: str) -> list[tuple[str | None, str | None, str | None]]:
    return sorted(part[1:] for part in string.Formatter().parse(text) if part[1] is not None)


def _ending(text: str) -> str:
    """Return what a text ends with, so that a label's colon is not lost."""
    found = _ENDING.search(text)
    return found[0].replace("...", "…") if found else ""


_PARTS = {
    "the {places}": _fields,
    "the %places": lambda text: sorted(_QT_PLACES.findall(text)),
    "the number of & keys": lambda text: len(_keys(text)),
    "the tags": lambda text: sorted(_TAGS.findall(text)),
    "the line breaks": lambda text: text.count("\n"),
    "the endings": _ending,
}
"""What a translation must have in common with the English text."""


def _keys(text: str) -> list[str]:
    """Return the accelerators; "&&" is a plain "&"."""
    return [key.lower() for key in _ACCELERATOR.findall(text) if key != "&"]


def _collisions(language: str, texts: Iterable[Text], known: dict[str, str]) -> Iterator[str]:
    """Yield the keys that one class gives to several texts."""
    users: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for text in texts:
        for key in _keys(known.get(text.english, "")):
            users[text.path, text.owner, key].add(known[text.english])
    for (path, owner, key), shown in users.items():
        if len(shown) > 1:
            yield f"{language}: {path}: {owner} has Alt+{key.upper()} for {sorted(shown)}"


def _english(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or [""])


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.stem, charset="utf-8", abort_invalid=True)


def _compiled(catalog: Catalog) -> bytes:
    written = BytesIO()
    write_mo(written, catalog)
    return written.getvalue()


def _is_compiled(path: Path, catalog: Catalog) -> bool:
    """Tell whether the `.mo` file beside a catalog says the same, by whichever Babel."""
    compiled = path.with_suffix(".mo")
    return compiled.is_file() and _entries(compiled.read_bytes()) == _entries(_compiled(catalog))


def _entries(compiled: bytes) -> dict[tuple[str | None, str], tuple[str, ...]]:
    messages = [message for message in read_mo(BytesIO(compiled)) if message.id]
    return {(message.context, _english(message)): _forms(message) for message in messages}


def _write(path: Path, catalog: Catalog) -> None:
    """Write a catalog, unless only its date would change."""
    written = BytesIO()
    write_po(written, catalog, width=100, sort_by_file=True, include_lineno=False)
    new = _BOILERPLATE.sub(b"", written.getvalue())
    if not path.is_file() or _DATE.sub(b"", path.read_bytes()) != _DATE.sub(b"", new):
        path.write_bytes(new)


def main() -> int:
    """Run one step."""
    parser = argparse.ArgumentParser(description="The translations of vrfer's window.")
    parser.add_argument("step", choices=["extract", "compile", "check"])
    match parser.parse_args().step:
        case "extract":
            problems = extract()
        case "compile":
            compile_catalogs()
            problems = []
        case _:
            problems = check()
    for problem in problems:
        print(problem)  # noqa: T201
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
