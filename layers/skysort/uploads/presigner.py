"""Presigned uploads into the drop folder: a form for a small file, parts for a large one."""

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
from skysort.models import MODELS
from skysort.uploads import names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from skysort.answers import FormUpload, PartsUpload, Upload, UploadOffer, UploadPart, UploadParts
    from skysort.clients import Client
    from skysort.s3.client import Part
    from skysort.s3.signature import Addressing, Signer
    from skysort.uploads.request import UploadRequest, WantedFile

# Requests to S3 at the same time, where files come in parts.
_PARALLEL: Final = 8


class PartStore(Protocol):
    """Where uploads in parts begin; skysort.s3.client.S3Client is one."""

    def start_parts(self, bucket: str, key: str, content_type: str) -> str:
        """Begin an upload in parts; returns its id."""

    def parts(self, bucket: str, key: str, upload_id: str) -> Iterator[Part]:
        """The parts that have arrived; raises NotFoundError for an upload that is over or never was."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """One file, checked. part_bytes: the size of each part but the last, 0 for one form."""

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
        whole, rest = divmod(self.size, self.part_bytes)
        return [self.part_bytes] * whole + ([rest] if rest else [])


class UploadPresigner:
    """Presigns uploads into one bucket. store: sends what cannot be presigned."""

    def __init__(self, bucket: str, addressing: Addressing, signer: Signer, store: PartStore) -> None:
        self._bucket = bucket
        self._addressing = addressing
        self._signer = signer
        self._store = store

    def presign(self, request: UploadRequest, client: Client = EVERYBODY) -> UploadOffer:
        """Presign the upload of each file of a request.

        Parameters
        ----------
        request
            What is to be uploaded; without a batch's name one is made.
        client
            Whose batch it is.

        Returns
        -------
        The answer of POST /v1/uploads; its requests are valid for PRESIGNED_S.

        Raises
        ------
        InvalidFieldsError
            Naming every file that cannot be taken.
        LimitExceededError
            For too many parts, or too many uploads in parts that would start.
        InfrastructureError
            For a store that fails.
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
        about: Upload = {"name": plan.name, "key": plan.key, "size": plan.size, "type": plan.content_type}
        if plan.part_bytes:
            return {**about, "method": "parts", "parts": self._parts(plan)}
        bucket = self._addressing.locate(self._bucket)
        fields = self._signer.form(bucket, plan.key, plan.content_type, plan.size, expires)
        return {**about, "method": "form", "form": {"url": bucket.url, "fields": fields}}

    def _parts(self, plan: _Plan) -> UploadParts:
        arrived: dict[int, str] = {}
        upload_id = plan.upload_id
        if upload_id is None:
            upload_id = self._store.start_parts(self._bucket, plan.key, plan.content_type)
        else:
            arrived = self._arrived(plan, upload_id)
        where = self._addressing.locate(self._bucket, plan.key)
        of_upload = {"uploadId": upload_id}
        pieces: list[UploadPart] = []
        for number, size in enumerate(plan.part_sizes, start=1):
            length = {"content-length": str(size)}
            url = self._signer.url("PUT", where, PRESIGNED_S, {"partNumber": str(number), **of_upload}, length)
            pieces.append({"number": number, "size": size, "url": url, "etag": arrived.get(number)})
        return {
            "upload_id": upload_id,
            "part_size": plan.part_bytes,
            "parts": pieces,
            "complete_url": self._signer.url("POST", where, PRESIGNED_S, of_upload),
            "abort_url": self._signer.url("DELETE", where, PRESIGNED_S, of_upload),
        }

    def _arrived(self, plan: _Plan, upload_id: str) -> dict[int, str]:
        """The ETags of the parts that S3 has in the size that they should have."""
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
    kind = MODELS[request.model].input
    for number, file in enumerate(request.files):
        content_type = kind.content_type(file.name, file.type)
        name_fault, size_fault = names.file_fault(file.name, prefix), kind.size_fault(content_type, file.size)
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
    count = sum(len(plan.part_sizes) for plan in plans)
    if count > UPLOAD_PARTS_PER_REQUEST:
        raise LimitExceededError(
            f"these files make {count:,} parts, and one call signs at most {UPLOAD_PARTS_PER_REQUEST:,}: ask for fewer"
        )
    starts = sum(plan.part_bytes > 0 and plan.upload_id is None for plan in plans)
    if starts > UPLOAD_STARTS_PER_REQUEST:
        raise LimitExceededError(
            f"{starts} of these files are above {UPLOAD_FORM_BYTES // MIB} MiB and go in parts; one call starts "
            f"at most {UPLOAD_STARTS_PER_REQUEST} such uploads: ask for fewer at once"
        )
    return plans


def _plan(file: WantedFile, prefix: str, content_type: str) -> _Plan:
    part_bytes = 0
    if file.size > UPLOAD_FORM_BYTES:
        # Whole MiB, so that the most parts are never passed.
        least = -(-file.size // (UPLOAD_PARTS_PER_REQUEST * MIB)) * MIB
        part_bytes = max(UPLOAD_PART_BYTES, least)
    return _Plan(file.name, prefix + file.name, file.size, content_type, part_bytes, file.upload_id)
