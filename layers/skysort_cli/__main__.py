"""`python -m skysort_cli` is `skysort`."""

from __future__ import annotations

import sys

from skysort_cli.main import main

if __name__ == "__main__":
    sys.exit(main())
