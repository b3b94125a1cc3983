"""
Somebody who reads the page in a browser, and notices when something is wrong with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, Page

DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@dataclass
class Reader:
    """
    A browser's window.

    Attributes:
        page: for whatever a test does in it.
        site: the address that all paths start with.
        complaints: what the browser wrote to its console, and requests that failed.
        asked: every address that was asked for.
    """

    page: Page
    site: str
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def at(cls, browser: Browser, site: str, *, quiet: bool = True, **device: Any) -> AsyncIterator[Reader]:
        """
        Open a window; in the end there must be no complaints (unless *quiet* is off), and no other host asked.
        """
        context = await browser.new_context(**(device or DESK))
        try:
            reader = cls(await context.new_page(), site)
            reader.page.on("console", lambda message: reader.complaints.append(message.text))
            reader.page.on("pageerror", lambda error: reader.complaints.append(str(error)))
            reader.page.on("request", lambda request: reader.asked.append(request.url))
            yield reader
            if quiet:
                assert reader.complaints == []
            assert [url for url in reader.asked if not url.startswith(f"{site}/")] == []
        finally:
            await context.close()

    async def open(self, path: str) -> None:
        """
        Go to a path.
        """
        await self.page.goto(f"{self.site}{path}")

    async def text(self) -> str:
        """
        Return what is to be read, without the parts that are folded away.
        """
        return await self.page.inner_text("main")

    async def too_wide(self) -> int:
        """
        Return by how many pixels the page is wider than the window.
        """
        wide: int = await self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return wide
