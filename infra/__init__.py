"""Where skysort runs: stages, routes, the local stack, the CDK app and the commands that deploy it."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The limits are shared with the functions. Where skysort is not installed (a CDK environment,
# a fresh clone) they are found beside this folder, as Lambda finds a layer in /opt/python.
if str(ROOT / "layers") not in sys.path:
    sys.path.append(str(ROOT / "layers"))
