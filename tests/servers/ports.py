"""
Ports for servers that must come back on the port they had.
"""

from __future__ import annotations

import random
import socket

# Below the range from which systems take ports for outgoing connections (Linux: 32768 up), so that none of those can
# take a server's port while the server is stopped.
_FIRST, _LAST = 20_000, 32_000
_given: set[int] = set()


def free_port() -> int:
    """
    Return a port of the loopback address that nobody listens on and that was not given out before.

    Raises:
        RuntimeError: if a hundred ports in a row are taken.
    """
    for _ in range(100):
        port = random.randint(_FIRST, _LAST)  # noqa: S311 - nothing is kept secret by it
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise RuntimeError(f"no free port was found between {_FIRST} and {_LAST}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def accepts(port: int) -> bool:
    """
    Tell whether something accepts connections on a port of the loopback address.
    """
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
