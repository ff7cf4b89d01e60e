"""Functions that no route reaches start in their containers; the emulated AWS proves what needs a bucket."""

from __future__ import annotations

import base64
import gzip
import io
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from astropy.io.votable import from_table
from astropy.table import Table
from pyarrow import parquet as pq

from infra import ROOT
from tests.container.conftest import run
from tests.container.emulated import SETTINGS, Emulated
from tests.fakes import tables
from tests.fakes.events import sqs_event

if TYPE_CHECKING:
    from collections.abc import Mapping

# The first of them waits for all images to be built.
pytestmark = [pytest.mark.needs_engine, pytest.mark.timeout(900)]

TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "drop"})


@pytest.mark.parametrize("function", ["star-drop", "galaxy-drop", "image-drop", "custom-drop"])
def test_a_drop_function_starts_and_knows_a_test_event(function: str, images: Mapping[str, str]) -> None:
    assert images
    with Emulated(function, SETTINGS) as there:
        answer, _ = there.call(sqs_event([TEST_EVENT, TEST_EVENT]))
        assert answer == {"batchItemFailures": []}


@pytest.mark.parametrize(
    "function", ["custom-train", "star-train", "galaxy-bulk", "image-bulk", "star-bulk", "custom-bulk", "bulk"]
)
def test_a_function_of_trainings_or_bulk_jobs_starts_and_is_ready(function: str, images: Mapping[str, str]) -> None:
    assert images
    with Emulated(function, SETTINGS) as there:
        answer, _ = there.call({"step": "ready"})
        assert answer == {"ready": True}


ROWS = 12


def csv() -> bytes:
    return tables.lines(*(tables.row(u=18 + n / 4) for n in range(ROWS)))


def fits() -> bytes:
    out = io.BytesIO()
    Table(tables.columns(ROWS)).write(out, format="fits")
    return out.getvalue()


def votable() -> bytes:
    out = io.BytesIO()
    from_table(Table(tables.columns(ROWS))).to_xml(out)
    return out.getvalue()


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(tables.columns(ROWS)), out, compression="zstd")
    return out.getvalue()


def ecsv() -> bytes:
    out = io.StringIO()
    Table(tables.columns(ROWS)).write(out, format="ascii.ecsv")
    return out.getvalue().encode()


FORMS = {
    "csv": csv,
    "csv.gz": lambda: gzip.compress(csv()),
    "ecsv": ecsv,
    "fits": fits,
    "votable": votable,
    "parquet": parquet,
}
# The table classifier of the image, with the store that unit tests use in place of a bucket.
CLASSIFY = """
import base64, json, sys
from pathlib import Path
sys.path.append("/tests")
from tests.fakes.tables import classify
print(json.dumps([classify(Path("/var/task/model"), base64.b64decode(body)).summary for body in {bodies!r}]))
"""


def test_every_form_of_table_is_classified_in_the_image(images: Mapping[str, str]) -> None:
    """What was left out of Arrow and Astropy is not missed."""
    # Given
    bodies = [base64.b64encode(make()).decode() for make in FORMS.values()]
    model = ROOT / "functions" / "star" / "model"

    # When
    program = CLASSIFY.format(bodies=bodies)
    summaries = json.loads(run(images["star-drop"], program, f"--volume={ROOT}/tests:/tests/tests:ro"))

    # Then
    expected = [tables.classify(model, base64.b64decode(body)).summary for body in bodies]
    passing = {"seconds", "rows_per_second"}
    for form, found, wanted in zip(FORMS, summaries, expected, strict=True):
        kept = {key: value for key, value in json.loads(json.dumps(wanted)).items() if key not in passing}
        assert {key: value for key, value in found.items() if key not in passing} == kept, form
