"""Problem documents (RFC 9457), and the HTTP status of each error."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from skysort import errors
from skysort.limits import PROBLEM_DETAIL_CHARACTERS, PROBLEM_FIELDS, PROBLEM_NAME_CHARACTERS, PROBLEMS_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from skysort.answers import FieldProblem, Problem

CONTENT_TYPE: Final = "application/problem+json"
_TYPE_PREFIX: Final = "urn:skysort:problem:"
# Characters of a field error beside its values.
_FIELD_ROOM: Final = len('{"field":"","reason":"","detail":""},')

# The first match in an error's method resolution order counts.
_STATUS: Final[dict[type[errors.SkysortError], tuple[HTTPStatus, str, str]]] = {
    errors.InvalidFieldsError: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-fields", "Invalid fields"),
    errors.MalformedInputError: (HTTPStatus.BAD_REQUEST, "malformed-input", "The input cannot be read"),
    errors.UnsupportedFormatError: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-format", "Unsupported format"),
    errors.EmptyInputError: (HTTPStatus.BAD_REQUEST, "empty-input", "There is nothing to classify"),
    errors.LimitExceededError: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "limit-exceeded", "Limit exceeded"),
    errors.NotBetterError: (HTTPStatus.CONFLICT, "not-better", "Not better than the live version"),
    errors.ModelConflictError: (HTTPStatus.CONFLICT, "conflict", "Not possible now"),
    errors.JobConflictError: (HTTPStatus.CONFLICT, "conflict", "Not possible now"),
    errors.InputError: (HTTPStatus.BAD_REQUEST, "bad-input", "The input cannot be used"),
    errors.UnauthenticatedError: (HTTPStatus.UNAUTHORIZED, "unauthorised", "Not signed in"),
    errors.NotFoundError: (HTTPStatus.NOT_FOUND, "not-found", "Not found"),
    errors.InfrastructureError: (HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Service unavailable"),
    errors.SkysortError: (HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "Internal error"),
}


def document(
    status: int,
    kind: str,
    title: str,
    detail: str,
    *,
    request_id: str | None = None,
    fields: Sequence[errors.FieldError] = (),
    room: int | None = None,
) -> Problem:
    """A problem document: type, title, status, detail, request_id, and any field errors.

    Parameters
    ----------
    fields
        At most PROBLEM_FIELDS are listed, their names cut to PROBLEM_NAME_CHARACTERS; ``errors_not_listed`` counts
        the rest.
    room
        Characters for the detail and the field errors together, in an answer with many problems; the first field
        error is always listed.

    Returns
    -------
    The document, whose JSON text stays within these limits.
    """
    body: Problem = {
        "type": _TYPE_PREFIX + kind,
        "title": title,
        "status": int(status),
        "detail": _cut(_unicode(detail), PROBLEM_DETAIL_CHARACTERS if room is None else room // 2),
    }
    if request_id:
        body["request_id"] = request_id
    listed = _listed(fields[:PROBLEM_FIELDS], None if room is None else room - len(body["detail"]))
    if listed:
        body["errors"] = listed
        if len(listed) < len(fields):
            body["errors_not_listed"] = len(fields) - len(listed)
    return body


def room_for(items: int) -> int:
    """Characters for the detail and field errors of each problem, if every item of an answer has one."""
    return PROBLEMS_CHARACTERS // max(1, items)


def _listed(fields: Iterable[errors.FieldError], room: int | None) -> list[FieldProblem]:
    listed: list[FieldProblem] = []
    for field in fields:
        name = _cut(_unicode(field.field), PROBLEM_NAME_CHARACTERS)
        detail = _cut(_unicode(field.detail), PROBLEM_DETAIL_CHARACTERS)
        if room is not None:
            room -= _FIELD_ROOM + len(name) + len(field.reason) + len(detail)
            if room < 0 and listed:
                break
        listed.append({"field": name, "reason": field.reason, "detail": detail})
    return listed


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "\N{HORIZONTAL ELLIPSIS}"


def _unicode(text: str) -> str:
    """Text without lone surrogates, which a reader's message may contain."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def from_error(error: errors.SkysortError, request_id: str | None = None, *, room: int | None = None) -> Problem:
    """The problem document of one of skysort's errors; room: see ``document``."""
    error_class = next(ancestor for ancestor in type(error).__mro__ if ancestor in _STATUS)
    status, slug, title = _STATUS[error_class]
    fields = error.fields if isinstance(error, errors.InvalidFieldsError) else ()
    # Internal details are for the log; the caller gets the request id to quote.
    detail = error.detail if status < HTTPStatus.INTERNAL_SERVER_ERROR else "The service failed; quote the request id."
    body = document(status, slug, title, detail, request_id=request_id, fields=fields, room=room)
    if isinstance(error, errors.NotBetterError) and error.comparison:
        body["comparison"] = error.comparison
    return body


def internal(request_id: str | None) -> Problem:
    """The problem document of an unexpected error, without internal details."""
    return from_error(errors.SkysortError(""), request_id)
