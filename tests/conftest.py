import logging
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """Keep settings, people and logs of whoever runs the tests out of them, and as they are.

    For this process and its children, on Linux; Windows and macOS do not name these folders in
    variables.
    """
    home = Path(tempfile.mkdtemp(prefix="vrfer-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    for kind in ("CONFIG", "DATA", "STATE"):
        os.environ[f"XDG_{kind}_HOME"] = str(home / kind.lower())


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of research data, which is never committed."""
    folder = Path(os.environ.get("VRFER_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the research data are not here ({folder})")
    return folder


@pytest.fixture(autouse=True)
def _no_leaked_threads() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [t.name for t in set(threading.enumerate()) - before if t.name.startswith("vrfer")]
    assert not left, f"threads left behind: {left}"


@pytest.fixture(autouse=True)
def _log_levels_as_before() -> Iterator[None]:
    """Commands that run in this process set them for all tests that follow."""
    loggers = [logging.getLogger(name) for name in (None, "vrfer")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def _loopback_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have liblsl, here and in child processes, speak to this computer and these tests alone.

    It reads its settings once in a process. Streams are found by asking every port of a known
    peer, so no multicast is needed.
    """
    if "LSLAPICFG" in os.environ:
        yield
        return
    first_port = 20_000 + 128 * (os.getpid() % 300)
    config = tmp_path_factory.mktemp("lsl") / "lsl_api.cfg"
    config.write_text(
        "[ports]\nIPv6 = disable\n"
        f"MulticastPort = {first_port}\nBasePort = {first_port + 1}\nPortRange = 100\n"
        "[multicast]\nResolveScope = machine\n"
        f"[lab]\nKnownPeers = {{127.0.0.1}}\nSessionID = vrfer-{uuid.uuid4()}\n"
        "[tuning]\nMulticastMinRTT = 0.1\nUnicastMinRTT = 0.2\n"
        "[log]\nlevel = -2\n",
        encoding="utf-8",
    )
    os.environ["LSLAPICFG"] = str(config)
    yield
    del os.environ["LSLAPICFG"]
