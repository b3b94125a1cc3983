"""
The commands, given what cannot be right: a sentence that says what to change, and the exit status of a wrong input.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler.cli import main

DOCUMENT = """
connections:
  jobs: {type: redis, addresses: ["127.0.0.1:1"]}
policies:
  default: {queue: {connection: jobs, type: list, target: 3}}
"""


@pytest.fixture
def document(tmp_path: Path) -> str:
    """
    The path of a document whose policy leaves the queue's name to the trigger.
    """
    path = tmp_path / "config.yaml"
    path.write_text(DOCUMENT)
    return str(path)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ((), "queue: is required, because policy 'default' reads a queue and does not name it"),
        (("queu=jobs",), "unknown key 'queu'; did you mean 'queue'?"),
        (("queue=jobs", "policy=mine"), "policy: there is no policy 'mine'"),
    ],
)
def test_refused_metadata_is_explained_in_one_line(
    document: str, metadata: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    What KEDA would hear of such a trigger, and nothing besides.
    """
    given = ("--metadata", *metadata) if metadata else ()
    assert main(["explain", "ai/agent", "--config", document, *given]) == 2
    assert capsys.readouterr() == ("", f"scaler: {said}\n")
