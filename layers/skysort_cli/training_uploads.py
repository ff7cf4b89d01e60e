"""Upload of a labelled folder, a zip or a table for training, resumed where an earlier run of the command stopped."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

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

# The model of a training's uploads.
TRAINING: Final = "training"


@dataclass
class TrainingUpload:
    """Uploads for one training. name: of the model. failures: the files that were not taken, by name."""

    client: Client
    name: str
    jobs: int
    quiet: bool
    again: bool = False
    failures: dict[str, ProblemError] = field(default_factory=dict)

    def folder(self, files: Sequence[Input]) -> dict[str, str]:
        """Upload the pictures of a folder; returns the training's source."""
        uploads, unread = plan(files)
        self.failures |= unread
        batch = _batch(self.name, uploads)
        pending = uploads if self.again else not_uploaded(uploads, Batch(self.client, TRAINING, batch).uploaded_files())
        if len(pending) < len(uploads) and not self.quiet and is_terminal(sys.stderr):
            say(f"{len(uploads) - len(pending):,} of {len(uploads):,} files are already uploaded")
        self._send(pending, batch)
        return {"batch": batch}

    def file(self, path: Path) -> dict[str, str]:
        """Upload a zip or a table; returns the training's source. Raises UsageError if it cannot be."""
        uploads, unread = plan([Input(str(path), path, path.name)])
        self.failures |= unread
        keys = self._send(uploads, _batch(self.name, uploads)) if uploads else {}
        for problem in self.failures.values():
            raise UsageError(f"{path}: {problem.detail}")
        return {"s3_key": keys[path.name]}

    def _send(self, uploads: Sequence[Upload], batch: str) -> dict[str, str]:
        """Upload files; returns their keys by name."""
        unfinished = Unfinished(state_folder(os.environ), self.client.endpoint.url, TRAINING, batch)
        size = sum(upload.size for upload in uploads)
        with bar("uploading", size, quiet=self.quiet, in_bytes=True) as progress:
            uploader = Uploader(
                client=self.client,
                model=TRAINING,
                batch=batch,
                jobs=self.jobs,
                unfinished=unfinished,
                on_bytes=progress.advance,
                on_file=lambda upload: progress.say(f"uploading {upload.name}"[:40]),
            )
            self.failures |= {upload.name: problem for upload, problem in uploader.upload(uploads)}
        return uploader.keys


def _batch(name: str, uploads: Sequence[Upload]) -> str:
    """A name that the same files get again, and other files do not: a training takes all that is in its batch."""
    listing = "\0".join(f"{upload.name}\0{upload.size}\0{upload.changed}" for upload in uploads)
    digest = hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return f"{name}-{digest}"
