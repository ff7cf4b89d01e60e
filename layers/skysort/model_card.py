"""Model cards: what an artefact is, where it came from, and whether the file is the one described."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skysort.errors import ArtefactError, NotFoundError
from skysort.models import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from skysort.answers import ColumnSummary, ModelSummary

CARD_FILE = "card.json"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model's name, version, labels, and the full card as published."""

    name: str
    version: str
    labels: tuple[str, ...]
    document: Mapping[str, Any]

    def summary(self) -> ModelSummary:
        """The card in short with the model's registry entry, for a list of models."""
        model, columns = MODELS[self.name], self.document.get("input", {}).get("columns", {})
        return {
            "name": self.name,
            "version": self.version,
            "architecture": self.document.get("architecture", ""),
            "labels": list(self.labels),
            "title": model.title,
            "question": model.question,
            "summary": model.summary,
            "input": model.input.name,
            "accepts": list(model.input.files),
            "archives": list(model.input.archives),
            "media_types": list(dict.fromkeys(model.input.files.values())),
            "max_file_bytes": model.input.file_bytes,
            "label_sets": [
                {"name": name, "labels": len(labels)} for name, labels in self.document.get("subsets", {}).items()
            ],
            "columns": [_column(name, column) for name, column in columns.items() if column["used"]],
            "samples": [sample.document() for sample in model.samples],
        }


def load_card(folder: Path) -> ModelCard:
    """Read card.json from a model folder; raises ArtefactError."""
    path = folder / CARD_FILE
    try:
        document = json.loads(path.read_bytes())
        return ModelCard(document["name"], document["version"], tuple(document["labels"]), document)
    except OSError as error:
        raise ArtefactError(f"the model card {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ArtefactError(f"the model card {path} is not JSON: {error}") from error
    except (KeyError, TypeError) as error:
        raise ArtefactError(f"the model card {path} lacks {error}; a card has name, version and labels") from error


def read_artefact(path: Path, sha256: str) -> bytes:
    """Read a model file; raises ArtefactError if it is missing or its hash is not the card's."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtefactError(f"the model file {path} cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise ArtefactError(
            f"the model file {path} is not the one its card describes: sha256 {digest[:12]}, not {sha256[:12]}"
        )
    return content


def _column(name: str, column: Mapping[str, Any]) -> ColumnSummary:
    minimum, maximum = column["range"]
    required: bool = column["required"]
    return {"name": name, "unit": column["unit"], "minimum": minimum, "maximum": maximum, "required": required}


class ModelRegistry:
    """Every model card below one folder, by model name: ``<folder>/<model>/model/card.json``."""

    def __init__(self, folder: Path) -> None:
        cards = [load_card(path.parent) for path in sorted(folder.glob(f"*/model/{CARD_FILE}"))]
        if not cards:
            raise ArtefactError(f"no model card below {folder}: expected <model>/model/{CARD_FILE}")
        self._cards = {card.name: card for card in cards}

    def summaries(self) -> list[ModelSummary]:
        """Summaries of the models that have a card, in the registry's order."""
        return [self._cards[name].summary() for name in MODELS if name in self._cards]

    def get(self, name: str) -> ModelCard:
        """The card of one model; raises NotFoundError."""
        try:
            return self._cards[name]
        except KeyError:
            raise NotFoundError(f"unknown model {name!r}; choose from {', '.join(self._cards)}") from None
