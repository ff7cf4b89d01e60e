"""The answers of the calls that classify and tell of models, as the handlers give them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from infra.api.base import Absent, Open, Probability, Schema
from skysort.clients import Sharing  # noqa: TC001 - pydantic reads the annotations

Count = Annotated[int, Field(ge=0)]


class FieldProblem(Schema):
    """What is wrong with one field, and what would be right."""

    field: str
    reason: str = Field(description="a stable code")
    detail: str


class Problem(Schema):
    """A problem document (RFC 9457)."""

    type: str = Field(
        description="a stable name of the kind of problem", examples=["urn:skysort:problem:invalid-fields"]
    )
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str = Field(description="what was wrong, and what would be right")
    request_id: str | Absent = Field(None, description="to be quoted when asking for help")
    errors: list[FieldProblem] | Absent = Field(None, description="each field that cannot be used, the first of many")
    errors_not_listed: Count | Absent = Field(None, description="how many more there are, where they are many")


class ModelName(Schema):
    """Which model answered."""

    name: str
    version: str


class Prediction(Schema):
    """One class and how probable it is."""

    label: str
    class_id: Count
    probability: Probability
    wordnet_id: str | Absent = Field(None, description="of the image model's classes")


class Window(Schema):
    """A part of a picture, as fractions of its width and height."""

    left: float
    upper: float
    right: float
    lower: float


class HeatMap(Schema):
    """Where in a picture the best class was seen."""

    method: str
    label: str
    heat_map: str = Field(description="a PNG in a data URL, to be laid over the window")
    view: str = Field(description="the window as the model was given it, a JPEG in a data URL")
    window: Window


class ClassContributions(Schema):
    """Why a class got its margin: base + contributions = margin."""

    base: float
    contributions: dict[str, float]
    margin: float


class TreeExplanation(Schema):
    """SHAP values of a star row."""

    method: str
    features: dict[str, float | None] = Field(description="what the model was given")
    classes: dict[str, ClassContributions]


class FailedResult(Schema):
    """An item that cannot be classified; it never spoils the others."""

    id: str
    error: Problem


class InputNote(Schema):
    """What was done to an input before it was classified, or left out of it."""

    code: str = Field(description="stable, for programs: redshift_sentinel")
    detail: str = Field(description="a sentence for people")


class PictureResult(Schema):
    """A classified picture."""

    id: str = Field(description="the file's name, the id given, or its place in the request")
    predictions: list[Prediction] = Field(description="best first")
    prediction_set: list[str] = Field(description="holds the true class nine times in ten")
    explanation: HeatMap | Absent = None
    warnings: list[InputNote] | Absent = Field(None, description="what was done to the picture, where something was")
    cached: bool


class StarResult(Schema):
    """A classified row."""

    id: str = Field(description="the id given, or its place in the request")
    predictions: list[Prediction] = Field(description="best first")
    prediction_set: list[str] = Field(description="holds the true class nine times in ten")
    variant: Literal["with_redshift", "photometry_only"]
    explanation: TreeExplanation | Absent = None
    warnings: list[InputNote] | Absent = Field(None, description="what was done to the row, where something was")
    cached: bool


class PictureTiming(Schema):
    """Milliseconds."""

    decode: float
    predict: float
    total: float


class StarTiming(Schema):
    """Milliseconds."""

    predict: float
    total: float


class PictureAnswer(Schema):
    """Results in the order of the request."""

    model: ModelName
    results: list[PictureResult | FailedResult]
    timing_ms: PictureTiming


class StarAnswer(Schema):
    """Results in the order of the request."""

    model: ModelName
    results: list[StarResult | FailedResult]
    timing_ms: StarTiming


class Health(Schema):
    """The service answers. clients: whether they share batches, or each has its own."""

    status: Literal["ok"]
    version: str
    clients: Sharing


class Sample(Prediction):
    """The built-in sample's best class."""

    id: str


class TotalTiming(Schema):
    """Milliseconds."""

    total: float


class Ready(Schema):
    """The model has classified its built-in sample."""

    status: Literal["ready"]
    model: ModelName
    sample: Sample
    timing_ms: TotalTiming


class ModelSummary(Open):
    """A model's card in short."""

    name: str
    version: str
    architecture: str
    labels: list[str]


class ModelList(Schema):
    """The models, by name."""

    models: list[ModelSummary]


class ModelCard(Open):
    """A model's whole card: training data, metrics with intervals, calibration, parity, latency, licence."""

    name: str
    version: str
    architecture: str
    labels: list[str]
    licence: str
