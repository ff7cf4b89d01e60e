"""The table of a job's results: what its definition says, and a catalogue that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from skysort.bulk.glue import GlueTables, query, table_input
from skysort.bulk.keys import BulkKeys
from skysort.errors import InfrastructureError

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = BulkKeys("shared", "star-20261128-084500-1a2b3c")
SCHEMA = [("source", "string"), ("row", "bigint"), ("skysort_class", "string"), ("ra", "double")]


@pytest.fixture
def glue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A catalogue in memory with a database."""
    for name, value in {"DEFAULT_REGION": "us-east-1", "ACCESS_KEY_ID": "none", "SECRET_ACCESS_KEY": "none"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        client = boto3.client("glue")
        client.create_database(DatabaseInput={"Name": "skysort"})
        yield client


def test_blocks_of_parts_are_projected() -> None:
    table = table_input(KEYS, "results", "parquet", SCHEMA, parts=2_001)
    parameters = table["Parameters"]
    assert parameters["projection.block.range"] == "0,2"
    assert parameters["projection.block.digits"] == "4"
    template = parameters["storage.location.template"].replace("${block}", "0002")
    assert KEYS.data(2_000, "parquet") == template.removeprefix("s3://results/") + "part-02000.parquet"


def test_a_table_of_parquet_has_its_types_and_one_of_csv_is_text_below_a_header() -> None:
    parquet, text = (table_input(KEYS, "results", output, SCHEMA, 1) for output in ("parquet", "csv"))
    columns = parquet["StorageDescriptor"]["Columns"]
    assert [(column["Name"], column["Type"]) for column in columns] == SCHEMA
    assert {column["Type"] for column in text["StorageDescriptor"]["Columns"]} == {"string"}
    assert text["Parameters"]["skip.header.line.count"] == "1"
    assert "skip.header.line.count" not in parquet["Parameters"]


def test_a_catalogue_has_the_last_definition_of_a_table(glue: Any) -> None:
    # Given
    tables = GlueTables("skysort")
    tables.put(table_input(KEYS, "results", "parquet", SCHEMA, 1))
    # When it is made again, by a further run
    tables.put(table_input(KEYS, "results", "parquet", SCHEMA, 1_001))
    # Then
    table = glue.get_table(DatabaseName="skysort", Name="star_20261128_084500_1a2b3c")["Table"]
    assert table["Parameters"]["projection.block.range"] == "0,1"
    assert [column["Name"] for column in table["PartitionKeys"]] == ["block"]


@pytest.mark.usefixtures("glue")
def test_without_the_database_the_step_is_tried_again() -> None:
    with pytest.raises(InfrastructureError, match=r"the table nowhere\.star_20261128_084500_1a2b3c cannot be made"):
        GlueTables("nowhere").put(table_input(KEYS, "results", "parquet", SCHEMA, 1))


def test_a_first_query_counts_the_classes() -> None:
    assert query("t", SCHEMA) == 'SELECT "skysort_class", count(*) AS "rows" FROM t GROUP BY 1 ORDER BY 2 DESC'
    assert query("t", [("source", "string")]) == "SELECT * FROM t LIMIT 10"
