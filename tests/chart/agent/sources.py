"""
A server of files that breaks off, changes, asks for a token and leads on to another host, as those on the way do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any


@dataclass
class Source:
    """
    The files of a server and how it behaves; what it was asked.

    Attributes:
        breaks: how many bytes come of the next answers, before the connection ends.
        fails: the status of the next answers.
        token: what has to be shown.
        leads_to: where every question is sent on to.
    """

    files: dict[str, bytes]
    breaks: list[int] = field(default_factory=list)
    fails: list[int] = field(default_factory=list)
    token: str = ""
    leads_to: str = ""
    port: int = 0
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """
        Where it listens.
        """
        return f"http://127.0.0.1:{self.port}"

    @property
    def ranges(self) -> list[str]:
        """
        From where on it was asked, one entry a question.
        """
        return [headers.get("Range", "") for _, headers in self.asked]


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        source: Source = self.server.source  # type: ignore[attr-defined]  # set where it is made
        source.asked.append((self.path, dict(self.headers)))
        if source.leads_to:
            self.answer(302, {"Location": f"{source.leads_to}{self.path}"})
        elif source.fails:
            self.answer(source.fails.pop(0), {})
        elif source.token and self.headers.get("Authorization") != f"Bearer {source.token}":
            self.answer(401, {})
        elif self.path in source.files:
            self.give(source, source.files[self.path])
        else:
            self.answer(404, {})

    def give(self, source: Source, content: bytes) -> None:
        tag = f'"{hash(content)}"'
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        if self.headers.get("If-Range", tag) != tag:
            start = 0
        if start >= len(content) > 0:
            self.answer(416, {"Content-Range": f"bytes */{len(content)}"})
            return
        headers = {"ETag": tag}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.answer(206 if start else 200, headers, content[start:], source.breaks.pop(0) if source.breaks else None)

    def answer(self, status: int, headers: Mapping[str, str], body: bytes = b"", comes: int | None = None) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:comes])
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """
        Say nothing.
        """


@contextmanager
def serving(**files: bytes) -> Iterator[Source]:
    """
    Serve files by their names, on a free port.
    """
    source = Source({f"/{name}": content for name, content in files.items()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.source = source  # type: ignore[attr-defined]  # the handler's way to it
    source.port = server.server_port
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield source
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def listed(folder: Path, *entries: Mapping[str, str]) -> dict[str, str]:
    """
    Return the variables by which the script knows what to get.
    """
    path = folder / "files.json"
    path.write_text(json.dumps(entries))
    return {"DOWNLOAD_FILES": str(path), "DOWNLOAD_PAUSE": "0.01"}
