"""Rules of AWS WAF, the same before the API and before the page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aws_cdk import aws_wafv2 as waf

from infra.api.gateway_problems import TOO_MANY_REQUESTS
from skysort import problems

if TYPE_CHECKING:
    from collections.abc import Sequence

WINDOW_S: Final = 300
_SLOWER: Final = "slower"


def slower() -> dict[str, waf.CfnWebACL.CustomResponseBodyProperty]:
    """The body that `limit` answers with, which its web ACL has to hold."""
    body = waf.CfnWebACL.CustomResponseBodyProperty(content_type="APPLICATION_JSON", content=_too_many_requests())
    return {_SLOWER: body}


def visibility(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    """Count what a rule matches, under this name."""
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )


def limit(priority: int, name: str, statement: waf.CfnWebACL.RateBasedStatementProperty) -> waf.CfnWebACL.RuleProperty:
    """Refuse with 429 whoever passes a rate."""
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
        statement=waf.CfnWebACL.StatementProperty(rate_based_statement=statement),
        visibility_config=visibility(name),
    )


def managed(priority: int, group: str, only_counting: Sequence[str] = ()) -> waf.CfnWebACL.RuleProperty:
    """A managed rule group of AWS. only_counting: those of its rules that refuse nothing."""
    count = waf.CfnWebACL.RuleActionProperty(count={})
    statement = waf.CfnWebACL.ManagedRuleGroupStatementProperty(
        vendor_name="AWS",
        name=group,
        rule_action_overrides=[
            waf.CfnWebACL.RuleActionOverrideProperty(name=rule, action_to_use=count) for rule in only_counting
        ],
    )
    return waf.CfnWebACL.RuleProperty(
        name=group,
        priority=priority,
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        statement=waf.CfnWebACL.StatementProperty(managed_rule_group_statement=statement),
        visibility_config=visibility(group),
    )


def _too_many_requests() -> str:
    status, kind, title = TOO_MANY_REQUESTS
    detail = f"This address sent too many requests within {WINDOW_S} s; send them more slowly."
    return json.dumps(problems.document(status, kind, title, detail))
