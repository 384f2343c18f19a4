"""What macOS wants of programs that use cameras; elsewhere nothing here does anything.

Sources: Apple, "Requesting authorization to capture and save media"; AVFoundation renews its list
of cameras while the main thread's run loop turns, and only then.
"""

import sys
import threading

CANCEL_POLL_S = 0.1
_NOT_DETERMINED = 0


def await_camera_permission(stop: threading.Event) -> None:
    """Let macOS ask the user for the camera, where it never has, and wait for the answer.

    OpenCV can ask in the main thread alone.

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


def notice_cameras() -> None:
    """Let macOS notice cameras that come and go: for main threads whose run loop nobody turns.

    To be called again and again. Qt turns the run loop by itself.
    """
    if sys.platform != "darwin" or threading.current_thread() is not threading.main_thread():
        return
    try:
        from Foundation import NSDate, NSRunLoop
    except ImportError:
        return
    NSRunLoop.mainRunLoop().runUntilDate_(NSDate.date())
