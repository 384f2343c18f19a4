"""`scripts/translations.py` finds every text, keeps translations and names what is wrong."""

from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from translations_script import load_translations_script

WINDOW = """
from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

NAMES = {"fear": QT_TRANSLATE_NOOP("Expressions", "Fear")}

class Window(QWidget):
    def write(self):
        self.open.setText(self.tr("&Open {name}:").format(name="x"))
        self.state.setText(self.tr("Open", "state of a camera"))
        self.count.setText(self.tr("%n receiver(s)", "", 3))
        self.more.setText(self.tr("%n marker(s)", n=2))
        self.label.setText(QCoreApplication.translate("Expressions", NAMES["fear"]))
        painter.translate(3, 4)
        word.translate({97: "b"})

def outside():
    return QCoreApplication.translate(
        "Elsewhere", "One " "text"
    )
"""


@pytest.fixture(scope="module")
def translations() -> ModuleType:
    return load_translations_script()


@pytest.fixture
def project(tmp_path: Path, translations: ModuleType) -> Path:
    """A small project with one module and empty catalogs, freshly extracted."""
    folder = tmp_path / "vrfer" / "app" / "locale"
    folder.mkdir(parents=True)
    (folder.parent / "window.py").write_text(WINDOW, encoding="utf-8")
    for language in ("en", "ro"):
        with (folder / f"{language}.po").open("wb") as file:
            write_po(file, Catalog(locale=language, fuzzy=False))
    assert translations.extract(tmp_path) == []
    return tmp_path


def catalog_of(project: Path, language: str) -> Catalog:
    with (project / "vrfer" / "app" / "locale" / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def translate(project: Path, changes: dict[str, str | tuple[str, ...]]) -> None:
    """Fill the Romanian catalog in, correctly but for `changes`."""
    texts: dict[str, str | tuple[str, ...]] = {
        "Fear": "Frică",
        "&Open {name}:": "&Deschide {name}:",
        "Open": "Deschis",
        "%n receiver(s)": ("%n receptor", "%n receptoare", "%n de receptoare"),
        "%n marker(s)": ("%n marcaj", "%n marcaje", "%n de marcaje"),
        "One text": "Un text",
    }
    for language in ("en", "ro"):
        catalog = catalog_of(project, language)
        for message in catalog:
            if message.id:
                english = message.id if isinstance(message.id, str) else message.id[0]
                both = (english.replace("(s)", ""), english.replace("(s)", "s"))
                message.string = both if language == "en" else (texts | changes)[english]
        with (project / "vrfer" / "app" / "locale" / f"{language}.po").open("wb") as file:
            write_po(file, catalog)


def test_every_literal_is_found_where_it_is_used(project: Path, translations: ModuleType) -> None:
    texts, problems = translations.read_sources(project)
    assert problems == []
    assert {(text.english, text.disambiguation, text.counted, text.owner) for text in texts} == {
        ("Fear", None, False, ""),
        ("&Open {name}:", None, False, "Window"),
        ("Open", "state of a camera", False, "Window"),
        ("%n receiver(s)", None, True, "Window"),
        ("%n marker(s)", None, True, "Window"),
        ("One text", None, False, ""),
    }
    assert {m.id for m in catalog_of(project, "en") if m.id} == {
        ("%n receiver(s)", "%n receiver(s)"),
        ("%n marker(s)", "%n marker(s)"),
    }


@pytest.mark.parametrize(
    "argument", ['f"Sent {count}"', '"Sent {}".format(3)', '"Sent " + name', '"Sent %s" % name']
)
def test_a_text_that_is_put_together_is_refused(
    project: Path, translations: ModuleType, argument: str
) -> None:
    (project / "vrfer" / "app" / "bad.py").write_text(f"x.tr({argument})\n", encoding="utf-8")
    [problem] = translations.extract(project)
    assert problem.startswith("vrfer/app/bad.py:1: tr()")


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ('QLabel("No face")', True),
        ('self.face.setText(f"{n} faces")', True),
        ('self.table.setHorizontalHeaderLabels(["Host", "OSC"])', True),
        ('self.face.setText(f"{n} ms, {m:.0f} fps")', False),
        ('self.face.setText("---")', False),
        ('self.face.setObjectName("the-face")', False),
    ],
)
def test_english_that_is_shown_without_tr_is_named(
    project: Path, translations: ModuleType, shown: str, found: bool
) -> None:
    (project / "vrfer" / "app" / "bad.py").write_text(f"{shown}\n", encoding="utf-8")
    _, problems = translations.read_sources(project)
    assert [problem.startswith("vrfer/app/bad.py:1: ") for problem in problems] == [True] * found


def test_complete_and_compiled_catalogs_have_no_problems(
    project: Path, translations: ModuleType
) -> None:
    translate(project, {})
    assert [p for p in translations.check(project) if "is not compiled" not in p] == []
    translations.compile_catalogs(project)
    assert translations.check(project) == []
    translate(project, {"Fear": "Teamă"})
    assert translations.check(project) == ["ro.po is not compiled; run: translations.py compile"]


@pytest.mark.parametrize(
    ("english", "romanian", "fault"),
    [
        ("Fear", "", "is not translated"),
        ("&Open {name}:", "&Deschide {nume}:", "the {places} differ"),
        ("&Open {name}:", "Deschide {name}:", "the number of & keys differ"),
        ("&Open {name}:", "&Deschide {name}", "the endings differ"),
        ("%n receiver(s)", ("un receptor", "%n receptoare", "%n de receptoare"), "the %places"),
        ("%n receiver(s)", ("%n receptor", "%n receptoare", ""), "is not translated"),
        ("Fear", "Frică și\nteamă", "the line breaks differ"),
        ("Fear", "<b>Frică</b>", "the tags differ"),
        ("Fear", "Frică şi teamă", "has a cedilla"),
    ],
)
def test_check_names_what_is_wrong(
    project: Path,
    translations: ModuleType,
    english: str,
    romanian: str | tuple[str, ...],
    fault: str,
) -> None:
    translate(project, {english: romanian})
    translations.compile_catalogs(project)
    problems = translations.check(project)
    assert len(problems) == 1
    assert problems[0].startswith(f"ro.po: {english!r} ")
    assert fault in problems[0]


def test_a_new_text_is_missing_until_it_is_extracted_and_translated(
    project: Path, translations: ModuleType
) -> None:
    translate(project, {})
    translations.compile_catalogs(project)
    window = project / "vrfer" / "app" / "window.py"
    window.write_text(WINDOW.replace('"Fear"', '"Anger"'), encoding="utf-8")
    assert translations.check(project) == [
        "ro.po: 'Anger' is not in the file; run: translations.py extract"
    ]
    translations.extract(project)
    translations.compile_catalogs(project)
    assert translations.check(project) == ["ro.po: 'Anger' is not translated"]

    # A text that comes back finds its translation again.
    window.write_text(WINDOW, encoding="utf-8")
    translations.extract(project)
    translations.compile_catalogs(project)
    assert translations.check(project) == []


def test_extracting_again_changes_nothing(project: Path, translations: ModuleType) -> None:
    translate(project, {})
    translations.extract(project)
    folder = project / "vrfer" / "app" / "locale"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    translations.extract(project)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_two_texts_of_one_class_cannot_share_a_key(project: Path, translations: ModuleType) -> None:
    (project / "vrfer" / "app" / "window.py").write_text(
        'class Window:\n    def write(self):\n        self.tr("&Open"), self.tr("&Close")\n',
        encoding="utf-8",
    )
    translations.extract(project)
    ro = catalog_of(project, "ro")
    ro["&Open"].string = "&Deschide"
    ro["&Close"].string = "În&chi&&de"
    with (project / "vrfer" / "app" / "locale" / "ro.po").open("wb") as file:
        write_po(file, ro)
    translations.compile_catalogs(project)
    assert translations.check(project) == []
    ro["&Close"].string = "Închi&de"
    with (project / "vrfer" / "app" / "locale" / "ro.po").open("wb") as file:
        write_po(file, ro)
    translations.compile_catalogs(project)
    [problem] = translations.check(project)
    assert problem == "ro: vrfer/app/window.py: Window has Alt+D for ['&Deschide', 'Închi&de']"
