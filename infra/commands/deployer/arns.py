"""On which resources each service's actions are allowed: those whose names begin like skysort's, where they have names.

Source of the forms, and of the actions that take no resource: "Actions, resources, and condition keys for AWS
services" (Service Authorization Reference). Where an id is made by AWS (networks, distributions, keys, mappings), the
account and the region are the only bound.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# {region}, {account} and {qualifier}, that of CDK's bootstrap, are filled in.
ARNS: Final[Mapping[str, tuple[str, ...]]] = {
    "acm": ("arn:aws:acm:{region}:{account}:certificate/*",),
    "apigateway": tuple(
        f"arn:aws:apigateway:{{region}}::/{path}"
        for path in (
            *("restapis", "restapis/*", "apikeys", "apikeys/*", "usageplans", "usageplans/*", "account"),
            *("domainnames", "domainnames/*", "tags/*"),
        )
    ),
    "application-autoscaling": ("arn:aws:application-autoscaling:{region}:{account}:scalable-target/*",),
    "billing": ("arn:aws:billing::{account}:billingview/*",),
    "budgets": ("arn:aws:budgets::{account}:budget/skysort-*",),
    "cloudfront": tuple(
        f"arn:aws:cloudfront::{{account}}:{kind}/*"
        for kind in ("distribution", "origin-access-control", "response-headers-policy", "function")
    ),
    "cloudwatch": (
        "arn:aws:cloudwatch:{region}:{account}:alarm:skysort-*",
        "arn:aws:cloudwatch::{account}:dashboard/skysort-*",
    ),
    "codedeploy": tuple(
        f"arn:aws:codedeploy:{{region}}:{{account}}:{kind}:skysort-*"
        for kind in ("application", "deploymentgroup", "deploymentconfig")
    ),
    "ec2": tuple(
        f"arn:aws:ec2:{{region}}:{{account}}:{kind}/*"
        for kind in ("vpc", "subnet", "route-table", "security-group", "vpc-endpoint", "vpc-flow-log")
    ),
    "ecr": ("arn:aws:ecr:{region}:{account}:repository/cdk-{qualifier}-container-assets-{account}-{region}",),
    "events": ("arn:aws:events:{region}:{account}:rule/skysort-*",),
    "glue": (
        "arn:aws:glue:{region}:{account}:catalog",
        "arn:aws:glue:{region}:{account}:database/skysort_*",
        "arn:aws:glue:{region}:{account}:table/skysort_*",
        "arn:aws:glue:{region}:{account}:userDefinedFunction/skysort_*",
    ),
    "iam": ("arn:aws:iam::{account}:role/skysort-*", "arn:aws:iam::{account}:policy/skysort-*"),
    "kms": ("arn:aws:kms:{region}:{account}:key/*",),
    "lambda": (
        "arn:aws:lambda:{region}:{account}:function:skysort-*",
        "arn:aws:lambda:{region}:{account}:event-source-mapping:*",
    ),
    "logs": tuple(
        f"arn:aws:logs:{{region}}:{{account}}:log-group:{name}*"
        for name in (
            *("/aws/lambda/skysort-", "/aws/vendedlogs/states/skysort-", "/skysort/", "aws-waf-logs-skysort-"),
        )
    ),
    "route53": ("arn:aws:route53:::hostedzone/*", "arn:aws:route53:::change/*"),
    "s3": ("arn:aws:s3:::skysort-*",),
    "secretsmanager": ("arn:aws:secretsmanager:{region}:{account}:secret:skysort-*",),
    "sns": ("arn:aws:sns:{region}:{account}:skysort-*",),
    "sqs": ("arn:aws:sqs:{region}:{account}:skysort-*",),
    "ssm": ("arn:aws:ssm:{region}:{account}:parameter/skysort/*",),
    "states": ("arn:aws:states:{region}:{account}:stateMachine:skysort-*",),
    "wafv2": (
        "arn:aws:wafv2:{region}:{account}:regional/webacl/skysort-*",
        "arn:aws:wafv2:us-east-1:{account}:global/webacl/skysort-*",
        "arn:aws:wafv2:*:*:*/managedruleset/*/*",
        "arn:aws:apigateway:{region}::/restapis/*/stages/*",
    ),
}
# Of single actions.
OF_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    # A description of one alarm may be refused where the caller may not describe all of them.
    "cloudwatch:DescribeAlarms": ("arn:aws:cloudwatch:{region}:{account}:alarm:*",),
    "iam:CreateServiceLinkedRole": ("arn:aws:iam::{account}:role/aws-service-role/*",),
}
# Actions that take no resource at all.
ANY_RESOURCE: Final = re.compile(
    r"application-autoscaling:Describe\w+"
    r"|cloudfront:CreateOriginAccessControl"
    r"|cloudwatch:GetMetricData"
    r"|codedeploy:StopDeployment"
    r"|ec2:Describe(?!VpcAttribute)\w+"
    r"|kms:CreateKey"
    r"|lambda:CreateEventSourceMapping"
    r"|logs:(CreateLogDelivery|DeleteLogDelivery|DescribeLogGroups|\w+QueryDefinitions?|\w+ResourcePolic(y|ies))"
    r"|sns:(Unsubscribe|[GS]etSubscriptionAttributes)"
)
