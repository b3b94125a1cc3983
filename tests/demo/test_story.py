"""
The story's checks can fail, and what the end says of it; in virtual time, without a scaler.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from rich.console import Console

from scaler.demo.agents import Deployment
from scaler.demo.jobs import JobQueue
from scaler.demo.scene import Scene
from scaler.demo.story import Check, OtherwiseError, Story, World
from scaler.demo.summary import Outcome, print_summary
from scaler.demo.tempo import NORMAL
from scaler.demo.word import Word
from scaler.demo.world import QueueServer

NEVER = 3600.0
IDLE = Word("idle", "quiet", 0, "there is no work", ())


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """
    Yield a world whose queue server was never started: these stories end before any job.
    """
    queue = JobQueue("127.0.0.1", 1)
    async with Deployment(queue, model_load=NEVER) as deployment:
        yield World(QueueServer(), queue, deployment)


@pytest.fixture
async def scene(world: World) -> Scene:
    """
    Return the scene of that world.
    """
    return Scene(NORMAL, Story.CHAPTERS, lambda: world.deployment.agents)


@pytest.mark.looptime
async def test_a_silent_scaler_ends_the_story(world: World, scene: Scene) -> None:
    """
    The scaler never says idle: the first expectation is not met, and nothing is told after it.
    """
    story = Story(world, scene)
    with pytest.raises(OtherwiseError, match=r"Nothing to do: the scaler is idle\? the scaler says nothing"):
        await story.tell()
    assert [check.met for check in story.checks] == [False]
    assert len(scene.chapters) == 1


@pytest.mark.looptime
async def test_an_agent_started_for_nothing_ends_the_story(world: World, scene: Scene) -> None:
    """
    The scaler says idle, and somebody starts an agent all the same.
    """
    story = Story(world, scene)
    scene.hear_scaler(IDLE)
    world.deployment.scale_to(1)
    scene.sample(None)
    with pytest.raises(OtherwiseError, match=r"no agent is started\? 1 replicas at most"):
        await story.tell()
    assert [check.met for check in story.checks] == [True, False]


@pytest.mark.looptime
async def test_the_lull_is_as_long_as_the_tempo_says(world: World, scene: Scene) -> None:
    """
    Idle from the first moment on: after the lull, and not before, the second chapter begins.
    """
    scene.hear_scaler(IDLE)
    telling = asyncio.create_task(Story(world, scene).tell())
    await asyncio.sleep(NORMAL.lull - 0.1)
    assert [chapter.title for chapter in scene.chapters] == ["Nothing to do"]
    await asyncio.sleep(0.2)
    assert [chapter.title for chapter in scene.chapters] == ["Nothing to do", "Woken"]
    telling.cancel()


def summary(outcome: Outcome) -> str:
    """
    Return what is printed of an outcome.
    """
    console = Console(width=80, file=io.StringIO())
    with console.capture() as capture:
        print_summary(outcome, console)
    return capture.get()


MET = Check("Held", "held because a GPU is busy", met=True, found="holding (gpu-busy)")
NOT_MET = Check("Let go", "back to 0", met=False, found="4 replicas [for ever]")


def test_a_story_as_told_is_summed_up() -> None:
    """
    Its checks and its length; the scaler's log is of no interest.
    """
    outcome = Outcome([MET], seconds=42.4, log=["a line"])
    assert outcome.as_told
    text = summary(outcome)
    assert "✓   Held" in text
    assert "The story went as told, in 42 s." in text
    assert "a line" not in text


def test_a_story_gone_otherwise_says_where() -> None:
    """
    The expectation that was not met, and the end of the scaler's log.
    """
    outcome = Outcome([MET, NOT_MET], seconds=42.0, trouble="Let go: back to 0? 4 replicas", log=["the last words"])
    assert not outcome.as_told
    assert not replace(outcome, trouble=None).as_told
    text = summary(outcome)
    assert "✗   Let go" in text
    assert "4 replicas [for ever]" in text
    assert "The story went otherwise." in text
    assert "the last words" in text


def test_a_scaler_that_never_started_is_summed_up() -> None:
    """
    No checks, no table: what went wrong.
    """
    text = summary(Outcome((), 0.0, "the scaler did not start", ["why"]))
    assert "expected" not in text
    assert "the scaler did not start" in text
