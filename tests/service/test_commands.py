"""
The commands, given what cannot be right: a sentence that says what to change, and the exit status of a wrong input.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from scaler.cli import main
from tests.servers.ports import free_port
from tests.service.process import ScalerProcess

WITHOUT_POLICY = "no policy is configured, so no trigger has a meaning"

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


@pytest.mark.parametrize("command", [("serve", "--config"), ("explain", "--config"), ("check",)])
def test_a_refused_document_is_named(
    command: tuple[str, ...], document: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The file that is wrong, after all that is wrong in it: also where it is no YAML, which knows only lines.
    """
    Path(document).write_text("policies: [\n")
    assert main([*command, document]) == (1 if command == ("check",) else 2)
    first, last = capsys.readouterr().err.splitlines()
    assert "line 2" in first
    assert last == f"scaler: {document}: refused, 1 error"


@pytest.mark.parametrize(
    "server", ["127.0.0.1:6499", "localhost:8080", "http://", "http://127.0.0.1:x", "ftp://scaler"]
)
def test_a_server_is_named_by_its_url(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    Anything else is refused before it is called.
    """
    assert main(["explain", "ai/agent", "--server", server]) == 2
    assert capsys.readouterr().err == (
        f"scaler: --server must be the URL of a scaler's HTTP port, such as http://127.0.0.1:8080, not '{server}'\n"
    )


def test_a_server_that_is_not_there_is_said_to_be_so(capsys: pytest.CaptureFixture[str]) -> None:
    """
    With a command that reaches one.
    """
    assert main(["explain", "ai/agent", "--server", f"http://127.0.0.1:{free_port()}"]) == 1
    assert "kubectl --namespace keda port-forward deploy/agent-scaler 8080" in capsys.readouterr().err


def test_a_document_without_policies_is_valid_and_of_no_use(
    document: str, scaler: Callable[[Mapping[str, Any]], ScalerProcess], capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Checking says so, and so does a scaler that begins with one; with a policy neither does.
    """
    assert main(["check", document]) == 0
    assert WITHOUT_POLICY not in capsys.readouterr().out
    Path(document).write_text("")
    assert main(["check", document]) == 0
    assert WITHOUT_POLICY in capsys.readouterr().out.splitlines()
    running = scaler({})
    running.terminate()
    assert [line["message"] for line in running.log() if line["level"] == "WARNING"] == [WITHOUT_POLICY]


def test_the_usage_of_explain_can_be_followed(document: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    In the order of its usage a command is understood: behind --metadata the workload would be one more KEY=VALUE.
    """
    with pytest.raises(SystemExit):
        main(["explain", "--help"])
    usage = " ".join(capsys.readouterr().out.partition("\n\n")[0].split())
    assert re.search(r"NAMESPACE/NAME.*--config CONFIG.*--metadata KEY=VALUE", usage)
    assert main(["explain", "ai/agent", "--config", document, "--metadata", "queue=jobs", "policy=mine"]) == 2
    assert "there is no policy 'mine'" in capsys.readouterr().err
