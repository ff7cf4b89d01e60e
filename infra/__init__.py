"""Infrastructure: stages, routes, the local stack, the CDK app and the deployment commands."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Limits are shared with the functions. Without an installed skysort (a CDK environment, a fresh clone) they are
# imported from layers/, as Lambda imports a layer from /opt/python.
if str(ROOT / "layers") not in sys.path:
    sys.path.append(str(ROOT / "layers"))
