"""CloudFront before the web page: CloudFormation lists what the API counts, and spells some things otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.deploy.emulator.resources import ApiBacked, Stub, call

if TYPE_CHECKING:
    from tests.deploy.emulator.resources import Known

_TYPE: Final = "AWS::CloudFront::"


def _behaviour(given: Known) -> dict[str, Any]:
    """A cache behaviour, with the cached methods inside the allowed ones."""
    behaviour = dict(given)
    cached = behaviour.pop("CachedMethods", None)
    allowed = behaviour.pop("AllowedMethods", None)
    if allowed:
        within = {"CachedMethods": {"Quantity": len(cached), "Items": cached}} if cached else {}
        behaviour["AllowedMethods"] = {"Quantity": len(allowed), "Items": allowed, **within}
    return behaviour


def _origin(given: Known) -> dict[str, Any]:
    origin = dict(given)
    if "CustomOriginConfig" in origin:
        origin["CustomOriginConfig"] = {"HTTPPort": 80, "HTTPSPort": 443, **origin["CustomOriginConfig"]}
    return origin


def _distribution(cloudfront: Any, known: Known) -> Known:
    config = {"CallerReference": known["LogicalId"], "Comment": "", **known["DistributionConfig"]}
    config["IsIPV6Enabled"] = config.pop("IPV6Enabled", True)
    config["Origins"] = [_origin(origin) for origin in config["Origins"]]
    config["DefaultCacheBehavior"] = _behaviour(config["DefaultCacheBehavior"])
    config["CacheBehaviors"] = [_behaviour(behaviour) for behaviour in config.get("CacheBehaviors", ())]
    if "Logging" in config:
        config["Logging"] = {"Enabled": True, "IncludeCookies": False, "Prefix": "", **config["Logging"]}
    return call(cloudfront, "create_distribution", {"DistributionConfig": config}, f"{_TYPE}Distribution")


TYPES: Final = (
    ApiBacked(
        f"{_TYPE}Distribution",
        "cloudfront",
        _distribution,
        ref="{Distribution[Id]}",
        attributes={"Id": "{Distribution[Id]}", "DomainName": "{Distribution[DomainName]}"},
        delete="delete_distribution",
        key={"Id": "{Distribution[Id]}", "IfMatch": "{ETag}"},
    ),
    ApiBacked(
        f"{_TYPE}OriginAccessControl",
        "cloudfront",
        "create_origin_access_control",
        ref="{OriginAccessControl[Id]}",
        attributes={"Id": "{OriginAccessControl[Id]}"},
        delete="delete_origin_access_control",
        key={"Id": "{OriginAccessControl[Id]}", "IfMatch": "{ETag}"},
    ),
    Stub(f"{_TYPE}ResponseHeadersPolicy", attributes={"Id": "{LogicalId}"}),
    Stub(f"{_TYPE}CachePolicy", attributes={"Id": "{LogicalId}"}),
    Stub(f"{_TYPE}OriginRequestPolicy", attributes={"Id": "{LogicalId}"}),
)
