"""Waiting for a recording in tests."""

import time

from vrfer.outputs.recorder import Recorder


def settled(recorder: Recorder, count: int) -> None:
    """Wait until so many rows and markers were written or lost."""
    give_up_s = time.monotonic() + 60
    while recorder.rows + recorder.markers + recorder.lost < count:
        assert time.monotonic() < give_up_s, (recorder.rows, recorder.lost, recorder.last_error)
        time.sleep(0.001)
