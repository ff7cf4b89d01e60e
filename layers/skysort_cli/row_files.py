"""Files of rows: CSV, ECSV, VOTable and Parquet, written row by row with typed columns."""

from __future__ import annotations

import csv
import importlib
from abc import ABC, abstractmethod
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from skysort.csv_cells import text_cell
from skysort_cli.terminal import plain, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    Values = Sequence[object]

_ROWS_A_GROUP: Final = 16_384


class Kind(Enum):
    """Types of columns. NAME: text of others, such as a file's name, which a spreadsheet might take for a formula."""

    TEXT = auto()
    NAME = auto()
    INTEGER = auto()
    REAL = auto()
    BOOLEAN = auto()


class Column(NamedTuple):
    """A column of a file."""

    name: str
    kind: Kind = Kind.TEXT


class RowFile(ABC):
    """Writes rows with a value for each column, None where there is none."""

    @abstractmethod
    def write(self, values: Values) -> None:
        """Write a row."""

    def close(self) -> None:  # noqa: B027 - most have nothing to add
        """Write what has to come at the end."""


def cell(value: object, kind: Kind) -> str:
    """A value as text: probabilities with six digits, nothing for None."""
    if value is None:
        return ""
    if kind is Kind.REAL:
        return f"{value:.6f}"
    return str(value).lower() if kind is Kind.BOOLEAN else str(value)


class CsvFile(RowFile):
    """CSV, for spreadsheets too."""

    def __init__(self, file: TextIO, columns: Sequence[Column]) -> None:
        self._file = plain(file)
        self._kinds = [column.kind for column in columns]
        write_row(self._file, [column.name for column in columns])

    def write(self, values: Values) -> None:
        """Write a line and flush it: a reader may be waiting."""
        cells = [cell(value, kind) for value, kind in zip(values, self._kinds, strict=True)]
        named = zip(cells, self._kinds, strict=True)
        write_row(self._file, [text_cell(text) if kind is Kind.NAME else text for text, kind in named])
        self._file.flush()


class EcsvFile(RowFile):
    """ECSV 1.0: a CSV with its columns' types in a YAML header, as astropy reads and writes it (APE 6)."""

    _TYPES: Final = {Kind.INTEGER: "int64", Kind.REAL: "float64", Kind.BOOLEAN: "bool"}

    def __init__(self, file: TextIO, columns: Sequence[Column]) -> None:
        self._file = plain(file)
        self._kinds = [column.kind for column in columns]
        listed = [f"# - {{name: {name}, datatype: {self._TYPES.get(kind, 'string')}}}\n" for name, kind in columns]
        self._file.write(f"# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n{''.join(listed)}# schema: astropy-2.0\n")
        write_row(self._file, [column.name for column in columns])

    def write(self, values: Values) -> None:
        """Write a line."""
        cells = [cell(value, kind) for value, kind in zip(values, self._kinds, strict=True)]
        # True and False, as astropy spells them.
        named = zip(cells, self._kinds, strict=True)
        write_row(self._file, [text.title() if kind is Kind.BOOLEAN else printable(text) for text, kind in named])


class VotableFile(RowFile):
    """VOTable 1.4, as TABLEDATA (https://www.ivoa.net/documents/VOTable/)."""

    _TYPES: Final = {
        Kind.INTEGER: 'datatype="long"',
        Kind.REAL: 'datatype="double"',
        Kind.BOOLEAN: 'datatype="boolean"',
    }

    def __init__(self, file: TextIO, columns: Sequence[Column]) -> None:
        self._file = plain(file)
        self._kinds = [column.kind for column in columns]
        text = 'datatype="unicodeChar" arraysize="*"'
        fields = "".join(f"<FIELD name={quoteattr(name)} {self._TYPES.get(kind, text)}/>\n" for name, kind in columns)
        self._file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
            f'<RESOURCE type="results">\n<TABLE>\n{fields}<DATA>\n<TABLEDATA>\n'
        )

    def write(self, values: Values) -> None:
        """Write a row."""
        cells = [escape(printable(cell(value, kind))) for value, kind in zip(values, self._kinds, strict=True)]
        self._file.write(f"<TR>{''.join(f'<TD>{text}</TD>' for text in cells)}</TR>\n")

    def close(self) -> None:
        """Close the elements."""
        self._file.write("</TABLEDATA>\n</DATA>\n</TABLE>\n</RESOURCE>\n</VOTABLE>\n")


class ParquetFile(RowFile):
    """Parquet, a group of rows at a time; raises ImportError without pyarrow."""

    def __init__(self, file: TextIO, columns: Sequence[Column]) -> None:
        self._arrow: Any = importlib.import_module("pyarrow")
        types = {Kind.INTEGER: self._arrow.int64(), Kind.REAL: self._arrow.float64(), Kind.BOOLEAN: self._arrow.bool_()}
        self._texts = [column.kind not in types for column in columns]
        fields = [(column.name, types.get(column.kind, self._arrow.string())) for column in columns]
        self._schema = self._arrow.schema(fields)
        parquet = importlib.import_module("pyarrow.parquet")
        self._writer = parquet.ParquetWriter(file.buffer, self._schema, compression="zstd")
        self._rows: list[list[object]] = []

    def write(self, values: Values) -> None:
        """Keep a row until its group is full."""
        named = zip(values, self._texts, strict=True)
        self._rows.append([printable(value) if text and value is not None else value for value, text in named])
        if len(self._rows) == _ROWS_A_GROUP:
            self._write_group()

    def close(self) -> None:
        """Write the rest and the footer."""
        if self._rows:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        arrays = [
            self._arrow.array(values, field.type)
            for values, field in zip(zip(*self._rows, strict=True), self._schema, strict=True)
        ]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self._rows = []


def write_row(file: TextIO, cells: Sequence[object]) -> None:
    """Write one line of CSV.

    It is quoted if a cell has a carriage return, which would end the line for some readers, or the first one a number
    sign, which would make it a comment.
    """
    quoted = any("\r" in str(text) for text in cells) or str(cells[0]).startswith("#")
    csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL).writerow(cells)
