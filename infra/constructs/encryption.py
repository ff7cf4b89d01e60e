"""A customer managed key in place of AWS's, for buckets, queues and logs.

The key exists already, so that its policy is its owner's: `python -m infra.commands.key_policy` prints what that needs.
The stage's roles may use the key as far as they read and write what it encrypts, and only through S3 and SQS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs

if TYPE_CHECKING:
    from constructs import Construct

    from infra.stages.stage import AwsStage

# What reading and writing asks of the key ("Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys", "Uploading an
# object using multipart upload and SSE-KMS": parts are decrypted; "Amazon SQS key management": consumers decrypt).
_DECRYPT: Final = ("kms:Decrypt",)
_ENCRYPT: Final = ("kms:Decrypt", "kms:GenerateDataKey")
_ASKED: Final = {
    "s3:GetObject": _DECRYPT,
    "s3:GetObjectVersion": _DECRYPT,
    "s3:PutObject": _ENCRYPT,
    "sqs:ReceiveMessage": _DECRYPT,
}


def stage_key(scope: Construct, name: str, stage: AwsStage) -> kms.IKey | None:
    """The stage's own key; None for AWS's. name: the construct's, which no other in its scope has."""
    return kms.Key.from_key_arn(scope, name, stage.encryption_key) if stage.encryption_key else None


def queue_encryption(scope: Construct, name: str, stage: AwsStage) -> dict[str, Any]:
    """How a queue is encrypted, as arguments of sqs.Queue."""
    key = stage_key(scope, name, stage)
    if key is None:
        return {"encryption": sqs.QueueEncryption.SQS_MANAGED}
    return {"encryption": sqs.QueueEncryption.KMS, "encryption_master_key": key}


def allow_key(scope: Construct, stage: AwsStage) -> None:
    """Let every role in a scope use the stage's key as far as its policies let it read and write."""
    if stage.encryption_key is None:
        return
    services = [f"{service}.{Aws.REGION}.{Aws.URL_SUFFIX}" for service in ("s3", "sqs")]
    for policy in [each for each in scope.node.find_all() if isinstance(each, iam.Policy)]:
        asked = sorted({needed for action in _actions(policy) for needed in _ASKED.get(action, ())})
        if asked:
            policy.add_statements(
                iam.PolicyStatement(
                    actions=asked,
                    resources=[stage.encryption_key],
                    conditions={"StringEquals": {"kms:ViaService": services}},
                )
            )


def _actions(policy: iam.Policy) -> set[str]:
    statements = Stack.of(policy).resolve(policy.document)["Statement"]
    found = [statement["Action"] for statement in statements if statement["Effect"] == "Allow"]
    return {action for actions in found for action in ([actions] if isinstance(actions, str) else actions)}
