"""Networks on disk between commands: which architecture, which weights, where they came from."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

from model_export.image.minimalistic import Minimalistic
from model_export.image.torchvision_network import MobileNetV3Large
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

ARCHITECTURES: Final[dict[str, Any]] = {"minimalistic": Minimalistic, "torchvision": MobileNetV3Large}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A network in evaluation mode, and what the card says of its origin (plain JSON values)."""

    architecture: str
    network: nn.Module
    origin: dict[str, Any]


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint."""
    torch.save(
        {
            "architecture": checkpoint.architecture,
            "state": checkpoint.network.state_dict(),
            "origin": checkpoint.origin,
        },
        path,
    )


def load(path: Path, made_by: str) -> Checkpoint:
    """Read a checkpoint; a ConfigurationError names the command that makes it."""
    try:
        held = torch.load(path, weights_only=True)
        network = ARCHITECTURES[held["architecture"]]()
        network.load_state_dict(held["state"])
        return Checkpoint(held["architecture"], network.eval(), held["origin"])
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is not there; run `python -m model_export image {made_by}` first") from None
    except (KeyError, TypeError, RuntimeError, EOFError, pickle.UnpicklingError) as problem:
        raise ConfigurationError(f"{path} is damaged ({problem!s:.200}); run `{made_by}` again") from problem
