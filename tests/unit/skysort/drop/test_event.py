"""S3 notifications in SQS messages."""

from __future__ import annotations

import json
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skysort.drop.event import Stamp, uploads
from skysort.errors import MalformedInputError
from tests.fakes.events import record

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Records", "s3", "bucket", "object", "key", "name", "eventName", "Event"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
stamps = st.builds(Stamp, st.text("0123456789ABCDEF", max_size=8), st.sampled_from(["", "1", "2"]), st.just("v"))


def test_an_upload_is_read_in_full() -> None:
    # Given
    body = json.dumps({"Records": [record("incoming/star/b/a b.csv", version="v1", sequencer="00AB", size=7)]})

    # When
    (upload,) = uploads(body)

    # Then
    assert (upload.bucket, upload.key, upload.version_id) == ("drop", "incoming/star/b/a b.csv", "v1")
    assert (upload.etag, upload.size, upload.sequencer) == ("etag", 7, "00AB")
    assert upload.stamp.version == "v1"


def test_without_versions_the_etag_is_the_version() -> None:
    (upload,) = uploads(json.dumps({"Records": [record("incoming/star/b/a.csv", version=None)]}))
    assert upload.stamp.version == "etag"


def test_several_uploads_in_one_message() -> None:
    body = json.dumps({"Records": [record(f"incoming/star/b/{n}.csv") for n in range(3)]})
    assert [upload.key[-5:] for upload in uploads(body)] == ["0.csv", "1.csv", "2.csv"]


@pytest.mark.parametrize(
    "document",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "drop"},
        {"Records": []},
        {"Records": [record("incoming/star/b/")]},
        {"Records": [record("incoming/star/b/a.csv", event="ObjectRemoved:Delete")]},
    ],
    ids=["test event", "no records", "folder marker", "removal"],
)
def test_messages_without_an_upload_are_passed_over(document: dict[str, Any]) -> None:
    assert uploads(json.dumps(document)) == []


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"Records": 1}', '{"Records": [1]}', "[" * 100_000])
def test_other_messages_are_refused(body: str) -> None:
    with pytest.raises(MalformedInputError, match="the message is"):
        uploads(body)


@given(json_values)
def test_any_json_gives_uploads_or_the_typed_error(document: Any) -> None:
    try:
        found = uploads(json.dumps(document))
    except MalformedInputError:
        return
    assert isinstance(found, list)


@given(st.text())
def test_any_text_gives_uploads_or_the_typed_error(body: str) -> None:
    try:
        uploads(body)
    except MalformedInputError:
        return


@given(json_values)
def test_a_record_with_any_wrong_object_gives_the_typed_error_or_an_upload(item: Any) -> None:
    document = record("incoming/star/b/a.csv")
    document["s3"]["object"] = item
    try:
        uploads(json.dumps({"Records": [document]}))
    except MalformedInputError:
        return


@given(st.lists(stamps, min_size=2, max_size=6))
def test_the_order_of_uploads_is_total(some: list[Stamp]) -> None:
    def compare(a: Stamp, b: Stamp) -> int:
        return a.is_older_than(b) * -1 or int(b.is_older_than(a))

    ordered = sorted(some, key=cmp_to_key(compare))
    assert all(not b.is_older_than(a) for at, a in enumerate(ordered) for b in ordered[at:])


@example("AB", "AB00")
@example("AB00", "AB01")
@given(st.text("0123456789ABCDEF", max_size=8), st.text("0123456789ABCDEF", max_size=8))
def test_sequencers_compare_padded_on_the_right_with_zeros(first: str, second: str) -> None:
    width = max(len(first), len(second))
    older = Stamp(first, "", "v").is_older_than(Stamp(second, "", "v"))
    assert older == (first.ljust(width, "0") < second.ljust(width, "0"))
