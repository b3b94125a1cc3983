"""
How each question to Redis is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

from scaler.domain.readings import QueueDepth
from scaler.sources.base import Answer, Answers, SourceError
from scaler.sources.questions import Framework, FrameworkQueue, Question, RedisQueue, RedisShape
from scaler.sources.redis.census import CeleryCensus, Census, sidekiq_census
from scaler.sources.redis.frameworks import (
    arq_depth,
    bullmq_depth,
    bullmq_keys,
    celery_depth,
    celery_keys,
    dramatiq_depth,
    dramatiq_keys,
    rq_depth,
    rq_keys,
    sidekiq_depth,
)
from scaler.sources.redis.plans import Exchange, Plan, carry_out
from scaler.sources.redis.shapes import list_depth, sorted_set_depth, stream_depth, stream_length

TOGETHER = 1000
"""Questions that are answered together, in one round trip: what that takes is large, and given back after each."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """
    How one question is answered.

    Attributes:
        keys: the keys whose change can mean that there is more to do, or less.
        depth: starts the plan that finds the depth, without what a census counts.
        census: counts what is in flight, by queue, where it is kept for all queues together.
        queue: what the census calls the queue.
    """

    keys: tuple[str, ...]
    depth: Callable[[], Plan[QueueDepth]]
    census: Census | None = None
    queue: str = ""


class Recipes:
    """
    The recipes for all questions to one server, with what they remember from one read to the next.
    """

    def __init__(self) -> None:
        self._celery = CeleryCensus()

    def of(self, question: Question) -> Recipe:
        """
        Return how a question is answered.
        """
        match question:
            case RedisQueue(shape=RedisShape.LIST, key=key, processing=processing):
                return Recipe((key, processing) if processing else (key,), partial(list_depth, key, processing))
            case RedisQueue(shape=RedisShape.STREAM, key=key, group=group):
                return Recipe((key,), partial(stream_depth, key, group) if group else partial(stream_length, key))
            case RedisQueue(shape=RedisShape.SORTED_SET, key=key):
                return Recipe((key,), partial(sorted_set_depth, key))
            case FrameworkQueue(framework=framework, queue=queue):
                return self._preset(framework, queue)
        return Recipe((), partial(_foreign, question))

    def _preset(self, framework: Framework, queue: str) -> Recipe:
        match framework:
            case Framework.CELERY:
                return Recipe(celery_keys(queue), partial(celery_depth, queue), self._celery, queue)
            case Framework.RQ:
                return Recipe(rq_keys(queue), partial(rq_depth, queue))
            case Framework.BULLMQ:
                return Recipe(bullmq_keys(queue), partial(bullmq_depth, queue))
            case Framework.ARQ:
                return Recipe((queue,), partial(arq_depth, queue))
            case Framework.DRAMATIQ:
                return Recipe(dramatiq_keys(queue), partial(dramatiq_depth, queue))
            case Framework.SIDEKIQ:
                return Recipe((f"queue:{queue}",), partial(sidekiq_depth, queue), sidekiq_census, queue)


async def answer(questions: Iterable[Question], recipes: Recipes, exchange: Exchange) -> Answers:
    """
    Answer all *questions*, many together; trouble with one of them is its SourceError.

    Raises:
        whatever *exchange* raises.
    """
    answers: dict[Question, Answer] = {}
    rest = iter(questions)
    while batch := {question: recipes.of(question) for question in islice(rest, TOGETHER)}:
        answers |= await _answer(batch, exchange)
    return answers


async def _answer(asked: Mapping[Question, Recipe], exchange: Exchange) -> Answers:
    censuses = list({recipe.census for recipe in asked.values() if recipe.census})
    plans: list[Plan[Any]] = [recipe.depth() for recipe in asked.values()]
    found = await carry_out(plans + [census() for census in censuses], exchange)
    counted = dict(zip(censuses, found[len(asked) :], strict=True))
    depths = zip(asked.items(), found[: len(asked)], strict=True)
    return {question: _completed(depth, recipe, counted) for (question, recipe), depth in depths}


def _completed(depth: QueueDepth | SourceError, recipe: Recipe, counted: Mapping[Census, Any]) -> Answer:
    in_flight = counted[recipe.census] if recipe.census else None
    if in_flight is None or isinstance(depth, SourceError):
        return depth
    if isinstance(in_flight, SourceError):
        return in_flight
    return replace(depth, in_flight=in_flight.get(recipe.queue, 0))


def _foreign(question: Question) -> Plan[QueueDepth]:
    yield from ()
    raise SourceError(f"a {type(question).__name__} cannot be asked of Redis")
