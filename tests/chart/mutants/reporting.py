"""
What is told of a hunt: how far it is, the lines that no test misses, and what that means for the exit status.
"""

from __future__ import annotations

import sys
import time
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
    Takes verdicts, and tells people, of each survivor at once.

    Attributes:
        mutants: those whose verdicts are awaited.
    """

    def __init__(self, mutants: list[Mutant], out: TextIO = sys.stdout) -> None:
        self.mutants = mutants
        self._out = out
        self._spared = {(each["file"], each["what"]) for each in yaml.safe_load(SPARED.read_text()) or ()}
        self._problems: list[str] = []
        self._found = self._let_go = self._survivors = 0
        self._began = self._told = time.monotonic()

    def take(self, said: object) -> None:
        """
        Take what a process told: a verdict, tests that fail by themselves, or a problem.
        """
        match said:
            case Verdict(found_by="", mutant=Mutant(file=file, what=what)) if (file, what) in self._spared:
                self._let_go += 1
            case Verdict(found_by=""):
                self._survivors += 1
                self._tell(said)
            case Verdict():
                self._found += 1
            case Red(tests=tests):
                self._problems += [f"{test} fails without any mutant." for test in tests]
            case _:
                self._problems.append(str(said))
        if time.monotonic() - self._told > _OFTEN:
            self._told = time.monotonic()
            self._say(f"{self._done} of {len(self.mutants)}, {self._survivors} survived")

    @property
    def _done(self) -> int:
        return self._found + self._let_go + self._survivors

    def _tell(self, verdict: Verdict) -> None:
        changed = f"renders differ ({verdict.changed}), no test minds"
        reason = changed if verdict.changed else "nothing is rendered differently"
        self._say(f"charts/{verdict.mutant.file}:{verdict.mutant.line}: {verdict.mutant.what}\n    {reason}")

    def finish(self) -> int:
        """
        Tell the end, and return the exit status.
        """
        for problem in sorted(set(self._problems)):
            self._say(problem)
        minutes = (time.monotonic() - self._began) / 60
        self._say(
            f"{len(self.mutants)} mutants: {self._found} found, {self._let_go} spared, {self._survivors} survived;"
            f" {minutes:.1f} minutes"
        )
        if self._problems or self._done < len(self.mutants):
            return 2
        return 1 if self._survivors else 0

    def _say(self, text: str) -> None:
        print(text, file=self._out, flush=True)
