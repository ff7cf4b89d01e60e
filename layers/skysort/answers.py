"""The type of every response body, shared by the code that builds it and the code that reads it.

The OpenAPI document is derived from these types, docstrings included (infra.api). They appear only in annotations,
so that no function imports this module.
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
    str,
    Field(json_schema_extra={"format": "uri"}, description=f"presigned, valid for at most {PRESIGNED_S // 60} minutes"),
]
Identifier: TypeAlias = Annotated[
    str, Field(description="the given id, the picture's file name, or the item's index in the request")
]


class FieldProblem(TypedDict):
    """What is wrong with one field, and what is expected."""

    field: str
    reason: str
    """a stable code"""
    detail: str


class Share(TypedDict):
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float


ClassShares: TypeAlias = dict[str, Share]
Prior: TypeAlias = Annotated[
    dict[str, Probability],
    Field(description="the class shares that probabilities were re-weighted by, if the request had some"),
]


CauseCode: TypeAlias = Literal[
    "vega",
    "reddened",
    "dereddened",
    "exchanged_bands",
    "nanomaggies",
    "zero_point",
    "fainter",
    "brighter",
    "faint_end",
    "too_regular",
    "unexplained",
]


class TableCause(TypedDict):
    """What was likely done to a table's magnitudes."""

    code: CauseCode
    detail: str
    """a sentence for people"""


class TableDomain(TypedDict):
    """How typical a table is of the survey that the model learnt from."""

    typicality: Probability
    """the share of good tables that look less like it"""
    in_domain: bool
    """whether the table is typical enough for its answers to count"""
    rows_in_domain: Probability
    """the share of its rows that are typical, one by one"""
    cause: TableCause | None
    """of a table that is not in the domain"""


class DomainShare(TypedDict):
    """How typical the items of a batch, an archive, a table or a bulk job are of what the model was tested on."""

    measured: Count
    """items whose typicality is known"""
    in_domain: Count
    """those of them that are in the domain"""
    share: Probability
    """in_domain of measured"""
    mean: Probability
    """of their typicality: about 0.5 for a random sample of good items"""
    usual: bool
    """false if even an honest selection of good items would hardly ever be so untypical"""
    detail: str
    """a message for people"""


class ComparedVersion(TypedDict):
    """A version, and its accuracy on the common examples."""

    version: str
    accuracy: Probability | None


Verdict: TypeAlias = Literal["first", "better", "not-worse", "worse", "too-few"]


class Comparison(TypedDict):
    """Two versions of a trained model on the examples that both held out."""

    verdict: Verdict
    examples: Count
    """number of common examples"""
    relabelled: Count
    """further common examples, left out because the two versions have different labels for them"""
    live: ComparedVersion | None
    """the live version; null for a first one"""
    candidate: ComparedVersion
    difference: Share | None
    """the candidate's accuracy less the live version's; null without common examples"""
    only_live_right: Count
    only_candidate_right: Count
    sentence: str


class Problem(TypedDict):
    """A problem document (RFC 9457)."""

    type: Annotated[str, Field(examples=["urn:skysort:problem:invalid-fields"])]
    """a stable identifier of the problem type"""
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    """what is wrong, and what is expected"""
    request_id: NotRequired[str]
    """quote it when asking for help"""
    errors: NotRequired[list[FieldProblem]]
    """the fields that cannot be used; of many, the first"""
    errors_not_listed: NotRequired[Count]
    """number of further field errors, if some are not listed"""
    comparison: NotRequired[Comparison]
    """of a trained model's version that was not promoted with the live one"""


class ModelName(TypedDict):
    """Which model answered."""

    name: str
    version: str


class Prediction(TypedDict):
    """A class and its probability."""

    label: str
    class_id: Count
    probability: Probability
    wordnet_id: NotRequired[Annotated[str, Field(description="of the image model's classes")]]


Predictions: TypeAlias = Annotated[list[Prediction], Field(description="best first")]
PredictionSet: TypeAlias = Annotated[
    list[str],
    Field(
        description="the 90 % conformal prediction set: it contains the true class in 90 % of cases; "
        "empty where no class reaches its threshold"
    ),
]


class Window(TypedDict):
    """A region of a picture, as fractions of its width and height."""

    left: float
    upper: float
    right: float
    lower: float


class Neighbour(TypedDict):
    """A training picture of a trained model."""

    file: str
    label: str
    similarity: Annotated[float, Field(ge=-1, le=1)]
    """cosine of the features: 1 for the same picture"""
    thumbnail: NotRequired[str]
    """a small JPEG as a data URL"""


class HeatMap(TypedDict):
    """The parts of a picture that support the most probable class."""

    method: str
    label: str
    heat_map: str
    """a PNG as a data URL, to be overlaid on the window"""
    view: str
    """the window as the model sees it, a JPEG as a data URL"""
    window: Window
    nearest: NotRequired[Annotated[list[Neighbour], Field(description="of a trained model: most alike first")]]


class ClassContributions(TypedDict):
    """How a class got its margin: base + contributions = margin."""

    base: float
    contributions: dict[str, float]
    margin: float


class TreeExplanation(TypedDict):
    """SHAP values of a star row."""

    method: str
    features: dict[str, float | None]
    """the model's input"""
    classes: dict[str, ClassContributions]


class InputNote(TypedDict):
    """A remark on an input: a change before it was classified, such as a value left out, or how it is framed."""

    code: str
    """stable and machine-readable: redshift_sentinel"""
    detail: str
    """a message for people"""


Notes: TypeAlias = Annotated[
    list[InputNote],
    Field(description="remarks on the input: what was changed in it, how it is framed"),
]


class Item(TypedDict):
    """An item of a request."""

    id: Identifier


@final
class FailedResult(Item):
    """An item that cannot be classified; the other items are not affected."""

    error: Problem


class PictureClasses(TypedDict):
    """The classification of a picture."""

    predictions: Predictions
    prediction_set: PredictionSet
    typicality: NotRequired[Probability]
    """the share of good pictures, held out from training, that look less typical"""
    in_domain: NotRequired[bool]
    """whether the picture is typical enough for its answer to count"""
    explanation: NotRequired[HeatMap]
    warnings: NotRequired[Notes]


@final
class PictureResult(Item, PictureClasses):
    """A classified picture."""

    cached: bool


Variant: TypeAlias = Literal["with_redshift", "photometry_only"]


class StarClasses(TypedDict):
    """The classification of a row."""

    predictions: Predictions
    prediction_set: PredictionSet
    variant: Variant
    typicality: NotRequired[Probability]
    """the share of held-out rows that look less like the training data"""
    in_domain: NotRequired[bool]
    """whether the row is typical enough for its answer to count"""
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
    prior: NotRequired[Prior]


class StarTable(TypedDict):
    """What the rows of a request are like as a whole."""

    typicality: DomainShare
    domain: TableDomain | None
    """of the built-in model; null for too few rows"""
    class_shares: ClassShares | None
    """estimated; null with a prior, labels or top_k"""


class StarAnswer(TypedDict):
    """Results in the order of the request."""

    model: ModelName
    results: list[StarResult | FailedResult]
    timing_ms: StarTiming
    prior: NotRequired[Prior]
    table: NotRequired[StarTable]
    """of 20 rows or more"""


class Health(TypedDict):
    """The service is up. clients: whether they share batches, or each has its own."""

    status: Literal["ok"]
    version: str
    clients: Literal["shared", "separate"]


class Sample(Prediction):
    """The most probable class of the built-in sample."""

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
    """a value of the option labels"""
    labels: Count
    """number of labels in it"""


class ColumnSummary(TypedDict):
    """A column of rows that a model uses."""

    name: str
    unit: str
    minimum: float
    maximum: float
    required: bool


class ModelSample(TypedDict):
    """A sample input: a picture, a table, or one row."""

    title: str
    file: NotRequired[str]
    """its path below samples/ of the web page"""
    row: NotRequired[dict[str, float]]
    """values by column"""


class ModelSummary(TypedDict):
    """A summary of a model's card, and the input that it takes."""

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
    """The models, in display order."""

    models: list[ModelSummary]


@with_config(extra="allow")
class ModelCard(TypedDict):
    """A model's full card: training data, metrics with intervals, calibration, parity, latency, licence."""

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
    """PUT this many bytes to the URL; the response's ETag header goes into the completion request."""

    number: Annotated[int, Field(ge=1)]
    size: Annotated[int, Field(ge=1)]
    url: str
    etag: str | None
    """of a part that S3 already has"""


class UploadParts(TypedDict):
    """An upload in parts (S3 multipart upload)."""

    upload_id: str
    """pass it to a later call to resume"""
    part_size: Count
    parts: list[UploadPart]
    complete_url: str
    """POST the parts' numbers and ETags here, as in S3's CompleteMultipartUpload"""
    abort_url: str
    """DELETE it to abort the upload"""


class Upload(TypedDict):
    """A file to be uploaded."""

    name: str
    key: str
    size: Count
    type: str


@final
class FormUpload(Upload):
    """A file uploaded by one form POST."""

    method: Literal["form"]
    form: UploadForm


@final
class PartsUpload(Upload):
    """A file uploaded in parts."""

    method: Literal["parts"]
    parts: UploadParts


class PresignedUploads(TypedDict):
    """How to upload each file, in the order of the request."""

    model: str
    batch: str
    prefix: str
    """where the files will be in the drop bucket"""
    expires: Time
    files: list[FormUpload | PartsUpload]


class Counts(TypedDict):
    """Numbers of files by state."""

    total: Count
    waiting: Count
    done: Count
    failed: Count


class Members(TypedDict):
    """Numbers of an archive's members so far."""

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
    """null if the file has since been removed"""
    uploaded: Time | None
    finished: Time | None
    links: FileLinks
    members: NotRequired[Members]
    problem: NotRequired[dict[str, object]]
    """of a file that failed: its error record (RFC 9457)"""
    record: NotRequired[dict[str, object]]
    """with records=true: its full record"""


class BatchLinks(TypedDict):
    """Related resources."""

    csv: str
    """the merged CSV of its results, relative to this URL"""


class BatchStatus(TypedDict):
    """The status of a batch."""

    batch: str
    counts: Counts
    """of the files from the start of this page on"""
    progress: Probability
    """the fraction of them that is done or failed"""
    complete: bool
    """whether these are all files; if not, follow next for the rest"""
    models: dict[str, Counts]
    typicality: DomainShare | None
    """of the items of this page's files: of archives, and with records=true of all; null where no record says it"""
    files: list[BatchFile]
    next: str | None
    """the cursor of the next page, null on the last"""
    links: BatchLinks
    expires: Time
    """when the links expire"""
