"""
What is told of a hunt: how far it is, the lines that no test misses, and what that means for the exit status.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import TextIO

import yaml

from tests.chart.mutants.hunting import Red, Verdict
from tests.chart.mutants.mutations import Mutant

SPARED = Path(__file__).with_name("spared.yaml")
"""Lines that may be left out without a change that matters, each with the reason."""

_OFTEN = 10


class Report:
    """
    Takes verdicts, and tells people.

    Attributes:
        mutants: those whose verdicts are awaited.
    """

    def __init__(self, mutants: list[Mutant], out: TextIO = sys.stdout) -> None:
        self.mutants = mutants
        self._out = out
        self._spared = {(each["file"], each["what"]) for each in yaml.safe_load(SPARED.read_text()) or ()}
        self._survivors: list[Verdict] = []
        self._problems: list[str] = []
        self._found: Counter[str] = Counter()
        self._began = self._told = time.monotonic()

    def take(self, said: object) -> None:
        """
        Take what a process told: a verdict, tests that fail by themselves, or a problem.
        """
        match said:
            case Verdict(found_by=""):
                self._survivors.append(said)
            case Verdict():
                self._found[said.found_by] += 1
            case Red():
                self._problems += [f"{test} fails without any mutant." for test in said.tests]
            case _:
                self._problems.append(str(said))
        if time.monotonic() - self._told > _OFTEN:
            self._told = time.monotonic()
            self._say(f"{self._done} of {len(self.mutants)}, {len(self._survivors)} not found")

    @property
    def _done(self) -> int:
        return self._found.total() + len(self._survivors)

    def finish(self) -> int:
        """
        Tell the end, and return the exit status.
        """
        survivors = sorted(self._survivors, key=lambda verdict: verdict.mutant)
        spared = [each for each in survivors if (each.mutant.file, each.mutant.what) in self._spared]
        left = [each for each in survivors if each not in spared]
        for verdict in left:
            reason = (
                f"renders differ ({verdict.changed}), no test minds"
                if verdict.changed
                else "nothing is rendered differently"
            )
            self._say(f"charts/{verdict.mutant.file}:{verdict.mutant.line}: {verdict.mutant.what}\n    {reason}")
        for problem in sorted(set(self._problems)):
            self._say(problem)
        minutes = (time.monotonic() - self._began) / 60
        self._say(
            f"{len(self.mutants)} mutants: {self._found.total()} found, {len(spared)} spared, {len(left)} survived;"
            f" {minutes:.1f} minutes"
        )
        if self._problems or self._done < len(self.mutants):
            return 2
        return 1 if left else 0

    def _say(self, text: str) -> None:
        print(text, file=self._out, flush=True)
