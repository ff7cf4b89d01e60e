"""The drop folder: files put below incoming/<model>/ come out classified in the results bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from constructs import Construct

from infra.constructs.drop_buckets import DropBuckets, bucket_name
from infra.constructs.drop_queue import ModelQueue, add_upload_notifications
from infra.constructs.grants import bucket_arn, grant
from skysort.drop.keys import INCOMING
from skysort.drop.settings import RESULTS_BUCKET
from skysort.pictures.settings import DROP_BUCKET

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.constructs.deployed import Deployed
    from infra.stages.stage import Stage

# Without s3:ListBucket S3 answers 403 for an absent key, and "not there" could not be told from "not allowed".
_LIST: Final = ("s3:ListBucket",)
_READ: Final = ("s3:GetObject",)
# The exact version that an event tells of.
_READ_VERSIONS: Final = ("s3:GetObject", "s3:GetObjectVersion")
# PutObject covers uploads in parts but for giving one up; a write on condition of an ETag needs GetObject too.
_RECORD: Final = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject")
# The models whose requests may name a dropped file by its s3_key.
_BY_KEY: Final = ("galaxy", "image")
# A form, or an upload in parts, resumed or given up.
_UPLOAD: Final = ("s3:PutObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload")
_ANY_FILE: Final = "callers choose the names of files; the prefix is as far as they are known"


class DropFolder(Construct):
    """Buckets, queues and mappings of every model, and what each function may do with them.

    functions: by name, as the stage has them: every queue's function, and those that answer HTTP and read or sign
    for the buckets. origins: of web pages that may upload.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        stage: Stage,
        functions: Mapping[str, Deployed],
        origins: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, name)
        self.drop_bucket_name = bucket_name(self, stage.drop_bucket)
        self.results_bucket_name = bucket_name(self, stage.results_bucket)
        self.buckets = DropBuckets(self, "Buckets", stage, origins)
        self.queues: dict[str, ModelQueue] = {}
        for settings in stage.drop_queues:
            model = settings.prefix.removeprefix(INCOMING).rstrip("/")
            self.queues[model] = self._model(model, ModelQueue(self, model, settings, self.drop_bucket_name), functions)
        add_upload_notifications(self.buckets.drop, list(self.queues.values()))
        for model in _BY_KEY:
            self._may_read(model, functions[model])
        self._may_sign(functions["control"])

    def _model(self, model: str, queue: ModelQueue, functions: Mapping[str, Deployed]) -> ModelQueue:
        target = functions[queue.settings.function]
        target.function.add_environment(RESULTS_BUCKET, self.results_bucket_name)
        queue.feed(target)
        allowed = {
            self._drop(f"/{queue.settings.prefix}*"): _READ_VERSIONS,
            self._drop(): _LIST,
            self._results(f"/{model}/*"): _RECORD,
            self._results(): _LIST,
        }
        grant(queue, "Files", target.role, allowed, _ANY_FILE)
        return queue

    def _may_read(self, model: str, caller: Deployed) -> None:
        """Let a function read what a request names by its s3_key."""
        caller.function.add_environment(DROP_BUCKET, self.drop_bucket_name)
        allowed = {self._drop(f"/{INCOMING}*"): _READ, self._drop(): _LIST}
        grant(self, f"{model}-reads", caller.role, allowed, _ANY_FILE)

    def _may_sign(self, control: Deployed) -> None:
        """Let the control function count a batch's files, and sign for uploads and for reading results.

        What it signs for, its own role must be allowed to do.
        """
        control.function.add_environment(DROP_BUCKET, self.drop_bucket_name)
        control.function.add_environment(RESULTS_BUCKET, self.results_bucket_name)
        allowed = {
            self._drop(f"/{INCOMING}*"): _UPLOAD,
            self._drop(): _LIST,
            self._results("/*"): _READ,
            self._results(): _LIST,
        }
        grant(self, "control-signs", control.role, allowed, _ANY_FILE)

    @property
    def uploads(self) -> str:
        """The ARN of every key that may be uploaded."""
        return self._drop(f"/{INCOMING}*")

    @property
    def results(self) -> str:
        """The ARN of every key that results have."""
        return self._results("/*")

    def _drop(self, keys: str = "") -> str:
        return bucket_arn(self, self.drop_bucket_name, keys)

    def _results(self, keys: str = "") -> str:
        return bucket_arn(self, self.results_bucket_name, keys)
