"""VOTables: markup and rows pass through as the bytes they are, with the appended columns described and filled.

Format: IVOA VOTable 1.5 (https://www.ivoa.net/documents/VOTable/). The XML is read tag by tag and never held, so that
memory grows with the rows of one block, whatever the table says of its size.
"""

from __future__ import annotations

import mmap
import re
from typing import TYPE_CHECKING, Final
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
from skysort.limits import MIB, TABLE_COLUMNS, VOTABLE_BYTES, VOTABLE_DEPTH, VOTABLE_TABLES
from skysort.star.tables.result_columns import is_appended
from skysort.star.tables.votable_field import Field, field
from skysort.star.tables.votable_rows import BinaryRows, TextRows
from skysort.star.tables.votable_scan import refuse_references
from skysort.star.tables.wanted import Wanted, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from skysort.drop.files import Sink
    from skysort.star.tables.rows import RowClassifier

_PIECE: Final = MIB
_TAG: Final = re.compile(rb"""(?:[^>"']|"[^"]*+"|'[^']*+')*+>""")
_NROWS: Final = re.compile(rb"""(\snrows\s*=\s*)(?:"[^"]*"|'[^']*')""")


def classify_votable(blocks: Iterable[bytes], classifier: RowClassifier, sink: Sink) -> None:
    """Classify the first table of a VOTable that has the measured columns; its other tables stay as they are.

    Raises InputError when the file cannot be classified.
    """
    with fetched(blocks, VOTABLE_BYTES) as path:
        refuse_references(path)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if b"\0" in content[:_PIECE]:
                raise UnsupportedFormatError("the VOTable is UTF-16 text; save it as UTF-8")
            rows_path = path.with_name("rows")
            with rows_path.open("wb") as rows:
                document = _Document(content, classifier, rows)
                document.read(sink)
            document.write(rows_path, sink)


class _Table:
    """A TABLE element whose fields are being read, or whose rows are.

    start: where its tag begins. fields_end: where the appended fields belong. cuts: stretches of the file that fields
    of an earlier classification take.
    """

    def __init__(self, start: int, depth: int) -> None:
        self.start = start
        self.depth = depth
        self.fields: list[Field] = []
        self.cuts: list[tuple[int, int]] = []
        self.fields_end: int | None = None
        self.prefix = ""
        self.wanted: Wanted
        self.kept: list[bool] = []


class _Document:
    """A VOTable on its way through: reads it, and writes the rows of its first table with the measured columns."""

    def __init__(self, content: mmap.mmap, classifier: RowClassifier, rows: Sink) -> None:
        self._content = content
        self._classifier = classifier
        self._sink = rows
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.buffer_size = MIB
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._depth = 0
        self._tables = 0
        self._table: _Table | None = None
        self._found: _Table | None = None
        self._field: tuple[int, Mapping[str, str]] | None = None
        self._text_rows: TextRows | None = None
        self._binary_rows: BinaryRows | None = None
        self._binary: str | None = None
        self._cell: list[str] | None = None
        self._cell_start = 0
        self._refusal: InvalidFieldsError | None = None
        self._rows_from = 0
        self._rows_to: int | None = None
        self._kept = 0

    def read(self, sink: Sink) -> None:
        """Read until the table is done; raises InputError where there is none.

        sink: where the result will go; until then it is asked whether there is time left.
        """
        for at in range(0, len(self._content), _PIECE):
            sink.write(b"")
            self._parser.Parse(self._content[at : at + _PIECE], False)
            if self._rows_to is not None:
                return
        if self._found is not None:
            raise EmptyInputError("the VOTable's table has no rows")
        raise self._refusal or EmptyInputError("the VOTable holds no table")

    def write(self, rows: Path, sink: Sink) -> None:
        """Write the document with the rows that lie in a file of their own."""
        table = self._found
        if table is None or table.fields_end is None or self._rows_to is None:
            raise EmptyInputError("the VOTable holds no table")
        tag_end = self._tag_end(table.start)
        sink.write(self._content[: table.start])
        sink.write(_NROWS.sub(rb'\g<1>"%d"' % self._kept, self._content[table.start : tag_end]))
        at = tag_end
        for start, stop in table.cuts:
            sink.write(self._content[at:start])
            at = stop
        sink.write(self._content[at : table.fields_end])
        sink.write(_fields(table.prefix, self._classifier))
        sink.write(self._content[table.fields_end : self._rows_from])
        with rows.open("rb") as file:
            while piece := file.read(_PIECE):
                sink.write(piece)
        for start in range(self._rows_to, len(self._content), _PIECE):
            sink.write(self._content[start : start + _PIECE])

    def _tag_end(self, start: int) -> int:
        found = _TAG.match(self._content, start)
        if found is None:
            raise MalformedInputError("the VOTable cannot be read: a tag does not end")
        return found.end()

    def _begin(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._rows_to is not None:
            return
        at, name = self._parser.CurrentByteIndex, _local(tag)
        self._depth += 1
        if self._depth > VOTABLE_DEPTH:
            raise LimitExceededError(f"the VOTable's elements are nested more than {VOTABLE_DEPTH} deep")
        if self._text_rows is not None:
            self._begin_in_rows(name, at)
        elif name == "TABLE":
            self._tables += 1
            if self._tables > VOTABLE_TABLES:
                raise LimitExceededError(f"the VOTable has more than {VOTABLE_TABLES:,} tables")
            self._table = _Table(at, self._depth)
        elif self._table is not None:
            self._begin_in_table(self._table, tag, name, attributes, at)

    def _begin_in_rows(self, name: str, at: int) -> None:
        rows = self._text_rows
        if rows is not None and name == "TR":
            rows.begin_row()
        elif rows is not None and name == "TD":
            self._cell_start = at
            self._cell = [] if rows.begin_cell() else None

    def _begin_in_table(self, table: _Table, tag: str, name: str, attributes: Mapping[str, str], at: int) -> None:
        if name == "FIELD":
            table.prefix = tag[: -len(name)]
            self._field = (at, attributes)
            self._add_field(table, attributes)
        elif name == "VALUES" and self._field is not None and "null" in attributes:
            last = table.fields[-1]
            table.fields[-1] = Field(
                last.name, last.datatype, last.arraysize, last.elements, last.unit, attributes["null"].strip()
            )
        elif name in {"LINK", "DATA"} and self._depth == table.depth + 1 and table.fields_end is None:
            table.fields_end = at
            self._decide(table)
        elif self._found is table:
            self._begin_data(table, name, attributes, at)

    def _begin_data(self, table: _Table, name: str, attributes: Mapping[str, str], at: int) -> None:
        if name == "TABLEDATA":
            self._rows_from = self._tag_end(at)
            self._text_rows = TextRows(self._content, table, self._classifier, self._sink, self._rows_from)
        elif name in {"BINARY", "BINARY2"}:
            self._binary = name
        elif name == "STREAM" and self._binary is not None:
            if "href" in attributes or attributes.get("encoding", "base64") != "base64":
                raise UnsupportedFormatError(
                    "the VOTable keeps its rows elsewhere or packed, and only base64 text in the file itself is read"
                )
            self._rows_from = self._tag_end(at)
            self._binary_rows = BinaryRows(table, self._classifier, self._sink, flagged=self._binary == "BINARY2")
        elif name in {"FITS", "PARQUET"}:
            raise UnsupportedFormatError(f"the VOTable's rows are in {name} data; drop that file itself")

    def _add_field(self, table: _Table, attributes: Mapping[str, str]) -> None:
        if len(table.fields) >= TABLE_COLUMNS:
            raise LimitExceededError(f"the VOTable has more than {TABLE_COLUMNS:,} columns; no more are read")
        table.fields.append(field(attributes))
        table.kept.append(not is_appended(table.fields[-1].name))

    def _decide(self, table: _Table) -> None:
        """Whether this is the table to classify: the first with the measured columns."""
        if self._found is not None or not table.fields:
            return
        try:
            table.wanted = find([one.described for one in table.fields])
        except InvalidFieldsError as error:
            self._refusal = self._refusal or error
        else:
            self._found = table
            table.wanted.begin(self._classifier)

    def _characters(self, text: str) -> None:
        if self._cell is not None:
            self._cell.append(text)
        elif self._binary_rows is not None:
            self._binary_rows.feed(text)

    def _end(self, tag: str) -> None:
        if self._rows_to is not None:
            return
        at, name = self._parser.CurrentByteIndex, _local(tag)
        self._depth -= 1
        if self._text_rows is not None:
            self._end_in_rows(self._text_rows, name, at)
        elif name == "FIELD" and self._field is not None and self._table is not None:
            if not self._table.kept[-1]:
                self._table.cuts.append((self._field[0], self._tag_end(at)))
            self._field = None
        elif name == "STREAM" and self._binary_rows is not None:
            self._binary_rows.close()
            self._done(self._binary_rows.rows, self._binary_rows.kept, at)
        elif name == "TABLE":
            self._end_table()

    def _end_table(self) -> None:
        if self._table is not None and self._table.fields_end is None:
            # A table without data: its fields may still be those that are looked for.
            self._decide(self._table)
        self._table = None

    def _end_in_rows(self, rows: TextRows, name: str, at: int) -> None:
        if name == "TD":
            rows.end_cell(None if self._cell is None else "".join(self._cell), self._cell_start, self._tag_end(at))
            self._cell = None
        elif name == "TR":
            rows.end_row(at, self._tag_end(at))
        elif name == "TABLEDATA":
            rows.flush()
            self._done(rows.rows, rows.kept, rows.end)

    def _done(self, rows: int, kept: int, rows_to: int) -> None:
        if rows == 0:
            raise EmptyInputError("the VOTable's table has no rows")
        self._kept, self._rows_to = kept, rows_to


def _fields(prefix: str, classifier: RowClassifier) -> bytes:
    """The FIELD elements of the appended columns, with what IVOA's tools read of them."""
    appended = classifier.appended
    elements = []
    for name, described in zip(appended.names, appended.described, strict=True):
        kind = 'datatype="float" unit=""' if described.numeric else 'datatype="char" arraysize="*"'
        text = f"<{prefix}DESCRIPTION>{described.text}</{prefix}DESCRIPTION>"
        elements.append(
            f"<{prefix}FIELD ID={quoteattr(name)} name={quoteattr(name)} {kind} ucd={quoteattr(described.ucd)}>"
            f"{text}</{prefix}FIELD>"
        )
    return "".join(elements).encode()


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]
