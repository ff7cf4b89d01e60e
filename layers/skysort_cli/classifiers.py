"""The models of a command line: the built-in ones, and custom/NAME and custom-star/NAME, which people train."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skysort.models import MODELS, ROWS, input_of
from skysort.registry.names import SPELLED, Kind, TrainedName, name_fault, spelled
from skysort_cli.exits import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort.models import InputKind


@dataclass(frozen=True, slots=True)
class Classifier:
    """A model as it is spelled on the command line, in uploads and in batches.

    trained: its own name if people trained it, None of a built-in model. path, query: of its HTTP resource.
    """

    spelled: str
    trained: str | None
    input: InputKind
    path: str
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """The kind of trained models that it is, or would be."""
        return Kind.STAR if self.has_rows else Kind.PICTURES

    @property
    def has_rows(self) -> bool:
        """Whether it classifies the rows of tables."""
        return self.input is ROWS


def classifier(text: str) -> Classifier:
    """The model of a spelling; raises UsageError."""
    if text in MODELS:
        return Classifier(text, None, input_of(text), f"/v1/classify/{text}")
    trained = spelled(text)
    if trained is not None:
        on_star = trained.kind is Kind.STAR
        path, query = ("/v1/classify/star", {"model": trained.name}) if on_star else (f"/v1/classify/{text}", {})
        return Classifier(text, trained.name, input_of(text), path, query)
    family, slash, name = text.partition("/")
    if slash and family in SPELLED.values():
        checked_name(name)
    choices = ", ".join((*MODELS, *(f"{prefix}/NAME" for prefix in SPELLED.values())))
    raise UsageError(f"unknown model {text!r:.60}; choose from {choices}")


def plain_name(text: str) -> str:
    """The name of a trained model, which may be spelled with its family."""
    trained = spelled(text)
    return text if trained is None else trained.name


def checked_name(name: str) -> str:
    """The name of a trained model; raises UsageError if no model can have it."""
    fault = name_fault(name)
    if fault:
        raise UsageError(f"the name {name!r:.60} {fault}")
    return name


def spelling(kind: str, name: str) -> str:
    """How a trained model of a kind is spelled."""
    return str(TrainedName(Kind(kind), name))
