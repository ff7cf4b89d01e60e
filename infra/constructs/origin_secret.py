"""What CloudFront proves itself by to the API's firewall: a header with a secret that only the two know.

The secret lies in Secrets Manager; templates refer to it, and CloudFormation puts it into the distribution and the web
ACL ("How to enhance Amazon CloudFront origin security with AWS WAF and AWS Secrets Manager", AWS Security Blog).
CloudFormation reads it anew only where a reference changes, so that another label in the stage makes another secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Fn
from aws_cdk import aws_secretsmanager as secrets
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra.constructs.common import acknowledge, removal
from infra.constructs.encryption import stage_key

if TYPE_CHECKING:
    from infra.stages.stage import AwsStage

HEADER: Final = "X-Skysort-Origin"
_CHARACTERS: Final = 48


class OriginSecret(Construct):
    """The secret of a stage."""

    def __init__(self, scope: Construct, name: str, *, stage: AwsStage) -> None:
        super().__init__(scope, name)
        secret = secrets.Secret(
            self,
            "Secret",
            secret_name=_name(stage),
            description=f"skysort, stage {stage.name}: by which the firewall knows CloudFront",
            encryption_key=stage_key(self, "Key", stage),
            generate_secret_string=secrets.SecretStringGenerator(
                password_length=_CHARACTERS, exclude_punctuation=True, include_space=False
            ),
            removal_policy=removal(stage),
        )
        acknowledge(
            secret, "SMG4", "another label in the stage makes another secret, in CloudFront and firewall at once"
        )
        self._value = _reference(secret.secret_arn)

    def proof(self) -> waf.CfnWebACL.StatementProperty:
        """Match requests that come from CloudFront."""
        return waf.CfnWebACL.StatementProperty(
            byte_match_statement=waf.CfnWebACL.ByteMatchStatementProperty(
                field_to_match=waf.CfnWebACL.FieldToMatchProperty(single_header={"Name": HEADER.lower()}),
                positional_constraint="EXACTLY",
                search_string=self._value,
                text_transformations=[waf.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")],
            )
        )


def origin_headers(stage: AwsStage) -> dict[str, str]:
    """The headers that CloudFront adds to what it passes to the API."""
    firewall = stage.api.firewall
    return {HEADER: _reference(_name(stage))} if firewall is not None and firewall.origin_secret else {}


def _name(stage: AwsStage) -> str:
    label = stage.api.firewall.origin_secret if stage.api.firewall else None
    return f"skysort-origin-{stage.name}-{label}"


def _reference(name: str) -> str:
    return Fn.join("", ["{{resolve:secretsmanager:", name, ":SecretString}}"])
