"""`python -m insights_service.embedded.gateway --data DIR --port N`; the password comes in the environment.

SIGTERM and SIGINT stop it: nobody is let in any more, running statements are ended, then it leaves.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from insights_service.embedded.gateway import config
from insights_service.embedded.gateway.engine import Engine
from insights_service.embedded.gateway.server import GatewayServer

_SECONDS_TO_STOP = 5
_SESSION_SWEEP_SECONDS = 20


def main() -> int:
    arguments = _arguments()
    password = os.environ.pop(config.PASSWORD_VARIABLE, "")
    if not password:
        sys.exit(f"{config.PASSWORD_VARIABLE} must hold the password.")
    stop = threading.Event()
    folder = arguments.data.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    settings = config.write(folder, arguments.memory_bytes)
    engine = Engine(folder / "store", settings, places=arguments.places)
    # After the engine: chDB installs handlers of its own.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        server = GatewayServer((arguments.host, arguments.port), engine, password)
    except ValueError as error:
        sys.exit(str(error))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 3600}, daemon=True).start()
    print(f"ClickHouse {engine.version} on {arguments.host}:{server.server_address[1]}", flush=True)
    while not stop.wait(_SESSION_SWEEP_SECONDS):
        engine.expire_sessions()
    server.socket.close()
    engine.close(_SECONDS_TO_STOP)
    # Threads may still hold engine handles; a regular interpreter exit would pull the engine from under them.
    os._exit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gateway", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the engine's data")
    parser.add_argument("--memory-bytes", type=int, help="most the engine may take; half of all by default")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--places", type=int, default=16, help="statements that may run at once")
    return parser.parse_args()


if __name__ == "__main__":
    main()
