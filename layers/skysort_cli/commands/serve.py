"""`skysort serve`: the whole service on this machine, as `make run` starts it."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Final, NoReturn

from skysort_cli.endpoint import ENDPOINT, KEY
from skysort_cli.exits import MissingError
from skysort_cli.local import checkout

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

# Packages of the local stack, besides those of the functions.
PACKAGES: Final = ("uvicorn", "moto", "httptools", "flask", "aws_lambda_powertools", "onnxruntime", "xgboost")


def run(options: argparse.Namespace) -> NoReturn:
    """Replace this process by the local stack, so that it gets Ctrl-C and its exit status is the command's."""
    root = checkout()
    if root is None:
        raise MissingError(
            "serve runs the project's functions from its folder, which pip does not install: "
            "run it in a clone (`.venv/run/bin/skysort serve`, or `make run`)"
        )
    python = interpreter(root)
    # These are for this command line; the stack passes every other SKYSORT_ variable to the functions.
    environment = {name: value for name, value in os.environ.items() if name not in {ENDPOINT, KEY}}
    os.chdir(root)
    os.execve(python, [python, "-m", "infra.local", *arguments(options)], environment)  # noqa: S606


def interpreter(root: Path) -> str:
    """A Python with the stack's packages: this one, else that of `make run`; raises MissingError."""
    missing_packages = [package for package in PACKAGES if importlib.util.find_spec(package) is None]
    if not missing_packages:
        return sys.executable
    if (root / ".venv" / "run" / ".ready").exists():
        return str(root / ".venv" / "run" / "bin" / "python")
    raise MissingError(f"serve needs {', '.join(missing_packages)}: run `make run` in {root} once to install them")


def arguments(options: argparse.Namespace) -> list[str]:
    """The stack's command-line arguments."""
    values = {"--port": options.port, "--s3-port": options.s3_port, "--stage": options.stage}
    flags = {"--no-drop": options.no_drop, "--verbose": options.verbose}
    options_with_values = [word for name, value in values.items() if value is not None for word in (name, value)]
    return [*options_with_values, *(name for name, value in flags.items() if value)]
