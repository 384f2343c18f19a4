"""Where frames come from: cameras, network streams, videos, pictures and folders of pictures.

This station makes `Frame`s and knows nothing of what is done with them.
"""

from vrfer.sources.base import Source
from vrfer.sources.cameras import CameraInfo, list_cameras
from vrfer.sources.opening import open_source

__all__ = ["CameraInfo", "Source", "list_cameras", "open_source"]
