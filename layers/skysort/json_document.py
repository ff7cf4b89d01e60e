"""JSON bodies: one bounded reader for every call, which checks for valid Unicode and repeated names.

Python's json module accepts more than valid JSON: lone surrogates, which no answer could contain; repeated names, of
which the last counts; nesting as deep as the stack. Here the first two become faults of the object that contains them,
so that one bad item of a request does not affect the others.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from skysort.errors import (
    FieldError,
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    UnsupportedFormatError,
)
from skysort.limits import JSON_DEPTH, JSON_FIELDS, JSON_OBJECTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MEDIA_TYPE: Final = "application/json"
# Codes of an object's faults.
NOT_UNICODE: Final = "not_unicode"
GIVEN_TWICE: Final = "given_twice"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
# Half of a surrogate pair as an escape; its raw bytes are not UTF-8.
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_REPLACEMENT: Final = "\ufffd"
_TOO_DEEP: Final = f"the body is nested too deeply; at most {JSON_DEPTH} levels are read"


class FaultyObject(dict[str, Any]):
    """An object of a JSON document with faults that its values do not show.

    faults: repeated names, whose value here is Repeated; names and text that are not Unicode, in which each lone
    surrogate is replaced by U+FFFD here.
    """

    def __init__(self, values: dict[str, Any], faults: list[FieldError]) -> None:
        super().__init__(values)
        self.faults = faults


def read(body: bytes | str) -> Any:
    """Parse a request body: UTF-8, with or without a byte order mark.

    Returns
    -------
    The document. Objects are dicts, those with faults FaultyObjects (see ``faults_of``); NaN and Infinity, which JSON
    does not have and Python writes, are floats, for each field to refuse.

    Raises
    ------
    MalformedInputError
        For invalid JSON or UTF-8, more than JSON_DEPTH levels, and whole numbers of thousands of digits.
    LimitExceededError
        For more than JSON_OBJECTS objects, or one of more than JSON_FIELDS names.
    """
    text = utf8(body) if isinstance(body, bytes) else body
    # Braces in strings count too: no body has that many of them either.
    if len(text) > JSON_OBJECTS and text.count("{") > JSON_OBJECTS:
        raise LimitExceededError(f"the body has more than {JSON_OBJECTS:,} objects")
    # Searching one character is a hundred times faster than two; base64 has no backslash.
    escaped = "\\" in text and _SURROGATE_ESCAPE.search(text) is not None
    try:
        document = json.loads(text, object_pairs_hook=_checked_object if escaped else _object)
    except RecursionError:
        raise MalformedInputError(_TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise MalformedInputError(f"the body is not JSON: {error}") from None
    except ValueError:  # int() refuses thousands of digits
        raise MalformedInputError("the body has a number of thousands of digits") from None
    if _may_be_deep(text):
        _check_depth(document)
    return _unicode(document, []) if escaped else document


def read_call(body: bytes, content_type: str, subject: str, max_bytes: int) -> object:
    """The JSON body of a call, without faults.

    Parameters
    ----------
    body
        JSON, UTF-8.
    content_type
        Its media type, maybe with parameters; empty means JSON.
    subject
        The subject of error messages.
    max_bytes
        The largest body.

    Returns
    -------
    The document.

    Raises
    ------
    UnsupportedFormatError
        For another media type.
    LimitExceededError
        For a larger body.
    MalformedInputError
        For invalid JSON.
    InvalidFieldsError
        For repeated fields and such that are not Unicode, however deep.
    """
    media_type = content_type.partition(";")[0].strip().lower() or MEDIA_TYPE
    if media_type != MEDIA_TYPE:
        raise UnsupportedFormatError(
            f"{subject} must be {MEDIA_TYPE}, not {media_type:.80}: send it with the header Content-Type: {MEDIA_TYPE}"
        )
    if len(body) > max_bytes:
        raise LimitExceededError(f"{subject} may have up to {max_bytes:,} bytes, this has {len(body):,}")
    document = read(body)
    faults = list(_faults_below(document, ""))
    if faults:
        raise InvalidFieldsError(faults)
    return document


def _faults_below(document: object, path: str) -> Iterator[FieldError]:
    """The faults of all objects of a document, each with its path: options.seed, files[0].name."""
    if isinstance(document, dict):
        for fault in faults_of(document):
            yield FieldError(path + fault.field, fault.reason, fault.detail)
        for name, value in document.items():
            below = f"{path}{name}"
            if isinstance(value, list):
                for number, item in enumerate(value):
                    yield from _faults_below(item, f"{below}[{number}].")
            else:
                yield from _faults_below(value, f"{below}.")


def utf8(body: bytes) -> str:
    """A body as text without its byte order mark; raises MalformedInputError if it is not UTF-8."""
    if body.startswith(_UTF_16):
        raise MalformedInputError("the body is UTF-16 text; send it as UTF-8")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedInputError(f"the body is not UTF-8 text: byte {error.start} cannot be read") from None


def faults_of(document: dict[str, Any]) -> list[FieldError]:
    """The faults of an object that ``read`` returned; none for any other."""
    return document.faults if isinstance(document, FaultyObject) else []


def require_sound(document: dict[str, Any]) -> None:
    """Raise InvalidFieldsError for an object with faults."""
    faults = faults_of(document)
    if faults:
        raise InvalidFieldsError(faults)


def _object(pairs: list[tuple[str, object]]) -> dict[str, Any]:
    _check_fields(pairs)
    document = dict(pairs)
    if len(document) == len(pairs):
        return document
    values = gathered(pairs)
    repeated = [(name, len(value)) for name, value in values.items() if isinstance(value, Repeated)]
    faults = [FieldError(name, GIVEN_TWICE, f"is given {times} times; give it once") for name, times in repeated]
    return FaultyObject(values, faults)


def _check_fields(pairs: list[tuple[str, object]]) -> None:
    if len(pairs) > JSON_FIELDS:
        raise LimitExceededError(f"an object may have up to {JSON_FIELDS:,} names, one has {len(pairs):,}")


def _checked_object(pairs: list[tuple[str, object]]) -> dict[str, Any]:
    _check_fields(pairs)
    faults: list[FieldError] = []
    cleaned = []
    for name, value in pairs:
        surrogates: list[str] = []
        clean = (_unicode(name, surrogates), _unicode(value, surrogates))
        cleaned.append(clean)
        if surrogates:
            detail = f"must be Unicode text; {surrogates[0]} is half of a surrogate pair"
            faults.append(FieldError(clean[0], NOT_UNICODE, detail))
    document = _object(cleaned)
    return FaultyObject(document, [*faults, *faults_of(document)]) if faults else document


def _unicode(value: Any, escapes: list[str]) -> Any:
    """A value with lone surrogates replaced; escapes: receives the first. Nested objects are already checked."""
    if isinstance(value, str):
        surrogates = _SURROGATE.findall(value)
        if not surrogates:
            return value
        escapes += [f"\\u{ord(item):04x}" for item in surrogates[:1]]
        return _SURROGATE.sub(_REPLACEMENT, value)
    return [_unicode(item, escapes) for item in value] if isinstance(value, list) else value


def _may_be_deep(text: str) -> bool:
    """Whether a text has more opening brackets than levels are allowed; most bodies have one or two."""
    remaining = JSON_DEPTH
    for bracket in "[{":
        position = text.find(bracket)
        while position >= 0:
            remaining -= 1
            if remaining < 0:
                return True
            position = text.find(bracket, position + 1)
    return False


def _check_depth(document: object) -> None:
    level = [document] if isinstance(document, dict | list) else []
    for _ in range(JSON_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    if level:
        raise MalformedInputError(_TOO_DEEP)


class Repeated(tuple[Any, ...]):
    """The values of a repeated name, in order."""

    __slots__ = ()


def gathered(pairs: Iterable[tuple[str, object]]) -> dict[str, Any]:
    """The value of each name, in order of first appearance; Repeated for a name with several."""
    collected: dict[str, list[object]] = {}
    for name, value in pairs:
        collected.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else Repeated(values) for name, values in collected.items()}
