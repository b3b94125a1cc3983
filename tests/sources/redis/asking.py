"""
Asking a source, as several tests do.
"""

from __future__ import annotations

import pytest

from scaler.sources.base import Answer, SourceError
from scaler.sources.questions import Question, RedisQueue, RedisShape
from scaler.sources.redis import RedisSource

JOBS = RedisQueue("main", RedisShape.LIST, "jobs")


async def ask(source: RedisSource, question: Question = JOBS) -> Answer:
    """
    Ask one question.
    """
    return (await source.read([question]))[question]


async def trouble(source: RedisSource) -> str:
    """
    Return the sentence that a read fails with.
    """
    with pytest.raises(SourceError) as raised:
        await source.read([JOBS])
    return str(raised.value)
