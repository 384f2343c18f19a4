"""Where frames come from: cameras, network streams, videos, pictures and folders of pictures.

This station makes `Frame`s and knows nothing of what is done with them.
"""

from vrfer.sources.base import Source
from vrfer.sources.camera_list import CameraInfo, list_cameras
from vrfer.sources.opening import open_source
from vrfer.sources.orientation import Orientation
from vrfer.sources.settings import CameraSettings
from vrfer.sources.thumbnails import thumbnail

__all__ = [
    "CameraInfo",
    "CameraSettings",
    "Orientation",
    "Source",
    "list_cameras",
    "open_source",
    "thumbnail",
]
