"""Bulk jobs as a client sees them: drop files, start a job, wait for its end, read its results."""

from __future__ import annotations

import io
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

WAIT_S: Final = 90.0
ENDED: Final = frozenset({"done", "failed", "cancelled", "planned"})
DROP: Final = "/skysort-drop-local/incoming/bulk"
COLUMNS: Final = ("obj_ID", "alpha", "delta", "u", "g", "r", "i", "z", "redshift")


def stars(count: int, first: int = 0) -> pa.Table:
    """Rows with ids from a number on; the same row has the same magnitudes in every file."""
    rows = []
    for number in range(first, first + count):
        draw = random.Random(number)
        r = draw.uniform(15, 22)
        colours = [draw.uniform(0, 2) for _ in range(4)]
        magnitudes = (r + colours[0] + colours[1], r + colours[1], r, r - colours[2] / 2, r - colours[3])
        rows.append((f"star-{number}", draw.uniform(0, 360), draw.uniform(-90, 90), *magnitudes, draw.uniform(0, 3)))
    return pa.table(dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)))


def as_csv(table: pa.Table) -> bytes:
    """The table as a CSV with a head."""
    lines = [",".join(table.column_names)]
    lines += [",".join(map(str, row.values())) for row in table.to_pylist()]
    return ("\n".join(lines) + "\n").encode()


def as_parquet(table: pa.Table, rows: int) -> bytes:
    """The table as a Parquet file with so many rows a row group."""
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=rows)
    return sink.getvalue()


@dataclass(frozen=True, slots=True)
class Jobs:
    """A client of a started stack. api, s3: their base URLs are the stack's."""

    api: httpx.Client
    s3: httpx.Client

    def drop(self, folder: str, files: Mapping[str, bytes]) -> str:
        """Put files where jobs find them; returns their prefix."""

        def put(name: str) -> None:
            self.s3.put(f"{DROP}/{folder}/{name}", content=files[name]).raise_for_status()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(put, files))
        return f"incoming/bulk/{folder}/"

    def start(self, model: str, source: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """Start a job."""
        answer = self.api.post("/v1/bulk", json={"model": model, "source": dict(source), **options})
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def get(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """What is known of a job."""
        found: dict[str, Any] = self.api.get(f"/v1/bulk/{job['id']}").json()
        return found

    def until(
        self, job: Mapping[str, Any], holds: Callable[[dict[str, Any]], bool], wait_s: float = WAIT_S
    ) -> dict[str, Any]:
        """A job once something holds of it."""
        deadline = time.monotonic() + wait_s
        while not holds(found := self.get(job)):
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        return found

    def wait(self, job: Mapping[str, Any], wait_s: float = WAIT_S) -> dict[str, Any]:
        """A job once it has ended, or is planned and waits."""
        return self.until(job, lambda found: found["phase"] in ENDED, wait_s)

    def run(self, model: str, source: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """Start a job, and wait for its end."""
        return self.wait(self.start(model, source, **options))

    def files(self, job: Mapping[str, Any]) -> dict[str, bytes]:
        """The files of a job's results, by their names."""
        found: dict[str, bytes] = {}
        after: str | None = None
        while after != "":
            answer = self.api.get(f"/v1/bulk/{job['id']}/files", params={"next": after} if after else {})
            assert answer.status_code == 200, answer.text
            for file in answer.json()["files"]:
                found[file["name"]] = self.s3.get(file["link"]).raise_for_status().content
                assert len(found[file["name"]]) == file["bytes"]
            after = answer.json()["next"] or ""
        return found

    def rows(self, job: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All rows of a job's Parquet results."""
        files = {name: content for name, content in self.files(job).items() if name.endswith(".parquet")}
        tables = [pq.read_table(io.BytesIO(content)) for content in files.values()]
        return [row for table in tables for row in table.to_pylist()]

    def exists(self, job: Mapping[str, Any], name: str) -> bool:
        """Whether a job's folder has an object."""
        return self.s3.head(f"/skysort-results-local/bulk/shared/{job['id']}/{name}").is_success
