"""
Sentences: foreign text and exceptions, as an operator reads them.
"""

from __future__ import annotations

import socket
import ssl
from itertools import pairwise

import pytest

from scaler.sources.sentences import one_line, reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("as it is", "as it is", id="plain"),
        pytest.param("two\nlines\t and\r\n more", "two lines and more", id="line-breaks"),
        pytest.param("\x1b[31mred\x00", "[31mred", id="control-characters"),
        pytest.param("x" * 20, "x" * 9 + "…", id="too-long"),
        pytest.param(None, "None", id="no-text"),
    ],
)
def test_foreign_text_fits_on_a_line(text: object, expected: str) -> None:
    """
    Nothing foreign breaks a log line or a terminal.
    """
    assert one_line(text, 10 if expected.endswith("…") else 100) == expected


def caused(*errors: BaseException) -> BaseException:
    """
    Return the first error, with each one caused by the next.
    """
    for error, cause in pairwise(errors):
        error.__cause__ = cause
    return errors[0]


def tls(reason: str) -> ssl.SSLError:
    """
    Return an error as OpenSSL has them.
    """
    error = ssl.SSLError(1, "x")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            caused(Exception("token=s3cr3t"), ConnectionRefusedError(111, "x")), "connection refused", id="os"
        ),
        pytest.param(Exception("outer", TimeoutError("inner")), "it did not answer in time", id="in-the-arguments"),
        pytest.param(
            socket.gaierror(-2, "Name or service not known"),
            "its name does not resolve (Name or service not known)",
            id="name",
        ),
        pytest.param(caused(OSError(1, "x"), tls("UNKNOWN_CA")), "TLS failed (UNKNOWN_CA)", id="tls"),
        pytest.param(ssl.SSLError(1, "x"), "the connection broke (SSLError)", id="tls-without-a-reason"),
        pytest.param(ConnectionResetError(), "it closed the connection", id="closed"),
        pytest.param(ValueError("token=s3cr3t"), "the connection broke (ValueError)", id="nothing-to-tell"),
    ],
)
def test_the_most_telling_cause_is_told(error: BaseException, expected: str) -> None:
    """
    Whatever library wrapped it, and without repeating what a library says.
    """
    assert reason(error) == expected


def test_a_ring_of_causes_ends() -> None:
    """
    Exceptions that are each other's cause do not keep us for ever.
    """
    one, other = ValueError(), ValueError()
    one.__cause__, other.__cause__ = other, one
    assert reason(one) == "the connection broke (ValueError)"
