"""
The demo itself, as people start it: the whole story, Ctrl-C, and a scaler that does not start.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process

import aiohttp
import pytest

from scaler.demo.service import Service, ServiceError

CHAPTERS = ("Nothing to do", "Woken", "Grown", "At work", "Held", "Let go", "Outage", "Back again", "Rest")
WIDTH = 80


async def started() -> Process:
    """
    Start the fast demo with its output in a pipe.
    """
    command = (sys.executable, "-m", "scaler", "demo", "--fast")
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)


async def read_until(demo: Process, words: str) -> str:
    """
    Return the first line of its output that has these words in it.
    """
    assert demo.stdout is not None
    async with asyncio.timeout(60):
        async for line in demo.stdout:
            if words in (text := line.decode()):
                return text
    raise AssertionError(f"the demo ended without a word of {words!r}")


async def test_the_story_goes_as_told() -> None:
    """
    Nine chapters in order, each in one line of a terminal; every check is met; the exit status is 0.
    """
    demo = await started()
    async with asyncio.timeout(100):
        output, _ = await demo.communicate()
    text = output.decode()
    assert demo.returncode == 0, text
    assert "The story went as told" in text
    assert "✗" not in text
    chapters = [line.partition("── ")[2] for line in text.splitlines() if "── " in line and "/9 " in line]
    assert [chapter.partition(":")[0] for chapter in chapters] == [f"{n}/9 {t}" for n, t in enumerate(CHAPTERS, 1)]
    assert max(map(len, chapters)) <= WIDTH
    for words in ("holding (gpu-busy)", "holding (held-unknown)", "idle (quiet)"):
        assert words in text


async def test_ctrl_c_leaves_nothing_behind() -> None:
    """
    In the middle of the story: the exit status is 130, there is no trace on the screen, and the scaler is gone.
    """
    demo = await started()
    await read_until(demo, "2/9 Woken")
    children = await asyncio.create_subprocess_exec("ps", "-o", "pid=", "--ppid", str(demo.pid), stdout=PIPE)
    output, _ = await children.communicate()
    scalers = output.split()
    assert scalers
    demo.send_signal(signal.SIGINT)
    async with asyncio.timeout(30):
        rest, _ = await demo.communicate()
    assert demo.returncode == 130
    assert "Traceback" not in rest.decode()
    left = await asyncio.create_subprocess_exec("ps", "-o", "pid=", "-p", b",".join(scalers).decode(), stdout=PIPE)
    output, _ = await left.communicate()
    assert output.strip() == b""


async def test_a_scaler_that_does_not_start_says_why() -> None:
    """
    Its document is refused: the error says that it ended, and its last lines name the key.
    """
    service = Service("polices: {}\n")
    with pytest.raises(ServiceError, match="the scaler did not start: it ended with status 2"):
        await service.__aenter__()
    assert any("polices" in line for line in service.last_lines)


async def test_a_scaler_is_ready_once_entered_and_gone_once_left() -> None:
    """
    Its page answers between the two.
    """
    async with aiohttp.ClientSession() as session:
        async with Service("{}\n") as service, session.get(f"{service.page}/healthz") as response:
            assert response.ok
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{service.page}/healthz")
