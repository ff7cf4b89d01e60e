"""``download``: fetch the full public sets."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import numpy as np

from model_export.common.cli import OK, log
from model_export.galaxy.labels import NAMES
from model_export.galaxy.workspace import Workspace

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """Fetch a set into build/galaxy/public and print its class counts."""
    folder = Workspace.of(options).build / "public" / options.set
    loader = importlib.import_module(f"model_export.galaxy.public.{options.set}")
    fetched = loader.download(folder, url=options.url, digest=options.sha256)
    log(f"{len(fetched):,} galaxies in {folder}")
    counts = np.bincount(fetched.label[fetched.label >= 0], minlength=len(NAMES))
    for name, count in zip(NAMES, counts, strict=True):
        print(f"{name}: {count:,}")
    if others := int((fetched.label < 0).sum()):
        print(f"other classes: {others:,}")
    return OK
