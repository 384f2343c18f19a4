"""Hears vrfer with python-osc (pip install python-osc): python vrfer_ten_lines.py [PORT]."""

import sys

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer

dispatcher = Dispatcher()
dispatcher.map("/vrfer/label", lambda _, label: print("expression", label, flush=True))
dispatcher.map("/vrfer/event/*", lambda address, on: print(address, on, flush=True))
port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
BlockingOSCUDPServer(("127.0.0.1", port), dispatcher).serve_forever()
