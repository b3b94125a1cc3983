"""
The scaler's own page during the demo, in a real browser: what the story does is seen there, and explained.
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT

from playwright.async_api import expect

from tests.server.page.reader import Reader
from tests.servers.browser import started


async def read_until(output: asyncio.StreamReader, words: str) -> str:
    """
    Return the first line that has these words in it.
    """
    async with asyncio.timeout(60):
        async for line in output:
            if words in (text := line.decode()):
                return text
    raise AssertionError(f"the demo ended without a word of {words!r}")


async def test_the_hold_and_the_outage_are_seen_and_explained() -> None:
    """
    Once the outage is over: both are marked in the picture, told with their reasons, and among the decisions.
    """
    command = (sys.executable, "-m", "scaler", "demo", "--fast", "--plain")
    async with started() as browser:
        demo = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
        assert demo.stdout is not None
        try:
            found = re.search(r"http://[\d.:]+", await read_until(demo.stdout, "Its page"))
            assert found is not None
            async with Reader.at(browser, found[0]) as reader:
                await reader.open("/")
                await expect(reader.page.get_by_role("link", name="ai/agent")).to_be_visible()
                await reader.page.get_by_role("link", name="ai/agent").click()
                await read_until(demo.stdout, "8/9 Back again")
                demo.send_signal(signal.SIGSTOP)  # the story waits for the reader, and the scaler goes on
                marks = reader.page.locator(".marks")
                await expect(marks).to_contain_text("the reading of queue was unknown")
                await expect(marks).to_contain_text("but a GPU is busy")
                await expect(marks).to_contain_text(
                    re.compile("keeping 4 replicas as decided before.*queue is unknown")
                )
                decisions = reader.page.locator("table.decisions")
                for reason in ("quiet", "demand", "gpu-busy", "held-unknown"):
                    await expect(decisions).to_contain_text(reason)
                for drawn in ("rect.hold", "rect.outage", "path.queue", "path.gpu", "path.replicas"):
                    assert await reader.page.locator(drawn).count() >= 1
        finally:
            if demo.returncode is None:
                demo.send_signal(signal.SIGCONT)
                demo.send_signal(signal.SIGINT)  # as Ctrl-C: it ends what it has started
            await demo.communicate()
