"""JSON bodies: bounded, always Unicode, and what is wrong with one object stays with it."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort import json_document
from skysort.errors import InputError, InvalidFieldsError, LimitExceededError, MalformedInputError
from skysort.json_document import Repeated, faults_of, gathered, read
from skysort.limits import JSON_DEPTH, JSON_FIELDS


def reasons(document: dict[str, Any]) -> dict[str, str]:
    return {fault.field: fault.reason for fault in faults_of(document)}


@pytest.mark.parametrize(
    "text", ['{"a": [1, "b", {"c": null}]}', "[]", '"text"', "1.5", '{"a": "\\ud83d\\ude00"}', "{}"]
)
def test_sound_json_is_read_as_it_is(text: str) -> None:
    for body in (text.encode(), b"\xef\xbb\xbf" + text.encode()):
        assert read(body) == json.loads(text)


def test_a_text_that_is_no_unicode_is_the_fault_of_its_own_object() -> None:
    # Given a name, a text and a list's text with half of a surrogate pair each, as JavaScript's slice() leaves them
    body = rb'{"rows": [{"id": "a\ud800", "k\udfff": 1, "l": ["\uDC00", ["\ud83d"]]}, {"id": "good"}]}'
    # When the body is read
    bad, good = read(body)["rows"]
    # Then each is named, and nothing is left that UTF-8 cannot write
    assert reasons(bad) == {"id": "not_unicode", "k\ufffd": "not_unicode", "l": "not_unicode"}
    assert bad == {"id": "a\ufffd", "k\ufffd": 1, "l": ["\ufffd", ["\ufffd"]]}
    assert r"\ud800" in faults_of(bad)[0].detail
    assert not faults_of(good)
    with pytest.raises(InvalidFieldsError, match="half of a surrogate pair"):
        json_document.require_sound(bad)


def test_a_name_given_twice_is_the_fault_of_its_own_object() -> None:
    bad, good = read(b'[{"u": 1, "g": 2, "u": 3}, {"u": 1}]')
    assert reasons(bad) == {"u": "given_twice"}
    assert bad == {"u": Repeated((1, 3)), "g": 2}
    assert not faults_of(good)


def test_nan_is_left_to_the_field_that_has_it() -> None:
    assert math.isnan(read(b'{"u": NaN}')["u"])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "is not JSON"),
        (b"", "is not JSON"),
        (b"\xff\xfe{\x00", "UTF-16"),
        (b'{"a": "\xed\xa0\x80"}', "is not UTF-8 text: byte 7"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000, "nested too deep"),
        (b"[" * (JSON_DEPTH + 1) + b"]" * (JSON_DEPTH + 1), f"at most {JSON_DEPTH} levels"),
        (b'["\\ud800",' + b"[" * 900 + b"]" * 900 + b"]", f"at most {JSON_DEPTH} levels"),
        (b"1" * 5_000, "thousands of digits"),
    ],
)
def test_what_is_no_json_is_refused_with_a_sentence(body: bytes, says: str) -> None:
    with pytest.raises(MalformedInputError, match=says):
        read(body)


def test_the_deepest_nesting_allowed_is_read() -> None:
    assert read(b"[" * JSON_DEPTH + b"]" * JSON_DEPTH)


@pytest.mark.parametrize("escape", ["", "\\ud800"])
def test_an_object_of_more_names_than_any_catalogue_is_refused(escape: str) -> None:
    most = {f"{number}": number for number in range(JSON_FIELDS)}
    assert read(json.dumps(most).encode())
    with pytest.raises(LimitExceededError, match="2,000 names"):
        read(json.dumps({**most, "one more": 1}).replace("more", f"more{escape}").encode())


@pytest.mark.parametrize("body", [b"[" + b"{}," * 100_001 + b"{}]", b'{"a": [' + b'{"\\ud800":0},' * 100_001 + b"0]}"])
def test_more_objects_than_any_request_has_are_refused_unread(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json, "loads", None)
    with pytest.raises(LimitExceededError, match="100,000 objects"):
        read(body)


def test_a_name_given_a_million_times_is_too_many_names() -> None:
    with pytest.raises(LimitExceededError, match="2,000 names, one has 50,000"):
        read(b'{"a":1' + b',"a":1' * 49_999 + b"}")


JSON_TEXT = st.text(alphabet=st.characters(), max_size=4) | st.sampled_from(["\ud800", "a\udfffb", "u"])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(JSON_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_whatever_is_read_can_be_written_as_utf8(document: Any) -> None:
    json.dumps(read(json.dumps(document).encode()), ensure_ascii=False).encode("utf-8")


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\ud8f01 ', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(InputError):
        read(body)


def test_a_name_given_twice_keeps_both_values_in_the_place_of_the_first() -> None:
    found = gathered([("labels", "a"), ("top_k", "1"), ("labels", "b")])
    assert list(found.items()) == [("labels", Repeated(("a", "b"))), ("top_k", "1")]
    assert isinstance(found["labels"], Repeated)
