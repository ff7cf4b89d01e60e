"""VOTables: markup and rows are copied byte for byte, with the appended columns described and filled.

Format: IVOA VOTable 1.5 (https://www.ivoa.net/documents/VOTable/). The XML is parsed as a stream, so that
memory depends on the rows of one block, not on the table's size.

External references are rejected. A STREAM with an `href` (section 5.6) has its data elsewhere; a reader that fetches
them, as astropy's does, opens any URL and any local file, which on Lambda includes the credentials of the function's
role. A document type may do the same by an external subset, or by a default value of the attribute. This reader opens
nothing; whoever reads the result with astropy should not either.
"""

from __future__ import annotations

import mmap
import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from skysort.drop.files import fetched
from skysort.errors import (
    EmptyInputError,
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    UnsupportedFormatError,
)
from skysort.limits import MIB, TABLE_COLUMNS, VOTABLE_BYTES, VOTABLE_DEPTH, VOTABLE_TABLES, VOTABLE_TAG_BYTES
from skysort.star.schema import SDSS
from skysort.star.tables.beside import nothing
from skysort.star.tables.result_columns import is_appended
from skysort.star.tables.rows import Rows, Table
from skysort.star.tables.votable_rows import BinaryRows, TableElement, TextRows, field
from skysort.star.tables.wanted import find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import BinaryIO

    import numpy as np
    from numpy.typing import NDArray

    from skysort.star.schema import Schema
    from skysort.star.tables.beside import Beside
    from skysort.star.tables.header import MeasuredColumns
    from skysort.star.tables.result_columns import ResultColumns, Values
    from skysort.star.tables.votable_rows import Render

_PIECE: Final = MIB
_SHOWN: Final = 80
_TAG: Final = re.compile(rb"""(?:[^>"']|"[^"]*+"|'[^']*+')*+>""")
_NROWS: Final = re.compile(rb"""(\snrows\s*=\s*)(?:"[^"]*"|'[^']*')""")


@contextmanager
def open_votable(
    blocks: Iterable[bytes], check: Callable[[], object], schema: Schema = SDSS, beside: Beside = nothing
) -> Iterator[Document]:
    """Open the first table with the measured columns; raises UnsupportedFormatError for UTF-16 and the like."""
    with (
        fetched(blocks, VOTABLE_BYTES) as path,
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        path.with_name("rows").open("w+b") as rows,
    ):
        head = content[:_PIECE]
        if head.count(0) > len(head) // 4:  # of a markup's letters every other byte; a stray one is damage
            raise UnsupportedFormatError("the VOTable is UTF-16 text; save it as UTF-8")
        yield Document(content, rows, check, schema, beside)


class Document(Table):
    """A VOTable.

    rows: temporary file of the rendered rows, whose number the header has.
    """

    def __init__(
        self,
        content: mmap.mmap,
        rows: BinaryIO,
        check: Callable[[], object],
        schema: Schema,
        beside: Beside = nothing,
    ) -> None:
        self._content = content
        self._beside = beside
        self._schema = schema
        self._rows = rows
        self._check = check
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.buffer_size = MIB
        self._parser.StartDoctypeDeclHandler = _refuse_document_type
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._offset = 0
        self._depth = 0
        self._tables = 0
        self._table: TableElement | None = None
        self._selected: TableElement | None = None
        self._field_start: int | None = None
        self._data: TextRows | BinaryRows | None = None
        self._binary: str | None = None
        self._cell: list[str] | None = None
        self._cell_start = 0
        self._refusal: InvalidFieldsError | None = None
        self._rows_from = 0
        self._rows_to: int | None = None
        self._kept = 0
        self._appended: ResultColumns
        self.columns = self._find()

    def _find(self) -> MeasuredColumns:
        while self._selected is None and self._offset <= len(self._content):
            self._parse()
        if self._selected is None:
            raise self._refusal or EmptyInputError("the VOTable holds no table")
        return self._selected.wanted.columns

    def begin(self, appended: ResultColumns) -> tuple[()]:
        """Nothing: the header depends on the rows."""
        self._appended = appended
        return ()

    def rows(self) -> Iterator[Rows]:
        """The rows of the table; the rest of the document is parsed too."""
        yield from self._ready()
        while self._offset <= len(self._content):
            self._parse()
            yield from self._ready()
        if self._data is None or not self._data.count:
            raise EmptyInputError("the VOTable's table has no rows")

    def end(self) -> Iterator[bytes]:
        """The complete document."""
        table, data = self._selected, self._data
        if table is None or data is None or table.fields_end is None or self._rows_to is None:
            raise EmptyInputError("the VOTable holds no table")
        offset = self._tag_end(table.start)
        yield self._content[: table.start]
        yield _NROWS.sub(rb'\g<1>"%d"' % self._kept, self._content[table.start : offset])
        for start, stop in table.cuts:
            yield self._content[offset:start]
            offset = stop
        yield self._content[offset : table.fields_end]
        yield _fields(table.prefix, self._appended)
        yield self._content[table.fields_end : self._rows_from]
        self._rows.seek(0)
        while piece := self._rows.read(_PIECE):
            yield piece
        yield data.rest()
        for start in range(self._rows_to, len(self._content), _PIECE):
            yield self._content[start : start + _PIECE]

    def _ready(self) -> Iterator[Rows]:
        if self._data is not None:
            for measured, render, carried in self._data.ready(last=self._rows_to is not None):
                yield Rows(measured, self._keeping(render), carried=carried)

    def _keeping(self, render: Render) -> Callable[[NDArray[np.bool_], Values], bytes]:
        def keep(kept: NDArray[np.bool_], values: Values) -> bytes:
            self._kept += int(kept.sum())
            self._rows.write(render(kept, self._appended, values))
            return b""

        return keep

    def _parse(self) -> None:
        """Parse the next piece of the document, an empty one at its end."""
        self._check()
        piece = self._content[self._offset : self._offset + _PIECE]
        self._offset += _PIECE
        try:
            self._parser.Parse(piece, self._offset > len(self._content))
        except (expat.ExpatError, ValueError) as error:
            detail = f"the VOTable cannot be read, it is not well-formed XML: {error!s:.200}"
            raise MalformedInputError(detail) from None
        # An unfinished token is parsed again with every piece.
        if self._offset - self._parser.CurrentByteIndex > VOTABLE_TAG_BYTES + MIB:
            raise LimitExceededError(f"a tag or comment of the VOTable has more than {VOTABLE_TAG_BYTES:,} bytes")

    def _tag_end(self, start: int) -> int:
        match = _TAG.match(self._content, start)
        if match is None:
            raise MalformedInputError("the VOTable cannot be read: a tag does not end")
        return match.end()

    def _begin(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = _local(tag)
        _refuse_references(name, attributes)
        if self._rows_to is not None:
            return
        offset = self._parser.CurrentByteIndex
        self._depth += 1
        if self._depth > VOTABLE_DEPTH:
            raise LimitExceededError(f"the VOTable's elements are nested more than {VOTABLE_DEPTH} deep")
        if isinstance(self._data, TextRows):
            self._begin_in_rows(self._data, name, offset)
        elif name == "TABLE":
            self._tables += 1
            if self._tables > VOTABLE_TABLES:
                raise LimitExceededError(f"the VOTable has more than {VOTABLE_TABLES:,} tables")
            self._table = TableElement(offset, self._depth)
        elif self._table is not None:
            self._begin_in_table(self._table, tag, name, attributes, offset)

    def _begin_in_rows(self, rows: TextRows, name: str, offset: int) -> None:
        if name == "TR":
            rows.begin_row()
        elif name == "TD":
            self._cell_start = offset
            self._cell = [] if rows.begin_cell() else None

    def _begin_in_table(
        self, table: TableElement, tag: str, name: str, attributes: Mapping[str, str], offset: int
    ) -> None:
        if name == "FIELD":
            if len(table.fields) >= TABLE_COLUMNS:
                raise LimitExceededError(f"the VOTable has more than {TABLE_COLUMNS:,} columns; no more are read")
            table.prefix = tag[: -len(name)]
            table.fields.append(field(attributes))
            table.keeps.append(not is_appended(table.fields[-1].name))
            self._field_start = offset
        elif name == "VALUES" and self._field_start is not None and "null" in attributes:
            table.fields[-1] = replace(table.fields[-1], null=attributes["null"].strip())
        elif name in {"LINK", "DATA"} and self._depth == table.depth + 1 and table.fields_end is None:
            table.fields_end = offset
            self._decide(table)
        elif self._selected is table:
            self._begin_data(table, name, attributes, offset)

    def _begin_data(self, table: TableElement, name: str, attributes: Mapping[str, str], offset: int) -> None:
        if name == "TABLEDATA":
            self._rows_from = self._tag_end(offset)
            self._data = TextRows(self._content, table, self._rows_from)
        elif name in {"BINARY", "BINARY2"}:
            self._binary = name
        elif name == "STREAM" and self._binary is not None:
            if attributes.get("encoding", "base64") != "base64":
                raise UnsupportedFormatError(
                    "the VOTable's rows are not encoded as base64, the only supported encoding"
                )
            self._rows_from = self._tag_end(offset)
            self._data = BinaryRows(table, flagged=self._binary == "BINARY2")

    def _decide(self, table: TableElement) -> None:
        """Select the table if it is the first with the measured columns."""
        if self._selected is not None or not table.fields:
            return
        try:
            table.wanted = find([field.described for field in table.fields], self._schema)
            table.carried = self._beside([field.name for field in table.fields])
        except InvalidFieldsError as error:
            self._refusal = self._refusal or error
        else:
            self._selected = table

    def _characters(self, text: str) -> None:
        if self._cell is not None:
            self._cell.append(text)
        elif isinstance(self._data, BinaryRows) and self._rows_to is None:
            self._data.feed(text)

    def _end(self, tag: str) -> None:
        if self._rows_to is not None:
            return
        offset, name = self._parser.CurrentByteIndex, _local(tag)
        self._depth -= 1
        if isinstance(self._data, TextRows):
            self._end_in_rows(self._data, name, offset)
        elif name == "FIELD" and self._field_start is not None and self._table is not None:
            if not self._table.keeps[-1]:
                self._table.cuts.append((self._field_start, self._tag_end(offset)))
            self._field_start = None
        elif name == "STREAM" and self._data is not None:
            self._data.feed("", last=True)
            self._rows_to = offset
        elif name in {"FITS", "PARQUET"} and self._selected is not None and self._selected is self._table:
            raise UnsupportedFormatError(f"the VOTable's rows are in {name} data; drop that file itself")
        elif name == "TABLE":
            if self._table is not None and self._table.fields_end is None:
                # A table without data may still have the measured columns.
                self._decide(self._table)
            self._table = None

    def _end_in_rows(self, rows: TextRows, name: str, offset: int) -> None:
        if name == "TD":
            rows.end_cell(None if self._cell is None else "".join(self._cell), self._cell_start, self._tag_end(offset))
            self._cell = None
        elif name == "TR":
            rows.end_row(offset, self._tag_end(offset))
        elif name == "TABLEDATA":
            self._rows_to = rows.end


def _fields(prefix: str, appended: ResultColumns) -> bytes:
    """The FIELD elements of the appended columns, with UCDs and descriptions for IVOA tools."""
    elements = []
    for about in appended.described:
        kind = 'datatype="float" unit=""' if about.numeric else 'datatype="char" arraysize="*"'
        name = quoteattr(about.name)
        elements.append(
            f"<{prefix}FIELD ID={name} name={name} {kind} ucd={quoteattr(about.ucd)}>"
            f"<{prefix}DESCRIPTION>{about.text}</{prefix}DESCRIPTION></{prefix}FIELD>"
        )
    return "".join(elements).encode()


def _refuse_references(name: str, attributes: Mapping[str, str]) -> None:
    """Reject external references in any case and namespace, since readers drop the namespace."""
    if name.upper() != "STREAM":
        return
    for attribute, value in attributes.items():
        if _local(attribute).lower() == "href":
            raise UnsupportedFormatError(
                f"the VOTable stores its rows elsewhere (STREAM href={value!r:.{_SHOWN}}), and external data are not "
                "read; save the table with its data inline (TOPCAT: VOTable, inline)"
            )


def _refuse_document_type(name: str, *_: object) -> NoReturn:
    raise UnsupportedFormatError(
        f"the VOTable has a document type declaration (<!DOCTYPE {name:.{_SHOWN}} ...>), which is not read; "
        "remove it, VOTables need none since version 1.1"
    )


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]
