"""Who is heard on a port: this computer alone, or others too."""

import socket
import sys

import pytest


def hears_others(port: int) -> bool:
    """Say whether a UDP port of ours is open on every address.

    A socket of the same port on another address can be bound only while ours is on loopback.
    """
    if sys.platform != "linux":
        pytest.skip("other systems have one loopback address alone, or share ports")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        try:
            other.bind(("127.0.0.2", port))
        except OSError:
            return True
    return False
