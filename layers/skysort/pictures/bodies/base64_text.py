"""Pictures as text: base64, data URLs, and addresses, which are never fetched."""

from __future__ import annotations

import re
from typing import Final

import pybase64

from skysort.errors import EmptyInputError, MalformedInputError, UnsupportedFormatError
from skysort.pictures.formats.sniff import detect

_DATA_URL: Final = re.compile(r"data:([^,]{0,1000}),", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"(?:(?:https?|ftps?|s3|gs|file):/|blob:)\S", re.IGNORECASE)
_ADDRESS_CHARACTERS: Final = 4_000
# The characters of base64, and of its lines, that a URL may escape.
_ESCAPED: Final = {"%2B": "+", "%2F": "/", "%3D": "=", "%0D": "\r", "%0A": "\n", "%20": " "}
_URL_SAFE: Final = str.maketrans("-_", "+/")
# How base64 text and data URLs begin.
_BEGINS: Final = re.compile(rb"\s*(data:|[A-Za-z0-9+/_-]{16})", re.IGNORECASE)


def from_base64(text: str) -> bytes:
    """The bytes of base64 text or of a data URL, in any case; raises an InputError for anything else."""
    # Line breaks, the URL-safe alphabet and absent padding are read too.
    text = text.strip()
    refuse_address(text)
    if text[:5].lower() == "data:":
        text = _of_data_url(text)
    if not text or text.isspace():
        raise EmptyInputError("the image is an empty string; give a picture's bytes as base64")
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        return _from_loose_base64(text)


def unwrapped(content: bytes) -> bytes:
    """A picture's bytes, for which some clients send base64 or a data URL, else the content; refuses addresses."""
    if is_picture(content):
        return content
    if len(content) <= _ADDRESS_CHARACTERS:
        refuse_address(content.decode("latin-1").strip())
    if _BEGINS.match(content) is None:
        return content
    try:
        decoded = from_base64(content.decode("ascii"))
    except (UnicodeDecodeError, MalformedInputError, EmptyInputError):
        return content
    return decoded if is_picture(decoded) else content


def is_picture(content: bytes) -> bool:
    """Whether some bytes begin as a picture does that can be read."""
    try:
        detect(content)
    except (EmptyInputError, UnsupportedFormatError):
        return False
    return True


def refuse_address(text: str) -> None:
    """Raise UnsupportedFormatError for the address of a picture: fetched, it could be any that the function reaches."""
    if len(text) <= _ADDRESS_CHARACTERS and _ADDRESS.match(text):
        cure = (
            "give the key of a file in the drop bucket as s3_key"
            if text[:5].lower() == "s3://"
            else "send the picture itself: its bytes, or base64 of them"
        )
        raise UnsupportedFormatError(f"the picture is given as a URL, and URLs are not fetched; {cure}")


def _of_data_url(text: str) -> str:
    head = _DATA_URL.match(text)
    if head is None or not head[1].rstrip().lower().endswith(";base64"):
        raise MalformedInputError("the data URL must have the form data:<type>;base64,<bytes>")
    text = text[head.end() :]
    if "%" in text:
        for escaped, character in _ESCAPED.items():
            text = text.replace(escaped, character).replace(escaped.lower(), character)
    return text


def _with_pluses(text: str) -> str:
    """Text with a plus for each space that was one before a form or an address was decoded, not for those of lines."""
    first, spaces = text.find(" "), text.count(" ")
    is_in_lines = spaces > 1 and text[first :: first + 1] == " " * spaces
    return text if is_in_lines or len(text) % 4 else text.replace(" ", "+")


def _from_loose_base64(text: str) -> bytes:
    text = "".join(_with_pluses(text).split()).translate(_URL_SAFE).rstrip("=")
    try:
        return pybase64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise MalformedInputError(
            "the image is not base64: give a picture's bytes as base64, or as data:<type>;base64,<bytes>"
        ) from None
