"""S3, SQS and SNS: moto's own CloudFormation makes a bare bucket and knows no policies or subscriptions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.deploy.emulator.resources import ApiBacked, call

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.deploy.emulator.resources import Known, Then


def _put(operation: str, parameter: str, shape: Callable[[Any], Any] | None = None) -> Then:
    """A bucket's property that one call takes, reshaped to the call's parameter."""

    def put(s3: Any, known: Known, value: Any) -> None:
        given = {"Bucket": known["BucketName"], parameter: shape(value) if shape else value}
        call(s3, operation, given, f"AWS::S3::Bucket {parameter}")

    return put


def _cors(value: Any) -> Any:
    names = {"Id": "ID", "ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds"}
    return {"CORSRules": [{names.get(key, key): rule[key] for key in rule} for rule in value["CorsRules"]]}


def _encryption(value: Any) -> Any:
    rules = value["ServerSideEncryptionConfiguration"]
    return {
        "Rules": [
            {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
            | {name: rule[name] for name in rule if name == "BucketKeyEnabled"}
            for rule in rules
        ]
    }


def _lifecycle(value: Any) -> Any:
    rules = []
    for given in value["Rules"]:
        rule = dict(given)
        prefix, days = rule.pop("Prefix", ""), rule.pop("ExpirationInDays", None)
        marker = rule.pop("ExpiredObjectDeleteMarker", None)
        expiration = {"Days": days} if days else {"ExpiredObjectDeleteMarker": marker} if marker is not None else None
        rule |= {"Filter": {"Prefix": prefix}} | ({"Expiration": expiration} if expiration else {})
        rules.append(rule)
    return {"Rules": rules}


def _notifications(value: Any) -> Any:
    to_rules = value.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled")
    return {
        "QueueConfigurations": [
            {"QueueArn": queue["Queue"], "Events": [queue["Event"]]}
            | ({"Filter": {"Key": {"FilterRules": queue["Filter"]["S3Key"]["Rules"]}}} if "Filter" in queue else {})
            for queue in value.get("QueueConfigurations", ())
        ]
    } | ({"EventBridgeConfiguration": {}} if to_rules else {})


def _logging(value: Any) -> Any:
    return {"LoggingEnabled": {"TargetBucket": value["DestinationBucketName"], "TargetPrefix": value["LogFilePrefix"]}}


def _bucket(s3: Any, known: Known) -> Known:
    # us-east-1 is S3's default region, and refused as a constraint.
    where = {"CreateBucketConfiguration": {"LocationConstraint": known["Region"]}}
    s3.create_bucket(Bucket=known["BucketName"], **({} if known["Region"] == "us-east-1" else where))
    return {}


def _queue_policy(sqs: Any, known: Known) -> Known:
    for url in known["Queues"]:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(known["PolicyDocument"])})
    return {}


def _topic_policy(sns: Any, known: Known) -> Known:
    policy = json.dumps(known["PolicyDocument"])
    for topic in known["Topics"]:
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    return {}


TYPES: Final = (
    ApiBacked(
        "AWS::S3::Bucket",
        "s3",
        _bucket,
        ref="{BucketName}",
        attributes={
            "Arn": "arn:aws:s3:::{BucketName}",
            "DomainName": "{BucketName}.s3.amazonaws.com",
            "RegionalDomainName": "{BucketName}.s3.{Region}.amazonaws.com",
        },
        delete="delete_bucket",
        key={"Bucket": "{BucketName}"},
        name="BucketName",
        then={
            "BucketEncryption": _put("put_bucket_encryption", "ServerSideEncryptionConfiguration", _encryption),
            "CorsConfiguration": _put("put_bucket_cors", "CORSConfiguration", _cors),
            "LifecycleConfiguration": _put("put_bucket_lifecycle_configuration", "LifecycleConfiguration", _lifecycle),
            "LoggingConfiguration": _put("put_bucket_logging", "BucketLoggingStatus", _logging),
            "NotificationConfiguration": _put(
                "put_bucket_notification_configuration", "NotificationConfiguration", _notifications
            ),
            "OwnershipControls": _put("put_bucket_ownership_controls", "OwnershipControls"),
            "PublicAccessBlockConfiguration": _put("put_public_access_block", "PublicAccessBlockConfiguration"),
            "Tags": _put("put_bucket_tagging", "Tagging", lambda tags: {"TagSet": tags}),
            "VersioningConfiguration": _put("put_bucket_versioning", "VersioningConfiguration"),
        },
    ),
    ApiBacked(
        "AWS::S3::BucketPolicy",
        "s3",
        "put_bucket_policy",
        ref="{Bucket}",
        delete="delete_bucket_policy",
        key={"Bucket": "{Bucket}"},
        renames={"PolicyDocument": "Policy"},
    ),
    ApiBacked("AWS::SQS::QueuePolicy", "sqs", _queue_policy, ref="{LogicalId}"),
    ApiBacked("AWS::SNS::TopicPolicy", "sns", _topic_policy, ref="{LogicalId}"),
    ApiBacked(
        "AWS::SNS::Subscription",
        "sns",
        "subscribe",
        ref="{SubscriptionArn}",
        delete="unsubscribe",
        key={"SubscriptionArn": "{SubscriptionArn}"},
    ),
)
