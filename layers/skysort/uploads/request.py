"""The body of POST /v1/uploads."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticKnownError

from skysort import json_document
from skysort.errors import FieldError, InvalidFieldsError, UnsupportedFormatError
from skysort.limits import BATCH_NAME_CHARACTERS, DROP_KEY_BYTES, UPLOAD_BYTES, UPLOAD_FILES_PER_REQUEST
from skysort.models import MODELS
from skysort.uploads.names import BATCH_PATTERN
from skysort.validation_errors import field_errors

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)
_CHOICES: Final = [repr(name) for name in MODELS]


def _registered(name: str) -> str:
    if name not in MODELS:
        expected = f"{', '.join(_CHOICES[:-1])} or {_CHOICES[-1]}"
        raise PydanticKnownError("literal_error", {"expected": expected})
    return name


# The name of a model in the registry.
ModelName = Annotated[str, AfterValidator(_registered), Field(json_schema_extra={"enum": [*MODELS]})]


class WantedFile(BaseModel):
    """One file that its caller wants to upload."""

    model_config = _STRICT

    name: Annotated[str, Field(min_length=1, max_length=DROP_KEY_BYTES)] = Field(
        description="its name in the batch; folders separated by / are kept"
    )
    size: Annotated[int, Field(ge=0, le=UPLOAD_BYTES)] = Field(description="its bytes; other sizes will be refused")
    type: Annotated[str | None, Field(max_length=200)] = Field(
        None, description="its content type; by default what the name's ending stands for"
    )
    upload_id: Annotated[str | None, Field(min_length=1, max_length=1_024)] = Field(
        None, description="of an upload in parts that is to be resumed"
    )


class UploadRequest(BaseModel):
    """Files that their caller wants to upload into one batch of one model."""

    model_config = _STRICT

    model: ModelName = Field(description="the model that classifies them")
    batch: Annotated[str | None, Field(min_length=1, max_length=BATCH_NAME_CHARACTERS, pattern=BATCH_PATTERN)] = Field(
        None, description="the batch's name, one folder; made if none is given"
    )
    files: Annotated[list[WantedFile], Field(min_length=1, max_length=UPLOAD_FILES_PER_REQUEST)]


JSON = "application/json"


def read_body(body: bytes, content_type: str) -> UploadRequest:
    """Read a request body.

    Parameters
    ----------
    body
        JSON, UTF-8.
    content_type
        Its media type, parameters allowed; empty is taken for JSON.

    Returns
    -------
    The request, checked but for the files' names and sizes, which depend on the model.

    Raises
    ------
    UnsupportedFormatError
        For another media type.
    MalformedInputError
        For what is not JSON.
    InvalidFieldsError
        For fields that are missing, unknown, repeated or out of range.
    """
    media_type = content_type.partition(";")[0].strip().lower() or JSON
    if media_type != JSON:
        raise UnsupportedFormatError(f"an upload request must be {JSON}, not {media_type:.80}")
    document = json_document.read(body)
    faults = _faults(document)
    if faults:
        raise InvalidFieldsError(faults)
    try:
        return UploadRequest.model_validate(document)
    except ValidationError as error:
        raise InvalidFieldsError(field_errors(error.errors(include_url=False))) from None


def _faults(document: Any) -> list[FieldError]:
    """What is wrong with the body's object, or with a file's."""
    if not isinstance(document, dict):
        return []
    files = document.get("files")
    of_files = [
        FieldError(f"files[{number}].{fault.field}", fault.reason, fault.detail)
        for number, file in enumerate(files if isinstance(files, list) else ())
        if isinstance(file, dict)
        for fault in json_document.faults_of(file)
    ]
    return [*json_document.faults_of(document), *of_files]
