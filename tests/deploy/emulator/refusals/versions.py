"""A Lambda version without a change.

"Lambda doesn't publish a version if the function's configuration and code haven't changed since the last version"
(PublishVersion, AWS Lambda API Reference); CloudFormation takes that for a failure: "A version for this Lambda function
exists ( 2 ). Modify the function to create a new version." (serverless/serverless #7822, #8392).
Numbers are never used twice: "a version number is never reused, even for a function that has been deleted and
recreated" holds within one function here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from moto.awslambda.models import LambdaFunction, LambdaStorage

from tests.deploy.emulator.refusals.errors import RefusedError

if TYPE_CHECKING:
    import pytest

    from tests.deploy.emulator.account import Account

# What a version is of; neither its own name and time, nor what is set beside it, such as reserved concurrency.
_NOT_OF_IT: Final = {"FunctionArn", "Version", "LastModified", "RevisionId", "State", "LastUpdateStatus", "CodeSize"}


def refuse(patch: pytest.MonkeyPatch, account: Account) -> None:
    """Publish a version only of what has changed, under a new number; code is an image's digest, not its tag."""
    publish, set_code = LambdaStorage.publish_version, LambdaFunction._set_function_code

    def set_code_by_digest(self: LambdaFunction, updated_spec: dict[str, Any]) -> None:
        # Versions share the document with the function that they were published of, in moto.
        self.code = dict(self.code)
        set_code(self, self.code | updated_spec)
        if "ImageUri" in self.code:
            self.code_sha_256 = account.digest(self.code["ImageUri"])

    def publish_change(self: LambdaStorage, name_or_arn: str, description: str = "") -> LambdaFunction | None:
        latest = self.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)
        versions = self._functions[latest.function_name]["versions"]
        if versions and content(versions[-1]) == content(latest):
            found: LambdaFunction = versions[-1]
            return found
        latest.code_or_config_updated = True
        made = publish(self, name_or_arn, description)
        if made is not None:
            number = self._functions[latest.function_name].get("published", 0) + 1
            self._functions[latest.function_name]["published"] = number
            self._arns.pop(made.function_arn, None)
            made.set_version(number)
            self._arns[made.function_arn] = made
        return made

    patch.setattr(LambdaFunction, "_set_function_code", set_code_by_digest)
    patch.setattr(LambdaStorage, "publish_version", publish_change)


def content(function: LambdaFunction) -> tuple[Any, ...]:
    """The code and the configuration of a version, to compare with another's."""
    configuration = {key: value for key, value in function.get_configuration().items() if key not in _NOT_OF_IT}
    return function.code_sha_256, configuration


def published(number: str, *, before: set[str]) -> None:
    """Take note of the number that Lambda answered CloudFormation; raises RefusedError where it is not a new one."""
    if number in before:
        raise RefusedError(
            f"A version for this Lambda function exists ( {number} ). Modify the function to create a new version."
        )
