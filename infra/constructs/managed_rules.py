"""Which rules of AWS's managed rule groups refuse a request, and which only count it.

A rule refuses where no request that the API accepts can match it but one made to attack. All others count: bodies are
pictures and tables, decoded within limits and never interpreted; queries hold up to a thousand labels or a long cursor;
names of batches are anybody's; programs need not name themselves.

The groups keep their default version, which AWS moves: AWS retires static versions, and a web ACL that names a retired
one cannot be created ("Using versioned managed rule groups in AWS WAF"). So a group as a whole only counts, whatever
rules AWS adds to it, and labels what it finds; a rule of the web ACL refuses the labels listed here ("Baseline rule
groups"). Each known rule is set to count besides, since a rule that refuses ends its group's evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ManagedRules:
    """A versioned rule group of AWS. labels: of its rules, without the namespace. refusing: the rules that refuse."""

    group: str
    namespace: str
    labels: Mapping[str, str]
    refusing: frozenset[str]

    def label(self, rule: str) -> str:
        """The label that a rule of the group puts on a request."""
        return f"awswaf:managed:aws:{self.namespace}:{self.labels[rule]}"

    @property
    def refused_labels(self) -> list[str]:
        """The labels of requests to refuse."""
        return [self.label(rule) for rule in self.labels if rule in self.refusing]


_IN_LABELS: Final = {
    "BODY": "Body",
    "COOKIE": "Cookie",
    "HEADER": "Header",
    "QUERYARGUMENTS": "QueryArguments",
    "QUERYSTRING": "QueryString",
    "URIPATH": "URIPath",
}


def _of(kind: str, *parts: str) -> dict[str, str]:
    """The rules of a kind, one a part of the request, by the names of rules and labels."""
    return {f"{kind}_{part}": f"{kind}_{_IN_LABELS[part]}" for part in parts}


MANAGED: Final = (
    ManagedRules(
        "AWSManagedRulesCommonRuleSet",
        "core-rule-set",
        {
            "NoUserAgent_HEADER": "NoUserAgent_Header",
            "UserAgent_BadBots_HEADER": "BadBots_Header",
            **_of("SizeRestrictions", "QUERYSTRING", "BODY", "URIPATH"),
            "SizeRestrictions_Cookie_HEADER": "SizeRestrictions_Cookie_Header",
            **_of("EC2MetaDataSSRF", "BODY", "COOKIE", "URIPATH", "QUERYARGUMENTS"),
            **_of("GenericLFI", "QUERYARGUMENTS", "URIPATH", "BODY"),
            **_of("RestrictedExtensions", "URIPATH", "QUERYARGUMENTS"),
            **_of("GenericRFI", "QUERYARGUMENTS", "BODY", "URIPATH"),
            **_of("CrossSiteScripting", "COOKIE", "QUERYARGUMENTS", "BODY", "URIPATH"),
        },
        frozenset(
            {
                "UserAgent_BadBots_HEADER",
                # The API reads no cookies.
                "SizeRestrictions_Cookie_HEADER",
                *_of("EC2MetaDataSSRF", "COOKIE", "URIPATH", "QUERYARGUMENTS"),
                *_of("GenericLFI", "QUERYARGUMENTS", "URIPATH"),
                *_of("GenericRFI", "QUERYARGUMENTS", "URIPATH"),
                *_of("CrossSiteScripting", "COOKIE", "QUERYARGUMENTS", "URIPATH"),
            }
        ),
    ),
    ManagedRules(
        "AWSManagedRulesKnownBadInputsRuleSet",
        "known-bad-inputs",
        {
            **_of("JavaDeserializationRCE", "HEADER", "BODY", "URIPATH", "QUERYSTRING"),
            "Host_localhost_HEADER": "Host_Localhost_Header",
            "PROPFIND_METHOD": "Propfind_Method",
            **_of("ExploitablePaths", "URIPATH"),
            **_of("Log4JRCE", "HEADER", "QUERYSTRING", "BODY", "URIPATH"),
            **_of("ReactJSRCE", "BODY"),
        },
        frozenset(
            {
                *_of("JavaDeserializationRCE", "HEADER", "URIPATH", "QUERYSTRING"),
                "Host_localhost_HEADER",
                "PROPFIND_METHOD",
                *_of("ExploitablePaths", "URIPATH"),
                *_of("Log4JRCE", "HEADER", "QUERYSTRING", "URIPATH"),
            }
        ),
    ),
)
