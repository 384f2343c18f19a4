"""What works on this computer, what does not, and what to do: each check a real try."""

import logging
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import cv2
import numpy as np

from vrfer.classifier import Classifier, Device
from vrfer.errors import OutputError, SourceError, VrferError
from vrfer.listen import Listener
from vrfer.oscquery.browse import Browser
from vrfer.outputs.lsl import LslOutlet
from vrfer.outputs.osc import OscSender, Receiver
from vrfer.pipeline import Reader
from vrfer.shipped import default_model, shipped
from vrfer.sources import list_cameras, open_source

logger = logging.getLogger(__name__)

_FRAME_WAIT_S = 5.0
_BROWSE_S = 2.0


class Health(Enum):
    """How a check ended."""

    GOOD = "ok"
    MISSING = "none"
    """Not there, but vrfer works without."""
    BAD = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result."""

    health: Health
    what: str
    says: str


def examine() -> Iterator[Finding]:
    """Yield one finding after another; nothing raises."""
    yield Finding(
        Health.GOOD,
        "computer",
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"OpenCV {cv2.__version__}",
    )
    for what, check in (
        ("cameras", _cameras),
        ("network, CPU", _cpu),
        ("network, CUDA", _cuda),
        ("whole pipeline", _pipeline),
        ("OSC", _osc),
        ("OSCQuery", _oscquery),
        ("Lab Streaming Layer", _lsl),
    ):
        yield _guarded(what, check)


def _guarded(what: str, check: Callable[[], tuple[Health, str]]) -> Finding:
    try:
        health, says = check()
    except VrferError as err:
        return Finding(Health.BAD, what, str(err))
    except Exception as err:  # whoever asks has an unusual computer
        logger.exception("%s", what)
        told = f"failed in a way that nobody foresaw ({type(err).__name__}: {err})"
        return Finding(Health.BAD, what, f"{told}. Please tell us, with this whole list.")
    return Finding(health, what, says)


def _cameras() -> tuple[Health, str]:
    cameras = list_cameras()
    if not cameras:
        return (
            Health.MISSING,
            "no camera. Plug one in, or give a video file or URL with --source.",
        )
    said = []
    health = Health.BAD  # unless one of them gives pictures: a second one may well be in use
    for camera in cameras:
        try:
            with open_source(str(camera.index)) as source:
                frame = source.read(_FRAME_WAIT_S)
        except SourceError as err:
            said.append(f"{camera.index} {camera.name}: {err}")
            continue
        if frame is None:
            said.append(
                f"{camera.index} {camera.name}: gives no picture; close the program that uses it"
            )
        else:
            height, width = frame.image.shape[:2]
            said.append(f"{camera.index} {camera.name}: gives {width}x{height}")
            health = Health.GOOD
    return health, "; ".join(said)


def _time_a_picture(classifier: Classifier) -> float:
    patch = np.full(classifier.patch_size, 127, np.uint8)
    return min(classifier.classify(patch).duration_ms for _ in range(20))


def _cpu() -> tuple[Health, str]:
    classifier = Classifier(default_model(), Device.CPU)
    return (
        Health.GOOD,
        f"{classifier.contract.name} reads a picture in {_time_a_picture(classifier):.1f} ms",
    )


def _cuda() -> tuple[Health, str]:
    classifier = Classifier(default_model(), Device.CUDA)
    if classifier.device is not Device.CUDA:
        return Health.MISSING, f"{classifier.note}. vrfer does not need it."
    return Health.GOOD, f"reads a picture in {_time_a_picture(classifier):.1f} ms"


def _pipeline() -> tuple[Health, str]:
    clip: Path = shipped("assets") / "demo.mp4"
    durations: list[float] = []
    faces = 0
    with open_source(str(clip), as_fast_as_possible=True) as source, Reader() as reader:
        while len(durations) < 60:
            frame = source.read(1.0)
            if frame is None:
                break
            started = time.perf_counter()
            faces += reader.read(frame).face is not None
            durations.append((time.perf_counter() - started) * 1e3)
    if not durations or faces < len(durations) / 2:
        return Health.BAD, f"found a face in {faces} of {len(durations)} pictures of the demo clip"
    return (
        Health.GOOD,
        f"finds and reads a face in {float(np.median(durations)):.1f} ms (median of "
        f"{len(durations)} pictures of the demo clip)",
    )


def _osc() -> tuple[Health, str]:
    with Listener(0) as listener, OscSender(Receiver("127.0.0.1", listener.port)) as sender:
        sender.send(b"/vrfer/test\0,i\0\0\0\0\0\x01")
        heard = listener.packet(1.0)
    if not heard:
        return Health.BAD, "a test message to 127.0.0.1 did not arrive. A firewall may block UDP."
    return Health.GOOD, "a test message to 127.0.0.1 arrived"


def _oscquery() -> tuple[Health, str]:
    with Browser(lambda programs: None) as browser:
        browser.wait(_BROWSE_S)
        programs, error = browser.programs, browser.error
    if programs:
        return (
            Health.GOOD,
            f"found {', '.join(f'{one.name} at {one.receiver}' for one in programs)}",
        )
    if error:
        return Health.MISSING, f"programs cannot be found (mDNS: {error}). Name host and port."
    return Health.MISSING, "works, but no program that offers it runs. vrfer does not need it."


def _lsl() -> tuple[Health, str]:
    try:
        LslOutlet("vrfer doctor").close()
    except OutputError as err:
        return Health.MISSING, f"{err} vrfer does not need it."
    return Health.GOOD, "streams can be offered"
