"""The body of POST /v1/uploads, read and checked."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from skysort import json_document
from skysort.errors import FieldError, InvalidFieldsError, UnsupportedFormatError
from skysort.field_words import field_errors
from skysort.uploads.request import UploadRequest

JSON = "application/json"


def read_body(body: bytes, content_type: str) -> UploadRequest:
    """Read a request body.

    content_type: its media type, parameters allowed; empty is taken for JSON.
    Raises UnsupportedFormatError, MalformedInputError and InvalidFieldsError.
    """
    media_type = content_type.partition(";")[0].strip().lower() or JSON
    if media_type != JSON:
        raise UnsupportedFormatError(f"a request for uploads comes as {JSON}, not as {media_type:.80}")
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
