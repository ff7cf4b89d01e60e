"""A skysort service and its store behind httpx.MockTransport: what the command line's unit tests talk to.

It keeps to the contract of functions/README.md and of the classify calls; the end-to-end tests hold the
command line to the real one.
"""

from __future__ import annotations

import csv
import io
import json
import threading
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, quote, unquote, urlsplit

import httpx

from skysort import problems
from skysort.batches.merged import COLUMNS, NO_ANSWER
from tests.fakes.bulk_jobs import FakeBulkJobs
from tests.fakes.trainings import FakeTrainings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

URL = "https://sky.example"
STORE = "https://store.example"
NOT_A_PICTURE = b"not a picture"
PART = 8  # bytes: larger files come in parts


# What S3 says of a signature that is in time, by credentials that are not.
EXPIRED_TOKEN = (400, "ExpiredToken", "The provided token has expired.")


class FakeService:
    """Answers requests, remembers them, and fails where it is told to.

    failures: responses given in place of the next answers. refused: names that /v1/uploads does not take.
    hook: called with each request before it is answered. slow: how many polls find the batch unfinished.
    whole: names of classified tables that stay whole; rejects: those of them with rejected rows. breaks: how often the
    store breaks off after half of what is left of a result. typicality: of every picture, as results.csv has it.
    records: of files by name. table: what is said of each table as a whole.
    """

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.failures: list[httpx.Response | httpx.TransportError] = []
        self.refused: dict[str, str] = {}
        self.hook: Callable[[httpx.Request], None] = lambda _: None
        self.slow = 0
        self.files: dict[str, tuple[bytes, str]] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.expired = 0
        # What S3 says of a signature whose time is over, or whose credentials' time is.
        self.expiry = (403, "AccessDenied", "Request has expired")
        self.whole: dict[str, bytes] = {}
        self.rejects: set[str] = set()
        self.breaks = 0
        self.typicality = ("0.25", "true")
        self.records: dict[str, dict[str, Any]] = {}
        self.table: dict[str, Any] = {}
        self.trainings = FakeTrainings()
        self.bulk = FakeBulkJobs()
        self._lock = threading.Lock()

    @property
    def transport(self) -> httpx.MockTransport:
        """For httpx.Client."""
        return httpx.MockTransport(self.answer)

    def sent(self, method: str, path: str) -> list[httpx.Request]:
        """The requests of a method to paths that begin so."""
        return [request for request in self.requests if request.method == method and request.url.path.startswith(path)]

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        with self._lock:
            self.requests.append(request)
            failure = self.failures.pop(0) if self.failures else None
        self.hook(request)
        if isinstance(failure, httpx.TransportError):
            raise failure
        if failure is not None:
            return failure
        if request.url.host == "store.example":
            return self._store(request)
        answered = self.trainings.answer(request) or self.bulk.answer(request)
        if answered is not None:
            return answered
        answers = {"classify": self._classify, "uploads": self._uploads, "batches": self._batch}
        return answers.get(request.url.path.split("/")[2], self._document)(request)

    def _document(self, request: httpx.Request) -> httpx.Response:
        documents = {
            "/v1/health": {"status": "ok", "version": "0.1.0"},
            "/v1/models": {"models": [card()]},
            "/v1/models/galaxy": card(),
            "/v1/models/galaxy/ready": {"status": "ready", "model": {"name": "galaxy", "version": "9.9"}},
        }
        path = request.url.path
        if path in documents:
            return httpx.Response(200, json=documents[path])
        return problem(404, f"there is no {request.method} {path} here")

    def _classify(self, request: httpx.Request) -> httpx.Response:
        model = request.url.path.removeprefix("/v1/classify/")
        query = dict(request.url.params)
        trained = query.get("model") or model.partition("/")[2]
        if trained and trained not in self.trainings.models:
            return httpx.Response(
                404, json=dict(problems.document(404, "not-found", "x", f"unknown model {trained!r}"))
            )
        if query.get("labels") == "boxxer":
            field = {"field": "labels", "reason": "unknown_label", "detail": "Unknown label 'boxxer'."}
            return problem(422, "Unknown label 'boxxer'.", errors=[field])
        if model == "star":
            rows = [star_result(row, index) for index, row in enumerate(_rows(request.content))]
            return answered(trained or model, rows, **({"table": self.table} if self.table else {}))
        if request.content == NOT_A_PICTURE:
            return problem(415, "the content is text; send a JPEG")
        result = picture_result(request.content, explain="explain" in query)
        return answered(
            trained or model, [{**result, **like_examples(explain="explain" in query)} if trained else result]
        )

    def _uploads(self, request: httpx.Request) -> httpx.Response:
        wanted = json.loads(request.content)
        wrong = [file["name"] for file in wanted["files"] if file["name"] in self.refused]
        if wrong:
            return problem(422, "; ".join(f"{name!r} {self.refused[name]}" for name in wrong))
        unknown = [file for file in wanted["files"] if file.get("upload_id", "") not in {"", *self.parts}]
        if unknown:
            field = {"field": "upload_id", "reason": "unknown_upload", "detail": "there is no such upload any more"}
            return problem(422, "there is no such upload any more", errors=[field])
        files = [self._offer(file, f"incoming/{wanted['model']}/{wanted['batch']}/") for file in wanted["files"]]
        return httpx.Response(200, json={"model": wanted["model"], "batch": wanted["batch"], "files": files})

    def _offer(self, file: dict[str, Any], prefix: str) -> dict[str, Any]:
        key, size = prefix + file["name"], file["size"]
        if size <= PART:
            return {**file, "key": key, "method": "form", "form": {"url": f"{STORE}/", "fields": {"key": key}}}
        upload_id = file.get("upload_id") or f"upload-{len(self.parts)}"
        there = self.parts.setdefault(upload_id, {})
        where = f"{STORE}/{key}?uploadId={upload_id}"
        sizes = [PART] * (size // PART) + ([size % PART] if size % PART else [])
        parts = [
            {
                "number": index,
                "size": size,
                "url": f"{where}&partNumber={index}",
                "etag": f'"{index}"' if index in there else None,
            }
            for index, size in enumerate(sizes, start=1)
        ]
        about = {"upload_id": upload_id, "part_size": PART, "parts": parts, "complete_url": where, "abort_url": where}
        return {**file, "key": key, "method": "parts", "parts": about}

    def _store(self, request: httpx.Request) -> httpx.Response:
        assert "x-api-key" not in request.headers, "the key belongs to the service alone"
        if self.expired:
            self.expired -= 1
            status, code, message = self.expiry
            return httpx.Response(status, text=f"<Error><Code>{code}</Code><Message>{message}</Message></Error>")
        query = parse_qs(urlsplit(str(request.url)).query)
        key = unquote(request.url.path.lstrip("/"))
        if request.method == "GET":
            return self._stored(request, key)
        if request.method == "PUT":
            number = int(query["partNumber"][0])
            self.parts[query["uploadId"][0]][number] = request.content
            return httpx.Response(200, headers={"ETag": f'"{number}"'})
        if "uploadId" in query:
            parts = self.parts.pop(query["uploadId"][0])
            assert request.content.count(b"<PartNumber>") == len(parts)
            self._arrived(key, b"".join(content for _, content in sorted(parts.items())))
            return httpx.Response(200, text="<CompleteMultipartUploadResult/>")
        fields = _form(request)
        self._arrived(fields["key"].decode(), fields["file"])
        return httpx.Response(204)

    def _stored(self, request: httpx.Request, key: str) -> httpx.Response:
        """A result, or the rest of it that a Range asks for (RFC 9110, 14.2)."""
        name = key.split("/", 2)[2]
        content = b"row,reason" if name.endswith(".rejected.csv") else self.whole.get(name)
        if content is None:
            return httpx.Response(404, text="<Error><Message>The key does not exist</Message></Error>")
        ranged = request.headers.get("Range")
        start = int(ranged.removeprefix("bytes=").rstrip("-")) if ranged else 0
        if ranged and request.headers["If-Match"] != f'"{len(content)}"':
            return httpx.Response(412)
        rest, headers = content[start:], {"ETag": f'"{len(content)}"'}
        if self.breaks:
            self.breaks -= 1
            return httpx.Response(206 if ranged else 200, headers=headers, stream=Broken(rest[: len(rest) // 2]))
        return httpx.Response(206 if ranged else 200, headers=headers, stream=httpx.ByteStream(rest))

    def _arrived(self, key: str, content: bytes) -> None:
        self.files[key] = (content, "2100-01-01T00:00:00.000Z")

    def _batch(self, request: httpx.Request) -> httpx.Response:
        _, _, _, batch, *rest = request.url.path.split("/")
        prefix = f"incoming/{request.url.params.get('model')}/{unquote(batch)}/"
        mine = {key.removeprefix(prefix): value for key, value in self.files.items() if key.startswith(prefix)}
        if not mine:
            return problem(404, "unknown batch")
        if rest:
            return self._results(request, sorted(mine))
        if request.url.params["limit"] == "0":
            waiting = 1 if self.slow else 0
            self.slow = max(0, self.slow - 1)
            counts = {"total": len(mine), "waiting": waiting, "done": len(mine) - waiting, "failed": 0}
            return httpx.Response(200, json={"counts": counts, "files": [], "next": None})
        files = [
            {"name": name, "size": len(content), "uploaded": uploaded, "state": "done", "links": self._links(name)}
            for name, (content, uploaded) in sorted(mine.items())
        ]
        if request.url.params.get("records"):
            files = [{**file, "record": self.records.get(str(file["name"]), {})} for file in files]
        start = int(request.url.params.get("next", "0"))
        page = files[start : start + 2]
        following = str(start + 2) if start + 2 < len(files) else None
        counts = {"total": len(mine), "waiting": 0, "done": len(mine), "failed": 0}
        return httpx.Response(200, json={"counts": counts, "files": page, "next": following})

    def _results(self, request: httpx.Request, names: list[str]) -> httpx.Response:
        start = int(request.url.params.get("next", "0"))
        model = request.url.params["model"]
        lines = [list(COLUMNS)] if start == 0 else []
        for name in names[start : start + 2]:
            if name in self.whole:
                lines.append([model, name, "", *NO_ANSWER, f"{model}/night/{name}", ""])
                if name in self.rejects:
                    lines.append(
                        [model, name, "", *NO_ANSWER, f"{model}/night/{name}.rejected.csv", "1 of 2 rows is bad"]
                    )
            elif name.startswith("bad"):
                lines.append([model, name, "", *NO_ANSWER, "", "no picture"])
            else:
                lines.append([model, name, "", "Smooth", "6", "0.900000", "Smooth;Spiral", *self.typicality, "", ""])
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(lines)
        headers = {}
        if start + 2 < len(names):
            headers["Link"] = f'<https://evil.example/v1/x?model={model}&next={start + 2}>; rel="next"'
        return httpx.Response(200, text=text.getvalue(), headers=headers)

    def _links(self, name: str) -> dict[str, str]:
        where = f"{STORE}/star/night/{quote(name)}"
        rejected = {"rejected": f"{where}.rejected.csv?X-Amz-Signature=1"} if name in self.rejects else {}
        return {"result": f"{where}?X-Amz-Signature=1", **rejected, "record": f"{where}.json?X-Amz-Signature=1"}


class Broken(httpx.SyncByteStream):
    """A body that breaks off."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content
        raise httpx.ReadError("the line broke")


def card() -> dict[str, Any]:
    return {
        "name": "galaxy",
        "version": "9.9",
        "architecture": "tiny\x1b[31m",
        "labels": ["Smooth", "Spiral"],
        "file": "galaxy.onnx",
        "sha256": "0" * 64,
        "bytes": 17,
        "intended_use": "For tests.",
        "limitations": ["It knows nothing."],
        "licence": "none",
        "metrics": {
            "rows": 40,
            "accuracy": {"value": 0.75, "low": 0.6, "high": 0.9},
            "per_class": {"Smooth": {"precision": 0.5, "recall": 0.25, "f1": 0.333, "rows": 20}},
        },
    }


def problem(status: int, detail: str, **more: Any) -> httpx.Response:
    document = {**problems.document(status, "test", "Test", detail), **more}
    return httpx.Response(status, json=document, headers={"Content-Type": problems.CONTENT_TYPE})


def answered(model: str, results: list[dict[str, Any]], **more: Any) -> httpx.Response:
    document = {"model": {"name": model, "version": "9.9"}, "results": results, "timing_ms": {"total": 1.0}, **more}
    return httpx.Response(200, json=document)


def picture_result(content: bytes, *, explain: bool = False) -> dict[str, Any]:
    """The label is what the picture says, so that a test sees whose answer it got."""
    predictions = [
        {"label": content.decode("latin-1"), "class_id": 6, "probability": 0.75},
        {"label": "Spiral", "class_id": 7, "probability": 0.25},
    ]
    result: dict[str, Any] = {"id": "0", "predictions": predictions, "prediction_set": ["Smooth"], "cached": True}
    if explain:
        heat_map = "data:image/png;base64,iVBORw0KGgo="
        result["explanation"] = {"method": "class activation map", "label": "Smooth", "heat_map": heat_map}
    return result


def like_examples(*, explain: bool) -> dict[str, Any]:
    """What a trained picture model says besides."""
    result: dict[str, Any] = {"typicality": 0.75, "in_domain": True}
    if explain:
        thumbnail = "data:image/jpeg;base64,/9j/"
        near = [{"file": "poodle/3.jpg", "label": "poodle", "similarity": 0.925, "thumbnail": thumbnail}]
        result["explanation"] = {**picture_result(b"", explain=True)["explanation"], "nearest": near}
    return result


def star_result(row: dict[str, str], index: int) -> dict[str, Any]:
    name = row.get("name") or str(index)
    if row["u"] == "-9999":
        return {"id": name, "error": problems.document(422, "invalid-fields", "Test", "u: is -9999")}
    predictions = [{"label": "STAR", "class_id": 2, "probability": 0.9}]
    return {
        "id": name,
        "predictions": predictions,
        "prediction_set": ["STAR"],
        "variant": "photometry_only",
        "cached": False,
    }


def _rows(content: bytes) -> list[dict[str, str]]:
    if content.startswith(b"{"):
        return [{name: str(value) for name, value in row.items()} for row in json.loads(content)["instances"]]
    rows = csv.DictReader(io.StringIO(content.decode(), newline=""))
    return [row for row in rows if row["u"] != "mag"]  # a line of units


def _form(request: httpx.Request) -> dict[str, bytes]:
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + request.content)
    fields: dict[str, bytes] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        fields[str(name)] = cast("bytes", part.get_payload(decode=True))
    return fields
