"""macOS' permission to use cameras, which OpenCV asks for in the main thread alone.

Source: Apple, "Requesting authorization to capture and save media".
"""

import sys
import threading

CANCEL_POLL_S = 0.1
_NOT_DETERMINED = 0


def await_camera_permission(stop: threading.Event) -> None:
    """Let macOS ask the user for the camera, where it never has, and wait for the answer.

    Elsewhere it returns at once.

    Args:
        stop: Ends the waiting.
    """
    if sys.platform != "darwin":
        return
    try:
        from AVFoundation import AVCaptureDevice, AVMediaTypeVideo
    except ImportError:
        return
    if AVCaptureDevice.authorizationStatusForMediaType_(AVMediaTypeVideo) != _NOT_DETERMINED:
        return
    answered = threading.Event()
    AVCaptureDevice.requestAccessForMediaType_completionHandler_(
        AVMediaTypeVideo, lambda granted: answered.set()
    )
    while not (answered.wait(CANCEL_POLL_S) or stop.is_set()):
        pass
