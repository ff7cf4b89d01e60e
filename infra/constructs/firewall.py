"""AWS WAF for the API and the page: managed rules, and rate limits per address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aws_cdk import ArnFormat, CfnRule, CfnRuleAssertion, Fn, Stack, Token
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra.api.gateway_problems import TOO_MANY_REQUESTS
from infra.constructs.common import log_group
from infra.constructs.managed_rules import MANAGED
from infra.constructs.origin_secret import HEADER, OriginSecret
from infra.stages.functions import require
from skysort import problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_apigateway as apigateway

    from infra.constructs.managed_rules import ManagedRules
    from infra.stages.api import Firewall
    from infra.stages.stage import AwsStage

WINDOW_S: Final = 300
_SLOWER: Final = "slower"


def slower() -> dict[str, waf.CfnWebACL.CustomResponseBodyProperty]:
    """The response body of `limit`, to be registered in the web ACL."""
    body = waf.CfnWebACL.CustomResponseBodyProperty(content_type="APPLICATION_JSON", content=_too_many_requests())
    return {_SLOWER: body}


def visibility(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    """Metrics and samples of a rule under this name."""
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )


def limit(
    priority: int,
    name: str,
    requests: int,
    forwarded: waf.CfnWebACL.ForwardedIPConfigurationProperty | None = None,
    unless: waf.CfnWebACL.StatementProperty | None = None,
) -> waf.CfnWebACL.RuleProperty:
    """Block with 429 an address (forwarded, or else the connecting one) above this many requests within WINDOW_S."""
    counted = waf.CfnWebACL.RateBasedStatementProperty(
        aggregate_key_type="FORWARDED_IP" if forwarded else "IP",
        forwarded_ip_config=forwarded,
        scope_down_statement=waf.CfnWebACL.StatementProperty(
            not_statement=waf.CfnWebACL.NotStatementProperty(statement=unless)
        )
        if unless
        else None,
        limit=requests,
        evaluation_window_sec=WINDOW_S,
    )
    block = waf.CfnWebACL.BlockActionProperty(
        custom_response=waf.CfnWebACL.CustomResponseProperty(
            response_code=int(TOO_MANY_REQUESTS.status),
            custom_response_body_key=_SLOWER,
            response_headers=[waf.CfnWebACL.CustomHTTPHeaderProperty(name="Retry-After", value=str(WINDOW_S))],
        )
    )
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        action=waf.CfnWebACL.RuleActionProperty(block=block),
        statement=waf.CfnWebACL.StatementProperty(rate_based_statement=counted),
        visibility_config=visibility(name),
    )


def reputation(priority: int) -> waf.CfnWebACL.RuleProperty:
    """AWS's list of addresses that attack; it has no versions, and looks at nothing that callers write."""
    group = "AWSManagedRulesAmazonIpReputationList"
    return _group(priority, group, waf.CfnWebACL.OverrideActionProperty(none={}))


def counting(priority: int, rules: ManagedRules) -> waf.CfnWebACL.RuleProperty:
    """A managed rule group that labels what it finds, and refuses nothing by itself."""
    count = waf.CfnWebACL.RuleActionProperty(count={})
    overrides = [waf.CfnWebACL.RuleActionOverrideProperty(name=rule, action_to_use=count) for rule in rules.labels]
    return _group(priority, rules.group, waf.CfnWebACL.OverrideActionProperty(count={}), overrides)


def _group(
    priority: int,
    group: str,
    override: waf.CfnWebACL.OverrideActionProperty,
    rules: Sequence[waf.CfnWebACL.RuleActionOverrideProperty] = (),
) -> waf.CfnWebACL.RuleProperty:
    statement = waf.CfnWebACL.ManagedRuleGroupStatementProperty(
        vendor_name="AWS", name=group, rule_action_overrides=list(rules) or None
    )
    return waf.CfnWebACL.RuleProperty(
        name=group,
        priority=priority,
        override_action=override,
        statement=waf.CfnWebACL.StatementProperty(managed_rule_group_statement=statement),
        visibility_config=visibility(group),
    )


def labelled(priority: int, name: str, labels: Sequence[str]) -> waf.CfnWebACL.RuleProperty:
    """Block requests on which a group before has put one of these labels."""
    matches = [
        waf.CfnWebACL.StatementProperty(
            label_match_statement=waf.CfnWebACL.LabelMatchStatementProperty(scope="LABEL", key=label)
        )
        for label in labels
    ]
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        action=waf.CfnWebACL.RuleActionProperty(block={}),
        statement=waf.CfnWebACL.StatementProperty(or_statement=waf.CfnWebACL.OrStatementProperty(statements=matches)),
        visibility_config=visibility(name),
    )


def _too_many_requests() -> str:
    status, kind, title = TOO_MANY_REQUESTS
    detail = f"This address sent too many requests within {WINDOW_S} s; slow down."
    return json.dumps(problems.document(status, kind, title, detail))


# How many visitors may share an address: CloudFront's addresses stand for many.
_SHARED: Final = 10
_FORWARDED_FOR: Final = "X-Forwarded-For"
# A list that starts with an IPv4 or IPv6 address, by which WAF counts.
_FIRST_ADDRESS: Final = r"^\s*(\d{1,3}(\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)\s*(,|$)"


class WebFirewall(Construct):
    """A web ACL on the API's stage; blocked requests get WAF_FILTERED, too many requests 429."""

    def __init__(
        self, scope: Construct, name: str, *, stage: AwsStage, settings: Firewall, api: apigateway.RestApi
    ) -> None:
        super().__init__(scope, name)
        acl = waf.CfnWebACL(
            self,
            "Acl",
            name=f"skysort-{stage.name}",
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=visibility(f"skysort-{stage.name}"),
            custom_response_bodies=slower(),
            rules=[
                *_limits(
                    settings.requests_in_5_minutes,
                    OriginSecret(self, "Origin", stage=stage) if settings.origin_secret else None,
                ),
                *_managed(first=3),
            ],
        )
        association = waf.CfnWebACLAssociation(
            self, "Association", resource_arn=api.deployment_stage.stage_arn, web_acl_arn=acl.attr_arn
        )
        association.node.add_dependency(api.deployment_stage)
        # WAF requires this prefix of a log group.
        logs = log_group(self, "Log", f"aws-waf-logs-skysort-{stage.name}", stage)
        waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            # WAF requires the group's ARN without CloudFormation's suffix ":*".
            log_destination_configs=[_arn(self, name=logs.log_group_name)],
            redacted_fields=[
                waf.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": header})
                for header in ("authorization", "x-api-key", HEADER.lower())
            ],
        )


def _managed(first: int) -> list[waf.CfnWebACL.RuleProperty]:
    """The managed rules, from this priority on."""
    groups = [counting(priority, rules) for priority, rules in enumerate(MANAGED, start=first + 1)]
    labels = [label for rules in MANAGED for label in rules.refused_labels]
    return [reputation(first), *groups, labelled(first + 1 + len(groups), "attacks", labels)]


def _arn(scope: Construct, name: str) -> str:
    return Stack.of(scope).format_arn(
        service="logs", resource="log-group", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )


def _limits(requests: int, secret: OriginSecret | None) -> list[waf.CfnWebACL.RuleProperty]:
    """Count each request by the caller's address, if known, and by the connecting address."""
    if secret is not None:
        # The page's own web ACL has counted by the visitor's connecting address what comes from CloudFront.
        return [
            limit(0, "requests-of-one-direct-caller", requests, unless=secret.proof()),
            limit(1, "requests-of-one-address", _SHARED * requests),
        ]
    # Visitors of the page come through CloudFront, whose addresses they share, and are distinguished by the forwarded
    # address. A rule by forwarded address ignores requests without one, so a second rule counts those by connecting
    # address. A caller who forges a new address for each request is limited by the last rule only.
    forwarded = waf.CfnWebACL.ForwardedIPConfigurationProperty(
        header_name=_FORWARDED_FOR,
        # An invalid address is counted by the second rule; a match would block it at the first request.
        fallback_behavior="NO_MATCH",
    )
    return [
        limit(0, "requests-of-one-visitor", requests, forwarded=forwarded),
        limit(1, "requests-of-one-direct-caller", requests, unless=_names_an_address()),
        limit(2, "requests-of-one-address", _SHARED * requests),
    ]


def _names_an_address() -> waf.CfnWebACL.StatementProperty:
    """Match requests with a valid forwarded address; a missing header does not match."""
    return waf.CfnWebACL.StatementProperty(
        regex_match_statement=waf.CfnWebACL.RegexMatchStatementProperty(
            field_to_match=waf.CfnWebACL.FieldToMatchProperty(single_header={"Name": _FORWARDED_FOR.lower()}),
            regex_string=_FIRST_ADDRESS,
            text_transformations=[waf.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")],
        )
    )


_HOME: Final = "us-east-1"
_ONLY_THERE: Final = (
    f"CloudFront accepts a web ACL from {_HOME} only: deploy this stage there, or create a web ACL there and set "
    "Firewall(page_web_acl=...) in the stage"
)


class PageFirewall(Construct):
    """The web ACL of a page, by the visitor's own address; arn: for the distribution.

    CloudFront accepts web ACLs from us-east-1 only. A stage in that region creates its own here; a stage elsewhere
    names an existing one (Firewall.page_web_acl), since a stack cannot create resources in two regions.
    """

    def __init__(self, scope: Construct, name: str, *, stage: AwsStage, settings: Firewall) -> None:
        super().__init__(scope, name)
        if settings.page_web_acl:
            self.arn = settings.page_web_acl
            return
        region = Stack.of(self).region
        if Token.is_unresolved(region):
            # The template is region-agnostic: CloudFormation checks the region.
            assertion = CfnRuleAssertion(assert_=Fn.condition_equals(region, _HOME), assert_description=_ONLY_THERE)
            CfnRule(self, "Region", assertions=[assertion])
        else:
            require(region == _HOME, _ONLY_THERE)
        acl = waf.CfnWebACL(
            self,
            "Acl",
            name=f"skysort-page-{stage.name}",
            scope="CLOUDFRONT",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=visibility(f"skysort-page-{stage.name}"),
            custom_response_bodies=slower(),
            # Bodies and paths are inspected by the API's firewall, which every call also passes.
            rules=[
                limit(0, "requests-of-one-visitor", settings.requests_in_5_minutes),
                reputation(1),
            ],
        )
        self.arn = acl.attr_arn
