"""The body of POST /v1/trainings: every fault in a sentence that says what would be right."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skysort.errors import (
    InputError,
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    UnsupportedFormatError,
)
from skysort.limits import TRAINING_BODY_BYTES
from skysort.registry.names import Kind
from skysort.trainings.request import Training, TrainingRequest, read_body

PICTURES: dict[str, Any] = {"kind": "pictures", "name": "rings", "source": {"batch": "night-1"}}
STAR: dict[str, Any] = {"kind": "star", "name": "qso", "source": {"s3_key": "incoming/training/b/table.csv"}}


def read(document: object) -> TrainingRequest:
    return read_body(json.dumps(document).encode(), "application/json")


def test_a_short_request_has_every_default() -> None:
    request = read(PICTURES)
    assert request.source.given() == {"batch": "night-1"}
    assert (request.options.promote, request.options.force, request.options.seed) == (True, False, 0)


def test_a_table_may_say_what_its_columns_are() -> None:
    options = {"class_column": "type", "columns": {"u": "umag"}, "bands": ["u", "g"], "search": True, "seed": 7}
    request = read({**STAR, "options": options})
    assert request.options.columns == {"u": "umag"}


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"kind": "galaxy"}, "kind", "must be 'pictures' or 'star'"),
        ({"kind": None}, "kind", "must be"),
        ({"name": "Rings"}, "name", "must begin with a lower-case letter"),
        ({"name": "star"}, "name", "is reserved"),
        ({"name": 1}, "name", "must be text"),
        ({"source": {}}, "source", "exactly one of batch, prefix and s3_key; it has none"),
        ({"source": {"batch": "b", "prefix": "incoming/training/b/"}}, "source", "it has batch and prefix"),
        ({"source": {"batch": "a/b"}}, "source.batch", "not allowed here"),
        ({"source": {"prefix": "incoming/training/b"}}, "source.prefix", "not allowed here"),
        ({"source": {"s3_key": "outgoing/x"}}, "source.s3_key", "not allowed here"),
        ({"source": "b"}, "source", "must be an object"),
        ({"options": {"seed": -1}}, "options.seed", "must be at least 0"),
        ({"options": {"promote": "yes"}}, "options.promote", "must be true or false"),
        ({"options": {"promote": False, "force": True}}, "options.force", "contradicts promote"),
        ({"options": {"epochs": 3}}, "options.epochs", "unknown field"),
        ({"options": {"class_column": "c"}}, "options.class_column", "is an option of tables"),
        # Each would be a number for every row held in memory, whether the table has such a column or not
        ({"options": {"columns": {f"c{n}": "c" for n in range(101)}}}, "options.columns", "100"),
        ({"colour": 1}, "colour", "unknown field"),
    ],
)
def test_a_fault_is_named(change: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidFieldsError) as raised:
        read({**PICTURES, **change})
    (fault,) = raised.value.fields
    assert fault.field == field
    assert words in fault.detail


@pytest.mark.parametrize("source", [{"batch": "b"}, {"prefix": "incoming/training/b/"}])
def test_a_table_is_one_file(source: dict[str, str]) -> None:
    with pytest.raises(InvalidFieldsError, match="must be the s3_key of one table"):
        read({**STAR, "source": source})


def test_a_repeated_field_is_a_fault_wherever_it_is() -> None:
    body = b'{"kind":"pictures","name":"a","source":{"batch":"a","batch":"b"}}'
    with pytest.raises(InvalidFieldsError, match=r"source\.batch: is given 2 times"):
        read_body(body, "")


def test_another_type_or_a_huge_body_is_refused() -> None:
    with pytest.raises(
        UnsupportedFormatError, match="not text/csv: send it with the header Content-Type: application/json"
    ):
        read_body(b"", "text/csv")
    with pytest.raises(LimitExceededError, match="may have up to 65,536 bytes"):
        read_body(b" " * (TRAINING_BODY_BYTES + 1), "")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["pictures", "star"]) | json_values, "name": st.text(max_size=5) | json_values},
        optional={"source": json_values, "options": json_values},
    )
)
@example({})
@example([])
@example(None)
def test_whatever_is_sent_is_read_or_refused(document: object) -> None:
    try:
        request = read(document)
    except InputError:
        return
    assert request.source.given()


def test_a_request_document_is_read_as_it_was_written() -> None:
    training = Training(
        "star-20261128-084500-1a2b3c", "shared", Kind.STAR, "qso", "2026-11-28T08:45:00Z", {"s3_key": "k"}, {"seed": 1}
    )
    assert Training.read(training.to_json()) == training


@given(st.binary(max_size=50))
@example(b"{}")
@example(b'{"kind": "star"}')
@example(b'{"kind": "dust"}')
def test_any_other_document_is_damaged(body: bytes) -> None:
    with pytest.raises(MalformedInputError, match="is damaged"):
        Training.read(body)
