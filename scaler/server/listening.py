"""
Listening on an address, or saying why not.
"""

from __future__ import annotations


class ListenError(Exception):
    """
    A server cannot listen where it was told to; the message says what to do. The operator must act.
    """

    def __init__(self, address: str) -> None:
        super().__init__(
            f"cannot listen on {address}: another process has that port, or this machine has no such address; "
            "choose another"
        )


def address(host: str | None, port: int) -> str:
    """
    Write an address as one text; no host means every address of this machine.
    """
    host = "::" if host is None else host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
