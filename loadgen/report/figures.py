"""
Figures as SVG inside a page: drawn by matplotlib, coloured by the page, light or dark.

What is drawn has stand-in colours, one for each of the page's; in the SVG they become the page's variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from io import StringIO
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

INK, FAINT, GRID, BACK, OURS, BEST, DEFAULT, STOCK, FIXED, FRONT = (f"#0a00{number:02x}" for number in range(1, 11))
"""The page's colours, as matplotlib is told them."""

VARIABLES: Mapping[str, str] = {
    INK: "--ink",
    FAINT: "--faint",
    GRID: "--grid",
    BACK: "--back",
    OURS: "--ours",
    BEST: "--best",
    DEFAULT: "--default",
    STOCK: "--stock",
    FIXED: "--fixed",
    FRONT: "--front",
}

WIDE, NARROW = 7.6, 4.0
"""Inches: for a desk, and for a phone."""

_STYLE: dict[Any, Any] = {
    "axes.edgecolor": GRID,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": FAINT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "figure.facecolor": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.edgecolor": GRID,
    "legend.facecolor": BACK,
    "legend.framealpha": 1.0,
    "legend.labelcolor": INK,
    "path.simplify": True,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "load lab",  # the same figure is the same text
    "text.color": INK,
    "xtick.color": GRID,
    "xtick.labelcolor": FAINT,
    "ytick.color": GRID,
    "ytick.labelcolor": FAINT,
}


@contextmanager
def style() -> Iterator[None]:
    """
    Draw in the page's manner within this.
    """
    with mpl.rc_context({**mpl.rcParamsDefault, "backend": "svg", **_STYLE}):
        yield


def svg(figure: Figure, title: str, tips: Mapping[str, list[str]]) -> str:
    """
    Return a figure as an SVG element that stretches to its place.

    *title* says to those who do not see it what it shows; *tips* are the texts of the points of each collection (named
    by its gid), which show when the pointer rests on one.
    """
    written = StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = written.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    for gid, tips_of_points in tips.items():
        text = _with_tips(text, gid, tips_of_points)
    used = set(re.findall(r'(?:xlink:href="|url\()#([^")]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", text)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    text = re.sub(r"font: (\d+(?:\.\d+)?)px [^;\"]+", r"font-size: \1px", text)
    head = re.search(r'viewBox="[^"]+"', text)
    view = head[0] if head else ""
    body = text[text.index(">") + 1 :]
    return f'<svg {view} role="img" xmlns:xlink="http://www.w3.org/1999/xlink"><title>{escape(title)}</title>{body}'


def _with_tips(text: str, gid: str, tips: list[str]) -> str:
    start = text.index(f'<g id="{gid}"')
    end = text.index("</g>\n", text.index("<use", start))
    remaining = iter(tips)
    group = re.sub(
        r"(<use [^>]*)/>", lambda found: f"{found[1]}><title>{escape(next(remaining))}</title></use>", text[start:end]
    )
    return text[:start] + group + text[end:]
