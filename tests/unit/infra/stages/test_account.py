"""What an account's owner provides or demands: AWS's identifiers are checked where they are written."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest

from infra.stages.account import Domain, ExistingBuckets, PrivateNetwork
from infra.stages.deployments import dev
from infra.stages.functions import StageError
from skysort.limits import (
    DROP_ALONE_MEMORY_SHARE,
    DROP_WAITING_BYTES,
    MIB,
    PARQUET_LIST_BYTES,
    PARQUET_PAGE_BYTES,
    PICTURE_MEMORY_BYTES,
)
from skysort.models import PICTURES, of_kind
from skysort.settings import THREADS

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.stages.stage import AwsStage

ACCOUNT = "123456789012"
CERTIFICATE = f"arn:aws:acm:eu-west-1:{ACCOUNT}:certificate/0a1b2c3d-0000-1111-2222-333344445555"
PAGE_CERTIFICATE = CERTIFICATE.replace("eu-west-1", "us-east-1")
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0a1b2c3d-0000-1111-2222-333344445555"
VPC = "vpc-0a1b2c3d4e5f60718"


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: ExistingBuckets(drop="Sky"), "existing.drop must be the complete name of a bucket (got 'Sky')"),
        (lambda: ExistingBuckets("sky-files", "sky-files"), "existing.drop and existing.results must differ"),
        (lambda: ExistingBuckets(writers=("1234",)), "existing.writers: each must be an AWS account id"),
        (lambda: PrivateNetwork("vpc", endpoints=("vpce-0a1b2c3d",)), "network.vpc_id must read like vpc-0a1b2c3d"),
        (lambda: PrivateNetwork(VPC), "a private API needs network.endpoints"),
        (lambda: PrivateNetwork(VPC, subnets=("net",)), "network.subnets: each must read like subnet-"),
        (lambda: PrivateNetwork(VPC, endpoints=("vpc",)), "network.endpoints: each must read like vpce-"),
        (lambda: Domain("https://sky.example.org", CERTIFICATE), "domain.name must read like api.sky.example.org"),
        (lambda: Domain("api.example.org", KEY), "domain.certificate must be the ARN of a certificate"),
        (lambda: Domain("api.example.org", CERTIFICATE, page="sky.example.org"), "give both or neither"),
        (
            lambda: Domain("sky.example.org", CERTIFICATE, "sky.example.org", PAGE_CERTIFICATE),
            "domain.page and domain.name must differ",
        ),
        (
            lambda: Domain("api.example.org", CERTIFICATE, "sky.example.org", CERTIFICATE),
            "CloudFront takes certificates from us-east-1 only (got one from eu-west-1)",
        ),
        (lambda: Domain("api.example.org", CERTIFICATE, hosted_zone="sky"), "must be the id of a hosted zone, Z..."),
        (
            lambda: Domain("api.example.org", CERTIFICATE, base_path="a/b"),
            "must be one part of a path, without slashes",
        ),
        (
            lambda: PrivateNetwork(VPC, endpoints=("vpce-0a1b2c3d",), function_subnets=("subnet-0a1b2c3d",)),
            "network.function_subnets and network.function_groups belong together",
        ),
        (
            lambda: PrivateNetwork(VPC, endpoints=("vpce-0a1b2c3d",), function_groups=("group",)),
            "network.function_groups: each must read like sg-",
        ),
    ],
)
def test_what_cannot_be_an_identifier_of_aws_is_refused(build: Callable[[], object], sentence: str) -> None:
    with pytest.raises(StageError, match=re.escape(sentence)):
        build()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "Anna"}, "a stage's name may have up to 15 lower-case letters, digits and hyphens"),
        ({"name": "anna-"}, "a stage's name may have up to 15"),
        ({"name": "a" * 16}, "a stage's name may have up to 15"),
        ({"name": "drop-dev"}, "a stage's name cannot begin with drop-: names such as skysort-star-drop-... would be"),
        ({"account": "1234"}, "account must be an AWS account id, 12 digits in quotes (got '1234')"),
        ({"region": "Ireland"}, "region must read like eu-west-1 (got 'Ireland')"),
        ({"qualifier": "a-long-qualifier"}, "qualifier must be up to 10 lower-case letters and digits"),
        ({"permissions_boundary": "Boundary"}, "permissions_boundary must be the ARN of an IAM policy"),
        (
            {"account": "210987654321", "permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/Boundary"},
            f"permissions_boundary is a policy of account {ACCOUNT}; the stage's account is 210987654321",
        ),
        ({"encryption_key": "alias/sky"}, "encryption_key must be the ARN of a KMS key, not of an alias"),
        (
            {"region": "us-east-1", "encryption_key": KEY},
            "encryption_key is in eu-west-1; the stage's region is us-east-1",
        ),
        (
            {"region": "us-east-1", "domain": Domain("api.example.org", CERTIFICATE)},
            "domain.certificate is in eu-west-1; the stage's region is us-east-1",
        ),
        ({"network": PrivateNetwork(VPC, endpoints=("vpce-0a1b2c3d",))}, "cannot be reached by CloudFront: set page"),
        (
            {
                "page": False,
                "network": PrivateNetwork(VPC, endpoints=("vpce-0a1b2c3d",)),
                "domain": Domain("api.example.org", CERTIFICATE),
            },
            "a private API has its address in its VPC only",
        ),
        (
            {"page": False, "domain": Domain("api.example.org", CERTIFICATE, "sky.example.org", PAGE_CERTIFICATE)},
            "domain.page names a page that is not deployed",
        ),
        ({"small": True}, "-drop has 3,538 MB, and a small account allows 3,008 MB"),
    ],
)
def test_a_stage_that_its_account_would_not_take_is_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(StageError, match=re.escape(sentence)):
        dataclasses.replace(dev(), **changes)  # type: ignore[arg-type]


def test_a_stage_may_have_all_that_a_platform_asks_for() -> None:
    stage = dataclasses.replace(
        dev(),
        account=ACCOUNT,
        region="eu-west-1",
        qualifier="skysort",
        permissions_boundary=f"arn:aws:iam::{ACCOUNT}:policy/teams/Boundary",
        encryption_key=KEY,
        domain=Domain("api.example.org", CERTIFICATE, "sky.example.org", PAGE_CERTIFICATE, "Z0123456789ABCDEFGHIJ"),
        existing=ExistingBuckets("sky-incoming", "sky-results", writers=("210987654321",)),
        parameters=True,
    )
    assert stage.domain is not None
    assert stage.page


def test_a_stage_for_a_small_account_has_nothing_above_its_memory() -> None:
    stage = dev().for_small_account()
    assert stage.small
    assert max(function.memory_mb for function in stage.functions.values()) == 3_008
    assert stage.functions["star"] == dev().functions["star"]


@pytest.mark.parametrize("stage", [dev(), dev().for_small_account()], ids=["usual", "small"])
def test_what_a_file_may_take_fits_the_memory_of_the_functions_that_read_it(stage: AwsStage) -> None:
    """A file that is tried alone has a share of it, in which its pictures are decoded side by side."""
    for model in of_kind(PICTURES):
        for name in (f"{model}-drop", f"{model}-bulk"):
            function = stage.functions[name]
            pictures = int(function.environment[THREADS]) * PICTURE_MEMORY_BYTES + DROP_WAITING_BYTES
            assert pictures <= DROP_ALONE_MEMORY_SHARE * function.memory_mb * MIB
    # A page of every column, and the lists of a row group twice
    tables = PARQUET_PAGE_BYTES + 2 * PARQUET_LIST_BYTES
    assert tables <= DROP_ALONE_MEMORY_SHARE * stage.functions["star-drop"].memory_mb * MIB
