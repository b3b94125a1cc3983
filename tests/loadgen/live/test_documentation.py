"""
The room's README is held to the code: its commands are understood, its file is valid, its table is whole.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from loadgen.cli import parser
from loadgen.live.exporter.document import node_of
from loadgen.live.worker.settings import OPTIONS

README = (Path(__file__).parents[3] / "loadgen" / "live" / "README.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("line", [line for block in _blocks("console") for line in block.splitlines()])
def test_the_commands_are_understood(line: str) -> None:
    """
    Every command line has the flags that the command has.
    """
    program, *arguments = shlex.split(line)
    assert program == "loadgen"
    assert callable(parser().parse_args(arguments).run)


def test_the_exporters_file_is_valid() -> None:
    """
    The node can be copied, and shows a reading for each pod.
    """
    (text,) = _blocks("yaml")
    readings = list(node_of(yaml.safe_load(text)).readings())
    assert [reading.owner.pod for reading in readings if reading.owner] == [f"agent-{number}" for number in range(5)]


def test_the_table_has_every_setting() -> None:
    """
    Variables and meanings are the code's own, in its order.
    """
    table = re.findall(r"^\| `(LOADGEN_\w+)` \| (.*) \|$", README, re.MULTILINE)
    assert table == [(option.variable, option.meaning) for option in OPTIONS]
