"""Tables of astropy and pandas: their columns as a CSV, and the answers as further columns.

Neither package is imported before a table of it is given.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from skysort.label_names import parts_of_names
from skysort.star.tables.csv.cells import are_units
from skysort_cli.exits import ServiceError, UsageError
from skysort_cli.output import error_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from skysort_cli.output import Record

AnyTable = TypeVar("AnyTable")
PREFIX: Final = "skysort_"
# Types of NumPy whose values a CSV can hold: numbers, booleans, texts and Python's objects.
_SCALARS: Final = frozenset("iufbUSO")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its values, None where one is missing, and its unit."""

    name: str
    values: list[Any]
    unit: str = ""


def is_pandas(table: object) -> bool:
    """Whether it is a DataFrame."""
    return all(hasattr(table, name) for name in ("iloc", "columns", "assign"))


def is_astropy(table: object) -> bool:
    """Whether it is a Table or QTable."""
    return all(hasattr(table, name) for name in ("colnames", "itercols", "meta"))


def columns_of(table: Any) -> list[Column]:
    """The columns with one value a row, without those of an earlier classification; raises UsageError."""
    if is_pandas(table):
        columns = [_of_pandas(str(name), table.iloc[:, at]) for at, name in enumerate(table.columns)]
    elif is_astropy(table):
        flat = (name for name in table.colnames if len(table[name].shape) == 1)
        columns = [column for name in flat if (column := _of_astropy(name, table[name])) is not None]
    else:
        raise UsageError(
            f"a {type(table).__name__} is no table: give one of astropy or a data frame of pandas; "
            "Client.drop takes files"
        )
    return [column for column in columns if not column.name.startswith(PREFIX)]


def _of_pandas(name: str, series: Any) -> Column:
    pairs = zip(series.tolist(), series.isna().tolist(), strict=True)
    return Column(name, [None if missing else value for value, missing in pairs])


def _of_astropy(name: str, column: Any) -> Column | None:
    unit = str(column.unit) if getattr(column, "unit", None) is not None else ""
    plain = column.unmasked if hasattr(column, "unmasked") else column
    plain = plain.value if hasattr(plain, "value") else plain
    kind = getattr(getattr(plain, "dtype", None), "kind", "")
    if kind not in _SCALARS:
        return None  # times, coordinates
    values = plain.tolist()
    mask = getattr(column, "mask", None)
    if mask is not None and hasattr(mask, "tolist") and mask.shape:
        values = [None if missing else value for value, missing in zip(values, mask.tolist(), strict=True)]
    return Column(name, values, unit)


def csv_of(columns: Sequence[Column], *, with_units: bool = True) -> bytes:
    """The columns as a CSV. with_units: whether units may stand below the names, where they are read as such."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    names, units = [column.name for column in columns], [column.unit for column in columns]
    writer.writerow(names)
    if with_units and are_units(units, names):
        writer.writerow(units)
    writer.writerows(zip(*(map(_cell, column.values) for column in columns), strict=True))
    return file.getvalue().encode("utf-8", "surrogateescape")


def is_missing(value: Any) -> bool:
    """Whether it is None or NaN."""
    return value is None or bool(value != value)  # noqa: PLR0124


def _cell(value: Any) -> object:
    if is_missing(value):
        return ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return text.replace("\r", " ").replace("\n", " ") if isinstance(text, str) else text


def result_columns(records: Iterable[Record], rows: int) -> dict[str, list[Any]]:
    """The answers as columns, by name; None in rows without one.

    Parameters
    ----------
    records
        As ``StarTables`` gives them: one for each row, or for a range of rows that could not be sent.
    rows
        Number of rows of the table.

    Returns
    -------
    Class, probability of each class, typicality, set, variant, model and error, named as in classified files.

    Raises
    ------
    ServiceError
        There are more or fewer answers.
    """
    answers: list[Record] = []
    for record in records:
        first = int(record["row"])
        answers += [record] * (int(record.get("last_row") or first) + 1 - first)
    if len(answers) != rows:
        raise ServiceError(f"the service answered {len(answers):,} rows of a table of {rows:,}; is it skysort?")
    classified = [record for record in answers if "predictions" in record]
    found = {p["class_id"]: p["label"] for record in classified for p in record["predictions"]}
    labels = [found[number] for number in sorted(found)]
    chances = [{p["label"]: p["probability"] for p in record.get("predictions", ())} for record in answers]
    columns: dict[str, list[Any]] = {
        "class": [record["predictions"][0]["label"] if "predictions" in record else None for record in answers],
        **{
            f"p_{part}": [chance.get(label) for chance in chances]
            for label, part in zip(labels, parts_of_names(labels), strict=True)
        },
    }
    for name in ("typicality", "in_domain"):
        if any(name in record for record in classified):
            columns[name] = [record.get(name) for record in answers]
    columns["set"] = ["|".join(record["prediction_set"]) if "prediction_set" in record else None for record in answers]
    columns["variant"] = [record.get("variant") for record in answers]
    columns["model"] = [
        f"{record['model']['name']} {record['model']['version']}" if record.get("model") else None for record in answers
    ]
    if any("error" in record for record in answers):
        columns["error"] = [error_message(record) if "error" in record else None for record in answers]
    return {PREFIX + name: values for name, values in columns.items()}


def with_columns(table: AnyTable, columns: dict[str, list[Any]]) -> AnyTable:
    """A copy of a table with columns appended; those of an earlier classification are replaced."""
    given: Any = table
    if is_pandas(given):
        import pandas as pd  # noqa: PLC0415 - there, since a table of it is

        kept = given.loc[:, [name for name in given.columns if not str(name).startswith(PREFIX)]]
        added = {
            name: pd.Series(values, index=kept.index, dtype=_pandas_type(values)) for name, values in columns.items()
        }
        appended: AnyTable = pd.concat([kept, pd.DataFrame(added, index=kept.index)], axis="columns")
        return appended
    from astropy.table import MaskedColumn  # noqa: PLC0415 - there, since a table of it is

    copy = given.copy()
    copy.remove_columns([name for name in copy.colnames if name.startswith(PREFIX)])
    for name, values in columns.items():
        missing = [value is None for value in values]
        filler = _filler(values)
        column = MaskedColumn([filler if value is None else value for value in values], name=name, mask=missing)
        copy.add_column(column)
    result: AnyTable = copy
    return result


def _pandas_type(values: Sequence[Any]) -> str:
    filler = _filler(values)
    return "float64" if isinstance(filler, float) else "boolean" if isinstance(filler, bool) else "object"


def _filler(values: Sequence[Any]) -> float | bool | str:
    """What stands below a mask: of the type of the others."""
    first = next((value for value in values if value is not None), "")
    if isinstance(first, bool):
        return False
    return float("nan") if isinstance(first, float | int) else ""
