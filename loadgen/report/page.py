"""
The report as one HTML page: light or dark, wide or narrow, with everything in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from loadgen.errors import CommandError
from loadgen.experiments.grid import name
from loadgen.experiments.running import Results
from loadgen.report.charts import Chosen, Played, busiest, cost_against_waiting, over_time, within
from loadgen.report.figures import BEST, DEFAULT, NARROW, OURS, WIDE
from loadgen.report.summary import Line, Place, Score, geometric_mean, lines, places
from loadgen.report.words import MODELLED, NOT_MODELLED, scaling_text, world_text
from loadgen.simulation.simulate import simulate
from loadgen.simulation.workload import Workload

_LONG = 4 * 3600.0
"""Seconds: of a workload that lasts longer, a part is shown enlarged."""

_COLUMNS = (
    ("GPU-hours", "gpu_hours", "{:.2f}"),
    ("busy", "busy_share", "{:.0%}"),
    ("mean wait", "wait_mean", "{:.1f} s"),
    ("p50", "wait_p50", "{:.1f} s"),
    ("p95", "wait_p95", "{:.0f} s"),
    ("p99", "wait_p99", "{:.0f} s"),
    ("cold starts", "cold_starts", "{:g}"),
    ("flaps", "flaps", "{:g}"),
    ("jobs cut off", "killed", "{:g}"),
    ("work lost", "lost_hours", "{:.2f} h"),
    ("at zero", "zero_hours", "{:.1f} h"),
    ("undone", "unfinished", "{:g}"),
)
"""Of the tables of a place: title, the outcome's name, how it is written."""


def page(results: Results, source: str) -> str:
    """
    Return the report of an experiment; *source* is the text of its file.

    The same results give the same page: it has no date.
    """
    experiment = results.plan.experiment
    found = places(results)
    prices = experiment.waitingPrices
    compared = lines(found, prices)
    many_worlds = len(experiment.worlds) > 1
    parts = [
        f"<header><h1>{escape(experiment.title)}</h1>",
        f"<p>{escape(experiment.description)}</p></header>" if experiment.description else "</header>",
        *_summary(compared, many_worlds=many_worlds),
        *(part for place in found for part in _place(place, results, many_worlds=many_worlds)),
        *_assumptions(results),
        f"<details><summary>The experiment file</summary><pre>{escape(source)}</pre></details>",
    ]
    style = files("loadgen.report").joinpath("page.css").read_text(encoding="utf-8")
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(experiment.title)}</title>'
        f'<link rel="icon" href="data:,"><style>{style}</style></head>'
    )
    return f"{head}<body><main>{''.join(parts)}</main></body></html>\n"


def _summary(compared: Sequence[Line], *, many_worlds: bool) -> Iterator[str]:
    yield "<section><h2>What it costs</h2>"
    yield (
        "<p>Cost is <code>GPU-hours + price &times; hours waited</code>: the price says what an hour that a job waits "
        "is worth in GPU-hours. <em>Ours</em> and <em>default</em> (stock KEDA) are as the experiment file states "
        "them; <em>best</em> is the cheapest of all settings in the grid, chosen for each line in hindsight, as nobody "
        "can choose beforehand. The bound is what nobody can go below who may use so many replicas, even knowing all "
        "arrivals. Settings that leave jobs undone are never the best.</p>"
    )
    yield from _verdict(compared)
    tuned = any(line.tuned is not line.ours for line in compared)
    head = ["workload", *(["world"] if many_worlds else []), "price", "ours ÷ default", "ours ÷ best", "ours"]
    head += [*(["ours, best"] if tuned else []), "stock, default", "stock, best", "bound"]
    rows = [
        [
            escape(line.place.workload),
            *([escape(line.place.world)] if many_worlds else []),
            f"{line.price:g}",
            _ratio(line.against_default),
            _ratio(line.against_best),
            f"<b>{_cost(line.ours, line.price)}</b>{_setting(line.ours)}",
            *([_cost(line.tuned, line.price) + _setting(line.tuned)] if tuned else []),
            _cost(line.default, line.price) + _setting(line.default),
            _cost(line.best, line.price) + _setting(line.best),
            _bound(line),
        ]
        for line in compared
    ]
    yield _table(head, rows, words=2 if many_worlds else 1)
    yield "</section>"


def _verdict(compared: Sequence[Line]) -> Iterator[str]:
    default = geometric_mean(line.against_default for line in compared)
    best = geometric_mean(line.against_best for line in compared)
    if default is None or best is None:
        return
    tuned = geometric_mean(line.tuned_against_best for line in compared)
    both = "" if tuned is None else f" With both at their best in hindsight it is <b>{tuned:.2f} &times;</b>."
    cells = [line.against_best for line in compared if line.against_best is not None]
    won = sum(ratio <= 1 for ratio in cells)
    yield (
        f'<p class="verdict">Over all lines (geometric means) ours costs <b>{default:.2f} &times;</b> the default '
        f"stock settings and <b>{best:.2f} &times;</b> the best stock settings in hindsight; it is as cheap as that "
        f"best or cheaper in {won} of {len(cells)} lines.{both}</p>"
    )


def _place(place: Place, results: Results, *, many_worlds: bool) -> Iterator[str]:
    prices = results.plan.experiment.waitingPrices
    workload = results.plan.workloads[place.workload, results.plan.experiment.seeds[0]]
    world = f" <small>in the world “{escape(place.world)}”</small>" if many_worlds else ""
    yield f"<section><h2>{escape(place.workload)}{world}</h2>"
    hours = workload.span / 3600
    yield (
        f"<p>{len(workload.arrivals):,} jobs in {hours:.3g} hours, {workload.work / len(workload.services):.1f} s "
        f"each on average: {workload.work / 3600:.1f} hours of work.</p>"
    )
    chosen = _chosen(place, prices)
    yield "<h3>Cost against waiting</h3>"
    yield "<p>Each point is one setting; further down is cheaper, further left is quicker.</p>"
    shown = [each for each in chosen if each.score.variant.family == "stock"]
    outside = len(place.scores) - len(within(place, shown))
    yield _both(lambda width: cost_against_waiting(place, shown, width))
    if outside:
        yield f"<p><small>{outside} of {len(place.scores)} settings lie outside the picture.</small></p>"
    rows = [
        [
            f"{escape(each.name)}<small>{escape(each.detail)}</small>",
            *(form.format(each.score.numbers[key]) for _, key, form in _COLUMNS),
        ]
        for each in chosen
    ]
    yield _table(["", *(title for title, _, _ in _COLUMNS)], rows, words=1)
    yield "<h3>Replicas and demand over time</h3>"
    yield from _over_time(place, workload, results)
    yield "</section>"


def _over_time(place: Place, workload: Workload, results: Results) -> Iterator[str]:
    experiment = results.plan.experiment
    prices = sorted(experiment.waitingPrices)
    world = results.plan.worlds[place.world]
    played = [
        Played(each, simulate(workload, each.score.variant.scaling, world, experiment.seeds[0]))
        for each in _chosen(place, [prices[len(prices) // 2]])
    ]
    yield _both(lambda width: over_time(played, 0.0, workload.span, width))
    if workload.span >= _LONG:
        start, end = busiest(workload)
        yield "<h3>The busiest part of it</h3>"
        yield _both(lambda width: over_time(played, start, end, width))


def _chosen(place: Place, prices: Sequence[float]) -> list[Chosen]:
    """
    Return what is looked at closely: ours, stock KEDA's default at each price, and its best in hindsight at each.
    """
    found = [Chosen(score.variant.policy, "as the file states it", OURS, score) for score in place.ours()]
    for base, kind, colour in ((True, "default", DEFAULT), (False, "best", BEST)):
        at: dict[int, tuple[Score, list[float]]] = {}
        for price in prices:
            score = place.best("stock", price, base=base)
            if score is not None:
                at.setdefault(id(score), (score, []))[1].append(price)
        for score, of in at.values():
            label = "" if base else f": {score.variant.label}"
            title = f"stock {kind}, price {', '.join(f'{price:g}' for price in of)}"
            found.append(Chosen(title, f"{score.variant.policy}{label}", colour, score))
    return found


def _assumptions(results: Results) -> Iterator[str]:
    plan = results.plan
    yield "<section><h2>What is assumed</h2><dl>"
    for title, world in plan.worlds.items():
        yield f"<dt>World: {escape(title)}</dt><dd>{escape(world_text(world))}</dd>"
    for variant in plan.variants:
        if variant.base:
            yield f"<dt>Policy: {escape(variant.policy)}</dt><dd>{escape(scaling_text(variant.scaling))}"
            grid = plan.experiment.policies[variant.policy].get("grid") or {}
            if grid:
                tried = "; ".join(f"{name(path)} {', '.join(map(str, values))}" for path, values in grid.items())
                yield f" Also tried: {escape(tried)}."
            yield "</dd>"
    yield "</dl><h3>What is modelled</h3><ul>"
    yield from (f"<li>{escape(text)}</li>" for text in MODELLED)
    yield "</ul><h3>What is not</h3><ul>"
    yield from (f"<li>{escape(text)}</li>" for text in NOT_MODELLED)
    seeds = ", ".join(str(seed) for seed in plan.experiment.seeds)
    yield f"</ul><p>{len(plan.cells):,} simulations; seeds: {seeds}.</p></section>"


def _both(draw: Callable[[float], str]) -> str:
    """
    Return a chart in two widths, of which the page shows the one that fits.
    """
    return f'<figure class="wide">{draw(WIDE)}</figure><figure class="narrow">{draw(NARROW)}</figure>'


def _table(head: Iterable[str], rows: Iterable[Sequence[str]], words: int) -> str:
    """
    Return a table that scrolls by itself where it is too wide; the first *words* columns are texts.
    """

    def cells(tag: str, texts: Iterable[str]) -> str:
        return "".join(
            f"<{tag}>{text}</{tag}>" if number < words else f'<{tag} class="n">{text}</{tag}>'
            for number, text in enumerate(texts)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{cells("th", head)}</tr></thead><tbody>{body}</tbody></table></div>'


def _cost(score: Score | None, price: float) -> str:
    if score is None:
        return "&ndash;"
    undone = "" if score.whole else f" <small>{score.numbers['unfinished']:g} jobs undone</small>"
    return f"{score.costs[price]:.1f}{undone}"


def _bound(line: Line) -> str:
    bound = line.place.bounds[line.price]
    return f"{'' if line.place.exact else '≈ '}{bound:.1f}" if bound else "&ndash;"


def _setting(score: Score | None) -> str:
    if score is None:
        return ""
    label = "" if score.variant.base else f": {escape(score.variant.label)}"
    return f"<small>{escape(score.variant.policy)}{label}</small>"


def _ratio(ratio: float | None) -> str:
    if ratio is None:
        return "&ndash;"
    kind = "good" if ratio <= 1 else "bad"
    return f'<span class="{kind}">{ratio:.2f}</span>'


def write(results: Results, source: str, path: Path) -> None:
    """
    Write the report.

    Raises:
        CommandError: the file cannot be written.
    """
    try:
        path.write_text(page(results, source), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror or error}") from error
