"""The body of POST /v1/trainings, and the request document that starts a training."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skysort import json_document
from skysort.errors import FieldError, InvalidFieldsError, MalformedInputError
from skysort.limits import (
    BATCH_NAME_CHARACTERS,
    COLUMN_NAME_CHARACTERS,
    DROP_KEY_BYTES,
    TRAINING_BODY_BYTES,
    TRAINING_COLUMNS,
)
from skysort.models import KindName  # noqa: TC001 - pydantic reads the annotations
from skysort.registry.names import NAME_PATTERN, Kind, name_fault
from skysort.uploads.names import BATCH_PATTERN
from skysort.validation_errors import field_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)
_MAX_SEED: Final = 2**32 - 1
_BANDS: Final = 50
ColumnName = Annotated[str, Field(min_length=1, max_length=COLUMN_NAME_CHARACTERS)]
# Options of tables alone.
_OF_TABLES: Final = ("class_column", "columns", "bands", "search")


class Source(BaseModel):
    """Where the examples are; exactly one of these."""

    model_config = _STRICT

    batch: Annotated[str | None, Field(min_length=1, max_length=BATCH_NAME_CHARACTERS, pattern=BATCH_PATTERN)] = Field(
        None, description="a batch that was uploaded for training: pictures in a folder for each class"
    )
    prefix: Annotated[str | None, Field(min_length=1, max_length=DROP_KEY_BYTES, pattern="^incoming/.+/$")] = Field(
        None, description="a prefix of the drop bucket with a folder for each class"
    )
    s3_key: Annotated[str | None, Field(min_length=1, max_length=DROP_KEY_BYTES, pattern="^incoming/.+[^/]$")] = Field(
        None, description="a file of the drop bucket: an archive with a folder for each class, or a table"
    )

    def given(self) -> dict[str, str]:
        """The fields that are given."""
        return {name: value for name, value in self if value is not None}


class Options(BaseModel):
    """Options of a training; those from class_column on are for tables."""

    model_config = _STRICT

    promote: bool = Field(True, description="whether the version becomes live if it is not worse")
    force: bool = Field(False, description="whether it becomes live even if it is worse, which its history then says")
    seed: Annotated[int, Field(ge=0, le=_MAX_SEED)] = Field(0, description="of everything that is random")
    class_column: ColumnName | None = Field(None, description="the column of classes; by default called class or label")
    columns: Annotated[dict[ColumnName, ColumnName] | None, Field(min_length=1, max_length=TRAINING_COLUMNS)] = Field(
        None, description="the table's columns by the name of a band or feature"
    )
    bands: Annotated[list[ColumnName] | None, Field(min_length=1, max_length=_BANDS)] = Field(
        None, description="the bands, from blue to red; ugriz by default"
    )
    search: bool | None = Field(None, description="whether to search hyperparameters for a short time")


class TrainingRequest(BaseModel):
    """A training to be started."""

    model_config = _STRICT

    kind: KindName = Field(description="what the model classifies: pictures, or rows of a table")
    name: Annotated[str, Field(min_length=1, max_length=200, json_schema_extra={"pattern": NAME_PATTERN})] = Field(
        description="of the model; a name that exists gets another version"
    )
    source: Source
    options: Options = Options()


@dataclass(frozen=True, slots=True)
class Training:
    """The request document of a training.

    source: ``{"prefix": ...}`` or ``{"s3_key": ...}``. live: the model's version that was live at the request: another
    one that is live in the end was made meanwhile.
    """

    id: str
    owner: str
    kind: Kind
    name: str
    created: str
    source: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)
    live: str | None = None

    def to_json(self) -> bytes:
        """The document."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Parse the document; raises MalformedInputError."""
        try:
            document = json.loads(body)
            return cls(**{**document, "kind": Kind(document["kind"])})
        except (ValueError, TypeError, KeyError) as error:
            raise MalformedInputError(f"the request document of a training is damaged: {error!r:.200}") from None


def read_body(body: bytes, content_type: str) -> TrainingRequest:
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
        For a body of more than TRAINING_BODY_BYTES.
    MalformedInputError
        For invalid JSON.
    InvalidFieldsError
        For fields that are missing, unknown, repeated, out of range, or of the other kind.
    """
    document = json_document.read_call(body, content_type, "a training's request", TRAINING_BODY_BYTES)
    try:
        request = TrainingRequest.model_validate(document)
    except ValidationError as error:
        raise InvalidFieldsError(field_errors(error.errors(include_url=False))) from None
    faults = list(_faults(request))
    if faults:
        raise InvalidFieldsError(faults)
    return request


def _faults(request: TrainingRequest) -> list[FieldError]:
    faults = []
    if fault := name_fault(request.name):
        faults.append(FieldError("name", "bad_name", f"{request.name!r:.60} {fault}"))
    given = request.source.given()
    if len(given) != 1:
        detail = f"must have exactly one of batch, prefix and s3_key; it has {' and '.join(given) or 'none'}"
        faults.append(FieldError("source", "one_source", detail))
    if request.options.force and not request.options.promote:
        detail = "contradicts promote, which is false; give one of them"
        faults.append(FieldError("options.force", "contradiction", detail))
    if request.kind == "pictures":
        faults += [
            FieldError(f"options.{name}", "not_for_pictures", "is an option of tables; a class of pictures is a folder")
            for name in _OF_TABLES
            if getattr(request.options, name) is not None
        ]
    elif "prefix" in given or "batch" in given:
        detail = "must be the s3_key of one table; a batch or a prefix has a folder for each class of pictures"
        faults.append(FieldError("source", "not_a_table", detail))
    return faults
