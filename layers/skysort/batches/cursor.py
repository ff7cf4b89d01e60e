"""Where the next page of a batch begins, as an opaque text that a URL carries."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final

from skysort.errors import FieldError, InvalidFieldsError

_MOST_ROWS: Final = 2**53  # no table has as many; JSON numbers are exact up to here


@dataclass(frozen=True, slots=True)
class Cursor:
    """After which file of which model; row: how many of the next file's rows have been told already."""

    model: str = ""
    after: str = ""
    row: int = 0

    def encode(self) -> str:
        """The text."""
        content = json.dumps([self.model, self.after, self.row], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")

    @classmethod
    def decode(cls, text: str | None) -> Cursor:
        """Read a text that encode made, the beginning for none; raises InvalidFieldsError."""
        if not text:
            return START
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            model, after, row = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            f"{model}{after}".encode()  # JSON can name half a character, which no key has
        except (ValueError, TypeError, RecursionError, binascii.Error):
            raise _wrong() from None
        if (
            not isinstance(model, str)
            or not isinstance(after, str)
            or type(row) is not int
            or not 0 <= row <= _MOST_ROWS
        ):
            raise _wrong()
        return cls(model, after, row)


START = Cursor()


def _wrong() -> InvalidFieldsError:
    return InvalidFieldsError(
        [FieldError("next", "not_a_cursor", "must be the text that an earlier answer gave as next")]
    )
