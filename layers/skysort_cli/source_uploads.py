"""Upload of files for a training or a bulk job, resumed where an earlier run of the command stopped."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skysort_cli.batches import Batch
from skysort_cli.exits import UsageError
from skysort_cli.inputs import Input
from skysort_cli.terminal import bar, is_terminal, say
from skysort_cli.upload_plan import not_uploaded, plan
from skysort_cli.uploads import Unfinished, Uploader, state_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skysort_cli.client import Client
    from skysort_cli.exits import ProblemError
    from skysort_cli.upload_plan import Upload


@dataclass
class SourceUpload:
    """Uploads for one training or job.

    model: what the service is told that they are for. name: the beginning of the batch's name. failures: the files that
    were not taken, by name.
    """

    client: Client
    model: str
    name: str
    jobs: int
    quiet: bool
    again: bool = False
    failures: dict[str, ProblemError] = field(default_factory=dict)

    def folder(self, files: Sequence[Input]) -> dict[str, str]:
        """Upload the pictures of a folder; returns the training's source."""
        return {"batch": self._files(files)[0].batch}

    def prefix(self, files: Sequence[Input]) -> str:
        """Upload files; returns the prefix of their keys, empty if none could be read."""
        uploader, uploads = self._files(files)
        return uploader.prefix(uploads[0]) if uploads else ""

    def _files(self, files: Sequence[Input]) -> tuple[Uploader, Sequence[Upload]]:
        """Upload what is not there yet; returns what has done so, and all that is there now."""
        uploads, unread = plan(files)
        self.failures |= unread
        batch = _batch(self.name, uploads)
        there = Batch(self.client, self.model, batch)
        pending = uploads if self.again else not_uploaded(uploads, there.uploaded_files())
        if len(pending) < len(uploads) and not self.quiet and is_terminal(sys.stderr):
            say(f"{len(uploads) - len(pending):,} of {len(uploads):,} files are already uploaded")
        return self._send(pending, batch), uploads

    def file(self, path: Path) -> dict[str, str]:
        """Upload a zip or a table; returns the training's source. Raises UsageError if it cannot be."""
        uploads, unread = plan([Input(str(path), path, path.name)])
        self.failures |= unread
        keys = self._send(uploads, _batch(self.name, uploads)).keys if uploads else {}
        for problem in self.failures.values():
            raise UsageError(f"{path}: {problem.detail}")
        return {"s3_key": keys[path.name]}

    def _send(self, uploads: Sequence[Upload], batch: str) -> Uploader:
        """Upload files; returns what has done so."""
        unfinished = Unfinished(state_folder(os.environ), self.client.endpoint.url, self.model, batch)
        size = sum(upload.size for upload in uploads)
        with bar("uploading", size, quiet=self.quiet, in_bytes=True) as progress:
            uploader = Uploader(
                client=self.client,
                model=self.model,
                batch=batch,
                jobs=self.jobs,
                unfinished=unfinished,
                on_bytes=progress.advance,
                on_file=lambda upload: progress.say(f"uploading {upload.name}"[:40]),
            )
            self.failures |= {upload.name: problem for upload, problem in uploader.upload(uploads)}
        return uploader


def _batch(name: str, uploads: Sequence[Upload]) -> str:
    """A name that the same files get again, and other files do not: all that is in a batch is taken."""
    listing = "\0".join(f"{upload.name}\0{upload.size}\0{upload.changed}" for upload in uploads)
    digest = hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return f"{name}-{digest}"
