"""The answers about uploads and batches, as the handlers give them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from infra.api.answers import Count  # noqa: TC001 - pydantic reads the annotations
from infra.api.base import Absent, Probability, Schema
from skysort.batches.match import State  # noqa: TC001 - pydantic reads the annotations
from skysort.limits import PRESIGNED_S

Link = Annotated[
    str, Field(json_schema_extra={"format": "uri"}, description=f"presigned, holds for {PRESIGNED_S // 60} minutes")
]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class UploadForm(Schema):
    """POST it as multipart/form-data: the fields in this order, then the bytes in a part named file."""

    url: str
    fields: dict[str, str]


class UploadPart(Schema):
    """PUT this many bytes to the URL; the ETag header of the answer goes into the completion."""

    number: Annotated[int, Field(ge=1)]
    size: Annotated[int, Field(ge=1)]
    url: str
    etag: str | None = Field(description="of a part that S3 has already")


class UploadParts(Schema):
    """An upload in parts (S3 multipart upload)."""

    upload_id: str = Field(description="to resume it by another call")
    part_size: Count
    parts: list[UploadPart]
    complete_url: str = Field(description="POST the parts' numbers and ETags here, as S3's CompleteMultipartUpload")
    abort_url: str = Field(description="DELETE here gives up")


class FormUpload(Schema):
    """A file that goes in one form."""

    name: str
    key: str
    size: Count
    type: str
    method: Literal["form"]
    form: UploadForm


class PartsUpload(Schema):
    """A file that goes in parts."""

    name: str
    key: str
    size: Count
    type: str
    method: Literal["parts"]
    parts: UploadParts


class UploadOffer(Schema):
    """How to upload each file, in the order of the request."""

    model: str
    batch: str
    prefix: str = Field(description="where the files will be in the drop bucket")
    expires: Time
    files: list[FormUpload | PartsUpload]


class Counts(Schema):
    """Files by what has become of them."""

    total: Count
    waiting: Count
    done: Count
    failed: Count


class Members(Schema):
    """An archive's members so far."""

    done: Count
    failed: Count


class FileLinks(Schema):
    """Presigned links to what stands in the results bucket for a file."""

    record: Link | Absent = None
    result: Link | Absent = None
    table: Link | Absent = None
    rejected: Link | Absent = None
    error: Link | Absent = None


class BatchFile(Schema):
    """A file of a batch."""

    model: str
    name: str
    state: State
    size: int | None = Field(description="null for a file that has been removed since")
    uploaded: Time | None
    finished: Time | None
    links: FileLinks
    members: Members | Absent = None
    problem: dict[str, Any] | Absent = Field(None, description="of a file that failed: its error record (RFC 9457)")
    record: dict[str, Any] | Absent = Field(None, description="with records=true: its whole record")


class BatchLinks(Schema):
    """More about the batch."""

    csv: str = Field(description="path of one CSV of its results")


class BatchStatus(Schema):
    """What has become of a batch."""

    batch: str
    counts: Counts = Field(description="of the files from this page's start on")
    progress: Probability = Field(description="the part of them that is done or failed")
    complete: bool = Field(description="whether these are all; if not, follow next for the rest")
    models: dict[str, Counts]
    files: list[BatchFile]
    next: str | None = Field(description="for the query of the next page, null on the last")
    links: BatchLinks
    expires: Time = Field(description="until then the links hold")
