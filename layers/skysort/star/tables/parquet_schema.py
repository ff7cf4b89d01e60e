"""The schema of a classified Parquet table, and astropy's own list of its columns within."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from skysort.star.tables.result_columns import is_appended

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysort.star.tables.result_columns import ResultColumns

# astropy.io.misc.parquet: names, types, units and masks as YAML, and each text column's longest text.
_ASTROPY: Final = b"table_meta_yaml"
_LONGEST: Final = "table::len::"
_ITEM: Final = "- {name: "


def result_schema(schema: Any, kept: Sequence[int], appended: ResultColumns) -> Any:
    """The kept fields and the appended ones, with the metadata that the table had.

    schema: pyarrow's. kept: positions of the columns that no earlier classification appended.
    """
    new = [
        pa.field(name, pa.float32() if kind.kind == "f" else pa.string())
        for name, kind in zip(appended.names, appended.dtypes, strict=True)
    ]
    metadata = _metadata(schema.metadata or {}, appended)
    return pa.schema([*(schema.field(at) for at in kept), *new], metadata=metadata or None)


def _metadata(old: Mapping[bytes, bytes], appended: ResultColumns) -> dict[bytes, bytes]:
    metadata = {key: value for key, value in old.items() if key != _ASTROPY}
    listed = _listed(old[_ASTROPY].decode("utf-8", "replace"), appended) if _ASTROPY in old else None
    if listed is None:
        # Without the list astropy reads any table; with one that lacks columns, none.
        return metadata
    longest = {
        f"{_LONGEST}{name}".encode(): str(kind.itemsize).encode()
        for name, kind in zip(appended.names, appended.dtypes, strict=True)
        if kind.kind != "f"
    }
    return {**metadata, **longest, _ASTROPY: listed.encode()}


def _listed(text: str, appended: ResultColumns) -> str | None:
    """Put the appended columns into astropy's YAML; None where that does not look as astropy writes it."""
    lines = text.split("\n")
    if "datatype:" not in lines:
        return None
    begin = lines.index("datatype:") + 1
    end = next((at for at in range(begin, len(lines)) if not lines[at].startswith(("- ", " "))), len(lines))
    items: list[list[str]] = []
    for line in lines[begin:end]:
        if line.startswith("- "):
            items.append([line])
        elif items:
            items[-1].append(line)
    if not items or not all(item[0].startswith(_ITEM) for item in items):
        return None
    own = [line for item in items if not is_appended(item[0].removeprefix(_ITEM)) for line in item]
    new = [
        f"{_ITEM}{name}, datatype: {'float32' if kind.kind == 'f' else 'string'}}}"
        for name, kind in zip(appended.names, appended.dtypes, strict=True)
    ]
    return "\n".join([*lines[:begin], *own, *new, *lines[end:]])
