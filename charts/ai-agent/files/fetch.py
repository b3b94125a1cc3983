"""
Gets files by HTTP into the working directory: what is there is kept, what is half there is gone on with.

The list is JSON, [{"url": …, "path": …, "sha256": …}, …]; a file counts only when it has its whole length and, where
one is given, its checksum. A token goes to the host that was named, never to one that it leads on to.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

FILES = Path(os.environ.get("DOWNLOAD_FILES", "/etc/download/files.json"))
TOKEN = os.environ.get("DOWNLOAD_TOKEN") or os.environ.get("HF_TOKEN")
TRIES = int(os.environ.get("DOWNLOAD_TRIES", "8"))
PAUSE = float(os.environ.get("DOWNLOAD_PAUSE", "1"))
LONGEST_PAUSE = 60.0
TIMEOUT = 60.0
PIECE = 1 << 20
WORTH_WAITING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


class BrokenOffError(Exception):
    """
    What came is not what was asked for; it is worth another try.
    """


def say(text: str) -> None:
    """
    Tell how far it is.
    """
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def place(entry: dict[str, str]) -> Path:
    """
    Return where a file belongs, below the working directory.
    """
    path = Path(entry.get("path") or urlsplit(entry["url"]).path.rpartition("/")[2])
    if not path.name or path.is_absolute() or ".." in path.parts:
        sys.exit(f"{entry['url']}: {str(path)!r} is no file in the model's directory: give its path")
    return path


def checksum(path: Path) -> str:
    """
    Return a file's SHA-256.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ask(url: str, start: int, tag: str) -> HTTPResponse:
    """
    Ask for a file from a byte on, if it still is the one with this tag; otherwise from its beginning.
    """
    request = urllib.request.Request(url)
    if TOKEN:
        request.add_unredirected_header("Authorization", f"Bearer {TOKEN}")
    if start:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", tag)
    answer: HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT)
    return answer


def tagged(answer: HTTPResponse) -> str:
    """
    Return what tells this content from another one at the same address, as far as the server says it.
    """
    tag = answer.headers.get("ETag", "")
    return answer.headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag


def receive(url: str, part: Path, mark: Path) -> None:
    """
    Add to a half file what is missing of it; the mark is what it is a half of.
    """
    tag = mark.read_text() if mark.exists() else ""
    start = part.stat().st_size if part.exists() and tag else 0
    with ask(url, start, tag) as answer:
        goes_on = answer.status == HTTPStatus.PARTIAL_CONTENT
        if goes_on and not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise BrokenOffError("the server went on somewhere else")
        if not goes_on:
            part.unlink(missing_ok=True)
            mark.write_text(tagged(answer))
        length, received = answer.headers.get("Content-Length"), 0
        with part.open("ab") as file:
            while piece := answer.read(PIECE):
                received += file.write(piece)
        if length is not None and received != int(length):
            raise BrokenOffError(f"{received} of {length} bytes came")


def attempt(entry: dict[str, str], part: Path, mark: Path) -> None:
    """
    Try once to get the whole of a file.
    """
    try:
        receive(entry["url"], part, mark)
    except urllib.error.HTTPError as error:
        # Nothing is missing: it was interrupted after its last byte.
        whole = error.headers.get("Content-Range", "") == f"bytes */{part.stat().st_size if part.exists() else ''}"
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        if not whole:
            part.unlink(missing_ok=True)
            raise BrokenOffError("it is not the file that it was") from error
    expected = entry.get("sha256")
    if expected and (found := checksum(part)) != expected:
        part.unlink()
        raise BrokenOffError(f"its SHA-256 is {found}, not {expected}")


def fetch(entry: dict[str, str]) -> None:
    """
    Get one file, with patience where that may help.
    """
    path = place(entry)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part, mark = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.mark")
    pause = PAUSE
    for tries_left in reversed(range(TRIES)):
        try:
            attempt(entry, part, mark)
            break
        except (BrokenOffError, HTTPException, OSError) as error:
            code = error.code if isinstance(error, urllib.error.HTTPError) else None
            hopeless = code is not None and code < HTTPStatus.INTERNAL_SERVER_ERROR and code not in WORTH_WAITING
            if hopeless or not tries_left:
                sys.exit(f"{path}: {error}")
            say(f"{path}: {error}; trying again in {pause:g} s")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    mark.unlink(missing_ok=True)
    part.rename(path)
    say(f"{path}: {path.stat().st_size} bytes")


def main() -> None:
    """
    Get every file of the list.
    """
    for entry in json.loads(FILES.read_text()):
        fetch(entry)


main()
