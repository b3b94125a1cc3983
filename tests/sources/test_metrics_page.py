"""
Metrics pages: the formats, line by line, and what is no metrics page.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from scaler.sources.metrics_page import LARGEST_PAGE, OPENMETRICS, PageError, read_page

PLAIN = "text/plain"


async def pieces(text: str, size: int) -> AsyncIterator[bytes]:
    """
    Yield a text in pieces, as a network does.
    """
    body = text.encode()
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def values(text: str, *names: str, content_type: str = PLAIN, size: int = 7) -> list[float]:
    """
    Return the values of the wanted series.
    """
    return [series.value for series in await read_page(pieces(text, size), content_type, names)]


PAGE_WITH_EXEMPLAR = """\
# HELP requests Requests.
# TYPE requests counter
requests_total{code="200"} 7.0 1700000000.5 # {trace_id="abc"} 0.5 1700000000.1
requests_created{code="200"} 1.7e9
# TYPE latency histogram
latency_bucket{le="1.0"} 7 # {trace_id="abc"} 0.5
latency_count 7
# TYPE odd stateset
odd{odd="a"} 1
# EOF
"""


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        pytest.param("# TYPE requests_total counter\nrequests_total 7\n", PLAIN, id="plain"),
        pytest.param("# TYPE requests_total counter\nrequests_total 7", PLAIN, id="no-last-line-break"),
        pytest.param('requests_total{a="x\\"} 9 {"} 7 1700000000000\r\n', PLAIN, id="quotes-and-timestamp"),
        pytest.param("requests_total_created 5\nrequests_total\t7\nmy_requests_total 9\n", PLAIN, id="neighbours"),
        pytest.param("\n\n# a remark\nbroken{ line\nrequests_total 7\n", PLAIN, id="other-lines-are-not-read"),
        pytest.param(PAGE_WITH_EXEMPLAR, OPENMETRICS, id="openmetrics-with-exemplar"),
    ],
)
async def test_the_wanted_metric_is_found(text: str, content_type: str) -> None:
    """
    Pages as the libraries of all languages write them are understood; exactly the wanted metric is taken.
    """
    assert await values(text, "requests_total", content_type=content_type) == [7]
    assert await values(text, "requests", content_type=content_type) == []


async def test_the_count_of_a_histogram_is_a_counter() -> None:
    """
    `latency_count` is asked for like any counter, in either format.
    """
    plain = PAGE_WITH_EXEMPLAR.replace(' # {trace_id="abc"} 0.5', "")
    assert await values(plain, "latency_count") == [7]
    assert await values(PAGE_WITH_EXEMPLAR, "latency_count", content_type=OPENMETRICS) == [7]


async def test_a_counter_need_not_end_in_total() -> None:
    """
    Old exporters name counters as they like, and the name in the configuration is the name on the page.
    """
    assert await values("# TYPE envoy_rq counter\nenvoy_rq 7\n", "envoy_rq") == [7]


async def test_a_long_page_is_read_to_its_end() -> None:
    """
    Lines are parsed in batches, and arrive in pieces of any size: every one of them counts, in its order.
    """
    text = "".join(f'requests_total{{n="{number}"}} {number}\nother_total 1\n' for number in range(330))
    for size in (1, 1000, 10**6):
        assert await values(text, "requests_total", "absent_total", size=size) == list(range(330))


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        pytest.param("requests_total{ 7\n", PLAIN, id="broken-line"),
        pytest.param("requests_total x\n", PLAIN, id="no-number"),
        pytest.param("requests_total 7\n", OPENMETRICS, id="cut-off"),
        pytest.param("# HELP x y\n", OPENMETRICS, id="cut-off-early"),
    ],
)
async def test_a_broken_page_is_trouble(text: str, content_type: str) -> None:
    """
    A wanted line that cannot be read is not left out.
    """
    with pytest.raises(PageError, match="not in the text format of Prometheus"):
        await values(text, "requests_total", content_type=content_type)


async def test_html_is_no_metrics_page() -> None:
    """
    A login page has no series, which is not the same as none.
    """
    with pytest.raises(PageError, match="it is an HTML page"):
        await values("<html>", "requests_total", content_type="text/html")


async def test_a_page_is_not_read_for_ever() -> None:
    """
    An endless page is given up.
    """

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(2 * LARGEST_PAGE // 2**20):
            yield b"x 1\n" * 2**18

    with pytest.raises(PageError, match="larger than 32 MiB"):
        await read_page(endless(), PLAIN, ["requests_total"])
