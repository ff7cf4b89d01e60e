"""``python -m model_export <model> <command>``: the one command line for all models."""

from __future__ import annotations

import importlib
import sys
from typing import Final

from model_export.common.cli import OK, USER_ERROR

MODELS: Final = ("star", "galaxy", "image")
# Commands for the published files of several models.
OF_ALL: Final = ("reliability", "features")
USAGE: Final = f"""usage: python -m model_export MODEL COMMAND [options]

models: {", ".join(MODELS)}

`python -m model_export reliability [MODEL ...]` measures reliability curves of the published files into their cards.
`python -m model_export features [MODEL ...]` gives the published picture files what trained classifiers need.

`python -m model_export MODEL --help` lists the commands of a model.
Training needs the packages of a group: pip install -e '.[rows]' --group train (star), or --group train-images.
"""


def main(arguments: list[str]) -> int:
    """Run the model's own command line; exit code 2 for an unknown model."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, end="", file=sys.stdout if arguments else sys.stderr)
        return OK if arguments else USER_ERROR
    name, *rest = arguments
    if name not in (*MODELS, *OF_ALL):
        print(f"error: unknown model {name!r}; choose from {', '.join(MODELS)}", file=sys.stderr)
        return USER_ERROR
    # Each of these modules has ``main(arguments: list[str]) -> int``.
    module = f"model_export.{name}" if name in OF_ALL else f"model_export.{name}.cli"
    code: int = importlib.import_module(module).main(rest)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
