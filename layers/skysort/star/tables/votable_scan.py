"""The look at a VOTable's XML that comes before its reader: what may not reach one that opens what a file names.

The data of a table whose STREAM has an `href` (VOTable 1.5, 5.6) lie elsewhere, and a reader that fetches them, as
astropy's does, opens any URL and any file of the machine, of which on Lambda the credentials of the function's role
are one. A document type may do the same by its external subset, or give a STREAM its href as the default of an
attribute. The reader here opens nothing; whoever reads the result with astropy should not either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn
from xml.parsers import expat

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import MIB, VOTABLE_TAG_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_STREAM: Final = "STREAM"
_HREF: Final = "href"
_SHOWN: Final = 80


def refuse_references(path: Path) -> None:
    """Read a VOTable's markup once and refuse it where its data would have to be fetched.

    Nothing is opened but the file itself. Elements and attributes count whatever their case and namespace, since
    readers drop the namespace.

    Raises
    ------
    UnsupportedFormatError
        For a STREAM with an href, and for a document type declaration.
    MalformedInputError
        For text that is not XML.
    LimitExceededError
        For a tag or comment longer than VOTABLE_TAG_BYTES.
    """
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = _check_element
    try:
        with path.open("rb") as file:
            read = 0
            while piece := file.read(MIB):
                parser.Parse(piece, False)
                read += len(piece)
                # What has begun and not ended is read again with every piece.
                if read - parser.CurrentByteIndex > VOTABLE_TAG_BYTES + MIB:
                    raise LimitExceededError(
                        f"a tag or comment of the VOTable has more than {VOTABLE_TAG_BYTES:,} bytes"
                    )
            parser.Parse(b"", True)
    except (expat.ExpatError, ValueError) as error:
        raise MalformedInputError(f"the VOTable cannot be read, it is not well-formed XML: {error!s:.200}") from None


def _check_element(name: str, attributes: Mapping[str, str]) -> None:
    if _local(name).upper() != _STREAM:
        return
    for attribute, value in attributes.items():
        if _local(attribute).lower() == _HREF:
            raise UnsupportedFormatError(
                f"the VOTable keeps its rows elsewhere (STREAM href={value!r:.{_SHOWN}}), and only what is in the "
                "file itself is read; save the table with its data in it (TOPCAT: VOTable, inline)"
            )


def _refuse_document_type(name: str, *_: object) -> NoReturn:
    raise UnsupportedFormatError(
        f"the VOTable has a document type declaration (<!DOCTYPE {name:.{_SHOWN}} ...>), which is not read; "
        "remove it, VOTables need none since version 1.1"
    )


def _local(name: str) -> str:
    return name.rpartition(":")[2]
