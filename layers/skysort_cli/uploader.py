"""Files into the drop folder: signed requests from the service, bytes to its store."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from skysort import problems
from skysort.limits import MIB, UPLOAD_FORM_BYTES, UPLOAD_STARTS_PER_REQUEST
from skysort.pictures.parallel import in_order
from skysort_cli.exits import ProblemError, ServiceError, UsageError
from skysort_cli.inputs import unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import httpx

    from skysort_cli.client import Client
    from skysort_cli.unfinished import Unfinished
    from skysort_cli.upload_plan import Upload

# Signatures hold for a quarter of an hour: so much is asked for at a time as most lines are through with by then; and
# 256 MiB have fewer files in parts than one call begins.
FILES_AT_ONCE: Final = 100
BYTES_AT_ONCE: Final = UPLOAD_STARTS_PER_REQUEST * UPLOAD_FORM_BYTES
_WAITING_BYTES: Final = 128 * MIB
_TOO_MUCH: Final = frozenset({HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
_MESSAGE: Final = re.compile(rb"<Message>([^<]*)</Message>")

Failure = tuple["Upload", ProblemError]


class _ExpiredError(Exception):
    """The store does not take the signature (any more): worth asking for another one while that helps."""


class Uploader:
    """Uploads into one batch of one model.

    jobs: requests at once. sent: told of bytes that arrived. arrived: told of each file that is complete.
    """

    def __init__(
        self,
        client: Client,
        model: str,
        batch: str,
        *,
        jobs: int,
        unfinished: Unfinished,
        sent: Callable[[int], None],
        arrived: Callable[[Upload], None],
    ) -> None:
        self._client = client
        self._model = model
        self._batch = batch
        self._jobs = jobs
        self._unfinished = unfinished
        self._sent = sent
        self._arrived = arrived

    def upload(self, uploads: Sequence[Upload]) -> Iterator[Failure]:
        """Send every file; yields those that the service or its store refuses.

        Raises ServiceError, UsageError (a batch that cannot be named so) and StoppedError.
        """
        for group in _groups(uploads):
            yield from self._group(group)

    def _group(self, group: Sequence[Upload]) -> Iterator[Failure]:
        """One call's worth; one that is refused is halved until the files that it is about stand alone."""
        try:
            offers = self._ask(group)
        except ProblemError as error:
            if error.problem.get("status") not in _TOO_MUCH or len(group) == 1:
                yield from ((upload, error) for upload in group)
                return
            middle = len(group) // 2
            yield from self._group(group[:middle])
            yield from self._group(group[middle:])
            return
        small = [(upload, offer) for upload, offer in zip(group, offers, strict=True) if offer["method"] == "form"]
        large = [(upload, offer) for upload, offer in zip(group, offers, strict=True) if offer["method"] == "parts"]
        outcomes = in_order(
            self._small, small, workers=self._jobs, weigh=lambda pair: pair[0].size, most=_WAITING_BYTES
        )
        yield from (failure for failure in outcomes if failure is not None)
        yield from (failure for failure in map(self._large, large) if failure is not None)

    def _ask(self, group: Sequence[Upload]) -> list[dict[str, Any]]:
        """The service's offer for each file; raises ProblemError."""
        body = {"model": self._model, "batch": self._batch, "files": [self._wanted(upload) for upload in group]}
        try:
            answer = self._client.post_json("/v1/uploads", body)
        except ProblemError as error:
            fields = {str(field.get("field")) for field in error.problem.get("errors", []) if isinstance(field, dict)}
            if fields and fields <= {"batch", "model"}:
                raise UsageError(error.detail) from error
            if error.problem.get("status") == HTTPStatus.NOT_FOUND:
                url = self._client.endpoint.url
                raise ServiceError(f"{url} takes no uploads: {error.detail}; is the address right?") from error
            if len(group) == 1 and "upload_id" in fields:  # cleaned away by the store's lifecycle, or done after all
                self._unfinished.over(group[0])
                return self._ask(group)
            raise
        offers = answer.get("files")
        if not isinstance(offers, list) or len(offers) != len(group):
            raise ServiceError(f"{self._client.endpoint.url} does not answer /v1/uploads as skysort does")
        return offers

    def _wanted(self, upload: Upload) -> dict[str, Any]:
        wanted: dict[str, Any] = {"name": upload.name, "size": upload.size}
        upload_id = self._unfinished.upload_id(upload)
        return {**wanted, "upload_id": upload_id} if upload_id else wanted

    def _small(self, pair: tuple[Upload, dict[str, Any]]) -> Failure | None:
        return self._try(pair, self._form)

    def _large(self, pair: tuple[Upload, dict[str, Any]]) -> Failure | None:
        return self._try(pair, self._parts)

    def _try(
        self, pair: tuple[Upload, dict[str, Any]], send: Callable[[Upload, dict[str, Any]], None]
    ) -> Failure | None:
        upload, offer = pair
        try:
            self._persist(upload, offer, send)
        except _ExpiredError as error:
            return upload, ProblemError(problems.document(403, "store-refused", "The store refused", str(error)))
        except ProblemError as error:
            return upload, error
        self._arrived(upload)
        return None

    def _persist(self, upload: Upload, offer: dict[str, Any], send: Callable[[Upload, dict[str, Any]], None]) -> None:
        """Send; with new signatures once, and again as long as each of them brought a part more."""
        before = -1
        while True:
            try:
                send(upload, offer)
            except _ExpiredError:
                counted = _arrived(offer)
                if len(counted) <= before:
                    raise
                (offer,) = self._ask([upload])
                before = len(_arrived(offer))
                for part in _parts(offer):
                    part["counted"] = part["number"] in counted
            else:
                return

    def _form(self, upload: Upload, offer: dict[str, Any]) -> None:
        content = _read(upload, 0, upload.size)
        form = offer["form"]
        response = self._client.signed("POST", form["url"], data=form["fields"], files={"file": ("file", content)})
        _check(response)
        self._sent(upload.size)

    def _parts(self, upload: Upload, offer: dict[str, Any]) -> None:
        parts = offer["parts"]
        self._unfinished.begun(upload, parts["upload_id"])
        starts = [number * parts["part_size"] for number in range(len(parts["parts"]))]
        work = list(zip(parts["parts"], starts, strict=True))
        etags = list(
            in_order(
                lambda pair: self._part(upload, *pair),
                work,
                workers=self._jobs,
                weigh=lambda pair: int(pair[0]["size"]),
                most=_WAITING_BYTES,
            )
        )
        listed = "".join(
            f"<Part><PartNumber>{part['number']}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
            for part, etag in zip(parts["parts"], etags, strict=True)
        )
        response = self._client.signed(
            "POST",
            parts["complete_url"],
            content=f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode(),
            headers={"Content-Type": "application/xml"},
        )
        _check(response)
        if b"<Error>" in response.content:  # S3 answers 200 before it knows
            raise _refused(response)
        self._unfinished.over(upload)

    def _part(self, upload: Upload, part: dict[str, Any], start: int) -> str:
        size = int(part["size"])
        if part.get("etag"):
            self._sent(0 if part.get("counted") else size)
            return str(part["etag"])
        response = self._client.signed("PUT", part["url"], content=_read(upload, start, size))
        _check(response)
        etag = response.headers.get("ETag")
        if not etag:
            raise _refused(response)
        self._sent(size)
        part["etag"] = str(etag)
        return str(etag)


def _parts(offer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts that an offer tells of; none for a form."""
    return list(offer.get("parts", {}).get("parts", ()))


def _arrived(offer: Mapping[str, Any]) -> set[int]:
    """The numbers of the parts that the store has."""
    return {part["number"] for part in _parts(offer) if part.get("etag")}


def _groups(uploads: Sequence[Upload]) -> Iterator[list[Upload]]:
    """Consecutive files, as many as one call offers uploads for."""
    group: list[Upload] = []
    for upload in uploads:
        if group and (len(group) == FILES_AT_ONCE or sum(one.size for one in group) + upload.size > BYTES_AT_ONCE):
            yield group
            group = []
        group.append(upload)
    if group:
        yield group


def _read(upload: Upload, start: int, size: int) -> bytes:
    """So many bytes of the file; raises ProblemError where it has become shorter."""
    try:
        with upload.path.open("rb") as file:
            file.seek(start)
            content = file.read(size)
    except OSError as error:
        raise unreadable(error) from error
    if len(content) != size:
        detail = "the file has become shorter while it was uploaded; run the command again"
        raise ProblemError(problems.document(400, "changed-file", "The file has changed", detail))
    return content


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    if response.status_code == HTTPStatus.FORBIDDEN:
        raise _ExpiredError(_told(response))
    raise _refused(response)


def _refused(response: httpx.Response) -> ProblemError:
    status = response.status_code if response.is_error else HTTPStatus.BAD_GATEWAY
    return ProblemError(problems.document(status, "store-refused", "The store refused", _told(response)))


def _told(response: httpx.Response) -> str:
    message = _MESSAGE.search(response.content)
    reason = message[1].decode("utf-8", "replace") if message else response.reason_phrase
    return f"the store refused the upload ({response.status_code}): {reason}"
