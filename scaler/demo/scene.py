"""
What there is to see: the demo's present, and its past as samples and lines, for the picture and for the story's checks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from scaler.demo import keda
from scaler.demo.agents import Agent
from scaler.demo.jobs import Depth
from scaler.demo.tempo import Tempo
from scaler.demo.word import Word


class Teller(Enum):
    """
    Who a line is about.
    """

    STORY = "story"
    SCALER = "scaler"
    KEDA = "KEDA"


@dataclass(frozen=True, slots=True)
class Line:
    """
    Something that happened, *at* seconds from the beginning.
    """

    at: float
    teller: Teller
    text: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """
    A part of the story, and when it began.
    """

    number: int
    title: str
    sentence: str
    at: float


@dataclass(frozen=True, slots=True)
class Sample:
    """
    The world at one moment. `depth` is None while the queue server is away, `word` before the scaler knows anything.
    """

    at: float
    replicas: int
    depth: Depth | None
    gpu_percent: int
    word: Word | None


class Scene:
    """
    Everything that was and is to be seen, in seconds since the scene was made.
    """

    def __init__(self, tempo: Tempo, chapters: int, agents: Callable[[], Sequence[Agent]]) -> None:
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._listeners: list[Callable[[Chapter | Line], None]] = []
        self._agents = agents
        self.tempo = tempo
        self.chapters_in_all = chapters
        self.chapters: list[Chapter] = []
        self.samples: list[Sample] = []
        self.lines: list[Line] = []
        self.scalings: list[tuple[float, keda.Scaled]] = []
        self.answers: list[tuple[float, keda.Answered | keda.Failed]] = []
        self.word: Word | None = None

    @property
    def now(self) -> float:
        """
        The seconds since the beginning.
        """
        return self._clock() - self._began

    @property
    def agents(self) -> Sequence[Agent]:
        """
        The agents that run, oldest first.
        """
        return self._agents()

    def listen(self, listener: Callable[[Chapter | Line], None]) -> None:
        """
        Have every chapter and line told from now on.
        """
        self._listeners.append(listener)

    def open(self, title: str, sentence: str) -> Chapter:
        """
        Begin the next chapter.
        """
        chapter = Chapter(len(self.chapters) + 1, title, sentence, self.now)
        self.chapters.append(chapter)
        self._tell(chapter)
        return chapter

    def say(self, teller: Teller, text: str) -> None:
        """
        Note that something happened.
        """
        line = Line(self.now, teller, text)
        self.lines.append(line)
        self._tell(line)

    def hear_keda(self, event: keda.Event) -> None:
        """
        Take note of what the stand-in for KEDA did or was told.
        """
        match event:
            case keda.Scaled(by, before, after):
                self.scalings.append((self.now, event))
                self.say(Teller.KEDA, f"{by.value}: {before} → {after} replicas")
            case keda.Failed(by, error):
                self.answers.append((self.now, event))
                self.say(Teller.KEDA, f"{by.value} got {error}")
            case keda.Answered():
                self.answers.append((self.now, event))

    def hear_scaler(self, word: Word | None) -> None:
        """
        Take note of what the scaler's page says; a new phase or reason is worth a line.
        """
        before, self.word = self.word, word
        if word is not None and (before is None or (before.phase, before.reason) != (word.phase, word.reason)):
            self.say(Teller.SCALER, f"{word.phase} ({word.reason}): {word.sentence}")

    def sample(self, depth: Depth | None) -> None:
        """
        Keep the present moment.
        """
        agents = self.agents
        used = sum(agent.gpu_percent for agent in agents)
        self.samples.append(Sample(self.now, len(agents), depth, used, self.word))

    def since(self, moment: float) -> Sequence[Sample]:
        """
        Return the samples taken from *moment* on.
        """
        return [sample for sample in self.samples if sample.at >= moment]

    def _tell(self, what: Chapter | Line) -> None:
        for listener in self._listeners:
            listener(what)
