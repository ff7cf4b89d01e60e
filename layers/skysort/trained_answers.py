"""The types of response bodies about trainings and trained models; see skysort.answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, with_config
from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on

from skysort.answers import Comparison, Count, Problem, Share, Time  # noqa: TC001 - pydantic reads the annotations
from skysort.models import KindName  # noqa: TC001

Version: TypeAlias = Annotated[str, Field(description="64 hexadecimal digits", pattern="^[0-9a-f]{64}$")]
Phase: TypeAlias = Literal["waiting", "reading", "features", "fitting", "evaluating", "publishing", "done", "failed"]


class Progress(TypedDict):
    """How far a phase is."""

    done: Count
    total: Count
    unit: str


class RefusedFile(TypedDict):
    """A file that a training could not use."""

    file: str
    reason: str


class Refused(TypedDict):
    """Files or rows that a training could not use."""

    count: Count
    files: list[RefusedFile]
    """the first of them"""


class TrainingLinks(TypedDict):
    """References to calls, relative to this URL."""

    self: str
    model: str
    card: str | None


class Training(TypedDict):
    """A training: what was asked for, how far it is, and its results."""

    id: str
    kind: KindName
    name: str
    created: Time
    updated: Time
    phase: Phase
    progress: Progress | None
    seconds: dict[str, float]
    """spent in each phase so far"""
    version: Version | None
    promoted: bool | None
    """whether its version became the live one; null before the end"""
    comparison: Comparison | None
    """with the version that was live"""
    refused: Refused
    metrics: dict[str, Any] | None
    learning_curve: list[dict[str, Any]] | None
    hyperparameters: dict[str, Any] | None
    problem: Problem | None
    """why it failed"""
    links: TrainingLinks


class TrainingList(TypedDict):
    """Trainings, the newest first."""

    trainings: list[Training]
    next: str | None


class PointerChange(TypedDict):
    """How a version became live."""

    version: Version
    promoted: Time
    how: Literal["first", "promoted", "forced", "rolled_back"]
    comparison: Comparison | None
    training: str | None


class Pointer(TypedDict):
    """A trained model: which version is live, and which were before, the newest first."""

    name: str
    kind: KindName
    live: Version | None
    history: list[PointerChange]


@with_config(extra="allow")
class TrainedCard(TypedDict):
    """The card of a version: training data, metrics with intervals, calibration, learning curve, hyperparameters."""

    name: str
    kind: KindName
    created: Time
    labels: list[str]


class TrainedModel(Pointer):
    """A trained model with the card of its live version."""

    card: TrainedCard | None


class TrainedSummary(TypedDict):
    """A trained model in short."""

    name: str
    kind: KindName
    live: Version | None
    versions: Count
    labels: list[str]
    accuracy: Share | None
    created: Time | None
    """when the live version was trained"""
    classify: str
    """the path that classifies with it"""


class TrainedList(TypedDict):
    """Trained models, by name."""

    trained: list[TrainedSummary]


class VersionSummary(TypedDict):
    """A version of a trained model."""

    version: Version
    created: Time
    accuracy: Share | None
    live: bool
    training: str | None


class VersionList(TypedDict):
    """The versions of a trained model, the newest first."""

    versions: list[VersionSummary]
