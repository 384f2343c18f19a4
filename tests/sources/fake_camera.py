"""Cameras for a computer without any: they answer as OpenCV's backends do (see negotiation.py)."""

import threading

import cv2
import numpy as np
from numpy.typing import NDArray
from sources.grays import picture

RAW = "YUYV"


class V4l2Camera:
    """A webcam behind OpenCV's V4L2 backend, in place of a `cv2.VideoCapture`."""

    raw = RAW

    def __init__(
        self,
        sizes: tuple[tuple[int, int], ...] = ((640, 480), (1280, 720)),
        formats: tuple[str, ...] = (RAW, "MJPG"),
        fastest_fps: float = 60.0,
        exposures: tuple[float, float] | None = (1.0, 5000.0),
        auto_values: tuple[float, ...] = (1.0, 3.0),
    ) -> None:
        self.sizes, self.formats, self.fastest_fps = sizes, formats, fastest_fps
        self.exposures, self.auto_values = exposures, auto_values
        self.opens = self.delivers = True
        self.released = threading.Event()
        self.asked: list[tuple[int, float]] = []
        self.width, self.height = sizes[0]
        self.format, self.fps = formats[0], 30.0
        self.auto, self.exposure = auto_values[0], 157.0
        self.pictures = 0
        self._wanted_width = 0

    def isOpened(self) -> bool:
        return self.opens and not self.released.is_set()

    def release(self) -> None:
        self.released.set()

    def grab(self) -> bool:
        self.released.wait(0.002)
        self.pictures += self.delivers
        return self.delivers and not self.released.is_set()

    def retrieve(self) -> tuple[bool, NDArray[np.uint8]]:
        return True, picture(min(self.pictures, 11), self.width, self.height)

    def set(self, what: int, value: float) -> bool:
        self.asked.append((what, value))
        match what:
            case cv2.CAP_PROP_FOURCC:
                return self._set_format(int(value).to_bytes(4, "little").decode())
            case cv2.CAP_PROP_FRAME_WIDTH:
                self._wanted_width = int(value)
                return True
            case cv2.CAP_PROP_FRAME_HEIGHT:
                if (self._wanted_width, int(value)) in self.sizes:
                    self.width, self.height = self._wanted_width, int(value)
                self._restart()
                return True
            case cv2.CAP_PROP_FPS:
                self.fps = min(value, self.fastest_fps)
                self._restart()
                return True
            case cv2.CAP_PROP_AUTO_EXPOSURE:
                return self._set_auto(value)
            case cv2.CAP_PROP_EXPOSURE:
                return self._set_exposure(value)
        return what == cv2.CAP_PROP_BUFFERSIZE

    def get(self, what: int) -> float:
        match what:
            case cv2.CAP_PROP_FOURCC:
                return float(int.from_bytes(self.format.encode(), "little"))
            case cv2.CAP_PROP_FRAME_WIDTH:
                return float(self.width)
            case cv2.CAP_PROP_FRAME_HEIGHT:
                return float(self.height)
            case cv2.CAP_PROP_FPS:
                return self.fps
            case cv2.CAP_PROP_EXPOSURE:
                return -1.0 if self.exposures is None else self.exposure
        return -1.0

    def _set_format(self, code: str) -> bool:
        if code not in self.formats:
            return False
        self.format = code
        return True

    def _restart(self) -> None:
        """V4L2 keeps the format."""

    def _set_auto(self, value: float) -> bool:
        if self.exposures is None or round(value) not in self.auto_values:
            return False
        self.auto = float(round(value))
        return True

    def _set_exposure(self, value: float) -> bool:
        if self.exposures is None or self.auto != 1.0:
            return False
        self.exposure = min(max(value, self.exposures[0]), self.exposures[1])
        return True


class DirectShowCamera(V4l2Camera):
    """A webcam behind OpenCV's DirectShow backend."""

    def __init__(self, formats: tuple[str, ...] = ("YUY2", "MJPG")) -> None:
        super().__init__(formats=formats, exposures=(-13.0, 0.0), auto_values=(0.0, 1.0))
        self.exposure = -5.0

    def _restart(self) -> None:
        self.format = self.formats[0]

    def _set_exposure(self, value: float) -> bool:
        if self.auto != 0.0:
            return False
        assert value == int(value)
        assert self.exposures is not None
        self.exposure = min(max(value, self.exposures[0]), self.exposures[1])
        return True
