"""
`python -m scaler` is the command `scaler`.
"""

import sys

from scaler.cli import main

sys.exit(main())
