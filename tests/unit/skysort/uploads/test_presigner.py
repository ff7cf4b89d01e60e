"""What is offered for each file: a form, or parts."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import (
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    NotFoundError,
    UnsupportedFormatError,
)
from skysort.limits import (
    ARCHIVE_BYTES,
    IMAGE_BYTES,
    LAMBDA_PAYLOAD_BYTES,
    MIB,
    UPLOAD_BYTES,
    UPLOAD_FORM_BYTES,
    UPLOAD_PARTS_PER_REQUEST,
    UPLOAD_STARTS_PER_REQUEST,
)
from skysort.s3.client import Part
from skysort.s3.signature import Addressing, Credentials, Signer
from skysort.uploads.presigner import UploadPresigner
from skysort.uploads.request import read_body
from skysort_cli.uploads import BYTES_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 21, 10, 50, 20, tzinfo=UTC)


class FakeParts:
    """Uploads in parts that have begun, and the parts that have arrived."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str, str]] = []
        self.arrived: dict[str, list[Part]] = {}

    def start_parts(self, bucket: str, key: str, content_type: str) -> str:
        self.begun.append((bucket, key, content_type))
        return f"upload-{len(self.begun)}"

    def parts(self, bucket: str, key: str, upload_id: str) -> Iterator[Part]:
        if upload_id not in self.arrived:
            raise NotFoundError(f"{bucket} {key}")
        yield from self.arrived[upload_id]


@pytest.fixture
def parts() -> FakeParts:
    return FakeParts()


@pytest.fixture
def service(parts: FakeParts) -> UploadPresigner:
    return make_service(parts)


def make_service(parts: FakeParts, token: str | None = None) -> UploadPresigner:
    signer = Signer(Credentials("id", "secret", token), "eu-central-1", lambda: NOW)
    return UploadPresigner("drop", Addressing("eu-central-1"), signer, parts)


def ask(
    service: UploadPresigner, *files: dict[str, Any], model: str = "galaxy", batch: str | None = "b"
) -> dict[str, Any]:
    body = {"model": model, "batch": batch, "files": list(files)}
    request = read_body(json.dumps(body).encode(), "application/json; charset=utf-8")
    return cast("dict[str, Any]", service.presign(request))


def test_a_small_file_goes_in_a_form(service: UploadPresigner, parts: FakeParts) -> None:
    # When
    answer = ask(service, {"name": "field 7/m51.JPG", "size": 17})
    # Then
    assert (answer["prefix"], answer["expires"]) == ("incoming/galaxy/b/", "2026-11-21T11:05:20Z")
    (file,) = answer["files"]
    assert (file["method"], file["key"], file["type"]) == ("form", "incoming/galaxy/b/field 7/m51.JPG", "image/jpeg")
    assert file["form"]["url"] == "https://drop.s3.eu-central-1.amazonaws.com/"
    assert file["form"]["fields"]["key"] == file["key"]
    policy = json.loads(base64.b64decode(file["form"]["fields"]["policy"]))
    assert ["content-length-range", 17, 17] in policy["conditions"]
    assert parts.begun == []


@pytest.mark.parametrize(
    ("model", "name", "stored_as"),
    [
        ("custom/rings", "1.jpg", "image/jpeg"),
        ("custom-star/qso", "t.csv", "text/csv"),
        ("training", "ring/1.jpg", "image/jpeg"),
        ("training", "t.csv", "text/csv"),
        ("training", "rings.zip", "application/zip"),
    ],
)
def test_files_for_trained_models_and_trainings_have_their_own_folders(
    service: UploadPresigner, model: str, name: str, stored_as: str
) -> None:
    (file,) = ask(service, {"name": name, "size": 17}, model=model)["files"]
    assert (file["key"], file["type"]) == (f"incoming/{model}/b/{name}", stored_as)


@pytest.mark.parametrize(
    "model", ["custom", "custom/", "custom/Rings", "custom/star", "custom/a/b", "moon", "galaxy/a"]
)
def test_models_that_cannot_be_are_refused(service: UploadPresigner, model: str) -> None:
    with pytest.raises(InvalidFieldsError, match="or 'custom/NAME' or 'custom-star/NAME' of a trained model"):
        ask(service, {"name": "1.jpg", "size": 17}, model=model)


def test_a_large_file_goes_in_parts_of_signed_sizes(service: UploadPresigner, parts: FakeParts) -> None:
    # When
    (file,) = ask(service, {"name": "survey.zip", "size": 2 * UPLOAD_FORM_BYTES + 5})["files"]
    # Then
    assert parts.begun == [("drop", "incoming/galaxy/b/survey.zip", "application/zip")]
    pieces = file["parts"]["parts"]
    assert [piece["size"] for piece in pieces] == [UPLOAD_FORM_BYTES, UPLOAD_FORM_BYTES, 5]
    query = parse_qs(urlsplit(pieces[2]["url"]).query)
    assert (query["partNumber"], query["uploadId"]) == (["3"], ["upload-1"])
    # And a part of another size breaks the signature
    assert query["X-Amz-SignedHeaders"] == ["content-length;host"]


def test_a_resumed_upload_is_told_which_parts_are_there(service: UploadPresigner, parts: FakeParts) -> None:
    # Given one part that arrived whole and one that did not
    parts.arrived["u"] = [Part(1, '"e1"', UPLOAD_FORM_BYTES), Part(2, '"e2"', 3)]
    # When
    (file,) = ask(service, {"name": "t.csv", "size": 2 * UPLOAD_FORM_BYTES, "upload_id": "u"}, model="star")["files"]
    # Then
    assert [piece["etag"] for piece in file["parts"]["parts"]] == ['"e1"', None]
    assert parts.begun == []


def test_an_upload_that_is_over_cannot_be_resumed(service: UploadPresigner) -> None:
    with pytest.raises(InvalidFieldsError, match="leave upload_id out to start again"):
        ask(service, {"name": "t.zip", "size": 2 * UPLOAD_FORM_BYTES, "upload_id": "gone"})


@given(st.integers(UPLOAD_FORM_BYTES + 1, UPLOAD_BYTES))
def test_parts_make_up_the_file_within_the_stores_bounds(size: int) -> None:
    (file,) = ask(make_service(FakeParts()), {"name": "t.csv", "size": size}, model="star")["files"]
    sizes = [piece["size"] for piece in file["parts"]["parts"]]
    assert sum(sizes) == size
    # S3 takes parts of 5 MiB to 5 GiB, of which the last may be smaller
    assert 1 <= len(sizes) <= UPLOAD_PARTS_PER_REQUEST
    assert all(5 * MIB <= part <= 5 * 1024 * MIB for part in sizes[:-1])


@pytest.mark.parametrize(
    ("files", "field", "says"),
    [
        ([{"name": "../x", "size": 1}], "files[0].name", "plain path"),
        ([{"name": "a.jpg", "size": 1}, {"name": "a.jpg", "size": 1}], "files[1].name", "twice"),
        ([{"name": "a.jpg", "size": IMAGE_BYTES + 1}], "files[0].size", "64 MiB"),
        ([{"name": "a.zip", "size": ARCHIVE_BYTES + 1}], "files[0].size", "2,048 MiB"),
        ([{"name": "a", "size": "1"}], "files[0].size", "whole number"),
        ([{"name": "a", "size": -1}], "files[0].size", "at least 0"),
        ([{"name": "a", "size": 1, "mode": 7}], "files[0].mode", "unknown field"),
        ([], "files", "1 or more items"),
        ([{"name": f"{n}", "size": 1} for n in range(501)], "files", "up to 500 items"),
    ],
)
def test_every_wrong_field_is_named(
    service: UploadPresigner, files: list[dict[str, Any]], field: str, says: str
) -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        ask(service, *files)
    (wrong,) = refused.value.fields
    assert wrong.field == field
    assert says in wrong.detail


def test_a_bad_batch_and_a_bad_name_are_told_together(service: UploadPresigner) -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        ask(service, {"name": "a\\b", "size": 1}, batch="night-1")
    assert [wrong.field for wrong in refused.value.fields] == ["files[0].name"]
    with pytest.raises(InvalidFieldsError, match="batch"):
        ask(service, {"name": "a", "size": 1}, batch="../x")


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"{", "application/json", MalformedInputError),
        (b"", "", MalformedInputError),
        (b"\xff", "application/json", MalformedInputError),
        (b"[" * 100_000, "application/json", MalformedInputError),
        (b"[]", "application/json", InvalidFieldsError),
        (b"a,b", "text/csv", UnsupportedFormatError),
    ],
)
def test_other_bodies_are_refused(body: bytes, content_type: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_body(body, content_type)


def test_one_call_offers_so_many_parts(service: UploadPresigner) -> None:
    files = [{"name": f"{n}.zip", "size": ARCHIVE_BYTES} for n in range(8)]
    with pytest.raises(LimitExceededError, match=r"have 1,024 parts; one call presigns at most 1,000"):
        ask(service, *files)


def test_one_call_begins_so_many_uploads_in_parts_and_not_one_where_there_are_more(
    service: UploadPresigner, parts: FakeParts
) -> None:
    # Given files that each are just above what a form takes
    files = [{"name": f"{n}.zip", "size": UPLOAD_FORM_BYTES + 1} for n in range(UPLOAD_STARTS_PER_REQUEST + 1)]
    # When there is one too many, nothing is begun
    with pytest.raises(
        LimitExceededError, match="17 of these files exceed 16 MiB and are uploaded in parts; one call starts"
    ):
        ask(service, *files)
    assert parts.begun == []
    # Then without it each is, and small files beside them count for nothing
    ask(service, *files[1:], {"name": "small.jpg", "size": 1})
    assert len(parts.begun) == UPLOAD_STARTS_PER_REQUEST


def test_uploads_that_go_on_are_not_begun_again(service: UploadPresigner, parts: FakeParts) -> None:
    parts.arrived["u"] = []
    files = [{"name": f"{n}.zip", "size": UPLOAD_FORM_BYTES + 1, "upload_id": "u"} for n in range(40)]
    assert len(ask(service, *files)["files"]) == 40
    assert parts.begun == []


def test_what_the_command_line_asks_for_at_once_is_never_refused_for_its_number() -> None:
    assert BYTES_AT_ONCE // (UPLOAD_FORM_BYTES + 1) < UPLOAD_STARTS_PER_REQUEST


@pytest.mark.parametrize(
    "files",
    [
        [{"name": "ü" * 100 + f"/{n:03}.jpg", "size": 1} for n in range(500)],
        [{"name": "ü" * 100 + f"/{n}.zip", "size": ARCHIVE_BYTES} for n in range(7)],
    ],
)
def test_the_largest_answers_fit_lambdas_payload(files: list[dict[str, Any]]) -> None:
    # Given a role's session token, which is in every form and URL
    service = make_service(FakeParts(), token="t" * 1_200)
    # Then the answer, once more escaped as a proxy response, stays below the limit
    assert len(json.dumps(json.dumps(ask(service, *files)))) < LAMBDA_PAYLOAD_BYTES


@pytest.mark.parametrize(
    ("name", "declared", "stored_as"),
    [
        ("a.jpeg", None, "image/jpeg"),
        ("a.jpeg", "image/png; q=1", "image/png"),
        ("a.heic", "image/heic", "image/heic"),
        ("a.hif", None, "image/heif"),
        ("tile.fits.fz", None, "application/fits"),
        ("a.bmp", "image/bmp", "application/octet-stream"),
        ("a", None, "application/octet-stream"),
        ("a.tar.gz", "", "application/gzip"),
    ],
)
def test_a_file_is_stored_under_a_known_type(
    service: UploadPresigner, name: str, declared: str | None, stored_as: str
) -> None:
    (file,) = ask(service, {"name": name, "size": 1, "type": declared})["files"]
    assert file["type"] == stored_as
