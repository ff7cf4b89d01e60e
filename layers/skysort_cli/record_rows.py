"""Records as rows of a file: which columns they have, and the value of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skysort_cli.output import Format, Writer, error_message, explanation, nearest
from skysort_cli.row_files import Column, CsvFile, EcsvFile, Kind, ParquetFile, RowFile, VotableFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from skysort_cli.output import Record

_FILES: Final[dict[Format, type[CsvFile | EcsvFile | VotableFile | ParquetFile]]] = {
    Format.CSV: CsvFile,
    Format.ECSV: EcsvFile,
    Format.VOTABLE: VotableFile,
    Format.PARQUET: ParquetFile,
}


def row_file(output_format: Format, file: TextIO, columns: Sequence[Column]) -> RowFile:
    """The file of a format that has rows."""
    return _FILES[output_format](file, columns)


class RecordRows(Writer):
    """One row per record: the best class, the prediction set, and further classes up to top_k.

    star: whether records are rows of tables. top_k: number of predictions with columns of their own. trained: whether
    people trained the model, whose explanations name the nearest examples.
    """

    def __init__(
        self, output_format: Format, file: TextIO, *, star: bool, top_k: int, explain: bool, trained: bool = False
    ) -> None:
        self._star = star
        self._top_k = top_k
        self._explain = explain
        self._trained = trained
        further = [
            column
            for rank in range(2, top_k + 1)
            for column in (Column(f"label_{rank}"), Column(f"probability_{rank}", Kind.REAL))
        ]
        self.columns = [
            Column("file", Kind.NAME),
            # An identifier is the user's own data and is written unchanged.
            *([Column("row", Kind.INTEGER), Column("id")] if star else []),
            *(Column("label"), Column("class_id", Kind.INTEGER), Column("probability", Kind.REAL), *further),
            Column("prediction_set"),
            *([Column("variant")] if star else []),
            *(Column("typicality", Kind.REAL), Column("in_domain", Kind.BOOLEAN)),
            *([Column("explanation", Kind.NAME)] if explain else []),
            *([Column("nearest", Kind.NAME)] if explain and trained and not star else []),
            *(Column("model"), Column("error", Kind.NAME)),
        ]
        self._rows = row_file(output_format, file, self.columns)

    def write(self, record: Record) -> None:
        """Write one row."""
        place = [record["file"], *([record.get("row"), record.get("id")] if self._star else [])]
        if "error" in record:
            blank = [None] * (len(self.columns) - len(place) - 1)
            self._rows.write([*place, *blank, error_message(record)])
        else:
            self._rows.write([*place, *self._answer(record), None])

    def close(self) -> None:
        """Complete the file."""
        self._rows.close()

    def _answer(self, record: Record) -> list[object]:
        best, *others = record["predictions"]
        others = others[: self._top_k - 1]
        further: list[object] = [cell for other in others for cell in (other["label"], other["probability"])]
        further += [None] * 2 * (self._top_k - 1 - len(others))
        model = record.get("model") or {}
        return [
            *(best["label"], best["class_id"], best["probability"], *further),
            ";".join(record["prediction_set"]),
            *([record["variant"]] if self._star else []),
            *(record.get("typicality"), record.get("in_domain")),
            *([explanation(record)] if self._explain else []),
            *([";".join(nearest(record))] if self._explain and self._trained and not self._star else []),
            f"{model.get('name', '')} {model.get('version', '')}".strip(),
        ]
