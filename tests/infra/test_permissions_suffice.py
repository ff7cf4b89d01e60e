"""Each role may do exactly what its code asks of S3: nothing is lacking, and nothing is left over."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from moto import mock_aws

from skysort.batches.status import BatchStatusService, Page
from skysort.drop.event import Upload
from skysort.drop.ledger import Report
from skysort.drop.worker import DropWorker
from skysort.errors import MalformedInputError, NotFoundError
from skysort.limits import MIB
from skysort.pictures.bodies.remote import DroppedPictures
from skysort.s3.client import Answer, S3Client
from skysort.s3.signature import Addressing, Credentials, Location, Signer
from skysort.s3.store import S3Store
from skysort.uploads.presigner import UploadPresigner
from skysort.uploads.request import UploadRequest
from tests.infra.policies import role_rows
from tests.infra.s3_permissions import lacking, of_call, of_request, unused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skysort.drop.files import Draft, SourceFile
    from tests.infra.s3_permissions import Permission
    from tests.infra.synth import Synthesised

REGION, ACCOUNT = "us-east-1", "123456789012"
KEY = "incoming/star/night-1/a b.csv"
TRAINED_KEY = "incoming/custom-star/variables/night-1/a b.csv"
BIG = b"x" * (9 * MIB)  # more than one part


def granted(stage: Synthesised, role: str, *, trained: bool = False, jobs: bool = False) -> set[Permission]:
    """What a role may do in this account and region with dropped files and results, trained models, or bulk jobs."""
    names = {"<stage>": stage.stage.name, "<account>": ACCOUNT, "<region>": REGION}
    rows = [(action, on) for name, action, on, _ in role_rows(stage) if name == role and action.startswith("s3:")]
    rows = [
        row
        for row in rows
        if (stage.stage.models_bucket in row[1].replace("<stage>", stage.stage.name), "/bulk/" in row[1])
        == (trained, jobs)
    ]
    return {(action, re.sub("<[a-z]+>", lambda at: names[at[0]], on)) for action, on in rows}


def buckets(stage: Synthesised) -> tuple[str, str]:
    """The deployed names of the drop bucket and the results bucket."""
    names = (stage.stage.drop_bucket, stage.stage.results_bucket)
    drop, results = (f"{name}-{ACCOUNT}-{REGION}" for name in names)
    return drop, results


@dataclass
class Bench:
    """The two buckets on moto's S3, and what was asked of them. asked: by the code under test only."""

    drop: str
    results: str
    s3: Any
    asked: list[Permission] = field(default_factory=list)

    def upload(self, key: str, body: bytes, order: int) -> Upload:
        """Put a file into the drop bucket, as a user does, and tell of it."""
        answer = self.s3.put_object(Bucket=self.drop, Key=key, Body=body)
        etag = answer["ETag"].strip('"')
        return Upload(self.drop, key, answer["VersionId"], etag, len(body), f"{order:04X}", "2026-01-01T00:00:00.000Z")

    def watched(self) -> Any:
        """A client whose calls are written down."""
        client = boto3.client("s3", region_name=REGION)
        client.meta.events.register("provide-client-params.s3", self._note)
        return client

    def _note(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        self.asked += of_call(model.name, params)


@pytest.fixture
def bench(dev: Synthesised, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        s3 = boto3.client("s3", region_name=REGION)
        for name in buckets(dev):
            s3.create_bucket(Bucket=name)
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        yield Bench(*buckets(dev), s3)


class Copier:
    """Copies a file; refuses one with a question mark, and breaks down over one with an exclamation mark."""

    version, suffixes = "1.0.0", ("",)

    def __init__(self, name: str) -> None:
        self.name = name

    def classify(self, source: SourceFile, draft: Draft) -> Report:
        out = draft.open("", "text/csv")
        for block in source.blocks():
            if b"?" in block:
                raise MalformedInputError("a question")
            out.write(block)
            if b"!" in block:
                out.write(BIG)
                raise RuntimeError
        return Report({})


def test_a_drop_function_may_do_exactly_what_it_does(dev: Synthesised, bench: Bench) -> None:
    # Given the worker of dropped files, those for the built-in model and those for people's
    def trained(key: str) -> Copier | None:
        return Copier("custom-star/variables") if key == TRAINED_KEY else None

    worker = DropWorker(S3Store(bench.watched()), bench.results, Copier("star"), trained=trained)
    for key in (KEY, TRAINED_KEY):
        # When a file is refused, then replaced by a good one, that by a large one, and the last breaks it
        for order, body in enumerate((b"?", b"good", BIG)):
            worker.process(bench.upload(key, body, order))
        with pytest.raises(RuntimeError):
            worker.process(bench.upload(key, b"!" + BIG, 9))
        worker.refuse(bench.upload(key, b"poison", 10), MalformedInputError("it stopped what worked on it"))
    # Then its role may do all of that, and nothing besides
    allowed = granted(dev, "StarDropFunction/Role")
    assert lacking(bench.asked, allowed) == set()
    assert unused(bench.asked, allowed) == set()


@pytest.mark.parametrize("role", ["GalaxyFunction/Role", "ImageFunction/Role"])
def test_a_picture_function_may_do_exactly_what_an_s3_key_needs(dev: Synthesised, bench: Bench, role: str) -> None:
    # Given a dropped picture
    bench.upload("incoming/galaxy/night-1/m51.jpg", b"a picture", 1)
    pictures = DroppedPictures(bench.drop, S3Store(bench.watched()))
    # When it is named, and one that is not there
    found = pictures(["incoming/galaxy/night-1/m51.jpg", "incoming/image/nothing.jpg"])
    assert found["incoming/galaxy/night-1/m51.jpg"] == b"a picture"
    assert isinstance(found["incoming/image/nothing.jpg"], NotFoundError)
    # Then the role may do that, and nothing besides
    assert lacking(bench.asked, granted(dev, role)) == set()
    assert unused(bench.asked, granted(dev, role)) == set()


class Recorder(S3Client):
    """Answers listings with one file and everything else with little; writes down what was asked."""

    def __init__(self, addressing: Addressing, signer: Signer, files: Mapping[str, str]) -> None:
        super().__init__(addressing, signer)
        self._files = files
        self.asked: list[Permission] = []

    def _exchange(
        self, method: str, location: Location, query: Mapping[str, str], headers: Mapping[str, str] | None, body: bytes
    ) -> Answer:
        del headers, body
        # An upload that begins is named `uploads`, one that goes on by its `uploadId`
        self.asked += of_request(method, location.bucket, location.path, query)
        if "list-type" in query:
            about = "<Size>1</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            key = self._files[location.bucket]
            found = f"<Contents><Key>{key}</Key>{about}</Contents>" if key.startswith(query["prefix"]) else ""
            return Answer(200, f"<r>{found}</r>".encode())
        if method == "POST":
            return Answer(200, b"<r><UploadId>u1</UploadId></r>")
        return Answer(200, b"<r/>" if "uploadId" in query else b"{}")


def test_the_control_function_may_do_exactly_what_it_does_and_signs_for(dev: Synthesised) -> None:
    # Given the desks of uploads and batches
    drop, results = buckets(dev)
    addressing, signer = Addressing(REGION), Signer(Credentials("test", "test"), REGION)
    s3 = Recorder(addressing, signer, {drop: KEY, results: f"{KEY.removeprefix('incoming/')}.json"})
    uploads = UploadPresigner(drop, addressing, signer, s3)
    batches = BatchStatusService(
        s3, drop_bucket=drop, results_bucket=results, models=("star",), addressing=addressing, signer=signer
    )
    # When files are to be uploaded in every way, one of them resumed, and the batch is read with its records
    files = [
        {"name": "small.csv", "size": 10},
        {"name": "large.csv", "size": 50 * MIB},
        {"name": "resumed.csv", "size": 50 * MIB, "upload_id": "u1"},
    ]
    offer = uploads.presign(UploadRequest.model_validate({"model": "star", "batch": "night-1", "files": files}))
    status = batches.status("night-1", Page(records=True))
    # Then its role may send what it sent, and do what it signed for: S3 asks the signer's role
    signed = [url for url in strings([offer, status]) if "X-Amz-Signature=" in url]
    forms = [file["form"] for file in offer["files"] if "form" in file]
    needed = [*s3.asked, *(need for url in signed for need in of_url(url))]
    needed += [("s3:PutObject", f"arn:aws:s3:::{drop}/{form['fields']['key']}") for form in forms]
    assert forms
    assert {urlsplit(url).hostname for url in signed} == {
        f"{name}.s3.{REGION}.amazonaws.com" for name in (drop, results)
    }
    assert lacking(needed, granted(dev, "ControlFunction/Role")) == set()
    assert unused(needed, granted(dev, "ControlFunction/Role")) == set()


def of_url(url: str) -> list[Permission]:
    """What a presigned URL needs: a URL does not tell its method, so each that its query allows."""
    parts = urlsplit(url)
    bucket = (parts.hostname or "").partition(".")[0]
    query = parse_qs(parts.query)
    if "partNumber" in query:
        methods = ["PUT"]
    elif "uploadId" in query:
        methods = ["POST", "DELETE"]
    else:
        methods = ["GET"]
    return [need for method in methods for need in of_request(method, bucket, parts.path, query)]


def strings(value: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inside in value.values():
            yield from strings(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from strings(inside)


def test_a_permission_that_lacks_and_one_too_many_would_be_seen() -> None:
    needed = [("s3:GetObject", "arn:aws:s3:::drop/incoming/star/a.csv")]
    assert lacking(needed, {("s3:GetObject", "arn:aws:s3:::drop/incoming/galaxy/*")}) == set(needed)
    assert unused(needed, {("s3:GetObject", "arn:aws:s3:::*"), ("s3:PutObject", "arn:aws:s3:::*")}) == {
        ("s3:PutObject", "arn:aws:s3:::*")
    }
