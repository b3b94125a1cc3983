"""
Traces that come with the lab; README.md beside them says whose they are and what may be done with them.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent
_SUFFIX = ".csv.gz"


def shipped_names() -> list[str]:
    """
    Return the names of all traces that come with the lab.
    """
    return sorted(path.name.removesuffix(_SUFFIX) for path in _FOLDER.glob(f"*{_SUFFIX}"))


def shipped(name: str) -> Path:
    """
    Return where the trace of that name is.
    """
    return _FOLDER / f"{name}{_SUFFIX}"
