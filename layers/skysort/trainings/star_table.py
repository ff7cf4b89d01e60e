"""Reading a table of stars with classes: the rows that a model is trained on, and those that are left out, by name.

Every format that the drop folder takes is read in blocks. Of a table with more than TRAINING_ROWS rows a draw is kept
that depends on the rows' contents and a seed alone, not on their order; small classes are kept in full.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from skysort.errors import EmptyInputError, FieldError, InvalidFieldsError, LimitExceededError
from skysort.limits import (
    COLUMN_NAME_CHARACTERS,
    LABEL_CHARACTERS,
    TRAINING_CLASSES,
    TRAINING_CLASSES_MIN,
    TRAINING_REFUSALS_LISTED,
    TRAINING_ROWS,
    TRAINING_ROWS_PER_CLASS_MIN,
)
from skysort.registry.names import label_fault
from skysort.star.columns import Photometry, Reason, without_sentinels
from skysort.star.schema import CLASS, Schema
from skysort.star.spellings import BANDS, IDENTIFIER, POSITION, REDSHIFT
from skysort.star.tables.classifier import recognised
from skysort.star.tables.readers import TableReader
from skysort.trainings.star_rows import fractions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.star.tables.rows import Rows

CLASS_COLUMNS: Final = (
    *("class", "label", "type", "subclass", "target", "spectype", "spec_class", "specclass", "objtype", "obj_type"),
    *("object_type", "classification", "category", "true_class", "y"),
)
SEED: Final = 17
# Distinct texts in the column of classes, beyond which it is none.
_MAX_TEXTS: Final = 10_000
# Rows kept of a class whatever the draw; and rows held beyond the limit between two draws.
_OF_A_CLASS: Final = 1_000
_HELD: Final = 2
_DELIMITERS: Final = frozenset('|,;"')
_QUANTITY: Final = re.compile(rf"[a-z][a-z0-9_]{{0,{COLUMN_NAME_CHARACTERS - 1}}}")
_RESERVED: Final = frozenset({CLASS, IDENTIFIER, REDSHIFT, *POSITION})
_ROW: Final = "row"


@dataclass(frozen=True, slots=True)
class StarOptions:
    """What a training of a star model may be told.

    class_column: the column of classes, else the first of CLASS_COLUMNS. bands: magnitudes in order of wavelength.
    columns: names in the table of bands, of the redshift, and of extra columns. search: whether to search
    hyperparameters. seed: of every draw.
    """

    class_column: str = ""
    bands: tuple[str, ...] = BANDS
    columns: Mapping[str, str] = field(default_factory=dict)
    search: bool = False
    seed: int = SEED

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """The options of a training's request, which has been validated."""
        return cls(
            class_column=str(document.get("class_column") or ""),
            bands=tuple(str(band).strip().lower() for band in document.get("bands") or BANDS),
            columns={
                name.strip().lower(): str(column).strip().lower()
                for name, column in (document.get("columns") or {}).items()
            },
            search=bool(document.get("search", False)),
            seed=SEED if document.get("seed") is None else int(document["seed"]),
        )

    def schema(self) -> Schema:
        """What is looked for in the table: extra columns may be missing until all rows are read."""
        extras = [name for name in self.columns if name not in (*self.bands, REDSHIFT)]
        faults = [FieldError("bands", "bad_name", fault) for fault in _name_faults(self.bands)]
        faults += [FieldError("columns", "bad_name", fault) for fault in _name_faults(extras)]
        if faults:
            raise InvalidFieldsError(faults)
        wanted = (self.class_column.strip().lower(),) if self.class_column else CLASS_COLUMNS
        return Schema(self.bands, extras=extras, optional=extras, columns=self.columns, class_columns=wanted)


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """The rows to train on.

    schema: the model's columns. labels: the classes by name. photometry: n rows. classes: (n,) index into labels.
    report: counts, refusals and remarks, for the status and the card.
    """

    schema: Schema
    labels: tuple[str, ...]
    photometry: Photometry
    classes: NDArray[np.int64]
    report: Mapping[str, Any]

    def save(self) -> bytes:
        """As a file."""
        buffer = io.BytesIO()
        about = {"columns": self.schema.document(), "labels": self.labels, "report": dict(self.report)}
        np.savez(
            buffer,
            values=self.photometry.magnitudes,
            redshift=self.photometry.redshift,
            classes=self.classes,
            about=np.frombuffer(json.dumps(about).encode(), np.uint8),
        )
        return buffer.getvalue()

    @classmethod
    def load(cls, content: bytes) -> Self:
        """Read a file of `save`."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            photometry = Photometry(arrays["values"], arrays["redshift"])
            schema = Schema.from_card({"input": {"columns": about["columns"]}})
            return cls(schema, tuple(about["labels"]), photometry, arrays["classes"], about["report"])


def read_rows(
    blocks: Iterable[bytes], options: StarOptions, check: Callable[[], object] = bool, limit: int = TRAINING_ROWS
) -> LabelledRows:
    """Read a table.

    Parameters
    ----------
    blocks
        The file's bytes, in pieces of any size.
    options
        What the table's columns are.
    check
        Called regularly; raises when the time is over.
    limit
        Rows to keep.

    Returns
    -------
    LabelledRows
        The valid rows of all classes that are large enough.

    Raises
    ------
    InputError
        For a table that cannot be read, without classes, or with fewer than two that are large enough.
    """
    sought = options.schema()
    kind, _, stream = recognised(blocks)
    draw = _Draw(sought, limit, options.seed)
    with TableReader(kind, stream, check, sought) as table:
        remarks = [note.detail for note in table.columns.notes]
        column = table.columns.names[-1]
        for rows in table.rows():
            check()
            draw.add(rows)
    return draw.result(column, remarks)


class _Draw:
    """The rows kept so far, and what was left out."""

    def __init__(self, schema: Schema, limit: int, seed: int) -> None:
        self._schema = schema
        self._limit = limit
        self._seed = seed
        self._codes: dict[str, int] = {}
        self._kept: list[tuple[Photometry, NDArray[np.int64]]] = []
        self._size = 0
        self._rows = 0
        self._usable = 0
        self._refused = 0
        self._listed: list[dict[str, str]] = []
        self._sentinels = 0
        self._drawn = False

    def add(self, rows: Rows) -> None:
        """Add a block of a table."""
        measured = rows.measured
        reasons = measured.reasons()
        # A label that is too long is cut to one that still is: an array is as wide as its longest text.
        labels = np.array([label[: LABEL_CHARACTERS + 1] for label in measured.labels], dtype=np.str_)
        codes, faults = self._coded(labels)
        kept = (reasons.max(axis=1) == Reason.OK) & (codes >= 0)
        bad = np.flatnonzero(~kept)
        self._refused += len(rows.refused) + len(bad)
        for place, (_, _, _, detail) in rows.refused[: self._room]:
            self._list(self._rows + 1 + place, detail)
        for row in bad[: self._room].tolist():
            number = self._rows + 1 + (row if rows.places is None else int(rows.places[row]))
            self._list(number, *self._why(rows, row, reasons[row], str(labels[row]), faults))
        self._rows += len(kept) + len(rows.refused)
        photometry, sentinels = without_sentinels(measured.photometry.take(kept), self._schema)
        self._sentinels += sum(sentinels.values())
        self._usable += len(photometry)
        self._kept.append((photometry, codes[kept]))
        self._size += len(photometry)
        if self._size > _HELD * self._limit:
            self._reduce()

    def result(self, class_column: str, remarks: list[str]) -> LabelledRows:
        """The rows to train on; raises InputError where there are not enough."""
        if not self._usable:
            first = f"; {self._listed[0]['file']}: {self._listed[0]['reason']}" if self._listed else ""
            raise EmptyInputError(f"the table has no row to train on, of {self._rows:,}{first}")
        if self._size > self._limit:
            self._reduce()
        photometry, codes = self._joined()
        names = np.array(list(self._codes), dtype=np.str_)
        counts = np.bincount(codes, minlength=len(names))
        large = np.flatnonzero(counts >= TRAINING_ROWS_PER_CLASS_MIN)
        self._check_classes(names, counts, large, class_column)
        for code in np.flatnonzero((counts > 0) & (counts < TRAINING_ROWS_PER_CLASS_MIN)).tolist():
            self._refused += int(counts[code])
            reason = f"has {counts[code]} rows; a class needs at least {TRAINING_ROWS_PER_CLASS_MIN}"
            self._listed.insert(0, {"file": f"class {names[code]}", "reason": reason})
        used = np.isin(codes, large)
        photometry, codes = photometry.take(used), codes[used]
        order = large[np.argsort(names[large])]
        place = np.zeros(len(names), np.int64)
        place[order] = np.arange(len(order))
        classes = place[codes]
        schema, notes = self._settled(photometry, classes)
        report: dict[str, Any] = {
            "rows": self._rows,
            "used": len(photometry),
            "class_column": class_column,
            "classes": {str(names[code]): int((classes == place[code]).sum()) for code in order.tolist()},
            "refused": {"count": self._refused, "files": self._listed[:TRAINING_REFUSALS_LISTED]},
            "remarks": [*remarks, *notes],
        }
        if self._drawn:
            report["drawn"] = f"{len(photometry):,} of {self._usable:,} usable rows, by a seeded draw ({self._seed})"
        return LabelledRows(schema, tuple(names[order].tolist()), photometry, classes, report)

    def _coded(self, labels: NDArray[np.str_]) -> tuple[NDArray[np.int64], dict[str, str]]:
        """(n,) the code of each label, -1 for an unusable one; and why those are unusable."""
        texts, inverse = np.unique(labels, return_inverse=True)
        faults = {text: fault for text in texts.tolist() if (fault := _label_fault(text))}
        for text in texts.tolist():
            if text not in faults:
                self._codes.setdefault(text, len(self._codes))
        if len(self._codes) > _MAX_TEXTS:
            raise InvalidFieldsError(
                [
                    FieldError(
                        "class_column", "not_classes", f"has more than {_MAX_TEXTS:,} different values; name another"
                    )
                ]
            )
        codes = np.array([-1 if text in faults else self._codes[text] for text in texts.tolist()], np.int64)
        return codes[inverse] if len(texts) else np.zeros(0, np.int64), faults

    @property
    def _room(self) -> int:
        """How many more rows are listed."""
        return TRAINING_REFUSALS_LISTED - len(self._listed)

    def _list(self, number: int, *reasons: str) -> None:
        self._listed.append({"file": f"{_ROW} {number}", "reason": "; ".join(reasons)})

    def _why(
        self, rows: Rows, row: int, reasons: NDArray[np.uint8], label: str, faults: Mapping[str, str]
    ) -> Iterator[str]:
        if label in faults:
            yield f"the class {faults[label]}" if label else "has no class"
        if reasons.any():
            for problem in rows.measured.problems(row, reasons, self._schema.measured):
                yield f"{problem.field} {problem.detail}"

    def _joined(self) -> tuple[Photometry, NDArray[np.int64]]:
        photometry = Photometry(
            np.concatenate([part.magnitudes for part, _ in self._kept]),
            np.concatenate([part.redshift for part, _ in self._kept]),
        )
        return photometry, np.concatenate([codes for _, codes in self._kept])

    def _reduce(self) -> None:
        """Draw the rows to keep: those of the lowest fractions, and the lowest of each class."""
        self._drawn = True
        photometry, codes = self._joined()
        # Another seed than that of the held-out rows, whose share is to stay the same.
        drawn = fractions(photometry, seed=self._seed + 1)
        kept = np.zeros(len(codes), np.bool_)
        kept[np.argsort(drawn, kind="stable")[: self._limit]] = True
        for code in np.unique(codes).tolist():
            members = np.flatnonzero(codes == code)
            kept[members[np.argsort(drawn[members], kind="stable")[:_OF_A_CLASS]]] = True
        surplus = np.flatnonzero(kept)
        if len(surplus) > self._limit + _OF_A_CLASS * TRAINING_CLASSES:
            kept[surplus[self._limit :]] = False
        self._kept = [(photometry.take(kept), codes[kept])]
        self._size = int(kept.sum())

    def _check_classes(
        self, names: NDArray[np.str_], counts: NDArray[np.int64], large: NDArray[np.intp], column: str
    ) -> None:
        if len(large) > TRAINING_CLASSES:
            raise LimitExceededError(
                f"the column {column} has {len(large):,} classes; a model has at most {TRAINING_CLASSES}"
            )
        if len(large) < TRAINING_CLASSES_MIN:
            present = np.argsort(-counts, kind="stable")[:5]
            listed = ", ".join(f"{names[code]} {counts[code]:,}" for code in present.tolist() if counts[code])
            raise EmptyInputError(
                f"a model needs {TRAINING_CLASSES_MIN} classes of at least {TRAINING_ROWS_PER_CLASS_MIN} rows; "
                f"the column {column} has {listed}"
            )

    def _settled(self, photometry: Photometry, classes: NDArray[np.int64]) -> tuple[Schema, list[str]]:
        """The model's columns: which may be missing, and whether there are redshifts enough."""
        sought, notes = self._schema, []
        optional = [
            name
            for index, name in enumerate(sought.values)
            if name in sought.extras and np.isnan(photometry.magnitudes[:, index]).any()
        ]
        measured = ~np.isnan(photometry.redshift)
        fewest = int(np.bincount(classes[measured], minlength=int(classes.max()) + 1).min())
        has_redshift = fewest >= TRAINING_ROWS_PER_CLASS_MIN
        if measured.any() and not has_redshift:
            notes.append(
                f"redshifts are not used: a class has {fewest} rows with one, and needs {TRAINING_ROWS_PER_CLASS_MIN}"
            )
        if self._sentinels:
            notes.append(f"{self._sentinels:,} placeholder redshifts count as missing")
        columns = {name: column for name, column in sought.columns.items() if name != REDSHIFT or has_redshift}
        return Schema(
            sought.bands, extras=sought.extras, optional=optional, has_redshift=has_redshift, columns=columns
        ), notes


def _name_faults(names: Sequence[str]) -> Iterator[str]:
    """Why some names of quantities cannot be used."""
    for place, name in enumerate(names):
        if not _QUANTITY.fullmatch(name):
            yield f"{name!r:.60} must be a word of lower-case letters, digits and underscores"
        elif name in _RESERVED:
            yield f"{name!r} is not a measured quantity; choose another name"
        elif name in names[:place]:
            yield f"{name!r} is given twice"


def _label_fault(label: str) -> str | None:
    """The fault of a class in a table, whose cells and column names have to hold it."""
    fault = label_fault(label)
    if fault is None and (not label.isascii() or not _DELIMITERS.isdisjoint(label)):
        return f"{label!r:.60} must be of ASCII characters without | , ; and quotation marks, as result tables have it"
    return fault
