"""The window's language: gettext catalogs for vrfer's own texts, Qt's files for Qt's.

The English text is the key. `scripts/translations.py` writes the catalogs (`locale/*.po`); the
build compiles them (`locale/*.mo`), and only those are read here. A catalog that is missing or
damaged costs its translations, never the window.
"""

import gettext
import logging
import re
import struct
from pathlib import Path
from typing import Final

from PyQt6.QtCore import QLibraryInfo, QLocale, QObject, QTranslator
from PyQt6.QtWidgets import QApplication

ENGLISH: Final = "en"
LANGUAGES: Final = {ENGLISH: "English", "de": "Deutsch", "ro": "Română"}
"""The languages that vrfer speaks, each under its own name."""
CATALOGS: Final = Path(__file__).parent / "locale"

_DAMAGE = (OSError, ValueError, LookupError, ArithmeticError, struct.error)
"""What `gettext` raises for files that are no catalogs."""

logger = logging.getLogger(__name__)


def available(catalogs: Path = CATALOGS) -> list[tuple[str, str]]:
    """Return code and own name of the languages that can be chosen, English first."""
    return [
        (code, name)
        for code, name in LANGUAGES.items()
        if code == ENGLISH or (catalogs / f"{code}.mo").is_file()
    ]


def install(app: QApplication, language: str | None, catalogs: Path = CATALOGS) -> str:
    """Make the application speak a language; again and again while it runs, if need be.

    Widgets that are open get `QEvent.Type.LanguageChange` from the event loop and set their texts
    again. `QLocale()` and all widgets write numbers as in the language; where the computer is set
    to the same language, as the computer does.

    Args:
        app: Where the translators are installed.
        language: A code ("de") or a locale's name ("de_AT"); None takes the computer's.
        catalogs: The folder of the `.mo` files.

    Returns:
        The language's code, one of `LANGUAGES`: English where the one that was asked for is
        unknown, or its texts cannot be read.
    """
    code = _known(language)
    own = _load(catalogs / f"{code}.mo")
    if own is None and code != ENGLISH:
        code = ENGLISH
        own = _load(catalogs / f"{code}.mo")
    of_qt = catalogs / "qt" / f"{code}.mo"
    found = [_load(of_qt) if of_qt.is_file() else None, own]

    for old in app.findChildren(QTranslator):
        if isinstance(old, _QtTexts | _Texts):
            app.removeTranslator(old)
            old.setParent(None)
    system = QLocale.system()
    same = QLocale.languageToCode(system.language()) == code
    _set_locale(system if same else QLocale(code))
    app.installTranslator(_Texts(app, [catalog for catalog in found if catalog]))
    # Asked before ours: an "Open" of Qt's must not get the translation of another "Open".
    shipped_with_qt = _QtTexts(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if shipped_with_qt.load(f"qtbase_{code}", folder):
        app.installTranslator(shipped_with_qt)
    return code


class _QtTexts(QTranslator):
    """The texts of Qt's own dialogs, as Qt translates them."""


class _Texts(QTranslator):
    """Answers Qt from gettext catalogs."""

    def __init__(self, parent: QObject, catalogs: list[gettext.GNUTranslations]) -> None:
        super().__init__(parent)
        self._catalogs = catalogs

    def isEmpty(self) -> bool:
        """Say that there are texts, else Qt would not tell the widgets of the change."""
        return False

    def translate(  # type: ignore[override]  # None is Qt's null: the next translator is asked.
        self, context: str, source: str, disambiguation: str | None = None, n: int = -1
    ) -> str | None:
        """Return the text, for the number `n` unless that is negative; None if there is none.

        vrfer's own entries have a context only where the caller gave a disambiguation; those of
        Qt's texts have Qt's.
        """
        if not source:
            return None
        for catalog in self._catalogs:
            for place in (disambiguation, context, None):
                if text := _find(catalog, place, source, n):
                    return text
        return None


class _Nothing(gettext.NullTranslations):
    """Tells a text that is missing from one that is the same in both languages."""

    def gettext(self, message: str) -> str:
        return ""

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return ""

    def pgettext(self, context: str, message: str) -> str:
        return ""

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return ""


def _known(language: str | None) -> str:
    """Return the language that fits best, English if none does."""
    for tag in [language] if language else QLocale.system().uiLanguages():
        code = re.split(r"[-_.@]", tag, maxsplit=1)[0].lower()
        if code in LANGUAGES:
            return code
    if language:
        logger.warning("There is no language %r here; the window speaks English", language)
    return ENGLISH


def _load(path: Path) -> gettext.GNUTranslations | None:
    """Read a compiled catalog; a log line says why there is none."""
    try:
        with path.open("rb") as file:
            catalog = gettext.GNUTranslations(file)
        # A damaged rule for plurals would otherwise raise inside of Qt, which ends the program.
        for n in range(200):
            catalog.ngettext("", "", n)
    except FileNotFoundError:
        logger.warning(
            "The texts %s are missing: install vrfer again, or run scripts/translations.py compile",
            path,
        )
        return None
    except _DAMAGE as err:
        logger.warning("The texts %s are damaged (%s): install vrfer again", path, err)
        return None
    catalog.add_fallback(_Nothing())
    return catalog


def _find(catalog: gettext.GNUTranslations, context: str | None, source: str, n: int) -> str:
    """Return a text's translation, empty if the catalog has none."""
    if n < 0:
        return catalog.pgettext(context, source) if context else catalog.gettext(source)
    if context:
        return catalog.npgettext(context, source, source, n)
    return catalog.ngettext(source, source, n)


def _set_locale(locale: QLocale) -> None:
    """Write numbers as the locale does, in what is open too."""
    QLocale.setDefault(locale)
    for widget in QApplication.topLevelWidgets():
        widget.setLocale(locale)
