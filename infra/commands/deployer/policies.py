"""Policies as documents: of CloudFormation's execution role, and of the roles that a pipeline takes on."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.commands.deployer.arns import ANY_RESOURCE, ARNS, OF_ACTIONS
from infra.commands.deployer.permissions import PolicyError, actions, types

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Statement = dict[str, Any]
    Templates = Sequence[Mapping[str, Any]]

# IAM's quotas: characters of a managed policy, white space left aside; managed policies of a role.
CHARACTERS: Final = 6_144
POLICIES: Final = 10
# The bootstrap's default qualifier.
QUALIFIER: Final = "hnb659fds"
_HAND_OVER: Final = "iam:PassRole"
_ATTACH: Final = ("iam:AttachRolePolicy", "iam:DetachRolePolicy")
# What widens a role's permissions; refused without the boundary, where a stage has one.
_BOUND: Final = ("iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", *_ATTACH)
# To look at a stack, and to protect it once it exists (infra.commands.stack_state); deleting is left to people.
_STACKS: Final = ("DescribeStacks", "ListStackResources", "UpdateTerminationProtection")
_SCALING: Final = "arn:aws:iam::{account}:role/aws-service-role/lambda.application-autoscaling.amazonaws.com/*"


@dataclass(frozen=True, slots=True)
class Account:
    """Where a stage is deployed. region: may be a star, for any. boundary: the ARN that every role must have."""

    account: str
    region: str
    qualifier: str = QUALIFIER
    boundary: str | None = None

    def fill(self, arns: Iterable[str]) -> list[str]:
        """ARNs with account, region and qualifier in place."""
        values = {"account": self.account, "region": self.region, "qualifier": self.qualifier}
        return sorted({arn.format(**values) for arn in arns})


def execution(templates: Templates, where: Account) -> list[dict[str, Any]]:
    """The policies of the role by which CloudFormation deploys these templates; raises PolicyError."""
    wanted = {action for type_ in types(templates) for action in _kept(type_)}
    # The version of the bootstrap, which every template asks for.
    version = f"arn:aws:ssm:{where.region}:{where.account}:parameter/cdk-bootstrap/{where.qualifier}/version"
    statements = [{"Effect": "Allow", "Action": ["ssm:GetParameters"], "Resource": [version]}]
    documents = _packed([*statements, *_roles(wanted, templates, where), *_others(wanted, where)])
    if len(documents) > POLICIES:
        raise PolicyError(f"{len(documents)} policies are needed, and a role may have {POLICIES}")
    return documents


def pipeline(stage: str, where: Account) -> dict[str, Any]:
    """What a pipeline's role needs to deploy a stage: CDK's roles, and what `make deploy` asks of AWS itself."""
    stacks = [f"arn:aws:cloudformation:{where.region}:{where.account}:stack/skysort-*-{stage}/*"]
    buckets = [f"arn:aws:s3:::skysort-page-{stage}-*"]
    data = [f"arn:aws:s3:::skysort-{name}-{stage}-{where.account}-*" for name in ("drop", "results")]
    return _document(
        [
            _take_on(where, "deploy", "file-publishing", "image-publishing", "lookup"),
            _allow([f"cloudformation:{name}" for name in _STACKS], stacks),
            _allow(["s3:ListBucket"], buckets),
            _allow(["s3:PutObject", "s3:DeleteObject"], [f"{bucket}/*" for bucket in buckets]),
            _allow(["s3:PutBucketCORS"], data),
            _allow(["cloudfront:CreateInvalidation"], [f"arn:aws:cloudfront::{where.account}:distribution/*"]),
        ]
    )


def reader(where: Account) -> dict[str, Any]:
    """What a pull request's role needs to show what a deployment would change: to read, and nothing else."""
    return _document([_take_on(where, "lookup")])


def _kept(type_: str) -> set[str]:
    """The actions of a type, without those of services that no template here has anything of."""
    listed = actions(type_)
    services = Counter(action.partition(":")[0] for action in listed)
    # Most of a type's actions are those of its own service.
    if listed and services.most_common(1)[0][0] not in ARNS:
        raise PolicyError(f"infra/commands/deployer/arns.py has no ARNs for the actions of {type_}")
    return {action for action in listed if action.partition(":")[0] in ARNS}


def _roles(wanted: set[str], templates: Templates, where: Account) -> Iterator[Statement]:
    """To make roles, to attach the policies that templates attach and no others, to hand roles to their services."""
    roles = [resource for one in templates for resource in one["Resources"].values() if resource["Type"] == _ROLE]
    attached = {_text(arn) for role in roles for arn in role["Properties"].get("ManagedPolicyArns", ())}
    services = {service for role in roles for service in _principals(role["Properties"]["AssumeRolePolicyDocument"])}
    own = where.fill(ARNS["iam"])
    bounded = {"StringEquals": {"iam:PermissionsBoundary": where.boundary}} if where.boundary else {}
    if _HAND_OVER in wanted:
        passed = {"StringEquals": {"iam:PassedToService": sorted(services)}}
        yield _allow([_HAND_OVER], own[1:]) | {"Condition": passed}
    if "application-autoscaling:RegisterScalableTarget" in wanted:
        yield _allow([_HAND_OVER], where.fill([_SCALING]))
    if attach := wanted.intersection(_ATTACH):
        policies = {"ArnLike": {"iam:PolicyARN": sorted({*attached, own[0]})}}
        yield _allow(attach, own[1:]) | {"Condition": policies | bounded}
    if widened := wanted.intersection(_BOUND).difference(_ATTACH):
        yield _allow(widened, own[1:]) | ({"Condition": bounded} if bounded else {})


def _others(wanted: set[str], where: Account) -> Iterator[Statement]:
    """What is left: a statement for each service, one for what takes no resource, one for each exception."""
    services: dict[str, set[str]] = defaultdict(set)
    anywhere = set()
    for action in wanted.difference({_HAND_OVER}, _BOUND):
        if ANY_RESOURCE.fullmatch(action):
            anywhere.add(action)
        elif action in OF_ACTIONS:
            yield _allow([action], where.fill(OF_ACTIONS[action]))
        else:
            services[action.partition(":")[0]].add(action)
    for service, named in sorted(services.items()):
        yield _allow(named, where.fill(ARNS[service]))
    mapping = "lambda:CreateEventSourceMapping"
    if mapping in anywhere:
        functions = {"ArnLike": {"lambda:FunctionArn": where.fill(ARNS["lambda"])[1:]}}
        yield _allow([mapping], ["*"]) | {"Condition": functions}
    yield _allow(anywhere - {mapping}, ["*"])


_ROLE: Final = "AWS::IAM::Role"


def _principals(document: Mapping[str, Any]) -> Iterator[str]:
    for statement in document["Statement"]:
        service = statement["Principal"].get("Service", ())
        yield from [service] if isinstance(service, str) else service


def _text(arn: Any) -> str:
    """A managed policy's ARN, whose partition is the only token of those that AWS keeps."""
    if isinstance(arn, dict) and "Fn::Join" in arn:
        return "".join(part if isinstance(part, str) else "aws" for part in arn["Fn::Join"][1])
    return arn if isinstance(arn, str) else "arn:aws:iam::aws:policy/none"


def _take_on(where: Account, *names: str) -> Statement:
    roles = "arn:aws:iam::{account}:role/cdk-{qualifier}-%s-role-{account}-{region}"
    return _allow(["sts:AssumeRole"], where.fill(roles % name for name in names))


def _allow(named: Iterable[str], resources: Sequence[str]) -> Statement:
    return {"Effect": "Allow", "Action": sorted(named), "Resource": list(resources)}


def _document(statements: Sequence[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def length(document: Mapping[str, Any]) -> int:
    """Characters of a policy as IAM counts them."""
    return len(json.dumps(document, separators=(",", ":")))


def _packed(statements: Iterable[Statement]) -> list[dict[str, Any]]:
    """Policies of at most so many characters as IAM takes."""
    documents: list[dict[str, Any]] = [_document([])]
    for statement in statements:
        longer = _document([*documents[-1]["Statement"], statement])
        if length(longer) > CHARACTERS:
            documents.append(_document([statement]))
        else:
            documents[-1] = longer
    return documents
