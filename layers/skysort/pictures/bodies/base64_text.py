"""Pictures as text: base64 and data URLs; other URLs are refused and never fetched."""

from __future__ import annotations

import re
from typing import Final

import pybase64

from skysort.errors import EmptyInputError, MalformedInputError, UnsupportedFormatError
from skysort.pictures.formats.sniff import detect

_DATA_URL: Final = re.compile(r"data:([^,]{0,1000}),", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"(?:(?:https?|ftps?|s3|gs|file):/|blob:)\S", re.IGNORECASE)
_ADDRESS_CHARACTERS: Final = 4_000
# Characters of base64, and of its line breaks, that URL encoding may escape.
_ESCAPED: Final = {"%2B": "+", "%2F": "/", "%3D": "=", "%0D": "\r", "%0A": "\n", "%20": " "}
_URL_SAFE: Final = str.maketrans("-_", "+/")
# How base64 text and data URLs begin.
_BEGINS: Final = re.compile(rb"\s*(data:|[A-Za-z0-9+/_-]{16})", re.IGNORECASE)


def from_base64(text: str) -> bytes:
    """Decode base64 or a data URL, whose scheme may have any case; raises an InputError for anything else."""
    # Line breaks, the URL-safe alphabet and missing padding are accepted.
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
    """A picture's bytes, decoded where a client sent base64 or a data URL; refuses other URLs."""
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
    """Whether bytes begin like a supported picture."""
    try:
        detect(content)
    except (EmptyInputError, UnsupportedFormatError):
        return False
    return True


def refuse_address(text: str) -> None:
    """Raise UnsupportedFormatError for a URL: fetching it would allow server-side request forgery."""
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
    """Restore the plus signs that form decoding turned into spaces; spaces at line breaks stay."""
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
