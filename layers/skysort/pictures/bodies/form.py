"""Forms with pictures: multipart/form-data (RFC 7578), as browsers and libraries write it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.json_document import gathered
from skysort.limits import FORM_PART_HEADER_BYTES, FORM_PARTS, IMAGE_ID_CHARACTERS, IMAGES_PER_REQUEST
from skysort.options import NAMES as OPTION_NAMES
from skysort.pictures.bodies.base64_text import unwrapped
from skysort.pictures.bodies.request import FORM, PictureItem, PictureRequest, check_count, invalid_field

if TYPE_CHECKING:
    from collections.abc import Iterator

# Form fields that hold a picture even where the client gave no file name.
_PICTURE_FIELDS: Final = frozenset({"file", "files", "image"})
# Part headers arrive as Latin-1; each field's real encoding is determined separately.
_BYTES: Final = "latin-1"
# RFC 5987: charset'language'percent-encoded, here with or without the quotes that it must not have.
_EXTENDED_NAME: Final = re.compile(
    r""";\s*filename\*\s*=\s*"?([\w.-]*)'[\w-]*'([^;"\s]*)"?""", re.IGNORECASE | re.ASCII
)
_QUOTED: Final = re.compile(r'filename\s*=\s*"(?:\\.|[^"\\])*"', re.IGNORECASE)
_CURE: Final = "let the HTTP library write the form, and send it unchanged"
# A form's first line, and the first header of its first part.
_FIRST_LINES: Final = re.compile(rb"\s{0,16}--([^\r\n]{1,200})\r?\n[^\r\n]{0,200}content-", re.IGNORECASE)


def read_form(body: bytes, content_type: str) -> PictureRequest:
    """Read a multipart form; raises an InputError for a malformed one or an unknown field."""
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    # Some clients write the header by hand without the quotes that a boundary with = or / needs; where the boundary is
    # missing or wrong, the body's first line has it.
    shown = boundary_of(body)
    if shown.startswith(boundary) or b"--" + boundary.encode(_BYTES, "replace") not in body:
        boundary = shown or boundary
    if not boundary:
        raise MalformedInputError(f"the content type {FORM} needs a boundary; let the HTTP library write the header")
    items: list[PictureItem] = []
    options: list[tuple[str, Any]] = []
    try:
        for part, content in _parts(body, boundary):
            name, filename = _text(part.name or ""), _filename(part)
            if filename is None and name in OPTION_NAMES:
                options.append((name, _decoded(content)))
            elif filename is None and name not in _PICTURE_FIELDS:
                known = ", ".join(("file", *OPTION_NAMES))
                raise invalid_field(
                    name or "a field without a name", "unknown_field", f"is unknown; the fields are {known}"
                )
            elif content or filename:  # browsers send an empty part for an empty file input
                shown = (filename or "").replace("\\", "/").rpartition("/")[2][:IMAGE_ID_CHARACTERS]
                items.append(PictureItem.of(shown or str(len(items)), unwrapped, content))
    except ParserLimitReached as error:
        raise _past_limit(error) from None
    except (MultipartError, UnicodeError) as error:
        raise MalformedInputError(f"the body is not {FORM}: {error!s:.200}; {_CURE}") from None
    check_count(len(items))
    return PictureRequest(items, gathered(options), single=len(items) == 1)


def boundary_of(body: bytes) -> str:
    """The boundary in a form's first line; empty if the body is not a form."""
    match = _FIRST_LINES.match(body)
    return "" if match is None else match[1].decode(_BYTES)


def _parts(body: bytes, boundary: str) -> Iterator[tuple[MultipartSegment, bytes]]:
    with PushMultipartParser(
        boundary.encode(_BYTES, "replace"),
        content_length=len(body),
        max_header_size=FORM_PART_HEADER_BYTES,
        max_segment_count=FORM_PARTS,
        header_charset=_BYTES,
    ) as parser:
        part: MultipartSegment | None = None
        content = bytearray()
        for event in parser.parse(body):
            if isinstance(event, MultipartSegment):
                part, content = event, bytearray()
            elif event:
                content += event
            elif part is not None:
                yield part, bytes(content)


def _filename(part: MultipartSegment) -> str | None:
    """A file's name: ``filename*`` (RFC 6266, 4.3; RFC 7578 forbids it, but clients send it) before ``filename``."""
    header = next((value for name, value in part.headerlist if name == "Content-Disposition"), "")
    extended = _EXTENDED_NAME.search(_QUOTED.sub("", header)) if "*" in header else None
    if extended is None:
        return None if part.filename is None else _text(part.filename)
    content = unquote_to_bytes(extended[2])
    return content.decode(_BYTES) if extended[1].lower() == "iso-8859-1" else _decoded(content)


def _text(characters: str) -> str:
    """Decode a header value that was read as Latin-1."""
    return characters if characters.isascii() else _decoded(characters.encode(_BYTES))


def _decoded(content: bytes) -> str:
    """Decode UTF-8, as browsers send it, or Windows-1252, as older clients do."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _past_limit(error: ParserLimitReached) -> LimitExceededError:
    if "segment count" in str(error):
        return LimitExceededError(
            f"a form may have up to {FORM_PARTS} parts, {IMAGES_PER_REQUEST} pictures among them; "
            f"a request takes at most {IMAGES_PER_REQUEST} pictures; drop more into the drop folder, zipped or not"
        )
    return LimitExceededError(
        f"a part's headers are too long or too many: a name may take up to {FORM_PART_HEADER_BYTES:,} bytes"
    )
