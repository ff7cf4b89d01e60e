"""Uploads to the drop folder: presigned requests from the service, and the transfer to its store."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from skysort import problems
from skysort.limits import MIB, UPLOAD_FORM_BYTES, UPLOAD_STARTS_PER_REQUEST
from skysort.parallel import in_order
from skysort_cli.client import may_be_expired, store_reason
from skysort_cli.exits import ProblemError, ServiceError, UsageError
from skysort_cli.inputs import unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import httpx

    from skysort.answers import FormUpload, PartsUpload, UploadPart
    from skysort_cli.client import Client
    from skysort_cli.upload_plan import Upload

    Failure = tuple["Upload", ProblemError]
    Presigned = FormUpload | PartsUpload

# Presigned requests are valid for 15 minutes: most connections upload this much by then, and 256 MiB have fewer files
# in parts than one call may start.
FILES_AT_ONCE: Final = 100
BYTES_AT_ONCE: Final = UPLOAD_STARTS_PER_REQUEST * UPLOAD_FORM_BYTES
_WAITING_BYTES: Final = 128 * MIB
_TOO_MUCH: Final = frozenset({HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})


def state_folder(environment: Mapping[str, str]) -> Path:
    """The folder for state (XDG Base Directory Specification)."""
    folder = Path(environment.get("XDG_STATE_HOME", ""))
    return (folder if folder.is_absolute() else Path.home() / ".local" / "state") / "skysort" / "drops"


class Unfinished:
    """Ids of the multipart uploads of one batch, by file name, to resume an interrupted one.

    The upload of a changed file starts again. If the folder is not writable, nothing is saved, and parts are uploaded
    again.
    """

    def __init__(self, folder: Path, endpoint: str, model: str, batch: str) -> None:
        digest = hashlib.sha256(f"{endpoint}\n{model}\n{batch}".encode()).hexdigest()[:24]
        self._path = folder / f"{digest}.json"
        self._lock = threading.Lock()
        self._entries: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(OSError, ValueError):
            document = json.loads(self._path.read_bytes())
            self._entries = {name: entry for name, entry in document.items() if isinstance(entry, dict)}

    def upload_id(self, upload: Upload) -> str | None:
        """The id of the file's upload, None if none was started for its current version."""
        entry = self._entries.get(upload.name, {})
        if (entry.get("size"), entry.get("changed")) != (upload.size, upload.changed):
            return None
        return str(entry["upload_id"]) if entry.get("upload_id") else None

    def begun(self, upload: Upload, upload_id: str) -> None:
        """Save an upload's id."""
        with self._lock:
            self._entries[upload.name] = {"upload_id": upload_id, "size": upload.size, "changed": upload.changed}
            self._save()

    def over(self, upload: Upload) -> None:
        """Remove an upload that is complete, or no longer known to the store."""
        with self._lock:
            if self._entries.pop(upload.name, None) is not None:
                self._save()

    def _save(self) -> None:
        with contextlib.suppress(OSError):
            if not self._entries:
                self._path.unlink(missing_ok=True)
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._path.with_suffix(f".{os.getpid()}")
            temporary.write_text(json.dumps(self._entries), encoding="utf-8", errors="replace")
            temporary.replace(self._path)


class _ExpiredError(Exception):
    """The store rejects the signature, which may have expired: worth requesting a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploader:
    """Uploads into one batch of one model.

    jobs: concurrent requests. on_bytes: called with numbers of bytes sent. on_file: called with each complete file.
    keys: of the files in the drop bucket, by name, as the service gives them.
    """

    client: Client
    model: str
    batch: str
    jobs: int
    unfinished: Unfinished
    on_bytes: Callable[[int], None]
    on_file: Callable[[Upload], None]
    keys: dict[str, str] = field(default_factory=dict)

    def upload(self, uploads: Sequence[Upload]) -> Iterator[Failure]:
        """Upload every file; yields those that the service or its store rejects.

        Raises ServiceError, UsageError (an invalid batch name) and StoppedError.
        """
        for group in _groups(uploads):
            yield from self._group(group)

    def prefix(self, upload: Upload) -> str:
        """The prefix of the batch's keys, from that of one of its files, which is not uploaded again for it."""
        if upload.name not in self.keys:
            # A link that nobody uses leaves nothing behind, while a large file's would begin an upload in parts.
            small = replace(upload, size=min(upload.size, UPLOAD_FORM_BYTES))
            self.keys[upload.name] = str(self._ask([small])[0].get("key"))
        return self.keys[upload.name].removesuffix(upload.name)

    def _group(self, group: Sequence[Upload]) -> Iterator[Failure]:
        """Upload the files of one call; a rejected call is halved until the files at fault are alone."""
        try:
            presigned = self._ask(group)
        except ProblemError as error:
            if error.problem.get("status") not in _TOO_MUCH or len(group) == 1:
                yield from ((upload, error) for upload in group)
                return
            middle = len(group) // 2
            yield from self._group(group[:middle])
            yield from self._group(group[middle:])
            return
        self.keys.update((upload.name, str(file.get("key"))) for upload, file in zip(group, presigned, strict=True))
        pairs = list(zip(group, presigned, strict=True))
        small = [pair for pair in pairs if pair[1]["method"] == "form"]
        large = [pair for pair in pairs if pair[1]["method"] == "parts"]
        outcomes = in_order(
            self._try, small, workers=self.jobs, weigh=lambda pair: pair[0].size, max_bytes=_WAITING_BYTES
        )
        yield from filter(None, outcomes)
        yield from filter(None, map(self._try, large))

    def _ask(self, group: Sequence[Upload]) -> list[Presigned]:
        """The presigned requests for each file; raises ProblemError."""
        body = {"model": self.model, "batch": self.batch, "files": [self._wanted(upload) for upload in group]}
        url = self.client.endpoint.url
        try:
            answer = self.client.post_json("/v1/uploads", body)
        except ProblemError as error:
            if error.fields and error.fields <= {"batch", "model"}:
                raise UsageError(error.detail) from error
            if error.problem.get("status") == HTTPStatus.NOT_FOUND:
                raise ServiceError(f"{url} does not accept uploads: {error.detail}; check the address") from error
            if len(group) == 1 and "upload_id" in error.fields:  # aborted by a lifecycle rule, or completed after all
                self.unfinished.over(group[0])
                return self._ask(group)
            raise
        files = answer.get("files")
        if not isinstance(files, list) or len(files) != len(group):
            raise ServiceError(f"{url} does not answer /v1/uploads as skysort does")
        return files

    def _wanted(self, upload: Upload) -> dict[str, object]:
        upload_id = self.unfinished.upload_id(upload)
        return {"name": upload.name, "size": upload.size, **({"upload_id": upload_id} if upload_id else {})}

    def _try(self, pair: tuple[Upload, Presigned]) -> Failure | None:
        upload, presigned = pair
        try:
            self._send(upload, presigned)
        except _ExpiredError as error:
            return upload, ProblemError(problems.document(403, "store-refused", "The store refused", str(error)))
        except ProblemError as error:
            return upload, error
        self.on_file(upload)
        return None

    def _send(self, upload: Upload, presigned: Presigned) -> None:
        """Upload a file, with new signatures once, and again while each brings further parts."""
        previous, counted = -1, set[int]()
        while True:
            try:
                if presigned["method"] == "form":
                    self._form(upload, presigned)
                else:
                    self._parts(upload, presigned, counted)
            except _ExpiredError:
                counted = _arrived(presigned)
                if len(counted) <= previous:
                    raise
                (presigned,) = self._ask([upload])
                previous = len(_arrived(presigned))
            else:
                return

    def _form(self, upload: Upload, presigned: FormUpload) -> None:
        content = _read(upload, 0, upload.size)
        form = presigned["form"]
        _check(self.client.signed("POST", form["url"], data=form["fields"], files={"file": ("file", content)}))
        self.on_bytes(upload.size)

    def _parts(self, upload: Upload, presigned: PartsUpload, counted: set[int]) -> None:
        """Upload the missing parts. counted: numbers of the parts already reported to on_bytes."""
        upload_parts = presigned["parts"]
        parts = upload_parts["parts"]
        self.unfinished.begun(upload, upload_parts["upload_id"])
        etags = in_order(
            lambda pair: self._part(upload, pair[1], pair[0] * upload_parts["part_size"], counted),
            list(enumerate(parts)),
            workers=self.jobs,
            weigh=lambda pair: int(pair[1]["size"]),
            max_bytes=_WAITING_BYTES,
        )
        listed = "".join(
            f"<Part><PartNumber>{part['number']}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
            for part, etag in zip(parts, etags, strict=True)
        )
        response = self.client.signed(
            "POST",
            upload_parts["complete_url"],
            content=f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode(),
            headers={"Content-Type": "application/xml"},
        )
        _check(response)
        if b"<Error>" in response.content:  # S3 may report an error with status 200
            raise _refused(response)
        self.unfinished.over(upload)

    def _part(self, upload: Upload, part: UploadPart, start: int, counted: set[int]) -> str:
        size = int(part["size"])
        if part.get("etag"):
            self.on_bytes(0 if part["number"] in counted else size)
            return str(part["etag"])
        response = self.client.signed("PUT", part["url"], content=_read(upload, start, size))
        _check(response)
        etag = response.headers.get("ETag")
        if not etag:
            raise _refused(response)
        self.on_bytes(size)
        part["etag"] = str(etag)
        return str(etag)


def _arrived(presigned: Presigned) -> set[int]:
    """The numbers of the uploaded parts; none of a form."""
    parts = presigned["parts"]["parts"] if presigned["method"] == "parts" else []
    return {part["number"] for part in parts if part.get("etag")}


def _groups(uploads: Sequence[Upload]) -> Iterator[list[Upload]]:
    """Consecutive files, as many as one call presigns."""
    group: list[Upload] = []
    for upload in uploads:
        if group and (len(group) == FILES_AT_ONCE or sum(item.size for item in group) + upload.size > BYTES_AT_ONCE):
            yield group
            group = []
        group.append(upload)
    if group:
        yield group


def _read(upload: Upload, start: int, size: int) -> bytes:
    """Read size bytes of the file; raises ProblemError if it has become shorter."""
    try:
        with upload.path.open("rb") as file:
            file.seek(start)
            content = file.read(size)
    except OSError as error:
        raise unreadable(error) from error
    if len(content) != size:
        detail = "the file became shorter while it was uploaded; run the command again"
        raise ProblemError(problems.document(400, "changed-file", "The file has changed", detail))
    return content


def _check(response: httpx.Response) -> None:
    """Raise an error for a rejected request."""
    if may_be_expired(response):
        raise _ExpiredError(_message(response))
    if not response.is_success:
        raise _refused(response)


def _refused(response: httpx.Response) -> ProblemError:
    status = response.status_code if response.is_error else HTTPStatus.BAD_GATEWAY
    return ProblemError(problems.document(status, "store-refused", "The store refused", _message(response)))


def _message(response: httpx.Response) -> str:
    return f"the store refused the upload ({response.status_code}): {store_reason(response)}"
