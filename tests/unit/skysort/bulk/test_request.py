"""The call that starts a bulk job, and the document that remembers it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.bulk.request import Job, family_of, read_body
from skysort.errors import InputError, InvalidFieldsError, MalformedInputError
from skysort.limits import BULK_KEYS

KEY = "incoming/bulk/survey/stars.csv"


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "star", "source": {"keys": [KEY]}, **fields}).encode()


def test_what_is_not_given_has_its_default() -> None:
    request = read_body(body(), "application/json")
    assert (request.output, request.tolerated_share, request.columns) == ("parquet", 0.05, [])
    assert (request.plan_only, request.concurrency, request.prior) == (False, None, None)


@pytest.mark.parametrize(
    ("fields", "field", "detail"),
    [
        ({"model": "nova"}, "model", "'galaxy', 'image', 'star'"),
        ({"source": {}}, "source", "exactly one of prefix, keys and manifest; it has none"),
        ({"source": {"prefix": "incoming/bulk/a/", "keys": [KEY]}}, "source", "it has prefix and keys"),
        ({"source": {"keys": []}}, "source.keys", "1"),
        ({"source": {"keys": [f"{KEY}{n}" for n in range(BULK_KEYS + 1)]}}, "source.keys", "up to 1000 items"),
        ({"source": {"keys": [KEY, KEY]}}, "source.keys", "more than once"),
        ({"source": {"prefix": "results/"}}, "source.prefix", "must begin with incoming/"),
        ({"source": {"manifest": "s3://UPPER/key"}}, "source.manifest", "or s3://bucket/"),
        ({"output": "fits"}, "output", "'parquet' or 'csv'"),
        ({"tolerated_share": 1.5}, "tolerated_share", "must be at most 1.0 (got 1.5)"),
        ({"columns": ["ra"]}, "columns", "which every result has"),
        ({"columns": ["field", "field"]}, "columns", "more than once"),
        ({"model": "galaxy", "columns": ["field"]}, "columns", "galaxy classifies pictures"),
        ({"model": "custom/rings", "columns": ["field"]}, "columns", "classifies pictures"),
        ({"concurrency": 0}, "concurrency", "must be at least 1 (got 0)"),
        ({"model": "galaxy", "prior": {"Smooth": 1}}, "prior", "for the star model and for models that you trained"),
        ({"prior": {}}, "prior", "must have 1 or more items"),
        ({"prior": {"GALAXY": -1}}, "prior.GALAXY", "must be at least 0"),
        ({"prior": {"GALAXY": 0, "QSO": 0.0}}, "prior", "at least one share must be above 0"),
        ({"prior": "GALAXY:1"}, "prior", "object"),
        ({"priority": "high"}, "priority", "unknown"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(fields: dict[str, Any], field: str, detail: str) -> None:
    with pytest.raises(InvalidFieldsError) as raised:
        read_body(body(**fields), "")
    assert any(fault.field.startswith(field) and detail in fault.detail for fault in raised.value.fields), (
        raised.value.fields
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.dictionaries(
            st.sampled_from(["model", "source", "prefix", "keys", "columns"]),
            inner | st.lists(inner, max_size=2),
            max_size=4,
        ),
        max_leaves=8,
    )
)
def test_any_other_body_is_refused_with_a_reason(document: Any) -> None:
    with pytest.raises(InputError):
        read_body(json.dumps(document).encode(), "")


def test_the_document_of_a_job_is_read_as_it_was_written() -> None:
    job = Job(
        id="custom-star-cats-20261128-084500-1a2b3c",
        owner="client-1",
        client_folder="client-1",
        model="custom-star/cats",
        source={"keys": [KEY]},
        created="2026-11-28T08:45:00Z",
        columns=("field",),
        prior={"cat": 0.1, "dog": 0.9},
    )
    assert Job.read(job.to_json()) == job
    assert job.family == "star-bulk"
    assert job.client.may_read("incoming/bulk/client-1/survey/stars.csv")


@pytest.mark.parametrize(
    ("model", "family"),
    [("galaxy", "galaxy-bulk"), ("image", "image-bulk"), ("star", "star-bulk"), ("custom/rings", "custom-bulk")],
)
def test_each_model_has_the_function_that_does_its_parts(model: str, family: str) -> None:
    assert family_of(model) == family


@pytest.mark.parametrize("document", [b"", b"{}", b"[]", b'{"id": "x", "columns": 3}'])
def test_a_damaged_document_is_refused(document: bytes) -> None:
    with pytest.raises(MalformedInputError, match="is damaged"):
        Job.read(document)
