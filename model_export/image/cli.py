"""``python -m model_export image``: the commands, their options, and which module runs each."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from model_export.common.cli import guarded
from model_export.common.publish import PARTS
from model_export.numbers import count, positive
from model_export.options import add_command
from model_export.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE: Final = "model_export.image"
DESCRIPTION: Final = """\
The image model: MobileNetV3-Large on the 1,000 ImageNet classes.

In order: weights (public weights into a trainable network), train (fine-tune it by
self-distillation), evaluate (photographs left out of the tuning; temperature and conformal
threshold), export (one ONNX file and its card into functions/image/model), report (README.md
from the figures)."""


def main(arguments: list[str]) -> int:
    """Run one command; exit code 2 with a sentence for an error of the user's."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    command: Callable[[argparse.Namespace, Settings], int]
    # Imported late: --help and a wrong option should not wait for torch.
    command = importlib.import_module(f"{PACKAGE}.{options.command}").run
    if options.command != "report":
        importlib.import_module("torch").set_num_threads(options.threads)
    return command(options, Settings.from_environment())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model_export image",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    weights = add_command(
        commands, "image", "weights", "turn public weights into a trainable network and show that it is exact"
    )
    weights.add_argument(
        "--source",
        choices=("public", "torchvision"),
        default="public",
        help="public: the minimalistic weights of the data folder; torchvision: download (default %(default)s)",
    )
    weights.add_argument(
        "--variant", choices=("v1", "v2"), default="v2", help="torchvision weights (default %(default)s)"
    )
    weights.add_argument("--url", default=None, help="another address of the torchvision weights")
    weights.add_argument("--sha256", default=None, help="what the download must have (default: as its name says)")
    train = add_command(
        commands, "image", "train", "fine-tune by self-distillation on the tuning half of the photographs"
    )
    train.add_argument("--epochs", type=count, default=None, help="passes over the photographs (default: see train.py)")
    train.add_argument("--rate", type=positive, default=None, help="learning rate (default: see train.py)")
    evaluate = add_command(
        commands, "image", "evaluate", "measure a network on the held-out half; fit temperature and threshold"
    )
    export = add_command(
        commands,
        "image",
        "export",
        "write the ONNX file and its card, after parity and accuracy checks, if not worse than what is there",
    )
    for command in (evaluate, export):
        command.add_argument(
            "--network", choices=("base", "tuned"), default="tuned", help="which network (default %(default)s)"
        )
    export.add_argument("--into", type=Path, default=None, help="artefact folder (default functions/image/model)")
    export.add_argument(
        "--bump", choices=PARTS, default="minor", help="which part of the version to raise (default %(default)s)"
    )
    add_command(commands, "image", "report", "write README.md from the committed figures")
    return parser
