"""Bodies of picture requests: every form in, items and options out, and a sentence for everything else."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

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
from skysort.json_document import Repeated
from skysort.pictures.bodies.base64_text import from_base64
from skysort.pictures.bodies.body import read_body
from tests.factories_images import encode, fits_file, multipart, plain, sky, zip_file

if TYPE_CHECKING:
    from skysort.pictures.bodies.request import PictureRequest

RED = encode(plain((250, 0, 0)))
JPEG = encode(plain((250, 0, 0)), "JPEG")
TEXT = base64.b64encode(RED).decode()
FORM = multipart([("file", "a.png", RED)])[0]
# What a gateway makes of bytes that it takes for UTF-8 text.
GARBLED = JPEG.decode("utf-8", "replace").encode()
GARBLED_FORM = FORM.decode("utf-8", "replace").encode()
GARBLED_FITS = fits_file(sky()).decode("utf-8", "replace").encode()


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
        (fits_file(sky()), "application/x-fits"),
        (gzip.compress(fits_file(sky())), "application/gzip"),
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
        "DATA:Image/PNG;charset=utf-8;name=%E2%98%89;Base64," + TEXT,
        "data:image/png;base64," + quote(TEXT, safe=""),
        f"  data:;base64,{TEXT}\n",
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


@pytest.mark.parametrize(
    "body",
    [RED, TEXT.encode(), f"data:image/png;base64,{TEXT}\n".encode(), json.dumps({"image": TEXT}).encode(), FORM],
    ids=["bytes", "base64", "data URL", "JSON", "form"],
)
@pytest.mark.parametrize(
    "content_type",
    ["", "application/octet-stream", "text/plain", "image", "application/x-www-form-urlencoded", " ; charset=utf-8"],
)
def test_a_body_whose_type_says_nothing_is_what_it_is(body: bytes, content_type: str) -> None:
    request = read_body(body, content_type)
    assert [item.content for item in request.items] == [RED]
    assert request.single


@pytest.mark.parametrize("content_type", ["application/json;charset=UTF-8", "text/json", "application/ld+json"])
def test_json_has_many_names(content_type: str) -> None:
    assert read_body(json.dumps({"image": TEXT}).encode(), content_type).items[0].content == RED


def test_a_picture_sent_as_base64_under_its_own_type_is_read() -> None:
    assert read_body(TEXT.encode(), "image/png").items[0].content == RED
    with pytest.raises(UnsupportedFormatError, match="declared as image/jpeg and is image/png"):
        read_body(TEXT.encode(), "image/jpeg")


def test_a_plain_form_has_a_picture_as_base64_and_options() -> None:
    image = base64.b64encode(RED + bytes([251, 239] * 30)).decode()
    assert "+" in image
    for text in (image, quote(image, safe="")):
        request = read_body(f"image={text}&top_k=2&labels=a&labels=b".encode(), "application/x-www-form-urlencoded")
        assert base64.b64encode(request.items[0].content).decode() == image
        assert request.options == {"top_k": "2", "labels": Repeated(("a", "b"))}


@pytest.mark.parametrize("boundary", ["===============8527441==", "AbC/(x)", "a b"])
def test_a_boundary_that_lacks_its_quotes_is_taken_from_the_form(boundary: str) -> None:
    body, _ = multipart([("file", "m51.png", RED)], boundary)
    request = read_body(body, f"multipart/form-data; boundary={boundary}")
    assert [(item.id, item.content) for item in request.items] == [("m51.png", RED)]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('filename="m\u00e4r.jpg"'.encode(), "m\u00e4r.jpg"),
        ('filename="m\u00e4r.jpg"'.encode("latin-1"), "m\u00e4r.jpg"),
        (b"filename=\"fallback.jpg\"; filename*=UTF-8''m%C3%A4r%20%E2%98%89.jpg", "m\u00e4r \u2609.jpg"),
        (b"filename*=utf-8'de'm%C3%A4r.jpg", "m\u00e4r.jpg"),
        (b"filename*=ISO-8859-1''m%E4r.jpg", "m\u00e4r.jpg"),
        (b"filename=\"a; filename*=UTF-8''b.jpg\"", "a; filename*=UTF-8''b.jpg"),
        (b"filename=plain.jpg", "plain.jpg"),
        (b'filename="' + b"n" * 5_000 + b'.jpg"', "n" * 200),
        (b'filename="C:\\pictures\\m51.jpg"', "m51.jpg"),
    ],
)
def test_a_files_name_is_read_as_clients_write_it(disposition: bytes, name: str) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; ' + disposition + b"\r\n\r\n"
    request = read_body(head + RED + b"\r\n--b--\r\n", "multipart/form-data; boundary=b")
    assert [(item.id, item.content) for item in request.items] == [(name, RED)]


@pytest.mark.parametrize("declared", ["", "; boundary=", "; boundary=another", '; boundary="b-17"', "; boundary=b-17"])
def test_a_form_is_read_by_its_own_boundary_where_the_header_has_none_or_anothers(declared: str) -> None:
    assert read_body(FORM, f"multipart/form-data{declared}").items[0].content == RED


def test_a_form_may_hold_a_picture_as_text_and_an_address_is_refused_in_its_place() -> None:
    request = read_body(*multipart([("image", None, TEXT.encode()), ("image", None, b"https://example.org/a.jpg")]))
    assert request.items[0].content == RED
    assert "not fetched" in str(request.items[1].error)


def test_an_option_given_twice_is_kept_twice_by_form_and_json() -> None:
    parts = [("labels", None, b"tabby"), ("file", "a.png", RED), ("labels", None, b"school bus"), ("top_k", None, b"")]
    twice = Repeated(("tabby", "school bus"))
    assert read_body(*multipart(parts)).options == {"labels": twice, "top_k": ""}
    body = f'{{"labels": "tabby", "image": "{TEXT}", "labels": "school bus"}}'.encode()
    assert read_body(body, "application/json").options == {"labels": twice}


@pytest.mark.parametrize("member", ["s3_key", "id", "image"])
def test_a_text_that_is_no_unicode_is_refused_in_its_instances_place(member: str) -> None:
    bad = {"s3_key": "incoming/image/b/a.jpg", "id": "1"} | {member: "incoming/image/x/\ud800.jpg"}
    if member == "image":
        del bad["s3_key"]
    request = read_json({"instances": [bad, {"image": TEXT}]})
    error = request.items[0].error
    assert isinstance(error, InvalidFieldsError)
    assert [(fault.field, fault.reason) for fault in error.fields] == [(member, "not_unicode")]
    assert request.items[1].content == RED
    request.items[0].id.encode()


def test_a_member_given_twice_is_refused_in_its_instances_place() -> None:
    body = f'{{"instances": [{{"image": "{TEXT}", "image": "{TEXT}"}}, {{"image": "{TEXT}"}}]}}'.encode()
    bad, good = read_body(body, "application/json").items
    assert "image: is given 2 times" in str(bad.error)
    assert good.content == RED


def test_an_id_left_blank_is_not_given() -> None:
    request = read_json({"instances": [{"image": TEXT, "id": ""}, {"image": TEXT, "id": None}]})
    assert [item.id for item in request.items] == ["0", "1"]


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
        ({"image": "https://example.org/m51.jpg"}, "URLs are not fetched; send the picture itself"),
        ({"image": "s3://bucket/incoming/galaxy/b/m51.jpg"}, "as s3_key"),
        ({"image": "blob:https://example.org/0b5c"}, "URLs are not fetched"),
        ({"image": "https://example.org/m51.jpg?size=5 kB"}, "URLs are not fetched"),
        ({"image_url": "https://example.org/m51.jpg"}, "pictures are not fetched"),
        ({"s3_key": 5}, "s3_key"),
        ({"image": TEXT, "id": True}, "id"),
        ({"image": TEXT, "url": "x"}, "url: is unknown"),
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
        (b"image=" + b"%41" * 100_000, "application/x-www-form-urlencoded", MalformedInputError, "is percent-encoded"),
        (b"a=b", "application/x-www-form-urlencoded", InvalidFieldsError, "multipart/form-data"),
        (b"&".join([b"a=b"] * 65), "application/x-www-form-urlencoded", LimitExceededError, "64 fields"),
        (b"", "image/png", EmptyInputError, "no bytes"),
        (b"hello", "image/png", UnsupportedFormatError, "is text"),
        (RED, "image/jpeg", UnsupportedFormatError, "declared as image/jpeg and is image/png"),
        (b"", "", EmptyInputError, "the body is empty"),
        (b" ", "application/json", EmptyInputError, "the body is empty"),
        (b"{", "", MalformedInputError, "not JSON"),
        (b"\xff\xfe\x00", "application/json", MalformedInputError, "UTF-16"),
        (b"\xff\xfe\x00", "", UnsupportedFormatError, "of an unknown kind"),
        (b"[" * 100_000, "", MalformedInputError, "nested too deep"),
        (b"5", "application/json", MalformedInputError, "must be an object"),
        (b'{"instances": []}', "", EmptyInputError, "no picture"),
        (b"[]", "", MalformedInputError, "must be an object"),
        (b'{"instances": 5}', "", InvalidFieldsError, "list"),
        (b'{"instances": [], "labls": 1}', "", InvalidFieldsError, "labls"),
        (b'{"instances": [], "instances": []}', "", InvalidFieldsError, "instances: is given 2 times"),
        (b'{"instances": [' + b"{}," * 32 + b"{}]}", "", LimitExceededError, "at most 32"),
        (b"https://example.org/m51.jpg", "text/plain", UnsupportedFormatError, "URLs are not fetched"),
        (b"https://example.org/m51.jpg", "image/jpeg", UnsupportedFormatError, "URLs are not fetched"),
        (FORM, "image/jpeg", UnsupportedFormatError, "is a form but is declared as image/jpeg"),
        (FORM, "application/json", MalformedInputError, "is a form but is declared as application/json"),
        (RED, "application/json", MalformedInputError, "is a picture but is declared as application/json"),
        (GARBLED, "", MalformedInputError, "decoded as text in transit.*as application/octet-stream"),
        (GARBLED, "text/plain", MalformedInputError, "decoded as text in transit"),
        (GARBLED, "application/json", MalformedInputError, "decoded as text in transit"),
        (GARBLED_FORM, "", MalformedInputError, "decoded as text in transit"),
        (TEXT.encode(), "application/json", MalformedInputError, "is base64 text but is declared as application/json"),
        (b"https://example.org/m51.jpg", "application/json", UnsupportedFormatError, "URLs are not fetched"),
        (GARBLED_FITS, "", MalformedInputError, "decoded as text in transit"),
        (zip_file({"a.png": RED}), "application/zip", UnsupportedFormatError, "a ZIP archive.*drop folder"),
        (b"<svg xmlns='a'/>", "", UnsupportedFormatError, "SVG"),
        (gzip.compress(RED), "image/jpeg", UnsupportedFormatError, "gzipped.*Content-Encoding: gzip"),
        (b"\r\n" + FORM, "image/jpeg", UnsupportedFormatError, "is a form but is declared as image/jpeg"),
        (RED, "multipart/form-data; boundary=b", MalformedInputError, "is a picture but is declared as multipart"),
        (RED, "multipart/form-data", MalformedInputError, "is a picture but is declared as multipart"),
        (b'{"image": "x"}', "multipart/form-data", MalformedInputError, "is JSON but is declared as multipart"),
        (FORM.replace(b"\r\n", b"\n"), "multipart/form-data; boundary=b-17", MalformedInputError, "send it unchanged"),
        (*multipart([("", None, b"3"), ("file", "a.png", RED)]), InvalidFieldsError, "a field without a name"),
        (b"x", "multipart/form-data", MalformedInputError, "boundary"),
        (b"x", "multipart/form-data; boundary=b", MalformedInputError, "is not multipart"),
        (b"--b--\r\n", "multipart/form-data; boundary=b", EmptyInputError, "no picture"),
        (*multipart([("file", "a.png", RED)] * 33), LimitExceededError, "at most 32"),
        (*multipart([("file", "a.png", RED)] * 60), LimitExceededError, "at most 32"),
        (*multipart([("file", "a.png", RED)] * 200), LimitExceededError, "at most 32"),
        (*multipart([("labels", None, b"a")] * 65), LimitExceededError, "up to 64 parts"),
        (*multipart([("file", "n" * 20_000, RED)]), LimitExceededError, "name may take up to 16,384 bytes"),
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


@given(st.binary(min_size=1, max_size=300))
def test_base64_whose_pluses_a_form_took_for_spaces_gives_every_byte_back(content: bytes) -> None:
    # As a JPEG begins and ends; blanks at the ends of a text are never a picture's
    text = "/9j/" + base64.b64encode(b"\xfb\xef\xbe" + content + b"\xff\xd9").decode()
    assert from_base64(text.replace("+", " ")) == base64.b64decode(text)


def test_a_white_picture_that_is_nearly_all_slashes_is_read_from_a_plain_form() -> None:
    white = encode(plain((255, 255, 255), 200, 200), "TIFF")
    body = f"image={quote(base64.b64encode(white).decode(), safe='')}"
    assert body.count("%2F") > len(body) / 4
    assert read_body(body.encode(), "application/x-www-form-urlencoded").items[0].content == white


def test_a_data_url_that_was_escaped_gives_every_byte_back() -> None:
    text = base64.b64encode(b"\xfb\xef\xbe\xff" * 30).decode()
    in_lines = "%0D%0A".join(text[at : at + 76] for at in range(0, len(text), 76))
    for escaped in (quote(text, safe=""), quote(text, safe="").replace("%2F", "%2f"), in_lines):
        assert from_base64(f"data:image/png;base64,{escaped}") == base64.b64decode(text)


@pytest.mark.parametrize("between", ["\n", "\r\n", " ", "\n "])
def test_base64_in_lines_gives_every_byte_back(between: str) -> None:
    text = base64.b64encode(bytes(range(256)) * 3).decode()
    assert from_base64(between.join(text[at : at + 76] for at in range(0, len(text), 76))) == bytes(range(256)) * 3


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
