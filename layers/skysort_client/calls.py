"""Pictures and rows as requests, several at a time, their answers in order."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort.limits import GATEWAY_REQUEST_BYTES, MIB
from skysort.parallel import in_order
from skysort_cli.exits import ProblemError
from skysort_cli.pictures import ANY_BYTES, record_of
from skysort_cli.upload_plan import Upload
from skysort_cli.uploads import Unfinished, Uploader, state_folder
from skysort_client.pictures import Source, name_of, picture_bytes, size_of
from skysort_client.rows import plain_number, row_document, row_groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from skysort_cli.classifiers import Classifier
    from skysort_cli.client import Client
    from skysort_cli.output import Record
    from skysort_client.results import Row

_JSON: Final = "application/json"
_WAITING_BYTES: Final = 256 * MIB


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of a service. jobs: requests at once."""

    connection: Client
    jobs: int

    def pictures(self, model: Classifier, items: Iterable[Source], query: Mapping[str, str]) -> Iterator[Record]:
        """A record for each picture, in order."""

        def work(numbered: tuple[int, Source]) -> Record:
            index, source = numbered
            name = name_of(source, index)
            try:
                content = picture_bytes(source)
                if len(content) > GATEWAY_REQUEST_BYTES:
                    body, kind = self._uploaded(model, name, content), _JSON
                else:
                    body, kind = content, ANY_BYTES
                answer = self.connection.post(model.path, body, kind, query)
            except ProblemError as error:
                return {"id": name, "error": error.problem}
            return {"id": name, **record_of(answer, answer["results"][0])}

        yield from in_order(
            work,
            enumerate(items),
            workers=self.jobs,
            weigh=lambda numbered: size_of(numbered[1]),
            max_bytes=_WAITING_BYTES,
        )

    def rows(self, model: Classifier, items: Iterable[Row], query: Mapping[str, str]) -> Iterator[Record]:
        """A record for each row, in order."""

        def work(group: tuple[int, list[Row]]) -> list[Record]:
            first, rows = group
            body = json.dumps({"instances": [row_document(row) for row in rows]}, default=plain_number).encode()
            try:
                answer = self.connection.post(model.path, body, _JSON, {**query, **model.query})
            except ProblemError as error:
                return [{"id": str(first + at), "error": error.problem} for at in range(len(rows))]
            results = answer["results"]
            # Without one of its own a row is called by its number in the request.
            names = [str(first + at) if result["id"] == str(at) else result["id"] for at, result in enumerate(results)]
            return [{"id": name, **record_of(answer, result)} for name, result in zip(names, results, strict=True)]

        for records in in_order(
            work, row_groups(items), workers=self.jobs, weigh=lambda group: len(group[1]), max_bytes=_WAITING_BYTES
        ):
            yield from records

    def _uploaded(self, model: Classifier, name: str, content: bytes) -> bytes:
        """A request for a picture that is too large for one, by the key under which it is uploaded first."""
        with tempfile.TemporaryDirectory(prefix="skysort-") as folder:
            path = Path(folder) / "picture"
            path.write_bytes(content)
            upload = Upload("picture", path, len(content), path.stat().st_mtime)
            uploader = self.uploader(model.spelled, f"python-{uuid.uuid4().hex}")
            for _, problem in uploader.upload([upload]):
                raise problem
        return json.dumps({"instances": [{"id": name[-64:], "s3_key": uploader.keys["picture"]}]}).encode()

    def uploader(self, model: str, batch: str) -> Uploader:
        """What uploads into a batch."""
        unfinished = Unfinished(state_folder(os.environ), self.connection.endpoint.url, model, batch)
        return Uploader(
            client=self.connection,
            model=model,
            batch=batch,
            jobs=self.jobs,
            unfinished=unfinished,
            on_bytes=lambda _: None,
            on_file=lambda _: None,
        )
