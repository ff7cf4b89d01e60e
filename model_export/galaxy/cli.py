"""``python -m model_export galaxy``: the commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from model_export.common import publish
from model_export.common.cli import CommandLine, count, positive, share
from model_export.galaxy.catalogue import HERE, PUBLIC
from model_export.galaxy.labels import KINDS

if TYPE_CHECKING:
    import argparse

DESCRIPTION: Final = """\
The galaxy model: one of the eight Galaxy Zoo 2 classes from a cutout.

In order: data (decode the pictures, find those of the same sky, split them), train (one
candidate), compare (all candidates with the same time, and a learning curve), ablate (the winner
without each kind of label), evaluate (export to ONNX and measure the file on the test part),
export (publish to functions/galaxy/model if not worse than what is there), input-formats (the
published file on the same galaxies as FITS). download fetches the full public sets, for machines
that reach them.

Training needs PyTorch: beside the packages of the group `train-images`."""
CANDIDATE: Final = "mobilenetv3"


def main(arguments: list[str]) -> int:
    """Run one command; exit code 2 with a sentence for an error of the user's."""
    line = CommandLine("galaxy", DESCRIPTION)
    data = _add(line, "data", "decode the pictures once and split them into train, validation and test")
    data.add_argument("--splits", type=Path, default=None, metavar="DIR", help="where the lists go (default splits/)")
    train = _add(line, "train", "train one candidate, choose its calibration on the validation part; resumes")
    train.add_argument("--candidate", default=CANDIDATE, help="network to train (default %(default)s)")
    train.add_argument("--name", default=None, help="name of the run (default: the candidate's)")
    train.add_argument("--minutes", type=positive, default=15.0, help="processor time (default %(default)s)")
    train.add_argument("--steps", type=count, default=None, help="batches of 64 pictures, instead of --minutes")
    text = "share of the training pictures (default %(default)s)"
    train.add_argument("--fraction", type=share, default=1.0, help=text)
    compare = _add(line, "compare", "train every candidate for the same processor time; keeps finished runs")
    compare.add_argument("--minutes", type=positive, default=4.0, help="for each candidate (default %(default)s)")
    text = "this one only, for --minutes, to set beside what ships"
    compare.add_argument("--alone", default=None, metavar="CANDIDATE", help=text)
    text = "shares of the training part for the winner's learning curve (default 0.25 0.5)"
    compare.add_argument("--curve", type=share, nargs="*", default=[0.25, 0.5], metavar="SHARE", help=text)
    ablate = _add(line, "ablate", "train the winner without each kind of label", module="compare", function="ablate")
    ablate.add_argument("--steps", type=count, default=None, help="batches of 64 pictures (default: as in compare)")
    text = "what to leave out in turn (default: each)"
    ablate.add_argument("--without", nargs="+", choices=KINDS, default=list(KINDS), help=text)
    evaluate = _add(line, "evaluate", "export a trained run to ONNX and measure the file on the test part")
    evaluate.add_argument("--name", default=CANDIDATE, help="name of the run (default %(default)s)")
    _add(line, "input-formats", "measure the published file on the test part as FITS, grey and counts")
    export = _add(line, "export", "publish the evaluated file and its card, if not worse than what is there")
    publish.add_options(export, "galaxy")
    text = "fetch a full public set; resumes, and checks the hash where one is given"
    download = line.add("download", text, module="public")
    download.add_argument("set", choices=PUBLIC, help="gz2: galaxy-datasets Galaxy Zoo 2; galaxy10: Galaxy10 DECaLS")
    download.add_argument("--url", default=None, help="fetch from here instead of the public address")
    download.add_argument("--sha256", default=None, help="hash that the file must have")
    return line.run(arguments)


def _add(
    line: CommandLine, name: str, purpose: str, module: str = "", function: str = "run"
) -> argparse.ArgumentParser:
    command = line.add(name, purpose, module=module, function=function)
    text = "pictures: those of the survey data, or a full public set that `download` fetched (default %(default)s)"
    command.add_argument("--set", dest="survey", choices=(HERE, *PUBLIC), default=HERE, help=text)
    text = "where the public set lies (default: where `download` puts it)"
    command.add_argument("--from", dest="public", type=Path, default=None, metavar="DIR", help=text)
    return command
