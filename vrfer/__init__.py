"""vrfer reads the facial expression of a person in a VR headset and streams it over OSC.

from vrfer import read_expressions

for reading in read_expressions("0"):
    print(reading.label, reading.confidence)
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vrfer.classifier import Classifier, Device
    from vrfer.errors import VrferError
    from vrfer.expressions import EXPRESSIONS
    from vrfer.finder import Finder
    from vrfer.frames import Frame, LowerFace, Reading, Scores
    from vrfer.outputs.osc import OscSender, parse_receiver
    from vrfer.outputs.recorder import Recorder
    from vrfer.pipeline import Outputs, Reader, Summary, read_expressions, run
    from vrfer.recording import Session, load_session
    from vrfer.sources import list_cameras, open_source
    from vrfer.steady import SteadySettings

# ONNX Runtime reports to Microsoft and keeps a device id on disk unless this is set before it is
# loaded; nothing of vrfer may do that behind its users' backs.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = [
    "EXPRESSIONS",
    "Classifier",
    "Device",
    "Finder",
    "Frame",
    "LowerFace",
    "OscSender",
    "Outputs",
    "Reader",
    "Reading",
    "Recorder",
    "Scores",
    "Session",
    "SteadySettings",
    "Summary",
    "VrferError",
    "list_cameras",
    "load_session",
    "open_source",
    "parse_receiver",
    "read_expressions",
    "run",
]

_HOMES = {
    "EXPRESSIONS": "expressions",
    "Classifier": "classifier",
    "Device": "classifier",
    "Finder": "finder",
    "Frame": "frames",
    "LowerFace": "frames",
    "OscSender": "outputs.osc",
    "Outputs": "pipeline",
    "Reader": "pipeline",
    "Reading": "frames",
    "Recorder": "outputs.recorder",
    "Scores": "frames",
    "Session": "recording",
    "SteadySettings": "steady",
    "Summary": "pipeline",
    "VrferError": "errors",
    "list_cameras": "sources",
    "load_session": "recording",
    "open_source": "sources",
    "parse_receiver": "outputs.osc",
    "read_expressions": "pipeline",
    "run": "pipeline",
}


def __getattr__(name: str) -> object:
    """Import on first use (PEP 562): `import vrfer` is quick and pulls nothing in."""
    if name in _HOMES:
        return getattr(import_module(f"vrfer.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'vrfer' has no attribute {name!r}")
