"""The body of POST /v1/bulk, and the request document of a job."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skysort import json_document
from skysort.bulk.keys import Output  # noqa: TC001 - pydantic reads the annotations
from skysort.clients import Client
from skysort.errors import FieldError, InvalidFieldsError, MalformedInputError
from skysort.limits import (
    BULK_BODY_BYTES,
    BULK_COLUMNS,
    BULK_CONCURRENCY,
    BULK_KEYS,
    BULK_SOURCE_CHARACTERS,
    BULK_TOLERATED_SHARE,
    COLUMN_NAME_CHARACTERS,
    TRAINING_CLASSES,
)
from skysort.models import ROWS, TRAINED_ROWS, input_of
from skysort.prior_option import MAX_SHARE, OTHER_MODEL, fault
from skysort.registry.names import Kind, spelled
from skysort.uploads.request import ModelName  # noqa: TC001
from skysort.validation_errors import field_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)
# Columns that results have before the carried ones.
TABLE_COLUMNS: Final = ("source", "slice", "row", "id", "ra", "dec")
# Where a source lies: in the drop bucket, or in one that the stage names.
SOURCE_PATTERN: Final = r"^(incoming/|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/)"
Located = Annotated[
    str, Field(min_length=1, max_length=BULK_SOURCE_CHARACTERS, json_schema_extra={"pattern": SOURCE_PATTERN})
]
_SOURCE: Final = re.compile(SOURCE_PATTERN)
ClassShare = Annotated[float, Field(ge=0, le=MAX_SHARE)]
ColumnName = Annotated[str, Field(min_length=1, max_length=COLUMN_NAME_CHARACTERS)]


class Source(BaseModel):
    """What is classified; exactly one of these. All are in the drop bucket, or ``s3://bucket/...`` of a named one."""

    model_config = _STRICT

    prefix: Located | None = Field(None, description="all files whose keys begin with it")
    keys: Annotated[list[Located], Field(min_length=1, max_length=BULK_KEYS)] | None = Field(
        None, description="the files themselves"
    )
    manifest: Located | None = Field(
        None, description="a file that lists them: a key a line, JSON, or the manifest.json of an S3 inventory"
    )

    def given(self) -> dict[str, str | list[str]]:
        """The fields that are given."""
        return {name: value for name, value in self if value is not None}


class BulkRequest(BaseModel):
    """A job to be planned, and started unless only the plan is wanted."""

    model_config = _STRICT

    model: ModelName = Field(description="the model that classifies")
    source: Source
    output: Output = Field("parquet", description="the format of the results")
    tolerated_share: Annotated[float, Field(ge=0, le=1)] = Field(
        BULK_TOLERATED_SHARE, description="share of rows that may be rejected or fail before the job fails"
    )
    columns: Annotated[list[ColumnName], Field(max_length=BULK_COLUMNS)] = Field(
        default=[], description="columns of the tables that are copied to the results"
    )
    plan_only: bool = Field(False, description="whether to stop after the plan; resume starts the job then")
    concurrency: Annotated[int, Field(ge=1, le=BULK_CONCURRENCY)] | None = Field(
        None, description="parts at a time, at most what the service allows, which is the default"
    )
    prior: Annotated[dict[str, ClassShare], Field(min_length=1, max_length=TRAINING_CLASSES)] | None = Field(
        None,
        description="class shares of the source, by label and in any unit, by which probabilities are re-weighted; for "
        "the star model and trained ones",
    )


@dataclass(frozen=True, slots=True)
class Job:
    """The request document of a job. client_folder: of the client who asked; empty where all share everything."""

    id: str
    owner: str
    client_folder: str
    model: str
    source: Mapping[str, str | list[str]]
    created: str
    output: Output = "parquet"
    tolerated_share: float = BULK_TOLERATED_SHARE
    columns: tuple[str, ...] = ()
    plan_only: bool = False
    concurrency: int | None = None
    prior: Mapping[str, float] | None = None

    @property
    def client(self) -> Client:
        """Whose files may be read."""
        return Client(self.client_folder)

    @property
    def family(self) -> str:
        """The function that does the parts."""
        return family_of(self.model)

    def to_json(self) -> bytes:
        """The document."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Parse the document; raises MalformedInputError."""
        try:
            document = json.loads(body)
            return cls(**{**document, "columns": tuple(document["columns"])})
        except (ValueError, TypeError, KeyError) as error:
            raise MalformedInputError(f"the request document of a bulk job is damaged: {error!r:.200}") from None


def family_of(model: str) -> str:
    """The function that does the parts of a model's jobs."""
    name = spelled(model)
    # The functions of the built-in model of tables also read people's own ones.
    first = TRAINED_ROWS.name if name and name.kind is Kind.STAR else model.partition("/")[0]
    return f"{first}-bulk"


def read_body(body: bytes, content_type: str) -> BulkRequest:
    """Read a request body.

    Parameters
    ----------
    body
        JSON, UTF-8.
    content_type
        Its media type, maybe with parameters; empty means JSON.

    Returns
    -------
    The request; whether the caller may read its source is not checked.

    Raises
    ------
    UnsupportedFormatError
        For another media type.
    LimitExceededError
        For a body of more than BULK_BODY_BYTES.
    MalformedInputError
        For invalid JSON.
    InvalidFieldsError
        For fields that are missing, unknown, repeated, out of range, or contradict each other.
    """
    document = json_document.read_call(body, content_type, "a bulk job's request", BULK_BODY_BYTES)
    try:
        request = BulkRequest.model_validate(document)
    except ValidationError as error:
        raise InvalidFieldsError(field_errors(error.errors(include_url=False))) from None
    faults = list(_faults(request))
    if faults:
        raise InvalidFieldsError(faults)
    return request


def _faults(request: BulkRequest) -> list[FieldError]:
    faults = []
    given = request.source.given()
    if len(given) != 1:
        detail = f"must have exactly one of prefix, keys and manifest; it has {' and '.join(given) or 'none'}"
        faults.append(FieldError("source", "one_source", detail))
    for field, value in given.items():
        sources = value if isinstance(value, list) else [value]
        wrong = next((source for source in sources if not _SOURCE.match(source)), None)
        if wrong is not None:
            detail = f"must begin with incoming/ (of the drop bucket) or s3://bucket/ (got {wrong!r:.200})"
            faults.append(FieldError(f"source.{field}", "no_place", detail))
    keys = request.source.keys or []
    if len(set(keys)) < len(keys):
        again = next(key for number, key in enumerate(keys) if key in keys[:number])
        faults.append(FieldError("source.keys", "given_twice", f"has {again!r:.200} more than once; give it once"))
    if request.columns and input_of(request.model) is not ROWS:
        detail = f"are of tables; {request.model} classifies pictures, which have none"
        faults.append(FieldError("columns", "not_for_pictures", detail))
    if request.prior and input_of(request.model) is not ROWS and spelled(request.model) is None:
        faults.append(fault("no_prior", OTHER_MODEL))
    if request.prior and not any(request.prior.values()):
        faults.append(fault("not_a_share", "at least one share must be above 0"))
    for name in sorted({*request.columns} & {*TABLE_COLUMNS}):
        detail = f"has {name!r}, which every result has; leave it out"
        faults.append(FieldError("columns", "reserved", detail))
    if len(set(request.columns)) < len(request.columns):
        faults.append(FieldError("columns", "given_twice", "has a name more than once; give each once"))
    return faults
