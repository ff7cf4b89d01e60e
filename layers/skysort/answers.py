"""Every body that a function answers with, typed: what builds an answer and what reads one agree here.

The OpenAPI document is derived from these types, docstrings included (infra.api). They are named in annotations
alone, so that no function imports this module.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypeAlias, final

from pydantic import Field, with_config
from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on

from skysort.limits import PRESIGNED_S

Count: TypeAlias = Annotated[int, Field(ge=0)]
Probability: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Time: TypeAlias = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Link: TypeAlias = Annotated[
    str, Field(json_schema_extra={"format": "uri"}, description=f"presigned, valid for {PRESIGNED_S // 60} minutes")
]
Identifier: TypeAlias = Annotated[
    str, Field(description="the id given, a picture's file name, or the item's place in the request")
]


class FieldProblem(TypedDict):
    """What is wrong with one field, and what would be right."""

    field: str
    reason: str
    """a stable code"""
    detail: str


class Problem(TypedDict):
    """A problem document (RFC 9457)."""

    type: Annotated[str, Field(examples=["urn:skysort:problem:invalid-fields"])]
    """a stable name of the kind of problem"""
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    """what was wrong, and what would be right"""
    request_id: NotRequired[str]
    """to be quoted when asking for help"""
    errors: NotRequired[list[FieldProblem]]
    """each field that cannot be used, the first of many"""
    errors_not_listed: NotRequired[Count]
    """how many more there are, where they are many"""


class ModelName(TypedDict):
    """Which model answered."""

    name: str
    version: str


class Prediction(TypedDict):
    """One class and how probable it is."""

    label: str
    class_id: Count
    probability: Probability
    wordnet_id: NotRequired[Annotated[str, Field(description="of the image model's classes")]]


Predictions: TypeAlias = Annotated[list[Prediction], Field(description="best first")]
PredictionSet: TypeAlias = Annotated[
    list[str], Field(description="the 90 % conformal set: it contains the true class nine times in ten")
]


class Window(TypedDict):
    """A part of a picture, as fractions of its width and height."""

    left: float
    upper: float
    right: float
    lower: float


class HeatMap(TypedDict):
    """Where in a picture the model saw the best class."""

    method: str
    label: str
    heat_map: str
    """a PNG in a data URL, to be laid over the window"""
    view: str
    """the window as the model was given it, a JPEG in a data URL"""
    window: Window


class ClassContributions(TypedDict):
    """Why a class got its margin: base + contributions = margin."""

    base: float
    contributions: dict[str, float]
    margin: float


class TreeExplanation(TypedDict):
    """SHAP values of a star row."""

    method: str
    features: dict[str, float | None]
    """what the model was given"""
    classes: dict[str, ClassContributions]


class InputNote(TypedDict):
    """What was done to an input before it was classified, or left out of it."""

    code: str
    """stable, for programs: redshift_sentinel"""
    detail: str
    """a sentence for people"""


Notes: TypeAlias = Annotated[list[InputNote], Field(description="what was done to the input, where something was")]


class Item(TypedDict):
    """An item of a request."""

    id: Identifier


@final
class FailedResult(Item):
    """An item that cannot be classified; the other items are not affected."""

    error: Problem


class PictureClasses(TypedDict):
    """What a model says of a picture."""

    predictions: Predictions
    prediction_set: PredictionSet
    explanation: NotRequired[HeatMap]
    warnings: NotRequired[Notes]


@final
class PictureResult(Item, PictureClasses):
    """A classified picture."""

    cached: bool


Variant: TypeAlias = Literal["with_redshift", "photometry_only"]


class StarClasses(TypedDict):
    """What the model says of a row."""

    predictions: Predictions
    prediction_set: PredictionSet
    variant: Variant
    explanation: NotRequired[TreeExplanation]
    warnings: NotRequired[Notes]


@final
class StarResult(Item, StarClasses):
    """A classified row."""

    cached: bool


class PictureTiming(TypedDict):
    """Milliseconds."""

    decode: float
    predict: float
    total: float


class StarTiming(TypedDict):
    """Milliseconds."""

    predict: float
    total: float


class PictureAnswer(TypedDict):
    """Results in the order of the request."""

    model: ModelName
    results: list[PictureResult | FailedResult]
    timing_ms: PictureTiming


class StarAnswer(TypedDict):
    """Results in the order of the request."""

    model: ModelName
    results: list[StarResult | FailedResult]
    timing_ms: StarTiming


class Health(TypedDict):
    """The service answers. clients: whether they share batches, or each has its own."""

    status: Literal["ok"]
    version: str
    clients: Literal["shared", "separate"]


class Sample(Prediction):
    """The built-in sample's best class."""

    id: str


class TotalTiming(TypedDict):
    """Milliseconds."""

    total: float


class Ready(TypedDict):
    """The model has classified its built-in sample."""

    status: Literal["ready"]
    model: ModelName
    sample: Sample
    timing_ms: TotalTiming


class LabelSet(TypedDict):
    """A named subset of a model's labels."""

    name: str
    """what the option labels takes"""
    labels: Count
    """how many it has"""


class ColumnSummary(TypedDict):
    """A column of rows that a model uses."""

    name: str
    unit: str
    minimum: float
    maximum: float
    required: bool


class ModelSample(TypedDict):
    """Something to try a model on: a picture or a table, or one row."""

    title: str
    file: NotRequired[str]
    """which the web page has below samples/"""
    row: NotRequired[dict[str, float]]
    """values by column"""


class ModelSummary(TypedDict):
    """A model's card in short, and what the model takes."""

    name: str
    version: str
    architecture: str
    labels: list[str]
    title: str
    question: str
    summary: str
    input: Literal["pictures", "rows"]
    accepts: list[str]
    """suffixes of the files that it classifies"""
    archives: list[str]
    """suffixes of archives of such files, for the drop folder"""
    media_types: list[str]
    max_file_bytes: Count
    """of a file in the drop folder"""
    label_sets: list[LabelSet]
    columns: list[ColumnSummary]
    """of rows; empty for pictures"""
    samples: list[ModelSample]


class ModelList(TypedDict):
    """The models, in the order in which people see them."""

    models: list[ModelSummary]


@with_config(extra="allow")
class ModelCard(TypedDict):
    """A model's whole card: training data, metrics with intervals, calibration, parity, latency, licence."""

    name: str
    version: str
    architecture: str
    labels: list[str]
    licence: str


class UploadForm(TypedDict):
    """POST it as multipart/form-data: the fields in this order, then the bytes in a part named file."""

    url: str
    fields: dict[str, str]


class UploadPart(TypedDict):
    """PUT this many bytes to the URL; the ETag header of the answer goes into the completion."""

    number: Annotated[int, Field(ge=1)]
    size: Annotated[int, Field(ge=1)]
    url: str
    etag: str | None
    """of a part that S3 has already"""


class UploadParts(TypedDict):
    """An upload in parts (S3 multipart upload)."""

    upload_id: str
    """to resume it by another call"""
    part_size: Count
    parts: list[UploadPart]
    complete_url: str
    """POST the parts' numbers and ETags here, as S3's CompleteMultipartUpload"""
    abort_url: str
    """DELETE here gives up"""


class Upload(TypedDict):
    """A file to be uploaded."""

    name: str
    key: str
    size: Count
    type: str


@final
class FormUpload(Upload):
    """A file that goes in one form."""

    method: Literal["form"]
    form: UploadForm


@final
class PartsUpload(Upload):
    """A file that goes in parts."""

    method: Literal["parts"]
    parts: UploadParts


class UploadOffer(TypedDict):
    """How to upload each file, in the order of the request."""

    model: str
    batch: str
    prefix: str
    """where the files will be in the drop bucket"""
    expires: Time
    files: list[FormUpload | PartsUpload]


class Counts(TypedDict):
    """Files by what has become of them."""

    total: Count
    waiting: Count
    done: Count
    failed: Count


class Members(TypedDict):
    """An archive's members so far."""

    done: Count
    failed: Count


FileState: TypeAlias = Literal["waiting", "done", "failed"]
FileLink: TypeAlias = Literal["record", "result", "table", "rejected", "error"]


class FileLinks(TypedDict, total=False):
    """Presigned links to what the results bucket holds for a file."""

    record: Link
    result: Link
    table: Link
    rejected: Link
    error: Link


class BatchFile(TypedDict):
    """A file of a batch."""

    model: str
    name: str
    state: FileState
    size: int | None
    """null for a file that has been removed since"""
    uploaded: Time | None
    finished: Time | None
    links: FileLinks
    members: NotRequired[Members]
    problem: NotRequired[dict[str, object]]
    """of a file that failed: its error record (RFC 9457)"""
    record: NotRequired[dict[str, object]]
    """with records=true: its whole record"""


class BatchLinks(TypedDict):
    """More about the batch."""

    csv: str
    """path of one CSV of its results"""


class BatchStatus(TypedDict):
    """What has become of a batch."""

    batch: str
    counts: Counts
    """of the files from this page's start on"""
    progress: Probability
    """the part of them that is done or failed"""
    complete: bool
    """whether these are all; if not, follow next for the rest"""
    models: dict[str, Counts]
    files: list[BatchFile]
    next: str | None
    """for the query of the next page, null on the last"""
    links: BatchLinks
    expires: Time
    """until then the links are valid"""
