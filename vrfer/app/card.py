"""What is known of a network: its card, or what its own file says."""

from pathlib import Path

from PyQt6.QtCore import QCoreApplication, Qt
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from vrfer.classifier import Classifier, Device
from vrfer.errors import ModelContractError
from vrfer.shipped import default_model


def show_card(parent: QWidget, model: Path | None) -> QDialog:
    """Show a network's card beside the window, which goes on meanwhile.

    Args:
        parent: The window.
        model: The network's file; None is the built-in one.
    """
    path = default_model() if model is None else model
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(path.name)
    text = QTextBrowser()
    text.setOpenExternalLinks(True)
    text.setMarkdown(card_of(path))
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.close)
    layout = QVBoxLayout(dialog)
    layout.addWidget(text)
    layout.addWidget(buttons)
    dialog.resize(720, 620)
    dialog.show()
    return dialog


def card_of(model: Path) -> str:
    """Return a network's card as Markdown: the file beside it, or what its contract says."""
    card = model.with_suffix(".md")
    try:
        return card.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        pass
    try:
        contract = Classifier(model, Device.CPU).contract
    except ModelContractError as err:
        return str(err)
    title = QCoreApplication.translate("Card", "There is no card; its file says:")
    return f"# {contract.name}\n\n{title}\n\n```\n{contract.model_dump_json(indent=2)}\n```\n"
