"""
An agent for trying a chart: it loads its model, says how it is, writes its log, and goes when it is told to.

`/tmp/busy` makes it say that it is not ready, `/tmp/hung` that it no longer lives.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOADED_AT = time.monotonic() + float(os.environ["LOAD_SECONDS"])
LOG = Path(os.environ["LOG_DIRECTORY"]) / "agent.log"
BUSY, HUNG = Path("/tmp/busy"), Path("/tmp/hung")  # the pod's own


def say(text: str) -> None:
    """
    Write a line to the log file.
    """
    with LOG.open("a") as file:
        file.write(f"{os.environ['GREETING']}: {text}\n")


class Health(BaseHTTPRequestHandler):
    """
    Answers the probes.
    """

    def do_GET(self) -> None:  # named by the base class
        """
        Say 200 or 503.
        """
        states = {
            "/health/startup": time.monotonic() >= LOADED_AT,
            "/health/live": not HUNG.exists(),
            "/health/ready": not BUSY.exists(),
        }
        self.send_response(200 if states.get(self.path) else 503)
        self.end_headers()


def leave(*_: object) -> None:
    """
    Go.
    """
    say("goes")
    sys.exit()


for path in (BUSY, HUNG):
    path.unlink(missing_ok=True)
signal.signal(signal.SIGTERM, leave)
for path in sorted(Path(os.environ["MODEL_PATH"]).glob("[!.]*")):
    say(f"{path.name} has {path.stat().st_size} bytes")
ThreadingHTTPServer(("", 8080), Health).serve_forever()
