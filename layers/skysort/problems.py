"""Problem documents (RFC 9457), and the one table that gives each error its HTTP status."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from skysort import errors

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTENT_TYPE: Final = "application/problem+json"
_TYPE_PREFIX: Final = "urn:skysort:problem:"

# The first class in an error's ancestry that stands here decides.
_STATUS: Final[dict[type[errors.SkysortError], tuple[HTTPStatus, str, str]]] = {
    errors.InvalidFieldsError: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-fields", "Some fields cannot be used"),
    errors.MalformedInputError: (HTTPStatus.BAD_REQUEST, "malformed-input", "The input cannot be read"),
    errors.UnsupportedFormatError: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-format", "Unsupported format"),
    errors.EmptyInputError: (HTTPStatus.BAD_REQUEST, "empty-input", "There is nothing to classify"),
    errors.LimitExceededError: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "limit-exceeded", "A limit was passed"),
    errors.InputError: (HTTPStatus.BAD_REQUEST, "bad-input", "The input cannot be used"),
    errors.NotFoundError: (HTTPStatus.NOT_FOUND, "not-found", "Not found"),
    errors.InfrastructureError: (HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Try again shortly"),
    errors.SkysortError: (HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "Internal error"),
}


def document(
    status: int,
    kind: str,
    title: str,
    detail: str,
    *,
    request_id: str | None = None,
    fields: Iterable[errors.FieldError] = (),
) -> dict[str, Any]:
    """A problem document: type, title, status, detail, request_id, and the field errors if there are some."""
    body: dict[str, Any] = {"type": _TYPE_PREFIX + kind, "title": title, "status": int(status), "detail": detail}
    if request_id:
        body["request_id"] = request_id
    listed = [{"field": field.field, "reason": field.reason, "detail": field.detail} for field in fields]
    if listed:
        body["errors"] = listed
    return body


def from_error(error: errors.SkysortError, request_id: str | None = None) -> dict[str, Any]:
    """The problem document of an error of skysort's own tree."""
    kind = next(ancestor for ancestor in type(error).__mro__ if ancestor in _STATUS)
    status, slug, title = _STATUS[kind]
    fields = error.fields if isinstance(error, errors.InvalidFieldsError) else ()
    # What went wrong inside is for the log; the caller gets the request id to quote.
    detail = error.detail if status < HTTPStatus.INTERNAL_SERVER_ERROR else "The service failed; quote the request id."
    return document(status, slug, title, detail, request_id=request_id, fields=fields)


def internal(request_id: str | None) -> dict[str, Any]:
    """The problem document of an error that nobody raised on purpose; it tells nothing of the inside."""
    return from_error(errors.SkysortError(""), request_id)
