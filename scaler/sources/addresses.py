"""
Addresses behind a host name: a headless Service has one for each of its pods.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from scaler.sources.base import SourceError

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_NOBODY = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


async def resolve(host: str, port: int) -> Sequence[str]:
    """
    Return all addresses of a host, none if there is no such name: IPv4 if it has any, otherwise IPv6.

    Never both, because the pods of a dual-stack Service would be met twice.

    Raises:
        SourceError: the name service did not say.
    """
    if _is_address(host):
        return [host]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in _NOBODY:
            return []
        raise SourceError(f"the host name {host} cannot be resolved: {error.strerror}") from error
    families = {family for family, *_ in found}
    chosen = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6
    return sorted({str(address[0]) for family, *_, address in found if family == chosen})


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
