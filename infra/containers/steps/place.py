"""Run inside an image build: put functions, models and cards into the folders that images take whole.

    python3 place.py FUNCTIONS ROOT

FUNCTIONS has the folders of the functions that came into the build context, which are those that the image needs. Of
each, ROOT/functions/<name> gets its handlers and ROOT/models/<name> its model; ROOT/cards gets the card of every model,
and ROOT/networks the models that others take features from. All lie there where the image has them. Prints the folders.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

TASK = "var/task"
NETWORKS = ("galaxy", "image")


def place(function: Path, root: Path) -> None:
    """Place one function's folder."""
    name, model = function.name, function / "model"
    if model.is_dir():
        card = root / "cards" / TASK / "cards" / name / "model"
        shutil.copytree(model, card, ignore=lambda _, names: [name for name in names if name != "card.json"])
        if name in NETWORKS:
            shutil.copytree(model, root / "networks" / TASK / "networks" / name)
        shutil.move(model, root / "models" / name / TASK / "model")
    shutil.move(function, root / "functions" / name / TASK)


def main(functions: str, root: str) -> None:
    """Place every function, and print what was made."""
    for folder in sorted(Path(functions).iterdir()):
        if folder.is_dir():
            place(folder, Path(root))
    made = [*Path(root, "functions").iterdir(), *Path(root, "models").glob("*")]
    shared = [folder for name in ("cards", "networks") if (folder := Path(root, name)).is_dir()]
    sys.stdout.write(" ".join(map(str, sorted(made + shared))))


if __name__ == "__main__":
    main(*sys.argv[1:])
