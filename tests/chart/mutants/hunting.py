"""
Whether a test goes red when a line of a chart is left out.

A test notices nothing unless what Helm answers changes. So the questions are put first, the likeliest before the
others, and only tests that asked one with another answer are run: in this process, as pytest runs them.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest

from tests.chart.charts import SOURCES, Source
from tests.chart.helm import ANSWERS, Question, RefusedError, programs
from tests.chart.mutants.mutations import Mutant

_WHEN = re.compile(r"^LAST DEPLOYED: .*$", re.MULTILINE)
_SENTENCE = re.compile(r'(?:fail(?: \(printf)?|required) "((?:[^"\\]|\\.)+)"')


@dataclass(frozen=True)
class Verdict:
    """
    What became of a mutant.

    Attributes:
        found_by: the test that went red; empty if none did.
        changed: a question with another answer; empty if there is none.
    """

    mutant: Mutant
    found_by: str
    changed: str


@dataclass(frozen=True)
class Red:
    """
    Tests that fail without any mutant: they are left out, and what they would have found is not known.
    """

    tests: tuple[str, ...]


class Hunt:
    """
    A plugin for pytest, which runs its tests against mutants instead of once.

    Args:
        charts: the copy of the charts that the tests look at.
        about: the names of the charts whose tests have a say.
        mutants: the mutants, as they are asked for.
        tell: hears of each verdict.
    """

    def __init__(
        self, charts: Path, about: set[str], mutants: Iterable[Mutant], tell: Callable[[Verdict | Red], None]
    ) -> None:
        self._charts = charts
        self._about = about
        self._mutants = mutants
        self._tell = tell
        self._asking: dict[Question, list[pytest.Item]] = {}
        self._took: defaultdict[str, float] = defaultdict(float)
        self._answers: dict[Question, str] = {}
        self._lately: deque[Question] = deque(maxlen=12)
        self._failed = False

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """
        Leave out what asks no Helm, an older one, or about another chart.
        """
        others = [source for source in SOURCES if source.name not in self._about]
        items[:] = [
            item for item in items if _asks_the_newest(item) and not any(_is_about(item, each) for each in others)
        ]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """
        Remember whether a test failed, and how long it took.
        """
        self._failed |= report.failed
        self._took[report.nodeid] += report.duration

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """
        Run every test once, and then those that may notice a mutant, mutant by mutant.
        """
        red = tuple(item.nodeid for item in session.items if not self._green(item))
        if red:
            self._tell(Red(red))
        self._answers = {question: _answer(question) for question in self._asking}
        for items in self._asking.values():
            items.sort(key=lambda item: self._took[item.nodeid])
        for mutant in self._mutants:
            self._tell(self._hunted(mutant))
        return True

    def _green(self, item: pytest.Item) -> bool:
        """
        Learn what a test asks, and return whether it passes; one that asks nothing, or about a package, has no say.
        """
        ANSWERS.asked.clear()
        passed = self._passes(item)
        asked = set(ANSWERS.asked)
        if not all(question.path.is_relative_to(self._charts) for question in asked):
            return True
        for question in asked if passed else ():
            self._asking.setdefault(question, []).append(item)
        return passed or not asked

    def _passes(self, item: pytest.Item) -> bool:
        self._failed = False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return not self._failed

    def _hunted(self, mutant: Mutant) -> Verdict:
        template = self._charts / mutant.file
        text = template.read_text()
        ANSWERS.said.clear()
        template.write_text(mutant.of(text))
        try:
            return self._verdict(mutant, text)
        finally:
            template.write_text(text)

    def _verdict(self, mutant: Mutant, text: str) -> Verdict:
        changed = ""
        run: set[str] = set()
        for question in self._likeliest(mutant, text):
            if _answer(question) == self._answers[question]:
                continue
            changed = changed or " ".join(map(str, (question.verb, question.release, *question.arguments)))
            for item in self._asking[question]:
                if item.nodeid in run:
                    continue
                run.add(item.nodeid)
                if not self._passes(item):
                    self._remember(question)
                    return Verdict(mutant, item.nodeid, changed)
        return Verdict(mutant, "", changed)

    def _remember(self, question: Question) -> None:
        if question in self._lately:
            self._lately.remove(question)
        self._lately.appendleft(question)

    def _likeliest(self, mutant: Mutant, text: str) -> list[Question]:
        """
        Return the questions, those first that found mutants before, then those that the template has a part in.
        """
        told = _sentences(text)

        def distance(question: Question) -> tuple[bool, bool, int]:
            answer = self._answers[question]
            elsewhere = not question.path.is_relative_to(self._charts / mutant.file.partition("/")[0])
            if not answer.startswith(REFUSED):
                return elsewhere, f"# Source: {mutant.file}\n" not in answer, 0
            away = [abs(line - mutant.line) for line, pattern in told if pattern.search(answer)]
            return elsewhere, not away, min(away, default=0)

        placed = {question: distance(question) for question in self._asking}
        lately = [question for question in self._lately if placed[question][:2] == (False, False)]
        others = sorted((question for question in placed if question not in lately), key=placed.__getitem__)
        asked = [*lately, *others]
        if mutant.file.endswith("NOTES.txt"):
            return [question for question in asked if question.verb == "install"]
        return asked


REFUSED = "refused: "


def _asks_the_newest(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or "helms" in item.fixturenames:
        return False
    *_, newest = programs()
    return "newest_helm" in item.fixturenames or _parameters(item).get("helm") == newest


def _is_about(item: pytest.Item, source: Source) -> bool:
    return item.path.is_relative_to(source.tests) or _parameters(item).get("source") == source


def _parameters(item: pytest.Item) -> dict[str, Any]:
    found: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
    return found


@cache
def _sentences(text: str) -> list[tuple[int, re.Pattern[str]]]:
    """
    Return what a template refuses with: the lines, and the sentences.
    """
    return [
        (text.count("\n", 0, found.start()) + 1, re.compile(re.sub(r"%\\?[a-z]", ".*", re.escape(found[1]))))
        for found in _SENTENCE.finditer(text)
    ]


def _answer(question: Question) -> str:
    """
    Return what Helm says to a question now, without the time of day.
    """
    try:
        return _WHEN.sub("", ANSWERS.to(question, Path(gettempdir())))
    except RefusedError as refused:
        return f"{REFUSED}{refused}"
