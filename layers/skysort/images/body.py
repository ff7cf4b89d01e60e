"""The body of a picture request: a form with files, a bare picture or JSON, read into items and options."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pybase64
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from skysort.errors import (
    EmptyInputError,
    FieldError,
    InputError,
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    UnsupportedFormatError,
)
from skysort.images.sniff import Format, detect
from skysort.limits import IMAGE_ID_CHARACTERS, IMAGES_PER_REQUEST
from skysort.options import NAMES as OPTION_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skysort.errors import SkysortError

FORM: Final = "multipart/form-data"
JSON: Final = "application/json"
# What a bare picture may be called without naming its format.
_ANY_BYTES: Final = frozenset({"application/octet-stream", "binary/octet-stream", "image/*"})
_NAMES_OF: Final = {
    **{form.value: form for form in Format},
    "image/jpg": Format.JPEG,
    "image/pjpeg": Format.JPEG,
    "image/apng": Format.PNG,
    "image/tif": Format.TIFF,
    "image/fits": Format.FITS,
    "image/x-fits": Format.FITS,
}
# Form fields that hold a picture even where the client gave no file name.
_PICTURE_FIELDS: Final = frozenset({"file", "files", "image"})
_MEMBERS: Final = frozenset({"id", "image", "s3_key"})
_DATA_URL: Final = re.compile(r"data:[^,]{0,200},")
_URL_SAFE: Final = str.maketrans("-_", "+/")
_SEND: Final = (
    f"send {FORM} with file parts, a bare picture as image/jpeg, image/png, image/webp, image/tiff, image/gif "
    f'or application/fits, or {JSON} with {{"instances": [{{"image": base64}}]}}'
)


@dataclass(frozen=True, slots=True)
class PictureItem:
    """One picture of a request: its bytes, or the key of an object that has them, or what is wrong with it."""

    id: str
    content: bytes = b""
    s3_key: str | None = None
    error: SkysortError | None = None


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """The pictures of a request in its order, and the options that its body gave.

    single: the body was one picture alone, so that its error is the whole request's.
    """

    items: list[PictureItem]
    options: dict[str, Any] = field(default_factory=dict)
    single: bool = False


def read_body(body: bytes, content_type: str) -> PictureRequest:
    """Read a request body.

    body: as sent. content_type: its media type with parameters; empty is taken for JSON.
    Raises UnsupportedFormatError, MalformedInputError, EmptyInputError, LimitExceededError and InvalidFieldsError.
    """
    media_type = content_type.partition(";")[0].strip().lower() or JSON
    if media_type == FORM:
        return _read_form(body, content_type)
    if media_type == JSON:
        return _read_json(body)
    if media_type in _ANY_BYTES or media_type in _NAMES_OF or media_type.startswith("image/"):
        return _read_bare(body, media_type)
    raise UnsupportedFormatError(f"pictures do not come as {media_type:.80}; {_SEND}")


def _read_bare(body: bytes, media_type: str) -> PictureRequest:
    found, declared = detect(body), _NAMES_OF.get(media_type)
    if declared is not None and declared is not found:
        raise UnsupportedFormatError(
            f"the body is declared as {media_type} and is {found}; send it as {found} or as application/octet-stream"
        )
    return PictureRequest([PictureItem("0", body)], single=True)


def _read_form(body: bytes, content_type: str) -> PictureRequest:
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    if not boundary:
        raise MalformedInputError(f"the content type {FORM} needs a boundary; let the HTTP library write the header")
    items: list[PictureItem] = []
    options: dict[str, Any] = {}
    try:
        for part, content in _parts(body, boundary):
            if part.filename is None and part.name in OPTION_NAMES:
                options[part.name] = content.decode("utf-8", "replace")
            elif part.filename is None and part.name not in _PICTURE_FIELDS:
                known = ", ".join(("file", *OPTION_NAMES))
                raise _wrong(f"{part.name!s:.60}", "unknown_field", f"is not known; known are {known}")
            elif content or part.filename:  # a browser sends an empty part for a file input left empty
                name = (part.filename or "").replace("\\", "/").rpartition("/")[2]
                items.append(PictureItem(name[:IMAGE_ID_CHARACTERS] or str(len(items)), content))
    except ParserLimitReached:
        raise _too_many() from None
    except (MultipartError, UnicodeError) as error:
        raise MalformedInputError(f"the body is not {FORM}: {error!s:.200}") from None
    _check_count(len(items))
    return PictureRequest(items, options, single=len(items) == 1)


def _parts(body: bytes, boundary: str) -> Iterator[tuple[MultipartSegment, bytes]]:
    most = IMAGES_PER_REQUEST + len(OPTION_NAMES)
    with PushMultipartParser(boundary, content_length=len(body), max_segment_count=most) as parser:
        part: MultipartSegment | None = None
        content = bytearray()
        for event in parser.parse(body):
            if isinstance(event, MultipartSegment):
                part, content = event, bytearray()
            elif event:
                content += event
            elif part is not None:
                yield part, bytes(content)


def _read_json(body: bytes) -> PictureRequest:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "not UTF-8 text, or nested too deep"
        hint = "" if body else f"the body is empty; {_SEND}"
        raise MalformedInputError(hint or f"the body is not JSON: {reason:.200}") from None
    if not isinstance(document, dict):
        raise MalformedInputError(f"the body must be an object; {_SEND}")
    options = {name: document.pop(name) for name in OPTION_NAMES if name in document}
    if "instances" not in document:
        return PictureRequest([_read_instance(document, "0")], options, single=True)
    instances = document.pop("instances")
    if document:
        known = ", ".join(("instances", *OPTION_NAMES))
        raise InvalidFieldsError(
            [FieldError(f"{name:.60}", "unknown_field", f"is not known; known are {known}") for name in document][:10]
        )
    if not isinstance(instances, list):
        raise _wrong("instances", "not_a_list", "must be a list of pictures")
    return PictureRequest(_read_instances(instances), options)


def _read_instances(instances: list[Any]) -> list[PictureItem]:
    _check_count(len(instances))
    return [_read_instance(instance, str(number)) for number, instance in enumerate(instances)]


def _read_instance(instance: Any, number: str) -> PictureItem:
    """One picture of a JSON body; whatever is wrong with it stays with it."""
    name = number
    try:
        if not isinstance(instance, dict):
            raise _wrong("instance", "not_an_object", 'must be {"image": base64} or {"s3_key": key}')
        name = _name(instance, number)
        unknown = [member for member in instance if member not in _MEMBERS]
        if unknown:
            raise _wrong(f"{unknown[0]:.60}", "unknown_field", "is not known; known are image, s3_key and id")
        image, key = _text(instance, "image"), _text(instance, "s3_key")
        if (image is None) == (key is None):
            raise _wrong("image", "missing_or_double", "give either image or s3_key")
        if image is not None:
            return PictureItem(name, from_base64(image))
    except InputError as error:
        return PictureItem(name, error=error)
    return PictureItem(name if "id" in instance else str(key), s3_key=key)


def _name(instance: Mapping[str, Any], number: str) -> str:
    given = instance.get("id", number)
    if not isinstance(given, str | int) or isinstance(given, bool):
        raise _wrong("id", "not_a_name", "must be text or a whole number")
    return str(given)[:IMAGE_ID_CHARACTERS]


def _text(instance: Mapping[str, Any], member: str) -> str | None:
    value = instance.get(member)
    if value is not None and not isinstance(value, str):
        raise _wrong(member, "not_text", "must be text: an object's key, or a picture's bytes as base64 or a data URL")
    return value


def _wrong(member: str, reason: str, detail: str) -> InvalidFieldsError:
    return InvalidFieldsError([FieldError(member, reason, detail)])


def from_base64(text: str) -> bytes:
    """The bytes of base64 text or of a data URL; line breaks, the URL-safe alphabet and absent padding are read too.

    Raises MalformedInputError and EmptyInputError.
    """
    if text.startswith("data:"):
        head = _DATA_URL.match(text)
        if head is None or not head[0].endswith(";base64,"):
            raise MalformedInputError("the data URL must read data:<type>;base64,<bytes>")
        text = text[head.end() :]
    if not text or text.isspace():
        raise EmptyInputError("the image is empty text; give a picture's bytes as base64")
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        return _from_loose_base64(text)


def _from_loose_base64(text: str) -> bytes:
    text = "".join(text.split()).translate(_URL_SAFE).rstrip("=")
    try:
        return pybase64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise MalformedInputError(f"the image is not base64: {error}") from None


def _check_count(count: int) -> None:
    if not count:
        raise EmptyInputError(f"the request has no picture; {_SEND}")
    if count > IMAGES_PER_REQUEST:
        raise _too_many()


def _too_many() -> LimitExceededError:
    return LimitExceededError(
        f"a request takes at most {IMAGES_PER_REQUEST} pictures; drop more into the drop folder, zipped or not"
    )
