"""``python -m model_export galaxy``: the commands, their options, and which module runs each."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from model_export.common.cli import guarded
from model_export.galaxy.labels import KINDS
from model_export.galaxy.surveys import HERE, PUBLIC
from model_export.numbers import count, positive
from model_export.options import add_command
from model_export.settings import Settings
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE: Final = "model_export.galaxy"
DESCRIPTION: Final = """\
The galaxy model: one of the eight Galaxy Zoo 2 classes from a cutout.

In order: data (decode the pictures, find those of one sky, deal out the parts), train (one
candidate), compare (all candidates with the same time, and a learning curve), ablate (the winner
without each kind of label), evaluate (export to ONNX and measure the file on the test part),
export (publish to functions/galaxy/model if not worse than what is there), input-formats (the published file
on the same galaxies as FITS). download fetches the full public sets, for machines that reach them.

Training needs PyTorch: the packages of the extra `train-images`."""
CANDIDATE: Final = "mobilenetv3"


def main(arguments: list[str]) -> int:
    """Run one command; exit code 2 with a sentence for an error of the user's."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    command: Callable[[argparse.Namespace, Settings], int]
    # Imported late: --help and a wrong option should not wait for torch.
    try:
        command = importlib.import_module(f"{PACKAGE}.{options.command.replace('-', '_')}").run
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.startswith(("model_export", "skysort")):
            raise
        raise ConfigurationError(
            f"{options.command} needs the package {missing.name}: pip install -e '.[train-images]'"
        ) from missing
    return command(options, Settings.from_environment())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model_export galaxy",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    data = _add_on_set(commands, "data", "decode the pictures once and deal out train, validation and test")
    data.add_argument("--splits", type=Path, default=None, metavar="DIR", help="where the lists go (default splits/)")
    train = _add_on_set(
        commands, "train", "train one candidate, choose its calibration on the validation part; resumes"
    )
    train.add_argument("--candidate", default=CANDIDATE, help="network to train (default %(default)s)")
    train.add_argument("--name", default=None, help="name of the run (default: the candidate's)")
    train.add_argument("--minutes", type=positive, default=15.0, help="processor time (default %(default)s)")
    train.add_argument("--steps", type=count, default=None, help="batches of 64 pictures, instead of --minutes")
    train.add_argument(
        "--fraction", type=_share, default=1.0, help="share of the training pictures (default %(default)s)"
    )
    compare = _add_on_set(commands, "compare", "train every candidate for the same processor time; keeps finished runs")
    compare.add_argument("--minutes", type=positive, default=4.0, help="for each candidate (default %(default)s)")
    compare.add_argument(
        "--alone", default=None, metavar="CANDIDATE", help="this one only, for --minutes, to set beside what ships"
    )
    compare.add_argument(
        "--curve",
        type=_share,
        nargs="*",
        default=[0.25, 0.5],
        metavar="SHARE",
        help="shares of the training part for the winner's learning curve (default 0.25 0.5)",
    )
    ablate = _add_on_set(commands, "ablate", "train the winner without each kind of label: what does it bring?")
    ablate.add_argument("--steps", type=count, default=None, help="batches of 64 pictures (default: as in compare)")
    ablate.add_argument(
        "--without", nargs="+", choices=KINDS, default=list(KINDS), help="what to leave out in turn (default: each)"
    )
    evaluate = _add_on_set(commands, "evaluate", "export a trained run to ONNX and measure the file on the test part")
    evaluate.add_argument("--name", default=CANDIDATE, help="name of the run (default %(default)s)")
    _add_on_set(commands, "input-formats", "measure the published file on the test part as FITS, grey and counts")
    export = _add_on_set(commands, "export", "publish the evaluated file and its card, if not worse than what is there")
    export.add_argument("--into", type=Path, default=None, help="artefact folder (default functions/galaxy/model)")
    export.add_argument(
        "--bump", choices=("major", "minor", "patch"), default="minor", help="which part of the version to raise"
    )
    download = add_command(
        commands, "galaxy", "download", "fetch a full public set; resumes, and checks the hash where one is given"
    )
    download.add_argument("set", choices=PUBLIC, help="gz2: galaxy-datasets Galaxy Zoo 2; galaxy10: Galaxy10 DECaLS")
    download.add_argument("--url", default=None, help="fetch from here instead of the public address")
    download.add_argument("--sha256", default=None, help="hash that the file must have")
    return parser


def _add_on_set(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, purpose: str
) -> argparse.ArgumentParser:
    command = add_command(commands, "galaxy", name, purpose)
    command.add_argument(
        "--set",
        dest="survey",
        choices=(HERE, *PUBLIC),
        default=HERE,
        help="pictures: those of the survey data, or a full public set that `download` fetched (default %(default)s)",
    )
    command.add_argument(
        "--from",
        dest="public",
        type=Path,
        default=None,
        metavar="DIR",
        help="where the public set lies (default: where `download` puts it)",
    )
    return command


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 1")
    return value
