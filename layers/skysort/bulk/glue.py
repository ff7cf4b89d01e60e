"""The table that Athena reads a job's results by: its definition, and AWS Glue's catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from skysort.bulk.keys import BLOCK_PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysort.bulk.keys import BulkKeys, Output

_PARTITION: Final = "block"
_PARQUET: Final = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}
_CSV: Final = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde",
        "Parameters": {"separatorChar": ",", "quoteChar": '"'},
    },
}
# Columns of the classes, of tables and of pictures, by which a first query counts.
_CLASSES: Final = ("skysort_class", "label")


class Tables(Protocol):
    """A catalogue of tables."""

    def put(self, table: dict[str, Any]) -> None:
        """Create a table, or replace its definition; raises InfrastructureError."""


def table_name(keys: BulkKeys) -> str:
    """The name of a job's table."""
    return keys.id.replace("-", "_")


def table_input(
    keys: BulkKeys, bucket: str, output: Output, schema: Sequence[tuple[str, str]], parts: int
) -> dict[str, Any]:
    """The definition of a job's table, Glue's TableInput.

    Parameters
    ----------
    keys, bucket
        Where the results are.
    output
        Their format.
    schema
        Names and types of their columns.
    parts
        Number of parts.

    Returns
    -------
    dict
        Its partitions, the blocks of parts, are projected: nobody has to add them to the catalogue.
    """
    location = f"s3://{bucket}/{keys.data_prefix}"
    # Athena's reader of CSV takes an empty cell of any other type for an error.
    columns = [{"Name": name, "Type": kind if output == "parquet" else "string"} for name, kind in schema]
    return {
        "Name": table_name(keys),
        "Description": f"Results of the bulk job {keys.id}",
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": _PARTITION, "Type": "int"}],
        "Parameters": {
            "EXTERNAL": "TRUE",
            "classification": output,
            "projection.enabled": "true",
            f"projection.{_PARTITION}.type": "integer",
            f"projection.{_PARTITION}.range": f"0,{max(0, parts - 1) // BLOCK_PARTS}",
            f"projection.{_PARTITION}.digits": "4",
            "storage.location.template": f"{location}{_PARTITION}=${{{_PARTITION}}}/",
            **({"skip.header.line.count": "1"} if output == "csv" else {}),
        },
        "StorageDescriptor": {"Columns": columns, "Location": location, **(_CSV if output == "csv" else _PARQUET)},
    }


def query(source: str, schema: Sequence[tuple[str, str]]) -> str:
    """A first query of a table: the rows of each class, or some rows where there is no column of classes."""
    names = {name for name, _ in schema}
    classes = next((name for name in _CLASSES if name in names), None)
    if classes is None:
        return f"SELECT * FROM {source} LIMIT 10"  # noqa: S608 - for people, of the job's own names
    return f'SELECT "{classes}", count(*) AS "rows" FROM {source} GROUP BY 1 ORDER BY 2 DESC'  # noqa: S608


class GlueTables:
    """The tables of a database of AWS Glue."""

    def __init__(self, database: str) -> None:
        self._database = database

    def put(self, table: dict[str, Any]) -> None:
        """Create a table, or replace its definition; raises InfrastructureError."""
        import boto3  # noqa: PLC0415 - only the end of a job needs it
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        from skysort.errors import InfrastructureError  # noqa: PLC0415

        try:
            glue = boto3.client("glue")
            try:
                glue.create_table(DatabaseName=self._database, TableInput=table)
            except glue.exceptions.AlreadyExistsException:  # by an earlier attempt, or run
                glue.update_table(DatabaseName=self._database, TableInput=table)
        except (BotoCoreError, ClientError) as error:
            raise InfrastructureError(f"the table {self._database}.{table['Name']} cannot be made: {error}") from error
