"""
The picture as numbers and words: where curves go, where they stop, and what is marked.
"""

from __future__ import annotations

import pytest

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.domain.readings import Signal
from scaler.engine.views import Change, HistoryView, Sample
from scaler.server.page.drawing import Panel, Picture, draw, span_of
from tests.server.page.staged import EVENTFUL
from tests.server.showing import NOW


def panel(picture: Picture, title: str) -> Panel:
    """
    Return the panel with a title that begins so.
    """
    (found,) = [panel for panel in picture.panels if panel.title.startswith(title)]
    return found


def test_a_curve_goes_in_steps_and_stops_where_nothing_is_known() -> None:
    """Ten jobs in the first half; then unknown until three quarters; then four."""
    samples = (
        Sample(NOW - 100, {Signal.QUEUE: 10.0}, frozenset(), 0),
        Sample(NOW - 50, {}, frozenset({Signal.QUEUE}), 0),
        Sample(NOW - 25, {Signal.QUEUE: 4.0}, frozenset(), 0),
    )
    changes = (Change(NOW - 100, Verdict.ACTIVE, Phase.ACTIVE, 2, Reason.DEMAND, "so"),)
    picture = draw(HistoryView(NOW - 100, changes, samples), [Signal.QUEUE], NOW, 100.0)
    queue = panel(picture, "queue")
    assert [line.path for line in queue.lines] == ["M0 8H500M750 61.4H1000"]
    assert (queue.top, queue.present) == ("10", "4")
    assert [(shade.kind, shade.x, shade.width) for shade in queue.shades] == [("outage", 500.0, 250.0)]
    assert [line.path for line in panel(picture, "replicas").lines] == ["M0 8H1000"]


def test_what_was_before_the_picture_begins_at_its_edge() -> None:
    """The last thing that happened before it still holds; what was over is not drawn."""
    picture = draw(EVENTFUL, [], NOW, 200.0)
    assert [(band.kind, band.x) for band in panel(picture, "phase").shades] == [
        ("holding", 0.0),
        ("unknown", 100.0),
        ("active", 550.0),
    ]
    assert [mark.kind for mark in picture.marks] == ["outage", "hold", "outage"]


def test_holds_and_outages_are_told_with_their_reasons() -> None:
    """The newest first; nothing that is over is called open."""
    marks = draw(EVENTFUL, [], NOW, 1000.0).marks
    assert [(mark.kind, mark.lasted) for mark in marks] == [
        ("outage", 90),
        ("hold", 120),
        ("outage", 210),
        ("hold", 100),
    ]
    assert "a GPU is busy (95 % on 1 pod)" in marks[-1].text
    assert not any(mark.open for mark in marks)


def test_a_hold_that_lasts_is_open() -> None:
    """Until now."""
    changes = (Change(NOW - 30, Verdict.ACTIVE, Phase.HOLDING, 2, Reason.IDLE_WINDOW, "waiting"),)
    (mark,) = draw(HistoryView(NOW - 30, changes), [], NOW, 60.0).marks
    assert (mark.ago, mark.lasted, mark.open, mark.text) == ("30 s ago", 30, True, "waiting")


def test_signals_are_drawn_that_are_read_or_were() -> None:
    """A GPU that the policy no longer looks at stays in the picture; requests that nobody reads are not in it."""
    titles = [each.title for each in draw(EVENTFUL, [Signal.QUEUE], NOW, 900.0).panels]
    assert [title.partition(",")[0] for title in titles] == ["phase", "replicas wanted", "queue", "gpu"]


@pytest.mark.parametrize(
    ("age", "span"), [(0, 60), (61, 120), (290, 300), (901, 1800), (21_000, 21_600), (86_401, 172_800)]
)
def test_the_span_is_the_next_round_time(age: float, span: float) -> None:
    """So that the times below the picture are round as well."""
    assert span_of(HistoryView(NOW - age), NOW) == span


@pytest.mark.parametrize(
    ("most", "top"),
    [(0, "1"), (0.3, "1"), (1, "1"), (2.1, "3"), (10, "10"), (11, "15"), (21, "30"), (380, "400"), (900, "1000")],
)
def test_scales_end_with_a_round_number(most: float, top: str) -> None:
    """At or above the most."""
    changes = (Change(NOW - 9, Verdict.ACTIVE, Phase.ACTIVE, 1, Reason.DEMAND, "so"),)
    samples = (Sample(NOW - 9, {Signal.QUEUE: most}, frozenset(), 1),)
    assert panel(draw(HistoryView(NOW - 9, changes, samples), [], NOW, 60.0), "queue").top == top
