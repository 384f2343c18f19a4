"""The window's language: texts change while it runs, and damage to the files costs only texts."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PyQt6.QtCore import QCoreApplication, QEvent, QLocale, QTranslator
from PyQt6.QtWidgets import (
    QApplication,
    QDialogButtonBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot
from translations_script import load_translations_script

from vrfer.app.language import available, install

ROOT = Path(__file__).parents[2]

PLURALS = {
    "en": "nplurals=2; plural=(n != 1)",
    "de": "nplurals=2; plural=(n != 1)",
    "ro": "nplurals=3; plural=(n==1 ? 0 : (n==0 || (n%100 > 0 && n%100 < 20)) ? 1 : 2)",
}
RECEIVERS = {
    "en": ("%n receiver", "%n receivers"),
    "de": ("%n Empfänger", "%n Empfänger"),
    "ro": ("%n receptor", "%n receptoare", "%n de receptoare"),
}
GREETING = {"de": "Guten Tag", "ro": "Bună ziua"}
OPEN_STATE = {"de": "Geöffnet", "ro": "Deschis"}


def write_po(path: Path, language: str) -> None:
    """Write a small catalog as a translator would."""
    entries = [
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n'
        f'Plural-Forms: {PLURALS[language]};\\n"\n'
    ]
    if language in GREETING:
        entries += [
            f'msgid "Good day"\nmsgstr "{GREETING[language]}"\n',
            f'msgid "Open"\nmsgstr "{OPEN_STATE[language]}"\n',
            f'msgctxt "a camera"\nmsgid "Good day"\nmsgstr "{GREETING[language]}, Kamera"\n',
        ]
    forms = "".join(f'msgstr[{i}] "{form}"\n' for i, form in enumerate(RECEIVERS[language]))
    entries.append(f'msgid "%n receiver(s)"\nmsgid_plural "%n receiver(s)"\n{forms}')
    path.write_text("\n".join(entries), encoding="utf-8")


@pytest.fixture(scope="session")
def translations() -> ModuleType:
    return load_translations_script()


@pytest.fixture(scope="session")
def catalogs(tmp_path_factory: pytest.TempPathFactory, translations: ModuleType) -> Path:
    root = tmp_path_factory.mktemp("translated")
    folder = root / "vrfer" / "app" / "locale"
    folder.mkdir(parents=True)
    for language in PLURALS:
        write_po(folder / f"{language}.po", language)
    (folder / "qt").mkdir()
    shipped = ROOT / "vrfer" / "app" / "locale" / "qt" / "ro.po"
    (folder / "qt" / "ro.po").write_bytes(shipped.read_bytes())
    translations.compile_catalogs(root)
    return folder


@pytest.fixture
def app(qapp: QApplication) -> Iterator[QApplication]:
    before = QLocale()
    yield qapp
    for translator in qapp.findChildren(QTranslator):
        qapp.removeTranslator(translator)
        translator.setParent(None)
    QLocale.setDefault(before)


class Greeter(QWidget):
    """A widget as those of the window are: its texts are set again when the language changes."""

    def __init__(self) -> None:
        super().__init__()
        self.label = QLabel()
        self.number = QDoubleSpinBox()
        self.number.setValue(1.5)
        layout = QVBoxLayout(self)
        layout.addWidget(self.label)
        layout.addWidget(self.number)
        self.changes = 0
        self.write()

    def write(self) -> None:
        self.label.setText(self.tr("Good day"))

    def changeEvent(self, event: QEvent | None) -> None:
        if event is not None and event.type() == QEvent.Type.LanguageChange:
            self.changes += 1
            self.write()
        super().changeEvent(event)

    def receivers(self, n: int) -> str:
        return self.tr("%n receiver(s)", "", n)


def test_an_open_widget_follows_the_language_there_and_back(
    qtbot: QtBot, app: QApplication, catalogs: Path
) -> None:
    widget = Greeter()
    qtbot.addWidget(widget)
    for language in ("ro", "de", "en", "de"):
        greeting = GREETING.get(language, "Good day")
        widget.changes = 0
        assert install(app, language, catalogs) == language
        qtbot.waitUntil(lambda: widget.changes > 0)
        assert widget.label.text() == greeting


def test_a_translator_that_was_replaced_is_gone(app: QApplication, catalogs: Path) -> None:
    install(app, "de", catalogs)
    once = len(app.findChildren(QTranslator))
    install(app, "ro", catalogs)
    install(app, "de", catalogs)
    assert len(app.findChildren(QTranslator)) == once
    install(app, "en", catalogs)
    assert QCoreApplication.translate("Greeter", "Good day") == "Good day"


def test_each_language_counts_in_its_own_way(app: QApplication, catalogs: Path) -> None:
    spoken = {}
    for language in PLURALS:
        install(app, language, catalogs)
        spoken[language] = [Greeter().receivers(n) for n in (0, 1, 2, 19, 20, 101, 120)]
    assert spoken["en"][:3] == ["0 receivers", "1 receiver", "2 receivers"]
    assert spoken["de"][1] == "1 Empfänger"
    assert spoken["ro"] == [
        "0 receptoare",
        "1 receptor",
        "2 receptoare",
        "19 receptoare",
        "20 de receptoare",
        "101 receptoare",
        "120 de receptoare",
    ]


def test_a_disambiguation_keeps_two_meanings_apart(app: QApplication, catalogs: Path) -> None:
    install(app, "de", catalogs)
    assert QCoreApplication.translate("Any", "Good day", "a camera") == "Guten Tag, Kamera"
    assert QCoreApplication.translate("Any", "Good day", "never heard of") == "Guten Tag"


@pytest.mark.parametrize(
    ("language", "cancel", "undo", "open_"),
    [
        ("de", "Abbrechen", "&Rückgängig", "Öffnen"),
        ("ro", "Anulare", "&Anulare", "Deschidere"),
        ("en", "Cancel", "&Undo", "Open"),
    ],
)
def test_qts_own_texts_are_translated_and_not_confused_with_ours(
    qtbot: QtBot,
    app: QApplication,
    catalogs: Path,
    language: str,
    cancel: str,
    undo: str,
    open_: str,
) -> None:
    install(app, language, catalogs)
    standard = QDialogButtonBox.StandardButton
    box = QDialogButtonBox(standard.Cancel | standard.Open)
    line = QLineEdit()
    qtbot.addWidget(box)
    qtbot.addWidget(line)
    buttons = [box.button(standard.Cancel), box.button(standard.Open)]
    assert [button.text().replace("&", "") for button in buttons if button] == [cancel, open_]
    menu = line.createStandardContextMenu()
    assert menu is not None
    qtbot.addWidget(menu)
    assert menu.actions()[0].text().split("\t")[0] == undo
    assert QCoreApplication.translate("Greeter", "Open") == OPEN_STATE.get(language, "Open")


def test_numbers_are_written_as_in_the_language(
    qtbot: QtBot, app: QApplication, catalogs: Path
) -> None:
    install(app, "en", catalogs)
    widget = Greeter()
    qtbot.addWidget(widget)
    assert widget.number.text() == "1.50"
    install(app, "de", catalogs)
    assert widget.number.text() == "1,50"
    assert QLocale().toString(1234.5, "f", 1) == "1.234,5"
    assert QLocale().language() == QLocale.Language.German


@pytest.mark.parametrize("language", ["fr", "klingon", "d", "../de"])
def test_an_unknown_language_is_english_and_is_said(
    app: QApplication, catalogs: Path, caplog: pytest.LogCaptureFixture, language: str
) -> None:
    with caplog.at_level(logging.WARNING):
        assert install(app, language, catalogs) == "en"
    assert [language in record.getMessage() for record in caplog.records] == [True]
    assert Greeter().label.text() == "Good day"
    assert Greeter().receivers(1) == "1 receiver"


@pytest.mark.parametrize("name", ["de", "de_AT", "de-CH", "DE", "de_DE.UTF-8", "de@euro"])
def test_a_locales_name_means_its_language(app: QApplication, catalogs: Path, name: str) -> None:
    assert install(app, name, catalogs) == "de"


@pytest.mark.parametrize(
    ("environment", "spoken", "number"),
    [
        ({"LANG": "ro_RO.UTF-8"}, "ro", "0,5"),
        ({"LANG": "de_AT.UTF-8"}, "de", "0,5"),
        ({"LANG": "fr_FR.UTF-8"}, "en", "0.5"),
        ({"LANG": "en_GB.UTF-8", "LANGUAGE": "fr:de:en"}, "de", "0,5"),
        ({"LC_ALL": "C"}, "en", "0.5"),
    ],
)
@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="set in the system's settings")
def test_without_a_choice_the_computers_language_is_spoken(
    catalogs: Path, environment: dict[str, str], spoken: str, number: str
) -> None:
    program = f"""
import sys
from pathlib import Path
from PyQt6.QtCore import QLocale
from PyQt6.QtWidgets import QApplication
from vrfer.app.language import install
app = QApplication(sys.argv)
print(install(app, None, Path({str(catalogs)!r})), QLocale().toString(0.5, "f", 1))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [spoken, number]


def test_a_damaged_file_leaves_the_window_english_and_says_so(
    qtbot: QtBot,
    app: QApplication,
    catalogs: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "en.mo").write_bytes((catalogs / "en.mo").read_bytes())
    (tmp_path / "de.mo").write_bytes((catalogs / "de.mo").read_bytes()[:-40])
    install(app, "de", catalogs)
    widget = Greeter()
    qtbot.addWidget(widget)
    assert widget.label.text() == "Guten Tag"
    with caplog.at_level(logging.WARNING):
        assert install(app, "de", tmp_path) == "en"
    assert [str(tmp_path / "de.mo") in record.getMessage() for record in caplog.records] == [True]
    qtbot.waitUntil(lambda: widget.label.text() == "Good day")
    assert widget.receivers(1) == "1 receiver"


def test_missing_files_leave_the_window_english_and_are_said(
    app: QApplication, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert install(app, "ro", tmp_path) == "en"
    assert "ro.mo" in caplog.records[0].getMessage()
    assert Greeter().label.text() == "Good day"
    assert available(tmp_path) == [("en", "English")]


@pytest.mark.parametrize(
    ("whole", "damaged"),
    [(b"n%100", b"n%000"), (b"=utf-8", b"=utf-0"), (b"plural=(", b"plural+("), (b"=(n", b"=[n")],
)
def test_a_damaged_header_is_noticed(
    app: QApplication, catalogs: Path, tmp_path: Path, whole: bytes, damaged: bytes
) -> None:
    content = (catalogs / "ro.mo").read_bytes()
    assert whole in content
    (tmp_path / "ro.mo").write_bytes(content.replace(whole, damaged))
    assert install(app, "ro", tmp_path) == "en"
    assert Greeter().receivers(1) == "1 receiver(s)"


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_no_damage_raises(
    qapp: QApplication,
    catalogs: Path,
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    whole = (catalogs / "ro.mo").read_bytes()
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    (folder / "en.mo").write_bytes((catalogs / "en.mo").read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1), label="where")
    new = data.draw(st.none() | st.binary(min_size=1, max_size=8), label="what; None cuts")
    damaged = whole[:at] if new is None else whole[:at] + new + whole[at + len(new) :]
    (folder / "ro.mo").write_bytes(damaged)
    assert install(qapp, "ro", folder) in {"en", "ro"}
    for n in (0, 1, 2, 20, 100, 101, 12345):
        assert QCoreApplication.translate("Greeter", "%n receiver(s)", "", n)
    install(qapp, "en", folder)


def test_the_languages_are_offered_under_their_own_names(catalogs: Path) -> None:
    assert available(catalogs) == [("en", "English"), ("de", "Deutsch"), ("ro", "Română")]


def test_every_text_of_the_window_is_translated(translations: ModuleType) -> None:
    assert translations.check(ROOT) == []
