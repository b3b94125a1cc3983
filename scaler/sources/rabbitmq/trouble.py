"""
What goes wrong with a RabbitMQ, as sentences that an operator can act on.
"""

from __future__ import annotations

import re

from pika.adapters.utils.connection_workflow import AMQPConnectionWorkflowFailed, AMQPConnectorPhaseErrorBase
from pika.exceptions import (
    AMQPConnectionError,
    AMQPHeartbeatTimeout,
    AuthenticationError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ConnectionOpenAborted,
    IncompatibleProtocolError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from scaler.settings.connections import RabbitConnection
from scaler.sources.base import SourceError
from scaler.sources.sentences import one_line, reason

REFUSALS = (ProbableAuthenticationError, AuthenticationError, ProbableAccessDeniedError, ConnectionClosedByBroker)
"""What pika raises when a broker is there and will not have us."""

_NOT_FOUND = 404
_QUOTED = re.compile(r"\(\d+\) ['\"](.*)['\"]$")


def broken(settings: RabbitConnection, vhost: str, error: BaseException) -> SourceError:
    """
    Return why a connection could not be opened, or was lost.
    """
    there, user = f"RabbitMQ at {settings.amqp}", settings.username
    match origin := _origin(error):
        case ProbableAuthenticationError() | AuthenticationError():
            at_home = " (guest may log in from RabbitMQ's own machine only)" if user == "guest" else ""
            text = f"{there} refused user {user!r}: check username and password{at_home}"
        case ProbableAccessDeniedError():
            text = (
                f"{there} refused virtual host {vhost!r} to user {user!r} ({_quoted(origin)}): "
                "check that it exists and that the user has permissions in it"
            )
        case ConnectionClosedByBroker():
            text = f"{there} closed the connection ({one_line(origin.reply_text)})"
        case IncompatibleProtocolError() | ConnectionOpenAborted():
            # Also what a load balancer does whose broker is down.
            text = f"{there} did not greet: check that it is running, its port, and whether it wants `tls`"
        case AMQPHeartbeatTimeout():
            text = f"{there} fell silent"
        case _:
            text = f"{there} cannot be reached: {reason(origin)}"
    return SourceError(text)


def declined(vhost: str, queue: str, error: ChannelClosedByBroker) -> SourceError:
    """
    Return why a broker closed the channel on which a queue was asked for.
    """
    text = one_line(error.reply_text)
    if error.reply_code == _NOT_FOUND and " no queue " in text:
        return no_queue(vhost, queue)
    return SourceError(f"queue {queue!r} in virtual host {vhost!r} cannot be asked: {text}")


def no_queue(vhost: str, queue: str) -> SourceError:
    """
    Say that a queue is not there. Whether it is yet to come or misspelt nobody knows, so it is unknown and not empty.
    """
    return SourceError(f"queue {queue!r} does not exist in virtual host {vhost!r}")


def _origin(error: BaseException) -> BaseException:
    # pika wraps what happened in its workflow's phases, and those in the outcome of the workflow.
    while True:
        match error:
            case AMQPConnectionWorkflowFailed():
                error = error.exceptions[-1]
            case AMQPConnectorPhaseErrorBase():
                error = error.exception
            case AMQPConnectionError(args=(BaseException() as inner, *_)):
                error = inner
            case _:
                return error


def _quoted(error: BaseException) -> str:
    # pika repeats what the broker said as a text within a text: ConnectionClosedByBroker: (530) 'NOT_ALLOWED - ...'
    text = str(error)
    found = _QUOTED.search(text)
    return one_line(found[1] if found else text)
