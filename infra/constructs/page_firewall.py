"""AWS WAF before CloudFront: the page's files, and the API's paths beside them, by the visitor's own address.

CloudFront takes a web ACL from us-east-1 alone. A stage in that region makes its own here; one elsewhere names one
that was made there (Firewall.page_web_acl), since a stack cannot make resources in two regions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import CfnRule, CfnRuleAssertion, Fn, Stack, Token
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra.constructs.firewall_rules import WINDOW_S, limit, managed, slower, visibility
from infra.stages.functions import require

if TYPE_CHECKING:
    from infra.stages.api import Firewall
    from infra.stages.stage import Stage

_HOME: Final = "us-east-1"
_ONLY_THERE: Final = (
    f"CloudFront takes a web ACL from {_HOME} alone: deploy this stage there, or make one there and name it in the "
    "stage as Firewall(page_web_acl=...)"
)


class PageFirewall(Construct):
    """The web ACL of a page; arn is what a distribution names."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, settings: Firewall) -> None:
        super().__init__(scope, name)
        if settings.page_web_acl:
            self.arn = settings.page_web_acl
            return
        region = Stack.of(self).region
        if Token.is_unresolved(region):
            # The template is for any region: it is CloudFormation that finds out.
            here = CfnRuleAssertion(assert_=Fn.condition_equals(region, _HOME), assert_description=_ONLY_THERE)
            CfnRule(self, "Region", assertions=[here])
        else:
            require(region == _HOME, _ONLY_THERE)
        visitor = waf.CfnWebACL.RateBasedStatementProperty(
            aggregate_key_type="IP", limit=settings.requests_in_5_minutes, evaluation_window_sec=WINDOW_S
        )
        acl = waf.CfnWebACL(
            self,
            "Acl",
            name=f"skysort-page-{stage.name}",
            scope="CLOUDFRONT",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=visibility(f"skysort-page-{stage.name}"),
            custom_response_bodies=slower(),
            # What bodies and paths hold is judged before the API, whose firewall every call passes as well.
            rules=[limit(0, "requests-of-one-visitor", visitor), managed(1, "AWSManagedRulesAmazonIpReputationList")],
        )
        self.arn = acl.attr_arn
