"""The account and region that a command is about, the same for the CDK command line and for the command's own calls.

Both get the same profile. The region is that of the stage or `-c region=`, of the environment, or of the profile, in
the CDK command line's order ("Configure environments", AWS CDK). The account is what STS says of the credentials; a
stage or `-c account=` that names another is refused before anything else is asked of AWS.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import NoCredentialsError

from infra.commands import CommandError
from infra.stages.config import add_context
from infra.stages.config import stage as configured

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from infra.stages.stage import AwsStage

# In the CDK command line's order, and its default where nothing names a region.
_PROFILES: Final = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
_REGIONS: Final = ("AWS_REGION", "AMAZON_REGION", "AWS_DEFAULT_REGION", "AMAZON_DEFAULT_REGION")
_DEFAULT_REGION: Final = "us-east-1"


@dataclass(frozen=True, slots=True)
class Options:
    """Which deployment a command is about.

    stage: its name. profile: of the credentials, None for the default ones. context: CDK's, as given by `-c KEY=VALUE`.
    """

    stage: str
    profile: str | None
    context: Mapping[str, str]


def add_options(parser: argparse.ArgumentParser, stage: str) -> None:
    """Add the options of every command to a parser; stage: the default."""
    parser.add_argument("--stage", default=stage, metavar="NAME", help=f"the deployment (default {stage})")
    parser.add_argument("--profile", metavar="NAME", help="the credentials' profile, for this command and for CDK")
    add_context(parser)


def options_of(parsed: argparse.Namespace) -> Options:
    """The options that a parser with `add_options` has read; without --profile, the environment's profile."""
    return Options(parsed.stage, parsed.profile or _first(_PROFILES), dict(parsed.context))


def stage_of(options: Options) -> AwsStage:
    """The settings of the stage; raises StageError if there is no such stage, or it cannot be deployed."""
    return configured(options.stage, options.context)


@dataclass(frozen=True, slots=True)
class Session:
    """Credentials that were compared with the stage's account.

    boto: makes the clients. account: their account. region: the deployment's. arn: of the user or role.
    """

    boto: boto3.Session
    account: str
    region: str
    arn: str

    @classmethod
    def open(cls, stage: AwsStage, options: Options) -> Session:
        """Look up whose the credentials are, and compare.

        Returns
        -------
        Session
            In the stage's account and region.

        Raises
        ------
        CommandError
            If the credentials are of another account.
        NoCredentialsError
            If there are none.
        """
        boto = boto3.Session(profile_name=options.profile)
        region = stage.region or _first(_REGIONS) or boto.region_name or _DEFAULT_REGION
        boto = boto3.Session(profile_name=options.profile, region_name=region)
        if boto.get_credentials() is None:
            raise NoCredentialsError
        identity = boto.client("sts").get_caller_identity()
        if stage.account is not None and identity["Account"] != stage.account:
            raise CommandError(
                f"stage {stage.name} belongs to account {stage.account}, and these credentials to "
                f"{identity['Account']} ({identity['Arn']}); nothing was changed. "
                "Name other credentials (--profile), or another account"
            )
        return cls(boto, identity["Account"], region, identity["Arn"])

    @property
    def partition(self) -> str:
        """The partition in ARNs: aws, aws-cn, aws-us-gov."""
        return self.arn.split(":")[1]

    @property
    def place(self) -> str:
        """Account and region, for messages."""
        return f"account {self.account}, region {self.region}"


def _first(names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)
