"""Faults of receivers, ports and networks, made to happen to a running vrfer."""

import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app_runs import Ears, Running, app, free_port, tidy, until
from fault_rows import MISSING_S, Fault, NotHereError, Row, running

from vrfer.listen import Listener
from vrfer.recording import load_session

SOME = 15
"""Frames between one step of a fault and the next."""
FAR = "198.51.100.1:9000"
"""An address that is kept free for documentation: nobody is there."""
HERE, THERE = "10.99.0.1", "10.99.0.2"
UNKNOWN = "no-such-computer.invalid:9000"
MALFORMED = 1000
MARK = "still here"
AT_ONCE = 20
"""Packets in a row that the system surely keeps."""


def receiver_absent(folder: Path) -> Row:
    """Send to a port of this computer at which nobody listens."""
    absent = f"127.0.0.1:{free_port()}"
    with running(folder, "--osc", absent) as run:
        run.app.until_said("nothing listens there")
        run.ears.more(2 * SOME)
        run.stop()
    return Row(
        f"`--osc {absent}`, a port of this computer at which nobody listens, beside a healthy "
        "receiver; Ctrl-C in the end",
        run.said(),
        run.code,
        run.kept(),
    )


def receiver_comes_back(folder: Path) -> Row:
    """Let a receiver vanish in the middle and come back."""
    leaving = Ears()
    with running(folder, "--osc", leaving.address) as run:
        run.ears.more(SOME)
        leaving.close()
        run.app.until_said("nothing listens there")
        run.ears.more(SOME)
        with Ears(leaving.port) as back:
            run.app.until_said("works again")
            run.ears.more(SOME)
            run.stop()
            time.sleep(MISSING_S)
    heard = f"{leaving.frames} + {back.frames} of {run.frames} frames heard before and after"
    return Row(
        "the receiver's program ended, and was started again at the same port "
        f"{SOME} frames later; Ctrl-C in the end",
        run.said(),
        run.code,
        f"that receiver: {heard}; {run.kept()}",
    )


def port_of_monitor_taken(folder: Path) -> Row:
    """Listen at a port that another program has."""
    with Listener(0) as other:
        command = app("listen", "--port", str(other.port))
        with Running(command, folder / "listen.txt") as monitor:
            code = monitor.ended()
    return Row(
        f"`vrfer-app listen --port {other.port}` while another program listens there",
        [tidy(line, {}) for line in monitor.lines],
        code,
        "nothing: it did not begin",
    )


def port_of_commands_taken(folder: Path) -> Row:
    """Hear commands at a port that another program has."""
    with Listener(0) as other, running(folder, "--control", str(other.port)) as run:
        run.code = run.app.ended()
    return Row(
        f"`vrfer-app run --control {other.port}` while another program listens there",
        run.said(),
        run.code,
        "nothing: it did not begin",
    )


def far_host(folder: Path) -> Row:
    """Send to an address that routes lead to and where nobody is."""
    with running(folder, "--osc", FAR) as run:
        run.ears.more(2 * SOME)
        run.stop()
    return Row(
        f"`--osc {FAR}`, a computer that does not exist behind a router that does; Ctrl-C in the "
        "end",
        run.said(),
        run.code,
        f"all that was sent there, and nobody can know: UDP has no answer; {run.kept()}",
    )


def unknown_host(folder: Path) -> Row:
    """Send to a name that nobody has."""
    with running(folder, "--osc", UNKNOWN) as run:
        run.code = run.app.ended()
    return Row(f"`--osc {UNKNOWN}`", run.said(), run.code, "nothing: it did not begin")


def interface_down(folder: Path) -> Row:
    """Take the network away in the middle and give it back, between two networks of our own."""
    with wire() as (here, there):
        port = free_port()
        listen = app("listen", "--everyone", "--port", str(port), before=there)
        address = f"{THERE}:{port}"
        with Running(listen, folder / "heard.txt") as receiver:
            receiver.until_said("Listening on")
            with running(folder, "--osc", address, before=here) as run:
                receiver.until_said("/vrfer/face 1")
                wait_for_rows(run.recording, SOME)
                subprocess.run([*here, "ip", "link", "set", "here", "down"], check=True)
                run.app.until_said(f"OSC to {address} fails")
                wait_for_rows(run.recording, SOME)
                subprocess.run([*here, "ip", "link", "set", "here", "up"], check=True)
                run.app.until_said(f"OSC to {address} works again")
                wait_for_rows(run.recording, SOME)
                run.stop()
                time.sleep(MISSING_S)
            heard = receiver.lines.count("/vrfer/face 1")
    unheard = f"OSC {run.ears.address}"
    return Row(
        f"a receiver on another network, {address}; the interface that leads there was taken down "
        "in the middle and up again; Ctrl-C in the end",
        [line for line in run.said() if unheard not in line.replace("OSC to", "OSC")],
        run.code,
        f"receiver: {heard} of {run.frames} frames heard; recording: {run.rows} of {run.frames} "
        "rows",
    )


@contextmanager
def wire() -> Iterator[tuple[list[str], list[str]]]:
    """Join two networks that hold nothing else; give what runs programs inside each.

    Raises:
        NotHereError: This system, or this user, makes none.
    """
    with network() as here, network(inside=here) as there:
        number = there[2]
        for side, words in (
            (here, f"link add here type veth peer name there netns {number}"),
            (here, f"address add {HERE}/24 dev here"),
            (here, "link set here up"),
            (here, "link set lo up"),
            (there, f"address add {THERE}/24 dev there"),
            (there, "link set there up"),
        ):
            command = [*side, "ip", *words.split()]
            done = subprocess.run(command, check=False, capture_output=True)
            if done.returncode != 0:
                raise NotHereError(f"no network can be made: {done.stderr.decode().strip()}")
        yield here, there


@contextmanager
def network(inside: Sequence[str] = ()) -> Iterator[list[str]]:
    """Make a network that holds nothing but a loopback which is down; give what runs inside it.

    Args:
        inside: What runs a program in the network that this one is made beside; empty: ours.

    Raises:
        NotHereError: This system, or this user, makes none.
    """
    if sys.platform != "linux" or shutil.which("unshare") is None:
        raise NotHereError("it takes Linux with unshare")
    is_root = os.geteuid() == 0
    owned = [] if is_root or inside else ["--user", "--map-root-user"]
    with subprocess.Popen(
        [*inside, "unshare", "--net", *owned, "sh", "-c", "echo made; exec sleep 300"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as holder:
        try:
            if holder.stdout is None or holder.stdout.readline() != "made\n":
                raise NotHereError("this user may make no network")
            of_user = [] if is_root else ["--user", "--preserve-credentials"]
            yield ["nsenter", "--target", str(holder.pid), "--net", *of_user, "--"]
        finally:
            holder.kill()


def no_interface(folder: Path) -> Row:
    """Start where there is no network at all."""
    with network() as inside, running(folder, "--osc", FAR, before=inside) as run:
        until(lambda: run.app.process.poll() is not None or run.recording.exists(), "a beginning")
        if run.app.process.poll() is None:
            wait_for_rows(run.recording, SOME)
            run.stop()
        else:
            run.code = run.app.ended()
    recorded = f"recording: {run.rows} of {run.frames} rows" if run.recording.exists() else ""
    return Row(
        f"in a network whose only interface, the loopback, is down: `--osc {run.ears.address} "
        f"--osc {FAR}`; Ctrl-C in the end",
        [tidy(line, run.names) for line in run.app.lines if "OSC" in line or "Error" in line],
        run.code,
        recorded or "everything: it ended before the first frame",
    )


def wait_for_rows(recording: Path, more: int) -> None:
    """Wait until so many more rows stand in a recording."""

    def lines() -> int:
        return recording.read_bytes().count(b"\n") if recording.exists() else 0

    wanted = lines() + more
    until(lambda: lines() >= wanted, f"{more} more rows")


def malformed_at_commands(folder: Path) -> Row:
    """Throw what is no OSC at the port at which commands are heard."""
    port = free_port()
    with running(folder, "--control", str(port)) as run:
        run.ears.more(1)
        throw(port, malformed_packets(MALFORMED), run.ears)
        send(port, [_message("/vrfer/control/marker", MARK)])
        until(lambda: MARK in marked(run.recording), "the marker")
        run.ears.more(SOME)
        run.stop()
    markers = marked(run.recording)
    return Row(
        f"{MALFORMED:,} packets at the port of `--control`: random bytes, cut bundles, wrong "
        "sizes, packets of 60 kB; then the command to set a marker; Ctrl-C in the end",
        run.said(),
        run.code,
        f"{run.kept()}; markers: {', '.join(markers)}",
    )


def marked(recording: Path) -> list[str]:
    """Return the texts of the markers beside a recording so far."""
    return [one.text for one in load_session(recording).markers]


def malformed_into_monitor(folder: Path) -> Row:
    """Throw what is no OSC at the monitor."""
    port = free_port()
    command = app("listen", "--port", str(port))
    with Running(command, folder / "listen.txt") as monitor:
        monitor.until_said("Listening on")
        packets = malformed_packets(MALFORMED)
        for number, packet in enumerate(packets):
            send(port, [packet])
            if number % AT_ONCE == AT_ONCE - 1:
                send(port, [_message("/number", number)])
                monitor.until_said(f"/number {number}")
        code = monitor.stop()
    told = [line for line in monitor.lines if not line.startswith("/number ")]
    return Row(
        f"the same {MALFORMED:,} packets at `vrfer-app listen`, and a good one after every "
        f"{AT_ONCE}; Ctrl-C in the end",
        [tidy(line, {}) for line in told],
        code,
        f"nothing: {MALFORMED // AT_ONCE} of {MALFORMED // AT_ONCE} good packets were printed",
    )


def malformed_packets(count: int) -> list[bytes]:
    """Return packets that are no OSC: random, cut, and with sizes that lie."""
    chance = random.Random(8)
    whole = _bundle(_message("/vrfer/control/stop"), _message("/vrfer/control/marker", "no"))
    packets = [
        *(whole[:length] for length in range(1, len(whole)) if length not in (16, 44)),
        *(_bundle() + struct.pack(">i", size) + b"/a\0\0,\0\0\0" for size in (-4, 0, 9, 2**31 - 1)),
        _bundle() + struct.pack(">i", -(2**31)),
        b"/a\0\0,b\0\0" + struct.pack(">i", 2**31 - 1),
        b"/a\0\0,sss\0\0\0\0abc",
    ]
    nested = b"zzzz"
    while len(nested) < 60_000:
        nested = _bundle(nested)
    packets += [nested, bytes(60_000), chance.randbytes(60_000)]
    while len(packets) < count:
        noise = chance.randbytes(chance.randrange(1, 300))
        packets.append(noise if noise[:1] != b"/" else b"!" + noise)
    chance.shuffle(packets)
    return packets


def throw(port: int, packets: list[bytes], ears: Ears) -> None:
    """Send packets a few at a time, at the pace at which a session works."""
    for start in range(0, len(packets), AT_ONCE):
        send(port, packets[start : start + AT_ONCE])
        if start % (5 * AT_ONCE) == 0:
            ears.more(1)


def send(port: int, packets: list[bytes]) -> None:
    """Send packets to a port of this computer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in packets:
            sender.sendto(packet, ("127.0.0.1", port))


def _message(address: str, *arguments: str | int) -> bytes:
    tags = "," + "".join("s" if isinstance(one, str) else "i" for one in arguments)
    values = [_text(one) if isinstance(one, str) else struct.pack(">i", one) for one in arguments]
    return _text(address) + _text(tags) + b"".join(values)


def _text(text: str) -> bytes:
    data = text.encode() + b"\0"
    return data + bytes(-len(data) % 4)


def _bundle(*elements: bytes) -> bytes:
    content = b"".join(struct.pack(">i", len(element)) + element for element in elements)
    return b"#bundle\0" + struct.pack(">Q", 1) + content


FAULTS = (
    Fault("The receiver is absent", receiver_absent),
    Fault("The receiver vanishes and comes back", receiver_comes_back),
    Fault("The monitor's port is taken", port_of_monitor_taken),
    Fault("The port for commands is taken", port_of_commands_taken),
    Fault("The host is not there", far_host),
    Fault("The host's name is unknown", unknown_host),
    Fault("The network goes down and comes up", interface_down),
    Fault("There is no network", no_interface),
    Fault("Malformed packets as commands", malformed_at_commands),
    Fault("Malformed packets at the monitor", malformed_into_monitor),
)
