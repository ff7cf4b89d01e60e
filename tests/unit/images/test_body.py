"""Bodies of picture requests: every form in, items and options out, and a sentence for everything else."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import (
    EmptyInputError,
    InputError,
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    UnsupportedFormatError,
)
from skysort.images.body import PictureRequest, from_base64, read_body
from tests.factories_images import encode, fits_file, multipart, plain, sky

RED = encode(plain((250, 0, 0)))
JPEG = encode(plain((250, 0, 0)), "JPEG")
TEXT = base64.b64encode(RED).decode()


def read_json(document: Any) -> PictureRequest:
    return read_body(json.dumps(document).encode(), "application/json")


def test_a_form_has_many_files_and_options() -> None:
    # Given a form with two files, a picture field without a file name, and options
    binary = bytes(range(256)) * 3 + b"\r\n--b-1\r\n"
    parts = [
        ("file", "m31.jpg", JPEG),
        ("top_k", None, b"2"),
        ("anything", "C:\\pictures\\m51.png", RED),
        ("image", None, binary),
        ("explain", None, b"true"),
    ]
    # When it is read
    request = read_body(*multipart(parts))
    # Then every byte is there, in order
    assert [item.id for item in request.items] == ["m31.jpg", "m51.png", "2"]
    assert [item.content for item in request.items] == [JPEG, RED, binary]
    assert request.options == {"top_k": "2", "explain": "true"}
    assert not request.single


def test_a_form_of_one_file_stands_for_itself() -> None:
    request = read_body(*multipart([("file", "a.png", RED), ("file", "", b"")]))
    assert request.single
    assert len(request.items) == 1


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (RED, "image/png"),
        (RED, "application/octet-stream"),
        (RED, "image/*"),
        (RED, "Image/PNG; charset=binary"),
        (RED, "image/x-unheard-of"),
        (JPEG, "image/jpg"),
        (fits_file(sky()), "application/fits"),
        (fits_file(sky()), "image/fits"),
    ],
)
def test_a_bare_picture_comes_byte_for_byte(content: bytes, content_type: str) -> None:
    request = read_body(content, content_type)
    assert request.single
    assert [item.content for item in request.items] == [content]


@pytest.mark.parametrize(
    "image",
    [
        TEXT,
        "data:image/png;base64," + TEXT,
        "data:;base64," + TEXT,
        "data:image/jpeg;name=a.jpg;base64," + TEXT,
        "\n".join(TEXT[start : start + 76] for start in range(0, len(TEXT), 76)),
        base64.urlsafe_b64encode(RED).decode(),
        TEXT.rstrip("="),
    ],
)
def test_base64_and_data_urls_are_read(image: str) -> None:
    request = read_json({"image": image, "top_k": 3})
    assert request.single
    assert request.items[0].content == RED
    assert request.options == {"top_k": 3}


def test_instances_keep_their_order_names_and_keys() -> None:
    document = {
        "instances": [{"image": TEXT}, {"id": 7, "image": TEXT}, {"s3_key": "incoming/image/b/a.jpg"}],
        "labels": ["red"],
    }
    request = read_json(document)
    assert [item.id for item in request.items] == ["0", "7", "incoming/image/b/a.jpg"]
    assert request.items[2].s3_key == "incoming/image/b/a.jpg"
    assert request.options == {"labels": ["red"]}


@pytest.mark.parametrize(
    ("instance", "says"),
    [
        ("text", "must be"),
        ({}, "either image or s3_key"),
        ({"image": TEXT, "s3_key": "incoming/a"}, "either image or s3_key"),
        ({"image": 5}, "base64"),
        ({"image": "%%%"}, "not base64"),
        ({"image": "ä"}, "not base64"),
        ({"image": "abcde"}, "not base64"),
        ({"image": ""}, "empty"),
        ({"image": "data:image/png,abc"}, "data URL"),
        ({"image": "data:image/png;base64,"}, "empty"),
        ({"s3_key": 5}, "s3_key"),
        ({"image": TEXT, "id": True}, "id"),
        ({"image": TEXT, "url": "x"}, "url: is not known"),
    ],
)
def test_a_bad_instance_keeps_its_error_to_itself(instance: Any, says: str) -> None:
    request = read_json({"instances": [instance, {"image": TEXT}]})
    assert request.items[0].error is not None
    assert says in request.items[0].error.detail
    assert request.items[1].content == RED


@pytest.mark.parametrize(
    ("body", "content_type", "error", "says"),
    [
        (b"x", "text/csv", UnsupportedFormatError, "text/csv"),
        (b"x", "application/x-www-form-urlencoded", UnsupportedFormatError, "multipart/form-data"),
        (b"", "image/png", EmptyInputError, "no bytes"),
        (b"hello", "image/png", UnsupportedFormatError, "is text"),
        (RED, "image/jpeg", UnsupportedFormatError, "declared as image/jpeg and is image/png"),
        (b"", "", MalformedInputError, "the body is empty"),
        (b"{", "", MalformedInputError, "not JSON"),
        (b"\xff\xfe\x00", "", MalformedInputError, "not JSON"),
        (b"[" * 100_000, "", MalformedInputError, "not JSON"),
        (b"5", "", MalformedInputError, "must be an object"),
        (b'{"instances": []}', "", EmptyInputError, "no picture"),
        (b"[]", "", MalformedInputError, "must be an object"),
        (b'{"instances": 5}', "", InvalidFieldsError, "list"),
        (b'{"instances": [], "labls": 1}', "", InvalidFieldsError, "labls"),
        (b'{"instances": [' + b"{}," * 32 + b"{}]}", "", LimitExceededError, "at most 32"),
        (b"x", "multipart/form-data", MalformedInputError, "boundary"),
        (b"x", "multipart/form-data; boundary=b", MalformedInputError, "is not multipart"),
        (b"--b--\r\n", "multipart/form-data; boundary=b", EmptyInputError, "no picture"),
        (*multipart([("file", "a.png", RED)] * 33), LimitExceededError, "at most 32"),
        (*multipart([("file", "a.png", RED)] * 60), LimitExceededError, "at most 32"),
        (*multipart([("topk", None, b"3"), ("file", "a.png", RED)]), InvalidFieldsError, "topk"),
        (multipart([("file", "a.png", RED)])[0][:-9], "multipart/form-data; boundary=b-17", MalformedInputError, "end"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(
    body: bytes, content_type: str, error: type[InputError], says: str
) -> None:
    with pytest.raises(error, match=says):
        read_body(body, content_type)


@given(st.binary(max_size=300))
def test_base64_gives_every_byte_back(content: bytes) -> None:
    text = base64.b64encode(content).decode()
    if content:
        assert from_base64(text) == content


@given(
    st.binary(max_size=400),
    st.sampled_from(["", "application/json", "image/png", "image/*", "multipart/form-data; boundary=b", "text/html"]),
)
def test_any_bytes_are_read_or_refused(body: bytes, content_type: str) -> None:
    try:
        request = read_body(body, content_type)
    except InputError:
        return
    assert request.items


@given(
    st.lists(
        st.sampled_from(
            [
                b"--b",
                b"--b--",
                b"\r\n",
                b"\r\n\r\n",
                b"Content-Disposition: form-data; ",
                b'name="file"',
                b'; filename="x"',
                b"; filename*=UTF-8''%ff",
                b"Content-Type: a/b",
                RED[:40],
                b"\0",
            ]
        ),
        max_size=30,
    )
)
def test_any_form_is_read_or_refused(pieces: list[bytes]) -> None:
    try:
        request = read_body(b"".join(pieces), "multipart/form-data; boundary=b")
    except InputError:
        return
    assert request.items


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.just(TEXT),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["instances", "image", "s3_key", "id", "x"]), inner)
    ),
    max_leaves=10,
)


@given(JSON_VALUES)
def test_any_json_is_read_or_refused(document: Any) -> None:
    try:
        request = read_json(document)
    except InputError:
        return
    assert all(item.error or item.s3_key or item.content is not None for item in request.items)
