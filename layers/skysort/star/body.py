"""The body of a star request: JSON, CSV or a form, read into rows and options."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field, replace
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
from skysort.guard import reading
from skysort.json_document import Repeated, gathered
from skysort.limits import GUESSED_NAMES_PER_REQUEST, STAR_ROWS_PER_REQUEST, TABLE_COLUMNS
from skysort.options import NAMES as OPTION_NAMES
from skysort.options import taken_from
from skysort.star.rows import StarRow, read_cells, read_row
from skysort.star.schema import SDSS
from skysort.star.tables.csv.cells import WRONG_CELL_COUNT, decoded, wrong_cell_count
from skysort.star.tables.csv.dialect import read_head, table_rows
from skysort.star.tables.header import columns_of

if TYPE_CHECKING:
    from skysort.star.schema import Schema

JSON: Final = "application/json"
CSV: Final = "text/csv"
FORM: Final = "application/x-www-form-urlencoded"
# Content types that say nothing about the content, and other names of a text table.
_GENERIC_TYPES: Final = frozenset({"", "application/octet-stream", "binary/octet-stream", "text/plain"})
_CSV_ALIASES: Final = frozenset(
    {
        *("application/csv", "text/x-csv", "text/tab-separated-values", "text/comma-separated-values"),
        "application/vnd.ms-excel",
    }
)
_JSON_STARTS: Final = (b"{", b"[")
_PEEK_BYTES: Final = 4096
_DELIMITERS: Final = re.compile("[,;|\t]")
# An IPAC table's first line; read as a CSV, its lines of types and units would be rows.
_IPAC_STARTS: Final = (b"|", b"\\")
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class StarRequest:
    """The rows of a request in order, and the options of its body.

    single: whether the body was one bare row, whose errors are those of the whole request.
    """

    rows: list[StarRow]
    options: dict[str, Any] = field(default_factory=dict)
    single: bool = False


def read_body(body: bytes, content_type: str, schema: Schema = SDSS) -> StarRequest:
    """Read a request body.

    Parameters
    ----------
    body
        As sent.
    content_type
        Its media type, with or without parameters; the body decides where it is generic or missing.
    schema
        The model's columns.

    Returns
    -------
    The rows in order, each with its errors, and the options.

    Raises
    ------
    InputError
        For a body that is malformed, empty, too large, of another type, or a CSV with unusable columns.
    """
    try:
        return _read(body, _media_type(body, content_type, schema), schema)
    except InputError:
        _refuse_other_files(body)
        raise


def _read(body: bytes, media_type: str, schema: Schema) -> StarRequest:
    readers = {JSON: _read_json, CSV: _read_csv, FORM: _read_form}
    if media_type not in readers:
        raise UnsupportedFormatError(f"unsupported content type {media_type}; send star rows as {', '.join(readers)}")
    if not body.strip():
        raise EmptyInputError(f"the body is empty; send a row with {schema.needs}")
    with reading("the body"):
        return readers[media_type](body, schema)


def _refuse_other_files(body: bytes) -> None:
    """Raise UnsupportedFormatError for a body that is a file of another format."""
    from skysort.star.tables.detect import HEAD_BYTES, name_of  # noqa: PLC0415 - rarely met

    description = None if body.startswith(_UTF_16) else name_of(body[:HEAD_BYTES])
    if description is not None:
        raise UnsupportedFormatError(
            f"the body is {description}; send its rows as CSV or JSON, or drop the file into the drop folder"
        )


def _media_type(body: bytes, content_type: str, schema: Schema) -> str:
    """The declared media type or, where that is missing or a client's default, the detected one."""
    declared = content_type.partition(";")[0].strip().lower()
    if declared in {JSON, CSV}:
        return declared
    start = body[:_PEEK_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    # curl declares every body as a form, in which JSON's braces would be escaped.
    if declared in {*_GENERIC_TYPES, FORM}:
        if start.startswith(_JSON_STARTS):
            return JSON
        if any(_is_header(line, schema) for line in start.splitlines()[:-1]):
            return CSV
    return JSON if not declared else CSV if declared in _CSV_ALIASES else declared


def _is_header(line: bytes, schema: Schema) -> bool:
    """Whether a line names all bands."""
    names = _DELIMITERS.split(line.decode("latin-1").lstrip("# "))
    return schema.has_bands([name.strip('" ') for name in names])


def _read_json(body: bytes, schema: Schema) -> StarRequest:
    document = json_document.read(body)
    if not isinstance(document, dict):
        raise MalformedInputError('the body must be a row or {"instances": [rows]}')
    options = taken_from(document)
    if "instances" not in document:
        return StarRequest([_row(document, "0", schema)], options, single=True)
    json_document.require_sound(document)
    instances = document.pop("instances")
    if document:
        known = ", ".join(("instances", *OPTION_NAMES))
        unknown = [
            FieldError(name, "unknown_field", f"is unknown beside instances; choose from {known}") for name in document
        ]
        raise InvalidFieldsError(unknown)
    if not isinstance(instances, list):
        raise InvalidFieldsError([FieldError("instances", "not_a_list", "must be a list of rows")])
    return StarRequest(_read_instances(instances, schema), options)


def _read_instances(instances: list[Any], schema: Schema) -> list[StarRow]:
    if not instances:
        raise EmptyInputError("the list of rows is empty")
    _check_count(len(instances))
    names: set[tuple[str, ...]] = set()
    counted = 0
    rows = []
    for number, instance in enumerate(instances):
        if not isinstance(instance, dict):
            error = FieldError("row", "not_an_object", f"must be an object of named values, got {instance!r:.60}")
            rows.append(StarRow(str(number), (), (error,)))
            continue
        # Rows mostly have the same names; checking all others for misspellings could take long.
        spelled = tuple(instance)
        if spelled not in names and counted <= GUESSED_NAMES_PER_REQUEST:
            names.add(spelled)
            counted += len(spelled)
        rows.append(_row(instance, str(number), schema, guess=spelled in names))
    return rows


def _row(document: dict[str, Any], default_id: str, schema: Schema, *, guess: bool = True) -> StarRow:
    """A row of JSON; faults of the object itself come before those of its values."""
    row = read_row(document, default_id, text=False, guess=guess, schema=schema)
    faults = json_document.faults_of(document)
    return replace(row, errors=(*faults, *row.errors)) if faults else row


def _read_form(body: bytes, schema: Schema) -> StarRequest:
    text = json_document.utf8(body)
    if "=" not in text:
        # As of curl -d without a type, which also takes the line breaks out of a CSV.
        raise MalformedInputError(
            f"the body is declared as a form ({FORM}) and has no name=value pair: send JSON with Content-Type: {JSON}, "
            f"or CSV, its line breaks kept (curl --data-binary), with Content-Type: {CSV}"
        )
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=TABLE_COLUMNS)
    except ValueError:
        raise LimitExceededError(f"a form may have up to {TABLE_COLUMNS:,} fields") from None
    fields: dict[str, Any] = gathered(pairs)
    options: dict[str, Any] = {name: fields.pop(name) for name in OPTION_NAMES if name in fields}
    # Other columns of a catalogue are ignored.
    fields = {
        name: value for name, value in fields.items() if not isinstance(value, Repeated) or schema.canonical(name)
    }
    repeated = [name for name, value in fields.items() if isinstance(value, Repeated)]
    given = {name: value for name, value in fields.items() if name not in repeated}
    row = read_row(given, "0", text=True, schema=schema)
    if repeated:
        errors = [FieldError(name, json_document.GIVEN_TWICE, "is given twice; give it once") for name in repeated]
        known = [error for error in row.errors if error.field not in repeated]
        row = replace(row, errors=(*errors, *known))
    return StarRequest([row], options, single=True)


def _read_csv(body: bytes, schema: Schema) -> StarRequest:
    if body.startswith(_UTF_16):
        raise MalformedInputError("the body is UTF-16 text; send it as UTF-8")
    if body.startswith(_IPAC_STARTS):
        _refuse_other_files(body)
    head, _ = read_head([body], schema)
    columns = columns_of(head)
    rows = []
    lines = io.StringIO(decoded(body[head.stop :]), newline="")
    for number, (_, cells) in enumerate(table_rows(lines, head)):
        _check_count(number + 1)
        if len(cells) == len(head.names):
            rows.append(read_cells(cells, columns, str(number), decimal_comma=head.delimiter != ","))
        else:
            error = FieldError("row", WRONG_CELL_COUNT, wrong_cell_count(len(cells), len(head.names)))
            rows.append(StarRow(str(number), (), (error,)))
    if not rows:
        raise EmptyInputError("the CSV has a header but no rows")
    return StarRequest(rows)


def _check_count(count: int) -> None:
    if count > STAR_ROWS_PER_REQUEST:
        raise LimitExceededError(
            f"a request takes at most {STAR_ROWS_PER_REQUEST} rows; drop larger tables into the drop folder"
        )
