import threading
from pathlib import Path

import cv2
import pytest
from mjpeg_server import MjpegServer

from vrfer.frames import Reading
from vrfer.listen import Listener
from vrfer.outputs.osc import OscSender, Receiver
from vrfer.pipeline import Outputs, Reader, run
from vrfer.sources import open_source

CLIP = Path(__file__).resolve().parent.parent / "assets" / "demo.mp4"
PATIENCE_S = 30


@pytest.fixture(scope="module")
def jpegs() -> list[bytes]:
    reader = cv2.VideoCapture(str(CLIP))
    frames = [reader.read()[1] for _ in range(30)]
    reader.release()
    return [cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames]


def test_readings_come_back_by_themselves_after_the_camera_was_away(jpegs: list[bytes]) -> None:
    away, back, stop = threading.Event(), threading.Event(), threading.Event()
    first = threading.Event()
    readings: list[Reading] = []

    def on_reading(reading: Reading, latency_ms: float) -> None:
        readings.append(reading)
        assert latency_ms > 0
        (back if away.is_set() else first).set()

    with (
        MjpegServer(jpegs, fps=30) as server,
        Listener(0) as listener,
        OscSender(Receiver("127.0.0.1", listener.port)) as sender,
        Reader() as reader,
        open_source(server.url) as source,
    ):
        outputs = Outputs([sender], on_reading=on_reading)
        thread = threading.Thread(target=run, args=(source, reader, outputs), kwargs={"stop": stop})
        thread.start()
        try:
            assert first.wait(PATIENCE_S)
            server.stop()
            without_face = wait_for_face(listener, 0)
            away.set()
            server.start()
            assert back.wait(PATIENCE_S)
        finally:
            stop.set()
            thread.join()
    assert without_face
    assert all(reading.face is not None for reading in readings[:5])
    assert [r.frame for r in readings] == sorted(r.frame for r in readings)


def wait_for_face(listener: Listener, value: int) -> bool:
    """Hear bundles until one says that there is (1) or is no (0) face."""
    while (messages := listener.packet(PATIENCE_S)) is not None:
        if any(m.address == "/vrfer/face" and m.arguments == (value,) for m in messages):
            return True
    return False
