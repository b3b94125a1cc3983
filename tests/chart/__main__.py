"""
Takes the Helms out of their packages: `python -m tests.chart`.
"""

from __future__ import annotations

import sys

from tests.chart.helm import PACKAGES, VERSIONS, Helm, unpack

if __name__ == "__main__":
    for version in VERSIONS:
        helm = Helm(unpack(version), PACKAGES)
        try:
            print(f"Helm for the tests: {helm.version}")
        except OSError:
            sys.exit(f"This machine cannot run {helm.program}: name a Helm {version} in SCALER_TEST_HELM instead.")
