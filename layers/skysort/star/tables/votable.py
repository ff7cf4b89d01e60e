"""VOTables, read and written by astropy in memory.

Format: IVOA VOTable 1.5 (https://www.ivoa.net/documents/VOTable/).
"""

from __future__ import annotations

import mmap
import re
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np
from astropy.io.votable import parse, tree
from astropy.io.votable.tree import Field

from skysort.drop.source import fetched
from skysort.errors import EmptyInputError, InputError, InvalidFieldsError, MalformedInputError, UnsupportedFormatError
from skysort.limits import MIB, VOTABLE_BYTES
from skysort.star.tables.appended import is_appended
from skysort.star.tables.header import check_units, locate
from skysort.star.tables.rows import Measured, as_photometry, column_error
from skysort.star.tables.votable_scan import refuse_references

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from skysort.drop.draft import Sink
    from skysort.star.tables.appended import Values
    from skysort.star.tables.header import MeasuredColumns
    from skysort.star.tables.rows import RowClassifier


def _refuse_to_open(_url: str) -> NoReturn:
    raise UnsupportedFormatError("the VOTable keeps its rows elsewhere, and only what is in the file itself is read")


# A second lock behind the scan: the only way by which astropy opens what a table names leads nowhere.
tree.urllib = SimpleNamespace(request=SimpleNamespace(urlopen=_refuse_to_open), error=tree.urllib.error)

_NUMERIC: Final = "iuf"
_ENCODING: Final = re.compile(rb"<(?:[\w.-]+:)?(TABLEDATA|BINARY2?)[\s>]")


def classify_votable(blocks: Iterable[bytes], classifier: RowClassifier, sink: Sink) -> None:
    """Classify the first table of a VOTable that has the measured columns; its other tables stay as they are.

    Raises InputError when the file cannot be classified.
    """
    with fetched(blocks, VOTABLE_BYTES) as path, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refuse_references(path)
        document = _parsed(path)
        table, columns = _find(document)
        if len(table.array) == 0:
            raise EmptyInputError("the VOTable's table has no rows")
        classifier.names = columns.names
        classifier.notes = columns.notes
        kept, values = classifier.classify(_measured(table, columns))
        _append(document, table, kept, values, classifier)
        # astropy does not keep how the cells were encoded either.
        document.set_all_tables_format(_encoding(path))
        result = path.with_name("result")
        document.to_xml(str(result))
        with result.open("rb") as file:
            while piece := file.read(MIB):
                sink.write(piece)


def _parsed(path: Path) -> Any:
    try:
        return parse(path, verify="ignore")
    except (InputError, MemoryError):
        raise
    except Exception as error:
        # astropy raises whatever its own code stumbles over; all of it means a damaged file.
        raise MalformedInputError(f"the VOTable cannot be read: {error}") from error


def _encoding(path: Path) -> str:
    """How the file writes its cells: tabledata, binary or binary2."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = _ENCODING.search(content)
        return found[1].decode().lower() if found else "tabledata"


def _find(document: Any) -> tuple[Any, MeasuredColumns]:
    """The first table with the measured columns; otherwise the first table's own error."""
    refusal: InvalidFieldsError | None = None
    for table in document.iter_tables():
        try:
            columns = locate([field.name or field.ID for field in table.fields])
            for at in columns.present:
                kind = table.array.dtype[at]
                if kind.kind not in _NUMERIC or kind.shape:
                    raise column_error(table.fields[at].name, f"the datatype {table.fields[at].datatype}")
            check_units(columns, [str(field.unit) if field.unit else None for field in table.fields])
        except InvalidFieldsError as error:
            refusal = refusal or error
        else:
            return table, columns
    raise refusal or EmptyInputError("the VOTable holds no table")


def _measured(table: Any, columns: MeasuredColumns) -> Measured:
    names = table.array.dtype.names
    return Measured(
        as_photometry(
            [
                None if at is None else np.ma.filled(table.array[names[at]].astype(np.float64), np.nan)
                for at in columns.positions
            ]
        )
    )


def _append(document: Any, table: Any, kept: NDArray[np.bool_], values: Values, classifier: RowClassifier) -> None:
    """Keep the classified rows and put the appended columns behind the table's own."""
    old = table.array[kept]
    own = [(field, name) for field, name in zip(table.fields, old.dtype.names, strict=True)]
    own = [(field, name) for field, name in own if not is_appended(field.name or field.ID)]
    appended = classifier.appended
    new = [_field(document, name, kind) for name, kind in zip(appended.names, appended.dtypes, strict=True)]
    # astropy keeps two lists and fills the second from the first whenever it is looked at.
    table.fields.clear()
    table.all_fields[:] = [*(field for field, _ in own), *new]
    table.fields.extend(table.all_fields)
    table.create_arrays(len(old))
    # astropy writes the row count that it read, and has no public way to change it.
    table._nrows = len(old)  # noqa: SLF001
    names = table.array.dtype.names
    for target, (_, name) in zip(names, own, strict=False):
        table.array[target] = old[name]
    for target, column in zip(names[len(own) :], appended.columns(values), strict=True):
        table.array[target] = column if column.dtype.kind == "f" else column.astype(str)
    table.array.mask = _mask(table.array, old, own)


def _mask(array: Any, old: Any, own: list[tuple[Any, str]]) -> Any:
    """Masked cells stay masked; appended ones never are."""
    mask = np.zeros(len(array), array.mask.dtype)
    for target, (_, name) in zip(array.dtype.names, own, strict=False):
        mask[target] = old.mask[name]
    return mask


def _field(document: Any, name: str, kind: np.dtype[Any]) -> Any:
    if kind.kind == "f":
        return Field(document, ID=name, name=name, datatype="float")
    return Field(document, ID=name, name=name, datatype="char", arraysize="*")
