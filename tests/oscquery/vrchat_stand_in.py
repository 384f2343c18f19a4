"""A program that behaves towards OSC programs as VRChat documents, for tests.

    python vrchat_stand_in.py --avatar '{"vrfer/happiness": "float"}' [--no-mdns] [--tell PORT]...

It shares no code with vrfer. Sources: docs.vrchat.com/docs/osc-overview, osc-avatar-parameters and
oscquery; github.com/vrchat-community/osc/wiki; the issues named in
vrfer/oscquery/multicast.py.

- OSC on a UDP port; `/avatar/parameters/NAME` with one int, float or bool; names are case-sensitive
  and unknown ones ignored. Floats lie in -1..1 in steps of 1/127, ints in 0..255.
- OSCQuery over HTTP on 127.0.0.1, announced as `VRChat-Client-XXXXXX` with the address 127.0.0.1.
- It notices services on ordinary interfaces, not on the loopback interface alone, takes one that
  answers with two addresses for two, and sends to those whose tree has a node /avatar.

It prints a JSON line with its ports, one for each program that it begins to send to, and at the
end of its standard input one with what it heard. A line `change ID` on standard input loads
another avatar of the same parameters.
"""

import argparse
import contextlib
import json
import secrets
import socket
import struct
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, Zeroconf

LOOPBACK = "127.0.0.1"
TYPE_TAGS = {"float": "f", "int": "i", "bool": "T"}


def say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Avatar:
    def __init__(self, parameters: dict[str, str]) -> None:
        self.types = parameters
        self.id = "avtr_first"
        self.values: dict[str, list[float | int | bool]] = {name: [] for name in parameters}
        self.unknown: dict[str, int] = {}

    def hear(self, address: str, value: float | int | bool) -> None:
        name = address.removeprefix("/avatar/parameters/")
        if name == address or name not in self.types:
            self.unknown[address] = self.unknown.get(address, 0) + 1
            return
        kind = self.types[name]
        if kind == "float":
            value = round(max(-1.0, min(1.0, float(value))) * 127) / 127
        elif kind == "int":
            value = max(0, min(255, int(value)))
        else:
            value = bool(value)
        self.values[name].append(value)

    def tree(self) -> dict[str, object]:
        parameters: dict[str, object] = {"FULL_PATH": "/avatar/parameters", "ACCESS": 0}
        for name, kind in self.types.items():
            self._insert(parameters, name.split("/"), TYPE_TAGS[kind])
        change = {
            "FULL_PATH": "/avatar/change",
            "ACCESS": 1,
            "TYPE": "s",
            "VALUE": [self.id],
            "DESCRIPTION": "",
        }
        # Built in, and not to be written.
        self._insert(parameters, ["Viseme"], "i", access=1)
        avatar = {
            "FULL_PATH": "/avatar",
            "ACCESS": 0,
            "CONTENTS": {"change": change, "parameters": parameters},
        }
        return {"DESCRIPTION": "root node", "FULL_PATH": "/", "ACCESS": 0,
                "CONTENTS": {"avatar": avatar}}  # fmt: skip

    def _insert(self, node: dict, names: list[str], tag: str, access: int = 3) -> None:
        for name in names:
            contents = node.setdefault("CONTENTS", {})
            path = f"{node['FULL_PATH']}/{name}"
            node = contents.setdefault(name, {"FULL_PATH": path, "ACCESS": 0})
        node |= {"ACCESS": access, "TYPE": tag, "VALUE": [0]}


def text(packet: bytes, at: int) -> tuple[str, int]:
    end = packet.index(b"\0", at)
    return packet[at:end].decode(), (end // 4 + 1) * 4


def osc_messages(packet: bytes) -> list[tuple[str, float | int | bool]]:
    """The messages with one number: VRChat knows no others for parameters."""
    if packet.startswith(b"#bundle\0"):
        found, at = [], 16
        while at < len(packet):
            (size,) = struct.unpack_from(">i", packet, at)
            found += osc_messages(packet[at + 4 : at + 4 + size])
            at += 4 + size
        return found
    address, at = text(packet, 0)
    tags, at = text(packet, at)
    if tags in (",T", ",F"):
        return [(address, tags == ",T")]
    if tags in (",f", ",i"):
        return [(address, struct.unpack_from(">" + tags[1], packet, at)[0])]
    return []


def osc_text_message(address: str, argument: str) -> bytes:
    parts = (address, ",s", argument)
    return b"".join(part.encode() + bytes(4 - len(part.encode()) % 4) for part in parts)


class Client:
    def __init__(self, avatar: Avatar, mdns: bool, tell: list[int]) -> None:
        self.avatar = avatar
        self.name = f"VRChat-Client-{secrets.token_hex(3).upper()}"
        self.osc = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.osc.bind((LOOPBACK, 0))
        self.osc_port = self.osc.getsockname()[1]
        self.http = ThreadingHTTPServer((LOOPBACK, 0), self.handler())
        self.told: dict[tuple[str, int, str], str] = {}
        self.lock = threading.Lock()
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.listening = threading.Thread(target=self.listen, daemon=True)
        self.listening.start()
        say(name=self.name, osc_port=self.osc_port, http_port=self.http.server_port)
        self.mdns = self.announce() if mdns else None
        for port in tell:
            self.consider(f"named {port}", LOOPBACK, port)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        client = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path.endswith("?HOST_INFO"):
                    self.reply(client.host_info())
                    return
                node: dict | None = client.avatar.tree()
                for name in self.path.strip("/").split("/"):
                    if name and node is not None:
                        node = node.get("CONTENTS", {}).get(name)
                if node is None:
                    self.send_error(404)
                else:
                    self.reply(node)

            def reply(self, content: object) -> None:
                body = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def host_info(self) -> dict[str, object]:
        extensions = {"ACCESS": True, "CLIPMODE": False, "RANGE": True, "TYPE": True, "VALUE": True}
        return {
            "NAME": self.name,
            "OSC_IP": LOOPBACK,
            "OSC_PORT": self.osc_port,
            "OSC_TRANSPORT": "UDP",
            "EXTENSIONS": extensions,
        }

    def listen(self) -> None:
        while packet := self.osc.recv(65_535):  # an empty one is the last
            for address, value in osc_messages(packet):
                self.avatar.hear(address, value)

    def announce(self) -> Zeroconf:
        addresses = [
            address.address
            for of_interface in psutil.net_if_addrs().values()
            for address in of_interface
            if address.family == socket.AF_INET and not address.address.startswith("127.")
        ]
        mdns = Zeroconf(interfaces=addresses or [LOOPBACK], ip_version=IPVersion.V4Only)
        for kind, port in (
            ("_oscjson._tcp.local.", self.http.server_port),
            ("_osc._udp.local.", self.osc_port),
        ):
            service = ServiceInfo(
                kind,
                f"{self.name}.{kind}",
                port,
                properties={"txtvers": "1"},
                server=f"{self.name}.{kind}",
                parsed_addresses=[LOOPBACK],
            )
            mdns.register_service(service, cooperating_responders=True)
        ServiceBrowser(mdns, "_oscjson._tcp.local.", handlers=[self.on_service])
        return mdns

    def on_service(self, zeroconf: Zeroconf, service_type: str, name: str, state_change) -> None:
        if state_change.name == "Removed" or name.startswith(self.name):
            return
        info = zeroconf.get_service_info(service_type, name)
        for address in info.parsed_addresses() if info else []:
            self.consider(name, address, info.port)

    def consider(self, name: str, host: str, port: int) -> None:
        try:
            host_info = self.ask(host, port, "/?HOST_INFO")
            tree = self.ask(host, port, "/")
        except (OSError, ValueError):
            return
        if "avatar" not in tree.get("CONTENTS", {}):
            return
        with self.lock:
            key = (host_info["OSC_IP"], host_info["OSC_PORT"], host)
            if key in self.told:
                return
            self.told[key] = name
        say(sends_to=name, osc_port=host_info["OSC_PORT"])
        self.send_change(key)

    def ask(self, host: str, port: int, path: str) -> dict:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=5) as answer:
            return json.load(answer)

    def send_change(self, key: tuple[str, int, str]) -> None:
        self.osc.sendto(osc_text_message("/avatar/change", self.avatar.id), key[:2])

    def change(self, avatar_id: str) -> None:
        self.avatar.id = avatar_id
        for key in list(self.told):
            self.send_change(key)

    def close(self) -> None:
        if self.mdns is not None:
            self.mdns.close()
        self.http.shutdown()
        self.osc.sendto(b"", (LOOPBACK, self.osc_port))
        self.listening.join()
        say(values=self.avatar.values, unknown=self.avatar.unknown, told=list(self.told.values()))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--avatar", type=json.loads, default={})
    parser.add_argument("--no-mdns", action="store_true")
    parser.add_argument("--tell", type=int, action="append", default=[])
    options = parser.parse_args()
    client = Client(Avatar(options.avatar), not options.no_mdns, options.tell)
    with contextlib.suppress(KeyboardInterrupt):
        for line in sys.stdin:
            word, _, argument = line.strip().partition(" ")
            if word == "change":
                client.change(argument)
    client.close()


if __name__ == "__main__":
    main()
