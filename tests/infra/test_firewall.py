"""The firewall before the API: whom it tells to wait, what it refuses, and that it lets every legal request through."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from infra import ROOT
from infra.constructs.managed_rules import MANAGED
from skysort import limits
from skysort.model_card import load_card
from tests.infra.synth import flat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.infra.synth import Resource, Synthesised


def before_the_api(stage: Synthesised) -> Resource:
    """The web ACL that the API has; the page's is another."""
    (acl,) = [one for one in stage.resources("AWS::WAFv2::WebACL") if one.properties["Scope"] == "REGIONAL"]
    return acl


def test_the_firewall_stands_before_prod(dev: Synthesised, prod: Synthesised) -> None:
    assert dev.resources("AWS::WAFv2::WebACL") == []
    (association,) = prod.resources("AWS::WAFv2::WebACLAssociation")
    assert "stages" in flat(association.properties["ResourceArn"])
    (logging,) = prod.resources("AWS::WAFv2::LoggingConfiguration")
    assert not [arn for arn in logging.properties["LogDestinationConfigs"] if flat(arn).endswith(":*")]


def test_whoever_asks_too_often_is_told_to_wait(prod: Synthesised) -> None:
    acl = before_the_api(prod)
    limited = [rule for rule in acl.properties["Rules"] if "RateBasedStatement" in rule["Statement"]]
    assert len(limited) == 3
    for rule in limited:
        custom = rule["Action"]["Block"]["CustomResponse"]
        assert (custom["ResponseCode"], custom["ResponseHeaders"]) == (429, [{"Name": "Retry-After", "Value": "300"}])
    # in the problem form
    body = json.loads(acl.properties["CustomResponseBodies"]["slower"]["Content"])
    assert (body["status"], body["title"]) == (HTTPStatus.TOO_MANY_REQUESTS, "Too many requests")


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the API, as WAF sees it."""

    path: str = "/v1/classify/image"
    query: str = ""
    user_agent: str | None = "curl"
    body_bytes: int = 0
    also: frozenset[str] = frozenset()

    def matched(self) -> set[str]:
        """The managed rules that it matches ("Baseline rule groups", AWS WAF); any body matches all of bodies."""
        bodies = {rule for group in MANAGED for rule in group.labels if rule.endswith("_BODY")}
        found = {
            "NoUserAgent_HEADER": self.user_agent is None,
            "UserAgent_BadBots_HEADER": self.user_agent in {"nessus", "nmap"},
            "SizeRestrictions_QUERYSTRING": len(self.query) > 2_048,
            "SizeRestrictions_URIPATH": len(self.path) > 1_024,
            "RestrictedExtensions_URIPATH": self.path.endswith((".log", ".ini")),
            "RestrictedExtensions_QUERYARGUMENTS": ".log" in self.query,
        }
        return {rule for rule, matches in found.items() if matches} | (bodies if self.body_bytes else set()) | self.also


def refused(acl: Resource, request: Request) -> bool:
    """Whether the managed rules refuse a request, as WAF evaluates them in turn."""
    labels: set[str] = set()
    for rule in acl.properties["Rules"]:
        statement = rule["Statement"]
        if group := statement.get("ManagedRuleGroupStatement"):
            known = [one for one in MANAGED if one.group == group["Name"]]
            counts = {one["Name"] for one in group.get("RuleActionOverrides", ()) if "Count" in one["ActionToUse"]}
            for one in known:
                labels |= {one.label(name) for name in request.matched() & one.labels.keys()}
            new = request.matched() - {name for one in MANAGED for name in one.labels}
            uncounted = {name for one in known for name in request.matched() & one.labels.keys()} - counts
            if rule["OverrideAction"] == {"None": {}} and known and (uncounted | new):
                return True
        if either := statement.get("OrStatement"):
            assert rule["Action"] == {"Block": {}}
            keys = {one["LabelMatchStatement"]["Key"] for one in either["Statements"]}
            if keys & labels:
                return True
    return False


def longest_batch() -> str:
    """A batch whose name has as many characters as one may have, each of four bytes."""
    name = "\N{MILKY WAY}" * limits.BATCH_NAME_CHARACTERS
    return f"/v1/batches/{quote(name)}/results.csv"


def longest_cursor() -> str:
    """The longest `next` that the contract allows."""
    contract = json.loads((ROOT / "functions" / "control" / "openapi.json").read_text("utf-8"))
    for parameter in contract["paths"]["/v1/batches/{batch}"]["get"]["parameters"]:
        if parameter["name"] == "next":
            return "next=" + "a" * int(parameter["schema"]["maxLength"])
    raise AssertionError("the contract has no cursor")


def every_label() -> str:
    """All labels of the model that has the most."""
    return "labels=" + quote(",".join(load_card(ROOT / "functions" / "image" / "model").labels))


LEGAL: Mapping[str, Request] = {
    "every label of a model": Request(query=every_label()),
    "a labels that reads like a file": Request(query="labels=supernova.log"),
    "the longest cursor": Request(path="/v1/batches/night", query=longest_cursor()),
    "the longest name of a batch": Request(path=longest_batch()),
    "a batch named like a log": Request(path="/v1/batches/night.log"),
    "the largest body, of any bytes": Request(body_bytes=limits.GATEWAY_REQUEST_BYTES),
    "a program that does not name itself": Request(user_agent=None),
    "a rule that AWS has added": Request(body_bytes=1, also=frozenset({"TomorrowsRCE_BODY"})),
}


@pytest.mark.parametrize("name", LEGAL)
def test_no_legal_request_is_refused(prod: Synthesised, name: str) -> None:
    request = LEGAL[name]
    # Given a request that a managed rule matches
    assert request.matched()
    # Then it passes
    assert not refused(before_the_api(prod), request)


@pytest.mark.parametrize(
    "attack",
    [
        Request(user_agent="nessus"),
        Request(query="labels=1", also=frozenset({"Log4JRCE_QUERYSTRING"})),
        Request(also=frozenset({"PROPFIND_METHOD"})),
        # What only counts does not hide it
        Request(user_agent=None, query=longest_cursor(), also=frozenset({"CrossSiteScripting_QUERYARGUMENTS"})),
    ],
)
def test_an_attack_is_refused(prod: Synthesised, attack: Request) -> None:
    assert refused(before_the_api(prod), attack)


def test_what_refuses_inspects_no_body(prod: Synthesised) -> None:
    rules = {rule["Name"]: rule for rule in before_the_api(prod).properties["Rules"]}
    keys = [one["LabelMatchStatement"]["Key"] for one in rules["attacks"]["Statement"]["OrStatement"]["Statements"]]
    assert len(keys) > 10
    assert not [key for key in keys if key.endswith("_Body")]
    # and stands behind what it goes by
    assert rules["attacks"]["Priority"] == max(rule["Priority"] for rule in rules.values())


@pytest.mark.parametrize(
    ("forwarded_for", "held_by"),
    [
        # A direct caller sends no such header.
        (None, {"connected address": 10_000, "any connected address": 100_000}),
        # CloudFront writes one, with its visitor's address.
        ("198.51.100.7", {"forwarded address": 10_000, "any connected address": 100_000}),
        ("2001:db8::7", {"forwarded address": 10_000, "any connected address": 100_000}),
        # To one that is there already it appends; a caller may as well make one up.
        ("203.0.113.1, 198.51.100.7", {"forwarded address": 10_000, "any connected address": 100_000}),
        # Some proxies hide whom they stand for; nothing that is no address may leave the limit.
        ("unknown", {"connected address": 10_000, "any connected address": 100_000}),
        ("198.51.100.7:443", {"connected address": 10_000, "any connected address": 100_000}),
        ("", {"connected address": 10_000, "any connected address": 100_000}),
    ],
)
def test_the_firewall_holds_every_caller_by_an_address(
    prod: Synthesised, forwarded_for: str | None, held_by: dict[str, int]
) -> None:
    """WAF's own reading of the rules: no rule by forwarded address applies where the header is missing."""
    acl = before_the_api(prod)
    rates = [rule["Statement"].get("RateBasedStatement") for rule in acl.properties["Rules"]]
    assert {name: limit for rate in rates if rate for name, limit in counted(rate, forwarded_for).items()} == held_by


def counted(rate: dict[str, Any], forwarded_for: str | None) -> dict[str, int]:
    """What a rate-based rule counts a request by, with its limit; nothing where it leaves the request out."""
    if rate["AggregateKeyType"] == "FORWARDED_IP":
        config = rate["ForwardedIPConfig"]
        assert config["HeaderName"].lower() == "x-forwarded-for"
        try:
            ipaddress.ip_address((forwarded_for or "").partition(",")[0].strip())
        except ValueError:
            assert config["FallbackBehavior"] == "NO_MATCH", "a request would be refused for its header alone"
            return {}
        return {"forwarded address": rate["Limit"]}
    if "ScopeDownStatement" not in rate:
        return {"any connected address": rate["Limit"]}
    match = rate["ScopeDownStatement"]["NotStatement"]["Statement"]["RegexMatchStatement"]
    assert match["FieldToMatch"]["SingleHeader"]["Name"] == "x-forwarded-for"
    left_out = forwarded_for is not None and re.search(match["RegexString"], forwarded_for)
    return {} if left_out else {"connected address": rate["Limit"]}


def test_outputs_name_what_a_caller_needs(stage: Synthesised) -> None:
    outputs = stage.templates[f"skysort-service-{stage.stage.name}"]["Outputs"]
    assert {"ApiUrl", "DropBucket", "ResultsBucket"} <= outputs.keys()
