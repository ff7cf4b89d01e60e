"""The body of POST /v1/uploads, read and checked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from skysort.errors import FieldError, InvalidFieldsError, MalformedInputError, UnsupportedFormatError
from skysort.uploads.request import UploadRequest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

JSON = "application/json"


def read_body(body: bytes, content_type: str) -> UploadRequest:
    """Read a request body.

    content_type: its media type, parameters allowed; empty is taken for JSON.
    Raises UnsupportedFormatError, MalformedInputError and InvalidFieldsError.
    """
    media_type = content_type.partition(";")[0].strip().lower() or JSON
    if media_type != JSON:
        raise UnsupportedFormatError(f"a request for uploads comes as {JSON}, not as {media_type:.80}")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedInputError(f"the body is not JSON: {error!s:.200}") from None
    try:
        return UploadRequest.model_validate(document)
    except ValidationError as error:
        raise InvalidFieldsError([_field_error(detail) for detail in error.errors()]) from None


def _field_error(detail: ErrorDetails) -> FieldError:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part:.60}" for part in detail["loc"])
    return FieldError(path.removeprefix(".") or "body", detail["type"], detail["msg"])
