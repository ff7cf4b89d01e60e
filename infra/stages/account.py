"""Where a stage is deployed: account, region, bootstrap, and what the account's owner provides or demands.

Identifiers that AWS would reject raise StageError on construction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from infra.stages.functions import StageError, require
from skysort.settings import PATH_BELOW_DOMAIN

# The longest bucket name of a stage, skysort-access-logs-<stage>-<account>-<region>, has to fit S3's 63 characters in
# the regions with the longest names (14 characters, such as ap-southeast-1).
_STAGE: Final = r"[a-z]([a-z0-9-]{0,13}[a-z0-9])?"
# Parts of names before the stage's: skysort-star-drop-dev would be star-drop of dev and star of drop-dev.
PARTS_OF_NAMES: Final = ("bulk", "dlq", "drop", "page", "train")
_REGION: Final = r"[a-z]{2,4}(-[a-z]+)+-\d"
_HOST: Final = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
_BUCKET: Final = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
# CloudFront reads certificates, web ACLs and functions from there only.
CLOUDFRONT_REGION: Final = "us-east-1"


def like(value: str, pattern: str, message: str) -> None:
    """Raise StageError with the message and the value unless the whole value matches."""
    require(re.fullmatch(pattern, value) is not None, f"{message} (got {value!r})")


def check_stage_name(name: str) -> None:
    """Raise StageError for a name that does not fit into those of resources, or makes one of another stage's."""
    message = "a stage's name may have up to 15 lower-case letters, digits and hyphens, and begins with a letter"
    like(name, _STAGE, message)
    part = name.partition("-")[0]
    require(
        part == name or part not in PARTS_OF_NAMES,
        f"a stage's name cannot begin with {part}-: names such as skysort-star-{part}-... would be those of another "
        f"stage (got {name!r})",
    )


def check_account(account: str, name: str) -> None:
    """Raise StageError unless the value is an account id."""
    like(account, r"\d{12}", f"{name} must be an AWS account id, 12 digits in quotes")


@dataclass(frozen=True, slots=True)
class ExistingBuckets:
    """Buckets that exist already, in the stage's region, in place of those that the stage would create.

    drop, results: their complete names; None to create one. writers: ids of other accounts that may put files into
    the drop folder.
    """

    drop: str | None = None
    results: str | None = None
    writers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Reject what cannot be a bucket or an account."""
        for name, bucket in (("drop", self.drop), ("results", self.results)):
            if bucket is not None:
                like(bucket, _BUCKET, f"existing.{name} must be the complete name of a bucket")
        require(self.drop is None or self.drop != self.results, "existing.drop and existing.results must differ")
        for writer in self.writers:
            check_account(writer, "existing.writers: each")


@dataclass(frozen=True, slots=True)
class PrivateNetwork:
    """A private API: reached only through interface endpoints of a VPC, never from the internet.

    vpc_id: the VPC. subnets: where the endpoint for API Gateway is created; unused if it exists. endpoints: ids of
    existing endpoints for execute-api through which callers come; none to create one. function_subnets,
    function_groups: subnets and security groups of the functions that are not isolated in the stage's own network, if
    they are to be in this VPC, which then has to lead them to S3, and what plans bulk jobs to Glue; none leaves them
    outside of any VPC.
    """

    vpc_id: str
    subnets: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    function_subnets: tuple[str, ...] = ()
    function_groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Reject what cannot be ids, and a network through which nobody could call."""
        like(self.vpc_id, r"vpc-[0-9a-f]{8,17}", "network.vpc_id must read like vpc-0a1b2c3d4e5f60718")
        for name, subnets in (("subnets", self.subnets), ("function_subnets", self.function_subnets)):
            for subnet in subnets:
                like(subnet, r"subnet-[0-9a-f]{8,17}", f"network.{name}: each must read like subnet-0a1b2c3d4e5f60718")
        for group in self.function_groups:
            like(group, r"sg-[0-9a-f]{8,17}", "network.function_groups: each must read like sg-0a1b2c3d4e5f60718")
        require(
            bool(self.function_subnets) == bool(self.function_groups),
            "network.function_subnets and network.function_groups belong together: give both or neither",
        )
        for endpoint in self.endpoints:
            like(endpoint, r"vpce-[0-9a-f]{8,17}", "network.endpoints: each must read like vpce-0a1b2c3d4e5f60718")
        require(
            bool(self.subnets or self.endpoints),
            "a private API needs network.endpoints (existing ones for execute-api) or network.subnets to create one in",
        )


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of its own for the API, and for the page if named; API Gateway's own address is switched off.

    name: of the API, e.g. api.sky.example.org. certificate: the ARN of its certificate in AWS Certificate Manager, in
    the stage's region. page, page_certificate: the same of the page, whose certificate lies in us-east-1; None keeps
    CloudFront's address. hosted_zone: the id of the Route 53 zone that gets the records; None if they are made
    elsewhere. base_path: below which the API lies at its domain, which it may then share with others; None for none.
    """

    name: str
    certificate: str
    page: str | None = None
    page_certificate: str | None = None
    hosted_zone: str | None = None
    base_path: str | None = None

    def __post_init__(self) -> None:
        """Reject what cannot be a host name, a certificate or a zone."""
        like(self.name, _HOST, "domain.name must read like api.sky.example.org")
        _check_certificate(self.certificate, "domain.certificate")
        require(
            (self.page is None) == (self.page_certificate is None),
            "domain.page and domain.page_certificate belong together: give both or neither",
        )
        if self.page is not None and self.page_certificate is not None:
            like(self.page, _HOST, "domain.page must read like sky.example.org")
            require(self.page != self.name, f"domain.page and domain.name must differ (both are {self.name})")
            _check_certificate(self.page_certificate, "domain.page_certificate")
            require(
                region_of(self.page_certificate) == CLOUDFRONT_REGION,
                f"domain.page_certificate: CloudFront takes certificates from {CLOUDFRONT_REGION} only "
                f"(got one from {region_of(self.page_certificate)})",
            )
        if self.base_path is not None:
            pattern = PATH_BELOW_DOMAIN.pattern
            like(self.base_path, pattern, "domain.base_path must be one part of a path, without slashes")
        if self.hosted_zone is not None:
            like(self.hosted_zone, r"Z[A-Z0-9]{1,31}", "domain.hosted_zone must be the id of a hosted zone, Z...")


def _check_certificate(arn: str, name: str) -> None:
    pattern = r"arn:aws[\w-]*:acm:[\w-]+:\d{12}:certificate/[\w-]+"
    like(arn, pattern, f"{name} must be the ARN of a certificate in AWS Certificate Manager")


def region_of(arn: str) -> str:
    """The region in an ARN."""
    return arn.split(":")[3]


@dataclass(frozen=True, kw_only=True)
class AccountSettings:
    """What a stage's account, its owner and its platform decide.

    account: its id; None for that of the credentials. region: None for that of the credentials' profile.
    qualifier: of the account's CDK bootstrap, if it has its own (`cdk bootstrap --qualifier`); None for CDK's.
    permissions_boundary: the ARN of the policy that every role of the stage must have as its boundary.
    encryption_key: the ARN of a customer managed key for buckets, queues and logs; None for AWS's keys.
    page: whether the page is deployed. parameters: whether the outputs are also in SSM Parameter Store, below
    /skysort/<stage>/. existing, network, domain: see their classes.
    """

    account: str | None = None
    region: str | None = None
    qualifier: str | None = None
    permissions_boundary: str | None = None
    encryption_key: str | None = None
    page: bool = True
    parameters: bool = False
    existing: ExistingBuckets = field(default_factory=ExistingBuckets)
    network: PrivateNetwork | None = None
    domain: Domain | None = None

    def check_account(self) -> None:
        """Reject what AWS would reject, and parts in different accounts or regions.

        Raises
        ------
        StageError
            With the setting and the value that it could have.
        """
        if self.account is not None:
            check_account(self.account, "account")
        if self.region is not None:
            like(self.region, _REGION, "region must read like eu-west-1")
        if self.qualifier is not None:
            pattern = r"[a-z0-9]{1,10}"
            like(self.qualifier, pattern, "qualifier must be up to 10 lower-case letters and digits")
        self._check_boundary()
        self._check_key()
        if self.domain is not None:
            self._same_region(self.domain.certificate, "domain.certificate")
        if self.network is not None and self.page:
            raise StageError(
                "a private API cannot be reached by CloudFront: set page to false, or leave out the network"
            )
        if self.network is not None and self.domain is not None:
            raise StageError(
                "a private API has its address in its VPC only: leave out the domain, or the network. API Gateway's "
                "private custom domain names are not supported"
            )
        if not self.page and self.domain is not None and self.domain.page is not None:
            raise StageError("domain.page names a page that is not deployed: leave it out, or set page to true")

    def _check_boundary(self) -> None:
        arn = self.permissions_boundary
        if arn is None:
            return
        pattern = r"arn:aws[\w-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+"
        like(arn, pattern, "permissions_boundary must be the ARN of an IAM policy")
        owner = arn.split(":")[4]
        require(
            self.account is None or owner in {self.account, "aws"},
            f"permissions_boundary is a policy of account {owner}; the stage's account is {self.account}",
        )

    def _check_key(self) -> None:
        if self.encryption_key is None:
            return
        pattern = r"arn:aws[\w-]*:kms:[\w-]+:\d{12}:key/[\w-]+"
        like(self.encryption_key, pattern, "encryption_key must be the ARN of a KMS key, not of an alias")
        self._same_region(self.encryption_key, "encryption_key")

    def _same_region(self, arn: str, name: str) -> None:
        require(
            self.region is None or region_of(arn) == self.region,
            f"{name} is in {region_of(arn)}; the stage's region is {self.region}",
        )
