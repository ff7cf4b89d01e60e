"""What every training command takes on its command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from model_export.numbers import count

if TYPE_CHECKING:
    import argparse


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    model: str,
    name: str,
    purpose: str,
    *,
    data: tuple[str, str] = ("DIR", "data folder (default: SKYSORT_DATA)"),
    threads: tuple[int, str] = (1, "threads (default %(default)s)"),
) -> argparse.ArgumentParser:
    """A command of a model, with --data, --build, --results and --threads.

    data: placeholder and help of --data. threads: default and help of --threads.
    """
    command = commands.add_parser(name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.")
    command.add_argument("--data", type=Path, default=None, metavar=data[0], help=data[1])
    command.add_argument("--build", type=Path, default=None, metavar="DIR", help=f"work files (default build/{model})")
    command.add_argument(
        "--results",
        type=Path,
        default=None,
        metavar="DIR",
        help=f"committed figures (default model_export/{model}/results)",
    )
    command.add_argument("--threads", type=count, default=threads[0], help=threads[1])
    return command
