"""
The kinds of queues there are, and what tells one from another. Loads no client, so that flags are read at once.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from loadgen.errors import UsageError
from loadgen.live.options import Option
from loadgen.live.values import name, one_of

QUEUE_TYPES = ("list", "stream", "rabbitmq")
_SCHEMES = {"redis": QUEUE_TYPES[:2], "rediss": QUEUE_TYPES[:2], "amqp": QUEUE_TYPES[2:], "amqps": QUEUE_TYPES[2:]}


def broker_url(text: str) -> str:
    """
    Return the URL of a broker.

    Raises:
        ValueError: it is none; the message does not show its credentials.
    """
    rule = "must be redis://, rediss://, amqp:// or amqps:// with a host, such as redis://127.0.0.1:6379/0"
    try:
        parts = urlsplit(text)
        known = parts.scheme in _SCHEMES and parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        raise ValueError(f"{rule}; its port or host is none") from None
    if not known:
        raise ValueError(f"{rule}; its scheme is {parts.scheme!r}, its host {parts.hostname!r}")
    return text


def queue_type(url: str, wanted: str | None) -> str:
    """
    Return the kind of queue, which the broker's scheme decides if nobody says.

    Raises:
        UsageError: the broker has no such queues.
    """
    scheme = urlsplit(url).scheme
    kinds = _SCHEMES[scheme]
    if wanted is not None and wanted not in kinds:
        raise UsageError(f"the queue type {wanted} does not go with a broker at {scheme}://, but {' or '.join(kinds)}")
    return wanted or kinds[0]


QUEUE_OPTIONS = (
    Option("LOADGEN_BROKER", "URL", "redis://, rediss://, amqp:// or amqps://, with credentials", broker_url),
    Option("LOADGEN_QUEUE", "NAME", "the queue of the jobs", name),
    Option(
        "LOADGEN_QUEUE_TYPE", "TYPE", f"{', '.join(QUEUE_TYPES)} (default: as the broker)", one_of(*QUEUE_TYPES), None
    ),
)
"""Which queue it is."""
