"""The results of a finished job are read as one table by the query that its answer has; DuckDB stands for Athena."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest

from skysort.bulk.columns import Column
from skysort.bulk.counts import Counts, Rows, StoredData
from skysort.bulk.job_store import FolderJobStore
from skysort.bulk.output import CONTENT_TYPES, Output, coded, place
from skysort.clients import EVERYBODY
from tests.factories_bulk import ROWS_A_SLICE, SCHEMA, BulkJob
from tests.recorded_bulk import RESULTS, service_of

if TYPE_CHECKING:
    from pathlib import Path

    from skysort.bulk.keys import Output as Format


def do_really(job: BulkJob, part: int) -> None:
    """Write a part's results with their place, class and position."""
    store, item, columns = job.store, job.items[part], [Column(name, kind) for name, kind in SCHEMA]
    writer = store.writer(job.keys.data(part, job.job.output), CONTENT_TYPES[job.job.output])
    output = Output(columns, job.job.output, lambda: writer, lambda: writer)
    for number in range(2):
        each = job.slice_of(part, number)
        classes = coded(np.arange(ROWS_A_SLICE, dtype=np.int32) % 2, ["GALAXY", "STAR"])
        rows = np.arange(1, ROWS_A_SLICE + 1)
        output.write([*place(each, rows), classes, rows / 7])
    output.close()
    etag = writer.commit(None)
    writer.close()
    data = StoredData(job.keys.data(part, job.job.output), etag, writer.size)
    counts = Counts(
        item.part, [Rows(ROWS_A_SLICE)] * 2, {"GALAXY": ROWS_A_SLICE, "STAR": ROWS_A_SLICE}, "star 1", data=data
    )
    store.put(job.keys.done(part), counts.to_json())


@pytest.mark.parametrize("output", ["parquet", "csv"])
def test_all_parts_are_one_table(tmp_path: Path, output: Format) -> None:
    # Given a job of parts in two blocks
    job = BulkJob(tmp_path, 3, {"output": output}, store=FolderJobStore(tmp_path / "results"))
    job.request()
    job.plan()
    job.run("price")
    for part in range(3):
        do_really(job, part)
    # When it is finished, and its query asked
    job.run("finish")
    sql = service_of(job, database=None).get(job.job.id, EVERYBODY)["links"]["sql"]
    assert sql is not None
    answer = duckdb.execute(sql.replace(f"s3://{RESULTS}", str(tmp_path / "results"))).fetchall()
    # Then every row is there once
    assert sorted(answer) == [("GALAXY", 3 * ROWS_A_SLICE), ("STAR", 3 * ROWS_A_SLICE)]
    folder = tmp_path / "results" / job.keys.data_prefix
    reader = f"read_{output}('{folder}/*/*.{output}', hive_partitioning = true)"
    places = duckdb.execute(
        f"SELECT count(DISTINCT (slice, row)), min(ra), count(DISTINCT block) FROM {reader}"
    ).fetchall()
    assert places == [(6 * ROWS_A_SLICE, pytest.approx(1 / 7), 1)]
