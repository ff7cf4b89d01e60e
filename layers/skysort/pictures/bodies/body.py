"""The body of a picture request: a form, a bare picture, JSON, or one of these without a content type.

A declared content type must match. Where there is none, or only a library's default, the content decides; what cannot
be read is refused with cause and cure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from skysort import json_document
from skysort.errors import (
    EmptyInputError,
    FieldError,
    InputError,
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    UnsupportedFormatError,
)
from skysort.gzip_stream import GZIP
from skysort.json_document import gathered
from skysort.limits import FORM_PARTS, IMAGE_ID_CHARACTERS
from skysort.options import NAMES as OPTION_NAMES
from skysort.options import taken_from
from skysort.pictures.bodies.base64_text import from_base64, is_picture, unwrapped
from skysort.pictures.bodies.form import boundary_of, read_form
from skysort.pictures.bodies.request import FORM, JSON, SEND, PictureItem, PictureRequest, check_count, invalid_field
from skysort.pictures.formats.sniff import Format, detect

if TYPE_CHECKING:
    from collections.abc import Mapping

URLENCODED: Final = "application/x-www-form-urlencoded"
# Generic types: any bytes, gzip and zip files, and the defaults of curl, wget and fetch. Gateways pass these on as
# bytes ...
_IN_BYTES: Final = frozenset(
    {"application/octet-stream", "binary/octet-stream", URLENCODED}
    | {"application/gzip", "application/x-gzip", "application/zip"}
)
# ... and these as text.
_SAYS_NOTHING: Final = _IN_BYTES | {"", "image/*", "image", "*/*", "text/plain", "application/x-fits"}
_NAMES_OF: Final = {
    **{form.value: form for form in Format},
    **dict.fromkeys(("image/jpg", "image/pjpeg", "image/jfif"), Format.JPEG),
    **dict.fromkeys(("image/apng", "image/x-png"), Format.PNG),
    **dict.fromkeys(("image/heic", "image/heic-sequence", "image/heif-sequence"), Format.HEIF),
    **dict.fromkeys(("image/avif", "image/avif-sequence"), Format.HEIF),
    **dict.fromkeys(("image/fits", "image/x-fits"), Format.FITS),
    "image/tif": Format.TIFF,
}
# Fields of a picture in JSON, and names under which other services expect a URL.
_MEMBERS: Final = frozenset({"id", "image", "s3_key"})
_ADDRESSES: Final = frozenset({"url", "uri", "href", "src", "image_url", "imageurl", "image_uri", "link"})
# In base64 one character in sixty is escaped, besides slashes. Unescaping 10 MB takes a second and 200 MB.
_ESCAPE_EVERY: Final = 8
_SHORT_FORM: Final = 65_536
_BOM: Final = b"\xef\xbb\xbf"
# The replacement character for bytes that are not UTF-8.
_REPLACEMENT: Final = b"\xef\xbf\xbd"
_FORM_CURE: Final = "let the HTTP library write the Content-Type, which has the form's boundary"
_CURE: Final = "send it with its Content-Type, image/jpeg for example, or as application/octet-stream"


def read_body(body: bytes, content_type: str) -> PictureRequest:
    """Read a request body.

    Parameters
    ----------
    body
        As sent.
    content_type
        Its media type with parameters, or nothing.

    Returns
    -------
    The pictures in order, and the options; a bad picture carries its error.

    Raises
    ------
    UnsupportedFormatError
        For an unsupported content type; other InputErrors for other faults of the body as a whole.
    """
    # Some proxies repeat the type.
    media_type = content_type.partition(";")[0].partition(",")[0].strip().lower()
    if media_type == FORM:
        return _read_declared_form(body, content_type)
    if media_type in {JSON, "text/json"} or media_type.endswith("+json"):
        return _read_declared_json(body)
    if media_type in _SAYS_NOTHING:
        return _read_undeclared(body, media_type)
    if media_type in _NAMES_OF or media_type.startswith("image/"):
        return _read_declared_picture(body, media_type)
    raise UnsupportedFormatError(f"unsupported content type {media_type:.80}; {SEND}")


def _read_declared_form(body: bytes, content_type: str) -> PictureRequest:
    try:
        return read_form(body, content_type)
    except MalformedInputError:
        if is_picture(unwrapped(body)):
            raise MalformedInputError(f"the body is a picture but is declared as {FORM}; {_CURE}") from None
        if _is_json(body):
            raise MalformedInputError(f"the body is JSON but is declared as {FORM}; send it as {JSON}") from None
        raise


def _is_json(body: bytes) -> bool:
    return body[:64].removeprefix(_BOM).lstrip().startswith((b"{", b"["))


def _read_declared_json(body: bytes) -> PictureRequest:
    try:
        return _read_json(body)
    except MalformedInputError:
        _refuse_garbled(body)
        if boundary_of(body):
            raise MalformedInputError(f"the body is a form but is declared as {JSON}; {_FORM_CURE}") from None
        content = unwrapped(body)
        if is_picture(content):
            kind, cure = ("a picture", _CURE) if content is body else ("base64 text", 'send {"image": "<the base64>"}')
            raise MalformedInputError(f"the body is {kind} but is declared as {JSON}; {cure}") from None
        raise


def _read_declared_picture(body: bytes, media_type: str) -> PictureRequest:
    content = unwrapped(body)
    if boundary_of(content):
        raise UnsupportedFormatError(f"the body is a form but is declared as {media_type:.80}; {_FORM_CURE}")
    actual, declared = detect(content), _NAMES_OF.get(media_type)
    if declared not in {None, Format.FITS} and content.startswith(GZIP):
        raise UnsupportedFormatError(
            f"the body is gzipped but is declared as {media_type}; unpack it, or send it with Content-Encoding: gzip"
        )
    if declared is not None and declared is not actual:
        raise UnsupportedFormatError(
            f"the body is declared as {media_type} and is {actual}; send it as {actual} or as application/octet-stream"
        )
    return _bare(content)


def _read_undeclared(body: bytes, media_type: str) -> PictureRequest:
    """Read a body without a useful content type by its content."""
    if not body.strip():
        raise EmptyInputError(f"the body is empty and has no bytes of a picture; {SEND}")
    content = unwrapped(body)
    if _is_json(body):
        return _read_declared_json(body)
    if media_type not in _IN_BYTES:
        _refuse_garbled(body)
    if is_picture(content):
        return _bare(content)
    if boundary_of(body):
        return read_form(body, FORM)
    if media_type == URLENCODED and b"=" in body:
        return _read_urlencoded(body)
    detect(content)  # raises with what the content is
    return _bare(content)


def _read_urlencoded(body: bytes) -> PictureRequest:
    """Read a URL-encoded form: a picture as base64, and options."""
    body = body.replace(b"%2F", b"/").replace(b"%2f", b"/")  # a white picture may consist of slashes
    if _ESCAPE_EVERY * body.count(b"%") > max(len(body), _SHORT_FORM):
        raise MalformedInputError(f"nearly all of the body is percent-encoded, which base64 need not be; {SEND}")
    try:
        fields = gathered(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FORM_PARTS))
    except UnicodeDecodeError:
        raise MalformedInputError(f"the body is not {URLENCODED}; {SEND}") from None
    except ValueError:
        raise LimitExceededError(f"a form may have up to {FORM_PARTS} fields") from None
    options: dict[str, Any] = {name: fields.pop(name) for name in OPTION_NAMES if name in fields}
    image = fields.pop("image", None)
    if fields or not isinstance(image, str):
        name = next(iter(fields), "image")
        known = ", ".join(("image", *OPTION_NAMES))
        raise invalid_field(
            name, "unknown_field", f"is unknown or repeated; a plain form has {known}, each once; {SEND}"
        )
    # Form decoding turns the plus of base64 into a space.
    item = PictureItem.of("0", from_base64, image.replace(" ", "+"))
    return PictureRequest([item], options, single=True)


def _read_json(body: bytes) -> PictureRequest:
    """Read one picture as an object, or ``{"instances": [objects]}``."""
    if not body.strip():
        raise EmptyInputError(f"the body is empty; {SEND}")
    document = json_document.read(body)
    if not isinstance(document, dict):
        raise MalformedInputError(f"the body must be an object; {SEND}")
    options = taken_from(document)
    json_document.require_sound(document)
    if "instances" not in document:
        return PictureRequest([_read_instance(dict(document), "0")], options, single=True)
    instances = document.pop("instances")
    if document:
        known = ", ".join(("instances", *OPTION_NAMES))
        raise InvalidFieldsError(
            [FieldError(name, "unknown_field", f"is unknown; the fields are {known}") for name in document]
        )
    if not isinstance(instances, list):
        raise invalid_field("instances", "not_a_list", "must be a list of pictures")
    check_count(len(instances))
    return PictureRequest([_read_instance(item, str(number)) for number, item in enumerate(instances)], options)


def _read_instance(instance: Any, number: str) -> PictureItem:
    """One picture of a JSON body, or its error."""
    name = number
    try:
        if not isinstance(instance, dict):
            raise invalid_field("instance", "not_an_object", 'must be {"image": base64} or {"s3_key": key}')
        if isinstance(instance.get("id"), str):
            name = _name(instance, number)
        json_document.require_sound(instance)
        name = _name(instance, number)
        if unknown := [_unknown(member) for member in instance if member not in _MEMBERS]:
            raise InvalidFieldsError(unknown)
        image, key = _text(instance, "image"), _text(instance, "s3_key")
        if (image is None) == (key is None):
            raise invalid_field("image", "missing_or_double", "give either image or s3_key")
        if image is not None:
            return PictureItem(name, from_base64(image))
    except InputError as error:
        return PictureItem(name, error=error)
    return PictureItem(name if "id" in instance else str(key)[:IMAGE_ID_CHARACTERS], s3_key=key)


def _unknown(member: str) -> FieldError:
    if member.lower() in _ADDRESSES:
        return FieldError(
            member, "unknown_field", "is unknown, and pictures are not fetched from URLs; send base64 as image"
        )
    return FieldError(member, "unknown_field", "is unknown; the fields are image, s3_key and id")


def _name(instance: Mapping[str, Any], number: str) -> str:
    identifier = instance.get("id")
    if identifier is None or identifier == "":
        return number
    if not isinstance(identifier, str | int) or isinstance(identifier, bool):
        raise invalid_field("id", "not_a_name", "must be a string or an integer")
    return str(identifier)[:IMAGE_ID_CHARACTERS]


def _text(instance: Mapping[str, Any], member: str) -> str | None:
    value = instance.get(member)
    if value is not None and not isinstance(value, str):
        detail = "must be a string: an object's key, or a picture's bytes as base64 or a data URL"
        raise invalid_field(member, "not_text", detail)
    return value


def _bare(content: bytes) -> PictureRequest:
    return PictureRequest([PictureItem("0", content)], single=True)


def _refuse_garbled(body: bytes) -> None:
    """Raise MalformedInputError for binary data that a gateway decoded as text."""
    if _REPLACEMENT not in body:
        return
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return
    raise MalformedInputError(f"the body is binary data that was decoded as text in transit, which damaged it; {_CURE}")
