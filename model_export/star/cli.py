"""``python -m model_export star``: the commands and their options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from model_export.common import publish
from model_export.common.cli import CommandLine, count, positive

if TYPE_CHECKING:
    import argparse

VARIANTS: Final = ("with_redshift", "photometry_only")
DESCRIPTION: Final = """\
The star model: GALAXY, QSO or STAR from SDSS photometry, with and without a redshift.

In order: explore (look at the data, compare models), tune (search hyperparameters), train
(fit both boosters and their calibration), evaluate (held-out test split, plots), export
(publish to functions/star/model unless worse than the model in place). attempts measures what
was tried for photometry_only beyond that. typicality fits what tells
odd rows and tables; colours computes the class contours of the page's diagram."""


def main(arguments: list[str]) -> int:
    """Run a command; exit code 2 with a message for a user error."""
    commands = CommandLine("star", DESCRIPTION)
    _add(commands, "explore", "report on the data and compare model families (HTML with plots)")
    tune = _add(commands, "tune", "search hyperparameters by cross-validation on the training part; resumes")
    tune.add_argument("--minutes", type=positive, default=10.0, help="time for each variant (default %(default)s)")
    tune.add_argument("--trials", type=count, default=None, help="stop each variant at this total number of trials")
    tune.add_argument("--variant", choices=VARIANTS, default=None, help="search this variant only (default both)")
    tune.add_argument("--fresh", action="store_true", help="discard the variant's earlier trials instead of resuming")
    attempts = _add(commands, "attempts", "measure what was tried for photometry_only")
    attempts.add_argument("--folds", type=int, choices=range(1, 6), default=5, help="folds to measure (default 5)")
    text = "measure these only (default all; none: what is measured stays)"
    attempts.add_argument("--only", nargs="*", default=None, metavar="NAME", help=text)
    text = "measure the best of what is measured on the test split; once, after all else"
    attempts.add_argument("--test", action="store_true", help=text)
    _add(commands, "train", "fit both boosters, their temperatures and conformal thresholds")
    evaluate = _add(
        commands, "evaluate", "measure the trained boosters, and those in place, on the held-out test split"
    )
    in_place = "artefact in place (default functions/star/model)"
    evaluate.add_argument("--against", type=Path, default=None, metavar="FOLDER", help=in_place)
    export = _add(commands, "export", "publish the evaluated boosters and their card, if not worse than those in place")
    publish.add_options(export, "star")
    _add(commands, "typicality", "fit what tells odd rows and tables; measure it, and priors, on the test split")
    colours = _add(commands, "colours", "write the colour-colour contours of the classes that the page shows")
    file = "output file (default functions/site/data/colours.json)"
    colours.add_argument("--into", type=Path, default=None, metavar="FILE", help=file)
    return commands.run(arguments)


def _add(commands: CommandLine, name: str, purpose: str) -> argparse.ArgumentParser:
    threads = (os.cpu_count() or 1, "threads (default %(default)s); changes no result")
    table = ("FILE", "SDSS17 as CSV (default: from SKYSORT_DATA)")
    command = commands.add(name, purpose, data=table, threads=threads)
    text = "chosen hyperparameters (default model_export/star/hyperparameters.json)"
    command.add_argument("--hyperparameters", type=Path, default=None, metavar="FILE", help=text)
    return command
