"""Presigned uploads into the drop folder: a form for a small file, a multipart upload for a large one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from skysort.clients import EVERYBODY
from skysort.errors import FieldError, InvalidFieldsError, LimitExceededError, NotFoundError
from skysort.limits import (
    MIB,
    PRESIGNED_S,
    UPLOAD_FORM_BYTES,
    UPLOAD_PART_BYTES,
    UPLOAD_PARTS_PER_REQUEST,
    UPLOAD_STARTS_PER_REQUEST,
)
from skysort.models import input_of
from skysort.uploads import names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from skysort.answers import FormUpload, PartsUpload, PresignedUploads, Upload, UploadPart, UploadParts
    from skysort.clients import Client
    from skysort.s3.client import Part
    from skysort.s3.signature import Addressing, Signer
    from skysort.uploads.request import UploadRequest, WantedFile

# Concurrent requests to S3 for multipart uploads.
_PARALLEL: Final = 8


class PartStore(Protocol):
    """Creates multipart uploads; implemented by skysort.s3.client.S3Client."""

    def start_parts(self, bucket: str, key: str, content_type: str) -> str:
        """Create a multipart upload; returns its id."""

    def parts(self, bucket: str, key: str, upload_id: str) -> Iterator[Part]:
        """The uploaded parts; raises NotFoundError for an unknown or finished upload."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """The plan for one valid file. part_bytes: the size of each part but the last, 0 for a form."""

    name: str
    key: str
    size: int
    content_type: str
    part_bytes: int
    upload_id: str | None

    @property
    def part_sizes(self) -> list[int]:
        if not self.part_bytes:
            return []
        full_parts, rest = divmod(self.size, self.part_bytes)
        return [self.part_bytes] * full_parts + ([rest] if rest else [])


class UploadPresigner:
    """Presigns uploads into one bucket. store: creates multipart uploads, which cannot be presigned."""

    def __init__(self, bucket: str, addressing: Addressing, signer: Signer, store: PartStore) -> None:
        self._bucket = bucket
        self._addressing = addressing
        self._signer = signer
        self._store = store

    def presign(self, request: UploadRequest, client: Client = EVERYBODY) -> PresignedUploads:
        """Presign the upload of each file of a request.

        Parameters
        ----------
        request
            The files; a batch's name is generated if there is none.
        client
            Whose batch it is.

        Returns
        -------
        The answer of POST /v1/uploads; its requests are valid for PRESIGNED_S seconds.

        Raises
        ------
        InvalidFieldsError
            Naming every invalid file.
        LimitExceededError
            For too many parts, or too many new multipart uploads.
        InfrastructureError
            If S3 fails.
        """
        batch = names.new_batch() if request.batch is None else request.batch
        plans = _plans(request, batch, client)
        expires = self._signer.clock() + timedelta(seconds=PRESIGNED_S)
        with ThreadPoolExecutor(_PARALLEL, "parts") as pool:
            files = list(pool.map(lambda plan: self._file(plan, expires), plans))
        return {
            "model": request.model,
            "batch": batch,
            "prefix": names.prefix_of(request.model, batch, client),
            "expires": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
            "files": files,
        }

    def _file(self, plan: _Plan, expires: datetime) -> FormUpload | PartsUpload:
        upload: Upload = {"name": plan.name, "key": plan.key, "size": plan.size, "type": plan.content_type}
        if plan.part_bytes:
            return {**upload, "method": "parts", "parts": self._parts(plan)}
        bucket = self._addressing.locate(self._bucket)
        fields = self._signer.form(bucket, plan.key, plan.content_type, plan.size, expires)
        return {**upload, "method": "form", "form": {"url": bucket.url, "fields": fields}}

    def _parts(self, plan: _Plan) -> UploadParts:
        etags: dict[int, str] = {}
        upload_id = plan.upload_id
        if upload_id is None:
            upload_id = self._store.start_parts(self._bucket, plan.key, plan.content_type)
        else:
            etags = self._uploaded(plan, upload_id)
        location = self._addressing.locate(self._bucket, plan.key)
        upload_query = {"uploadId": upload_id}
        parts: list[UploadPart] = []
        for number, size in enumerate(plan.part_sizes, start=1):
            length = {"content-length": str(size)}
            url = self._signer.url("PUT", location, PRESIGNED_S, {"partNumber": str(number), **upload_query}, length)
            parts.append({"number": number, "size": size, "url": url, "etag": etags.get(number)})
        return {
            "upload_id": upload_id,
            "part_size": plan.part_bytes,
            "parts": parts,
            "complete_url": self._signer.url("POST", location, PRESIGNED_S, upload_query),
            "abort_url": self._signer.url("DELETE", location, PRESIGNED_S, upload_query),
        }

    def _uploaded(self, plan: _Plan, upload_id: str) -> dict[int, str]:
        """The ETags of the uploaded parts that have the planned size, by number."""
        sizes = dict(enumerate(plan.part_sizes, start=1))
        try:
            parts = list(self._store.parts(self._bucket, plan.key, upload_id))
        except NotFoundError:
            detail = f"{plan.name}: this upload no longer exists; leave upload_id out to start again"
            raise InvalidFieldsError([FieldError("upload_id", "unknown_upload", detail)]) from None
        return {part.number: part.etag for part in parts if sizes.get(part.number) == part.size}


def _plans(request: UploadRequest, batch: str, client: Client) -> list[_Plan]:
    prefix = names.prefix_of(request.model, batch, client)
    faults: list[FieldError] = []
    plans: list[_Plan] = []
    batch_fault = names.batch_fault(batch)
    if batch_fault:
        faults.append(FieldError("batch", "bad_name", batch_fault))
    seen: set[str] = set()
    input_kind = input_of(request.model)
    for number, file in enumerate(request.files):
        content_type = input_kind.content_type(file.name, file.type)
        name_fault, size_fault = names.file_fault(file.name, prefix), input_kind.size_fault(content_type, file.size)
        if name_fault is None and file.name in seen:
            name_fault = "is listed twice"
        seen.add(file.name)
        if name_fault:
            faults.append(FieldError(f"files[{number}].name", "bad_name", f"{file.name!r:.100} {name_fault}"))
        if size_fault:
            faults.append(FieldError(f"files[{number}].size", "too_large", f"{file.name!r:.100} {size_fault}"))
        plans.append(_plan(file, prefix, content_type))
    if faults:
        raise InvalidFieldsError(faults)
    part_count = sum(len(plan.part_sizes) for plan in plans)
    if part_count > UPLOAD_PARTS_PER_REQUEST:
        raise LimitExceededError(
            f"these files have {part_count:,} parts; one call presigns at most {UPLOAD_PARTS_PER_REQUEST:,}. "
            "Request fewer files."
        )
    starts = sum(plan.part_bytes > 0 and plan.upload_id is None for plan in plans)
    if starts > UPLOAD_STARTS_PER_REQUEST:
        raise LimitExceededError(
            f"{starts} of these files exceed {UPLOAD_FORM_BYTES // MIB} MiB and are uploaded in parts; one call starts "
            f"at most {UPLOAD_STARTS_PER_REQUEST} such uploads. Request fewer files at once."
        )
    return plans


def _plan(file: WantedFile, prefix: str, content_type: str) -> _Plan:
    part_bytes = 0
    if file.size > UPLOAD_FORM_BYTES:
        # Whole MiB, so that the maximum number of parts is never exceeded.
        min_part_bytes = -(-file.size // (UPLOAD_PARTS_PER_REQUEST * MIB)) * MIB
        part_bytes = max(UPLOAD_PART_BYTES, min_part_bytes)
    return _Plan(file.name, prefix + file.name, file.size, content_type, part_bytes, file.upload_id)
