"""
Watching Redis without polling: `CLIENT TRACKING` makes a server announce that a key changed which was read before.

A key is announced once; reading it again, which is what an announcement leads to, arms it anew. Not announced are
what readers of a stream's group do, and the passing of time: they do not wake anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from scaler.sources.base import Answers, SourceError, WatchRefusedError
from scaler.sources.questions import Question
from scaler.sources.redis.dialer import RESP3, Dialer
from scaler.sources.redis.errors import ReplyError, translated
from scaler.sources.redis.lines import check, converse, send
from scaler.sources.redis.plans import CHUNK, Command, Reply
from scaler.sources.redis.questions import Recipes, answer
from scaler.sources.redis.wire import Connection, Pushed
from scaler.sources.sentences import one_line

_PING_EVERY = 2.0
_REST = 0.01
_REST_SHARE = 4.0


class RedisWatcher:
    """
    Watches questions on a connection of its own.
    """

    def __init__(self, dialer: Dialer, recipes: Recipes) -> None:
        self._dialer = dialer
        self._recipes = recipes
        self._by_key: dict[bytes, list[Question]] = {}
        self._questions: frozenset[Question] = frozenset()
        self._changed: set[Question] = set()
        self._stirred = asyncio.Event()

    def set_questions(self, questions: Iterable[Question]) -> None:
        """
        Replace what is watched; the answers to new questions are delivered at once.
        """
        before, self._questions = self._questions, frozenset(questions)
        self._changed = (self._changed | (self._questions - before)) & self._questions
        for question in before - self._questions:
            for key in self._keys(question):
                self._by_key[key].remove(question)
                if not self._by_key[key]:
                    del self._by_key[key]
        for question in self._questions - before:
            for key in self._keys(question):
                self._by_key.setdefault(key, []).append(question)
        self._stirred.set()

    async def run(self, deliver: Callable[[Answers], None]) -> None:
        """
        Deliver the present answers, then those that change.

        Raises:
            WatchRefusedError: the server does not speak the protocol's version 3, or does not allow tracking.
            SourceError: the connection broke, or the server fell silent.
        """
        self._changed = set(self._questions)
        self._stirred.set()
        connection = await dial_tracking(self._dialer)
        line = _TrackedLine(connection, self._dialer, self._notice)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(line.listen())
                await self._keep_answering(line, deliver)
        except BaseExceptionGroup as group:
            failure = group.exceptions[0]
            raise failure from failure.__cause__
        finally:
            await connection.hang_up(self._dialer.timeout)

    async def _keep_answering(self, line: _TrackedLine, deliver: Callable[[Answers], None]) -> NoReturn:
        loop = asyncio.get_running_loop()
        while True:
            if not await self._is_stirred():
                await line.exchange([("PING",)])
                continue
            changed, self._changed = self._changed, set()
            if changed:
                began = loop.time()
                answers = await answer(changed, self._recipes, line.exchange)
                deliver({question: each for question, each in answers.items() if question in self._questions})
                # A busy key is announced at each change: rest, so that reading it takes a small share of the time.
                await asyncio.sleep(max(_REST, _REST_SHARE * (loop.time() - began)))

    async def _is_stirred(self) -> bool:
        try:
            async with asyncio.timeout(_PING_EVERY):
                await self._stirred.wait()
        except TimeoutError:
            return False
        self._stirred.clear()
        return True

    def _keys(self, question: Question) -> set[bytes]:
        return {key.encode() for key in self._recipes.of(question).keys}

    def _notice(self, keys: Sequence[bytes] | None) -> None:
        if keys is None:
            self._changed |= self._questions
        else:
            self._changed.update(question for key in keys for question in self._by_key.get(key, ()))
        self._stirred.set()


class _TrackedLine:
    """
    A line on a connection on which the server also says things unasked.
    """

    def __init__(
        self, connection: Connection, dialer: Dialer, notice: Callable[[Sequence[bytes] | None], None]
    ) -> None:
        self._connection = connection
        self._dialer = dialer
        self._notice = notice
        self._replies: asyncio.Queue[Reply] = asyncio.Queue()

    async def listen(self) -> NoReturn:
        """
        Read whatever comes, at once: replies for whoever waits for them, and announcements.

        Raises:
            SourceError: the connection broke.
        """
        with translated(self._dialer.where):
            while True:
                for _ in range(CHUNK):
                    await self._hear()
                await asyncio.sleep(0)

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """
        Send commands and return their replies; one exchange at a time.

        Raises:
            SourceError: the connection broke, or the server fell silent.
        """
        with translated(self._dialer.where):
            async with asyncio.timeout(self._dialer.timeout):
                await send(self._connection, commands)
                replies = [await self._replies.get() for _ in commands]
            check(replies)
        return replies

    async def _hear(self) -> None:
        heard = await self._connection.hear()
        if not isinstance(heard, Pushed):
            self._replies.put_nowait(heard)
        elif heard[0] == b"invalidate":
            self._notice(heard[1])  # the keys, or None for all keys there are


async def dial_tracking(dialer: Dialer) -> Connection:
    """
    Connect and switch tracking on.

    Raises:
        WatchRefusedError: the server does not speak the protocol's version 3, or does not allow tracking.
        SourceError: it cannot be reached.
    """
    with translated(dialer.where):
        async with asyncio.timeout(dialer.timeout):
            connection = await _dial_resp3(dialer)
            try:
                (said,) = await converse(connection, [("CLIENT TRACKING", "ON")])
            except BaseException:
                connection.drop()
                raise
    if isinstance(said, Exception):
        await connection.hang_up(dialer.timeout)
        raise WatchRefusedError(f"{dialer.where} does not allow CLIENT TRACKING: {one_line(said)}")
    return connection


async def _dial_resp3(dialer: Dialer) -> Connection:
    try:
        return await dialer.dial(await dialer.address(), RESP3)
    except SourceError as error:
        if isinstance(error.__cause__, ReplyError) and not error.__cause__.disabling:
            raise WatchRefusedError(f"{dialer.where} does not speak RESP3, as Redis 6 and later do") from error
        raise
