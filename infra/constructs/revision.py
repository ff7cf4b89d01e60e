"""The revision of a function: what tells two of its versions apart, as part of its description.

CloudFormation creates a version whenever CDK gives it a new logical id, that is, whenever a property that a version
locks has changed in the template. Lambda publishes one only if code or configuration differ from the last version
("PublishVersion", AWS Lambda), and otherwise returns that one, whereupon CloudFormation fails: "A version for this
Lambda function exists". An image with a new tag and an old digest, or a reference to a renamed resource, is such a
change. The description is configuration too, so with a hash of those properties in it, the two never disagree.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

import jsii
from aws_cdk import IStableStringProducer, Lazy, Stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_lambda as lambda_

_DIGITS: Final = 12
# What a version locks (aws-cdk: VERSION_LOCKED), as far as a function of an image has it; but for the variables, which
# CDK does not give back.
_LOCKED: Final = (
    "architectures",
    "code",
    "ephemeral_storage",
    "function_name",
    "image_config",
    "kms_key_arn",
    "logging_config",
    "memory_size",
    "role",
    "snap_start",
    "timeout",
    "tracing_config",
    "vpc_config",
)


@jsii.implements(IStableStringProducer)
class _Revision:
    """Produces the revision when the template is written, since networks and variables are added until then."""

    def __init__(self, function: lambda_.CfnFunction, variables: Mapping[str, str]) -> None:
        self._function = function
        self._variables = variables

    def produce(self) -> str:
        """The first digits of the hash."""
        properties = {name: getattr(self._function, name) for name in _LOCKED}
        resolved = Stack.of(self._function).resolve({**properties, "environment": dict(self._variables)})
        text = json.dumps(resolved, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def revision(function: lambda_.CfnFunction, variables: Mapping[str, str]) -> str:
    """A token for the revision of a function, with all variables that it will have been given."""
    return Lazy.string(_Revision(function, variables))
