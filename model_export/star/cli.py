"""``python -m model_export star``: the commands, their options, and which module runs each."""

from __future__ import annotations

import argparse
import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from model_export.common.cli import guarded
from model_export.numbers import count, positive
from model_export.options import add_command
from model_export.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

VARIANTS: Final = ("with_redshift", "photometry_only")
PACKAGE: Final = "model_export.star"
DESCRIPTION: Final = """\
The star model: GALAXY, QSO or STAR from SDSS photometry, with and without a redshift.

In order: explore (look at the data, compare models), tune (search hyperparameters), train
(fit both boosters and their calibration), evaluate (held-out test split, plots), export
(publish to functions/star/model if not worse than what is there). colours draws where the classes
lie for the page's diagram."""


def main(arguments: list[str]) -> int:
    """Run one command; exit code 2 with a sentence for an error of the user's."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    command: Callable[[argparse.Namespace, Settings], int]
    # Imported late: --help and a wrong option should not wait for xgboost and matplotlib.
    command = importlib.import_module(f"{PACKAGE}.{options.command}").run
    return command(options, Settings.from_environment())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model_export star",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add(commands, "explore", "report on the data and compare model families (HTML with plots)")
    tune = _add(commands, "tune", "search hyperparameters by cross-validation on the training part; resumes")
    tune.add_argument("--minutes", type=positive, default=10.0, help="time for each variant (default %(default)s)")
    tune.add_argument("--trials", type=count, default=None, help="stop each variant at this many trials in all")
    tune.add_argument("--variant", choices=VARIANTS, default=None, help="search one variant only (default both)")
    tune.add_argument("--fresh", action="store_true", help="forget the variant's earlier trials instead of resuming")
    _add(commands, "train", "fit both boosters, their temperatures and conformal thresholds")
    evaluate = _add(
        commands, "evaluate", "measure the trained boosters, and those in place, on the held-out test split"
    )
    evaluate.add_argument(
        "--against", type=Path, default=None, metavar="FOLDER", help="artefact in place (default functions/star/model)"
    )
    export = _add(commands, "export", "publish the evaluated boosters and their card, if not worse than those in place")
    export.add_argument("--into", type=Path, default=None, help="artefact folder (default functions/star/model)")
    export.add_argument(
        "--bump", choices=("major", "minor", "patch"), default="minor", help="which part of the version to raise"
    )
    colours = _add(commands, "colours", "write the colour-colour contours of the classes that the page shows")
    colours.add_argument(
        "--into",
        type=Path,
        default=None,
        metavar="FILE",
        help="where they go (default functions/site/data/colours.json)",
    )
    return parser


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, purpose: str
) -> argparse.ArgumentParser:
    command = add_command(
        commands,
        "star",
        name,
        purpose,
        data=("FILE", "SDSS17 as CSV (default: from SKYSORT_DATA)"),
        threads=(os.cpu_count() or 1, "threads (default %(default)s); changes no result"),
    )
    command.add_argument(
        "--hyperparameters",
        type=Path,
        default=None,
        metavar="FILE",
        help="chosen hyperparameters (default model_export/star/hyperparameters.json)",
    )
    return command
