"""Rows a second of the drop folder's table path, as JSON on standard output.

    python tests/bench/drop_table.py --rows 1000000 --variant plain

Runs in one process with one thread for the model: a CSV made of real or made-up SDSS rows goes from
an object store in memory through the very worker that the star function runs. With --endpoint the store
is an S3 server (the local stack's, say). "rows_per_cpu_second" counts the processor time of this process:
that is what one core does, whatever else the machine is busy with. The parts are measured by
cProfile-free timers in a second run, and sum to less than the whole.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import resource
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "layers")]

from skysort.drop import files  # noqa: E402
from skysort.drop.event import Upload  # noqa: E402
from skysort.drop.worker import DropWorker  # noqa: E402
from skysort.star.model import StarModel  # noqa: E402
from skysort.star.tables import rows  # noqa: E402
from skysort.star.tables.classifier import TableClassifier  # noqa: E402
from skysort.star.tables.csv import blocks  # noqa: E402
from skysort.star.tables.csv import table as csv_table  # noqa: E402
from tests.conftest import DATA  # noqa: E402
from tests.fakes.object_store import MemoryStore  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COLUMNS = ("alpha", "delta", "u", "g", "r", "i", "z", "redshift")
KEY = "incoming/star/bench/table.csv"
VARIANTS = {
    "plain": "every row has a redshift",
    "mixed": "a third of the rows have no redshift",
    "dirty": "one row in a hundred is rejected, in every block",
    "quoted": "a quoted text column",
    "again": "a result dropped again",
    "gzip": "gzip in and out",
    "fits": "a FITS binary table",
    "parquet": "a Parquet table",
}


def survey_rows() -> list[list[str]]:
    """Rows of SDSS17 where the survey data is, else made-up ones, as texts."""
    path = DATA / "star" / "sdss17.csv.gz"
    if path.exists():
        with gzip.open(path, "rt") as file:
            header, *lines = file.read().splitlines()
        at = [header.split(",").index(name) for name in COLUMNS]
        rows = [line.split(",") for line in lines[:50_000]]
        return [[row[index] or "0" for index in at] for row in rows]
    random = np.random.default_rng(1)
    made = random.uniform([0, -10, *[15] * 5, 0], [360, 60, *[25] * 5, 3], (50_000, 8))
    return [[f"{value:.6f}" for value in row] for row in made]


def table(rows: int, variant: str, classify: Callable[[bytes], bytes]) -> bytes:
    """The input of a variant."""
    lines = survey_rows()
    if variant == "mixed":
        lines = [[*row[:-1], "" if n % 3 == 0 else row[-1]] for n, row in enumerate(lines)]
    if variant == "dirty":
        lines = [[*row[:-1], "x" if n % 100 == 0 else row[-1]] for n, row in enumerate(lines)]
    header = ",".join(COLUMNS)
    if variant == "quoted":
        header, lines = header + ",note", [[*row, '"a note, quoted"'] for row in lines]
    texts = [",".join(row) + "\n" for row in lines]
    whole, part = divmod(rows, len(texts))
    body = (header + "\n" + "".join(texts) * whole + "".join(texts[:part])).encode()
    if variant == "again":
        return classify(body)
    if variant == "gzip":
        return gzip.compress(body, 6)
    if variant in {"fits", "parquet"}:
        return binary_table(body, variant)
    return body


def binary_table(body: bytes, variant: str) -> bytes:
    """A CSV as a FITS or Parquet table."""
    import pyarrow as pa  # noqa: PLC0415
    from astropy.table import Table  # noqa: PLC0415
    from pyarrow import csv, parquet  # noqa: PLC0415

    columns = csv.read_csv(pa.py_buffer(body))
    out = io.BytesIO()
    if variant == "parquet":
        parquet.write_table(columns, out)
    else:
        Table({name: columns[name].to_numpy() for name in columns.column_names}).write(out, format="fits")
    return out.getvalue()


@contextmanager
def timed(parts: dict[str, float]) -> Iterator[None]:
    """Add up the seconds of this process spent in each part of the CSV path."""

    def timing(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            started = time.process_time()
            try:
                return function(*args, **options)
            finally:
                parts[name] = parts.get(name, 0.0) + time.process_time() - started

        return call

    places: list[tuple[str, Any, str]] = [
        ("lines", csv_table, "split_lines"),
        ("parse", blocks.CellReader, "read"),
        ("predict", rows.RowClassifier, "_predict"),
        ("write", csv_table.CsvText, "rows"),
        ("write", csv_table, "cut"),
        ("store", files.DraftFile, "write"),
        ("store", files.SourceFile, "_read"),
    ]
    patches = [
        patch.object(owner, attribute, timing(name, getattr(owner, attribute))) for name, owner, attribute in places
    ]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


class Bucket:
    """Where the table comes from: memory, or an S3 server."""

    def __init__(self, endpoint: str | None) -> None:
        self.endpoint = endpoint
        self.memory = MemoryStore()
        self.store: Any = self.memory
        if endpoint:
            import boto3  # noqa: PLC0415

            from skysort.s3.store import S3Store  # noqa: PLC0415

            self.s3 = boto3.client("s3", endpoint_url=endpoint)
            for bucket in ("drop", "results"):
                self.s3.create_bucket(Bucket=bucket)
            self.store = S3Store(self.s3)

    def upload(self, body: bytes) -> Upload:
        """Drop the table once more."""
        upload = self.memory.upload(KEY, body, versioned=False)
        if self.endpoint:
            etag = self.s3.put_object(Bucket="drop", Key=KEY, Body=body)["ETag"].strip('"')
            return Upload("drop", KEY, None, etag, len(body), upload.sequencer, upload.time)
        return upload


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the table through the worker once to warm up, once to measure, once for the parts."""
    classifier = TableClassifier(StarModel.load(arguments.model, threads=1))

    def classify(body: bytes) -> bytes:
        store = MemoryStore()
        DropWorker(store, "results", classifier).process(store.upload(KEY, body))
        return store.listing()["star/bench/table.csv"]

    body = table(arguments.rows, arguments.variant, classify)
    bucket = Bucket(arguments.endpoint)
    worker = DropWorker(bucket.store, "results", classifier)
    worker.process(bucket.upload(table(2_000, "plain", classify)))
    upload = bucket.upload(body)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    outcome, report = worker.process(upload)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    parts: dict[str, float] = {}
    with timed(parts):
        worker.process(bucket.upload(body))
    return {
        "variant": arguments.variant,
        "what": VARIANTS[arguments.variant],
        "store": "s3" if arguments.endpoint else "memory",
        "model": classifier.version,
        "outcome": str(outcome),
        "rows": report.summary["rows"],
        "input_bytes": len(body),
        "wall_seconds": round(wall, 3),
        "cpu_seconds": round(cpu, 3),
        "rows_per_second": round(arguments.rows / wall),
        "rows_per_cpu_second": round(arguments.rows / cpu),
        "microseconds_a_row": {name: round(seconds / arguments.rows * 1e6, 3) for name, seconds in parts.items()},
        "peak_rss_mib": {"before": before // 1024, "after": peak // 1024},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the table (default: %(default)s)")
    parser.add_argument("--variant", choices=VARIANTS, default="plain", help="kind of table (default: %(default)s)")
    parser.add_argument("--endpoint", help="an S3 server, e.g. http://127.0.0.1:9000 (default: a store in memory)")
    parser.add_argument("--model", type=Path, default=ROOT / "functions" / "star" / "model", help="model folder")
    print(json.dumps(measure(parser.parse_args()), indent=2))


if __name__ == "__main__":
    main()
