"""Why a finding of checkov stands: the check, the resources that it may be about, and a sentence.

cdk-nag's reasons stand at the constructs (infra/constructs). checkov knows no stage and reads templates only, so its
findings are judged here; one that nobody has thought of fails a test, as does a reason that nothing needs any more.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Reason(NamedTuple):
    """A reason. resources: a regular expression for TYPE.LOGICAL_ID."""

    check: str
    resources: str
    sentence: str


_FUNCTION: Final = r"AWS::Lambda::Function\."
REASONS: Final = (
    Reason(
        "CKV_AWS_158",
        r"AWS::Logs::LogGroup\..*",
        "CloudWatch encrypts every log group with a key of its own; a stage's encryption_key gives another, at a price "
        "for each request",
    ),
    Reason(
        "CKV_AWS_173",
        rf"{_FUNCTION}.*",
        "variables hold names of buckets and settings, no secret; Lambda encrypts them with a key of its own",
    ),
    Reason(
        "CKV_AWS_116",
        rf"{_FUNCTION}.*",
        "API Gateway and state machines wait for answers, queues have dead letters of their own, a deployment fails "
        "without the release hook's answer, and the alarm that starts the flood brake tells people, too",
    ),
    Reason(
        "CKV_AWS_117",
        rf"{_FUNCTION}.*",
        "prod's functions that read foreign input have a network without a way out; the others call AWS, and dev would "
        "pay for no gain",
    ),
    Reason(
        "CKV_AWS_192",
        r"AWS::WAFv2::WebACL\..*",
        "the group's rules against Log4j lookups label what they match, and a rule of our own blocks those labels, but "
        "in bodies, which may be foreign files; this check does not follow labels",
    ),
    Reason(
        "CKV_AWS_27",
        r"AWS::SQS::Queue\..*",
        "the queues are encrypted by SQS (SqsManagedSseEnabled), which this check does not know; only a KMS key "
        "satisfies it",
    ),
    Reason(
        "CKV_AWS_59",
        r"AWS::ApiGateway::Method\.ApiRest(v1models|v1modelsname|v1health|openapijson|docs)GET.*",
        "health, cards and the contract are public, each with a rate of its own",
    ),
    Reason(
        "CKV_AWS_120",
        r"AWS::ApiGateway::Stage\..*",
        "answers depend on bodies of POST, which API Gateway does not cache; the functions cache answers themselves",
    ),
    Reason(
        "CKV_AWS_18",
        r"AWS::S3::Bucket\.(PageFiles|DropFolderBucketsAccessLogs).*",
        "the page's files are public and read by CloudFront alone; a bucket of access logs that logged itself would "
        "never end",
    ),
    Reason(
        "CKV_AWS_21",
        r"AWS::S3::Bucket\.DropFolderBucketsAccessLogs.*",
        "S3 writes each access log once and nobody else may write there, so there is no version to keep",
    ),
    Reason(
        "CKV_AWS_86",
        r"AWS::CloudFront::Distribution\..*",
        "the page's files are public, and what passes through to the API is logged by the API itself",
    ),
    Reason(
        "CKV_AWS_174",
        r"AWS::CloudFront::Distribution\..*",
        "without a domain of one's own the certificate is CloudFront's, whose oldest version of TLS cannot be set; "
        "with one it is TLS 1.2",
    ),
    Reason(
        "CKV_AWS_68",
        r"AWS::CloudFront::Distribution\..*",
        "a firewall costs money while idle; prod's page has one, dev's belongs to one developer",
    ),
    Reason(
        "CKV_AWS_192",
        r"AWS::WAFv2::WebACL\.PageFirewallAcl.*",
        "behind the page's own firewall are files; what goes on to the API meets the API's firewall, where the rule is",
    ),
    Reason(
        "CKV_AWS_111",
        r"AWS::IAM::Policy\.Network\w+interfaces.*",
        "Lambda needs to make network interfaces, whose ids nobody knows before; a second statement denies the "
        "function's own code the same",
    ),
)
