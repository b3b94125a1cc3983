"""
Before the end-to-end tests: `python -m tests.e2e` says whether a cluster is there, `… load` puts images on it.
"""

from __future__ import annotations

import sys

from tests.e2e.cluster import UnfitError, fit, load

if __name__ == "__main__":
    try:
        fit()
        if sys.argv[1:] == ["load"]:
            load()
    except UnfitError as error:
        sys.exit(str(error))
