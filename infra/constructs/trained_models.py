"""The models bucket: trainings, versions of trained models, and the pointers to the live ones.

The permissions of the functions on it follow from who writes what: control writes requests and pointers, trainings
write their status, versions and pointers, and functions that classify only read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.buckets import lifecycle, private_bucket, tell_event_bridge
from infra.constructs.common import bucket_arn, bucket_name, grant
from infra.stages.deployments import TRAINED
from skysort.drop.keys import INCOMING
from skysort.models import BULK, TRAINING
from skysort.registry.keys import INTERMEDIATES, MODELS, POINTERS, REQUEST, STATUS, TRAININGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.constructs.function import ModelFunction
    from infra.stages.stage import AwsStage

# Without s3:ListBucket S3 responds 403 for a missing key, the same as for a denied one.
_LIST: Final = ("s3:ListBucket",)
_READ: Final = ("s3:GetObject",)
# A conditional write by ETag needs GetObject too.
_WRITE: Final = ("s3:GetObject", "s3:PutObject")
_WRITE_AND_DELETE: Final = (*_WRITE, "s3:DeleteObject")
_READ_AND_DELETE: Final = (*_READ, "s3:DeleteObject")
_ANY_NAME: Final = "keys have the names of clients, trainings and models; only the prefix is known"


class TrainedModels(Construct):
    """The models bucket, and the permissions of the functions on it.

    functions: by name in the stage. drop_bucket: the name of the bucket with the files to train on. logs: the bucket of
    access logs.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: AwsStage,
        functions: Mapping[str, ModelFunction],
        drop_bucket: str,
        logs: s3.IBucket,
    ) -> None:
        super().__init__(scope, name)
        self._drop_bucket = drop_bucket
        self.bucket_name = bucket_name(self, stage.models_bucket)
        days = stage.model_retention
        rules = [
            *lifecycle(None, days.old),
            s3.LifecycleRule(id="intermediates", prefix=INTERMEDIATES, expiration=Duration.days(days.intermediates)),
            s3.LifecycleRule(id="trainings", prefix=TRAININGS, expiration=Duration.days(days.trainings)),
        ]
        self.bucket = private_bucket(self, "Models", stage, stage.models_bucket, rules, logs=logs)
        tell_event_bridge(self.bucket)
        for model in TRAINED:
            for function in (model.name, model.drop_function, model.bulk_function):
                self._grant(function, functions[function], self._serving())
            self._grant(model.train_function, functions[model.train_function], self._training())
        # The columns of a star model decide which tables a bulk job can read.
        self._grant(BULK, functions[BULK], self._serving())
        self._grant("control", functions["control"], self._managing())

    def _grant(self, name: str, function: ModelFunction, allowed: Mapping[str, tuple[str, ...]]) -> None:
        grant(self, f"{name}-models", function.role, allowed, _ANY_NAME)

    def _serving(self) -> dict[str, tuple[str, ...]]:
        """What a function that classifies needs: the live version of a model."""
        return {self._keys(POINTERS): _READ, self._keys(MODELS): _READ, self._keys(): _LIST}

    def _training(self) -> dict[str, tuple[str, ...]]:
        """What the steps of a training need: its files, its own documents, and a new version."""
        return {
            bucket_arn(self, self._drop_bucket, f"/{INCOMING}{TRAINING}/*"): _READ,
            bucket_arn(self, self._drop_bucket): _LIST,
            self._keys(TRAININGS): _READ,
            # Never a request: what decodes foreign pictures could start one training after another.
            bucket_arn(self, self.bucket_name, f"/{TRAININGS}*/{STATUS}"): ("s3:PutObject",),
            **{self._keys(prefix): _WRITE for prefix in (INTERMEDIATES, MODELS, POINTERS)},
            self._keys(): _LIST,
        }

    def _managing(self) -> dict[str, tuple[str, ...]]:
        """What the control function needs: to start trainings, to move and delete pointers, to delete versions."""
        return {
            self._keys(TRAININGS): _READ,
            self.requests: ("s3:PutObject",),
            self._keys(POINTERS): _WRITE_AND_DELETE,
            self._keys(MODELS): _READ_AND_DELETE,
            self._keys(): _LIST,
        }

    @property
    def requests(self) -> str:
        """The ARN pattern of the requests of trainings, each of which starts one."""
        return bucket_arn(self, self.bucket_name, f"/{TRAININGS}*/{REQUEST}")

    def _keys(self, prefix: str | None = None) -> str:
        """The ARN of the bucket, or of the keys with a prefix."""
        return bucket_arn(self, self.bucket_name, "" if prefix is None else f"/{prefix}*")
