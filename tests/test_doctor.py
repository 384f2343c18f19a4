"""`vrfer-app doctor` where something is wrong; `test_cli` runs it as it is."""

from pathlib import Path

import pytest

from vrfer import doctor
from vrfer.errors import SourceError
from vrfer.sources import Source, open_source
from vrfer.sources.camera_list import CameraInfo

CLIP = str(Path(__file__).resolve().parent.parent / "assets" / "demo.mp4")


@pytest.mark.parametrize(
    ("working", "health"), [({"1"}, doctor.Health.GOOD), (set(), doctor.Health.BAD)]
)
def test_a_camera_in_use_hides_no_other_one(
    monkeypatch: pytest.MonkeyPatch, working: set[str], health: doctor.Health
) -> None:
    def opened(spec: str) -> Source:
        if spec in working:
            return open_source(CLIP)
        raise SourceError(f"camera {spec} cannot be opened", "Close other programs.")

    monkeypatch.setattr(doctor, "open_source", opened)
    monkeypatch.setattr(
        doctor, "list_cameras", lambda: [CameraInfo(0, "busy"), CameraInfo(1, "webcam")]
    )
    cameras = next(finding for finding in doctor.examine() if finding.what == "cameras")
    assert cameras.health is health
    assert "0 busy: camera 0 cannot be opened. Close other programs." in cameras.says
    assert ("1 webcam: gives 640x480" in cameras.says) == bool(working)


def test_what_nobody_foresaw_hides_no_other_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing() -> None:
        raise RuntimeError("a driver's surprise")

    monkeypatch.setattr(doctor, "list_cameras", failing)
    findings = {finding.what: finding for finding in doctor.examine()}
    assert findings["cameras"].health is doctor.Health.BAD
    assert "a driver's surprise" in findings["cameras"].says
    assert findings["network, CPU"].health is doctor.Health.GOOD
    assert list(findings)[-1] == "Lab Streaming Layer"
