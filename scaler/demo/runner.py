"""
The whole demo: puts the world together, runs the story in it, takes everything down again, and says how it went.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import aiohttp
import grpc
from rich.console import Console

from scaler.demo.agents import Deployment
from scaler.demo.configuration import document, scaled_object
from scaler.demo.hpa import Behaviour, Hpa
from scaler.demo.jobs import JobQueue
from scaler.demo.keda import Activation, Cadence, Keda
from scaler.demo.pages import serve_pages
from scaler.demo.picture import show_picture
from scaler.demo.plain import tell_lines
from scaler.demo.scene import Scene
from scaler.demo.service import Service, ServiceError
from scaler.demo.story import OtherwiseError, Story, World
from scaler.demo.summary import Outcome
from scaler.demo.tempo import Tempo
from scaler.demo.trigger import ScaledObject, Trigger
from scaler.demo.word import ask
from scaler.demo.world import HOST, QueueServer

_SAMPLE_EVERY = 0.1
_ASK_EVERY = 0.15
# KEDA's and the HPA's own lengths that the story does not tell of, on the same scale as those that it does.
_REOPEN = 0.5
_SLOWEST_GOING_DOWN = 60.0


async def run_story(tempo: Tempo, console: Console, *, picture: bool) -> Outcome:
    """
    Run the story from an empty machine to an empty machine.
    """
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(QueueServer())
        queue = JobQueue(HOST, server.port)
        stack.push_async_callback(queue.aclose)
        deployment = await stack.enter_async_context(Deployment(queue, tempo.model_load))
        pages = await stack.enter_async_context(serve_pages(lambda: deployment.agents))
        service = Service(document(tempo, server.address, pages))
        console.print("The scaler is being started …", highlight=False)
        try:
            await stack.enter_async_context(service)
        except ServiceError as error:
            return Outcome((), 0.0, str(error), service.last_lines)
        console.print(f"Its page, until the story ends: {service.page}", highlight=False)
        scene = Scene(tempo, Story.CHAPTERS, lambda: deployment.agents)
        show = show_picture if picture else tell_lines
        await stack.enter_async_context(show(scene, console))
        outcome = await _tell(World(server, queue, deployment), scene, service)
    return replace(outcome, log=service.last_lines)


async def _tell(world: World, scene: Scene, service: Service) -> Outcome:
    story = Story(world, scene)
    trouble = None
    scaled = scaled_object(scene.tempo, service.grpc_address)
    try:
        async with grpc.aio.insecure_channel(service.grpc_address) as channel:
            keda = _keda(channel, scaled, world.deployment, scene)
            watching = (_sample(world.queue, scene), _listen(service.page, scaled, scene))
            async with _meanwhile(keda.run(), service.until_ended(), *watching):
                await story.tell()
    except* (OtherwiseError, ServiceError) as troubles:
        trouble = "; ".join(str(error) for error in troubles.exceptions)
    return Outcome(story.checks, scene.now, trouble)


def _keda(channel: grpc.aio.Channel, scaled: ScaledObject, deployment: Deployment, scene: Scene) -> Keda:
    tempo = scene.tempo
    cadence = Cadence(poll=tempo.poll, cooldown=tempo.cooldown, hpa_sync=tempo.hpa_sync, reopen=_REOPEN)
    behaviour = Behaviour(up_period=tempo.hpa_sync, down_window=_SLOWEST_GOING_DOWN)
    return Keda(
        Trigger(channel, scaled),
        deployment,
        cadence,
        Activation(scaled.minimum, cadence.cooldown),
        Hpa(scaled.minimum, scaled.maximum, behaviour),
        scene.hear_keda,
    )


async def _sample(queue: JobQueue, scene: Scene) -> None:
    while True:
        scene.sample(await queue.depth())
        await asyncio.sleep(_SAMPLE_EVERY)


async def _listen(page: str, scaled: ScaledObject, scene: Scene) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            scene.hear_scaler(await ask(session, page, scaled))
            await asyncio.sleep(_ASK_EVERY)


@asynccontextmanager
async def _meanwhile(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    # What goes on as long as the context; if any of it fails, so does the context.
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(one) for one in work]
        yield
        for task in running:
            task.cancel()
