"""Connect buckets that existed before their stage, which its template cannot describe, or disconnect them again.

    python -m infra.commands.existing_buckets --stage NAME             # after the first deployment
    python -m infra.commands.existing_buckets --stage NAME --remove    # before `make destroy`

Added are what the stage cannot work without: notifications of the drop folder to its queues, events of new results,
and the rules for pages of the stage. What the buckets have besides stays as it is.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from infra.commands import CommandError, run
from infra.commands.publish import allow_origins
from infra.commands.session import Session, add_options, options_of, stage_of
from infra.commands.stack_state import outputs, service_stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.stages.stage import AwsStage


def connect(session: Session, stage: AwsStage, *, remove: bool = False) -> list[str]:
    """Add what a stage needs to its existing buckets, or remove it.

    Parameters
    ----------
    session
        Where the stage is deployed.
    stage
        Its settings.
    remove
        Whether to take notifications away; events of new results stay, since others may read them.

    Returns
    -------
    list of str
        What was done, a line a bucket.

    Raises
    ------
    CommandError
        If the stage creates its buckets, or is not deployed yet: S3 takes no notifications to queues that are missing.
    """
    drop, results = stage.existing.drop, stage.existing.results
    if drop is None and results is None:
        raise CommandError(f"stage {stage.name} creates its buckets; name others as existing.drop and existing.results")
    deployed = outputs(session, service_stack(stage.name))
    if not deployed and not remove:
        raise CommandError(f"stage {stage.name} is not deployed in {session.place}: deploy it first")
    done = []
    if drop is not None:
        count = _notify(session, stage, drop, remove=remove)
        done.append(f"{drop}: {count} folders tell the stage's queues" if count else f"{drop}: tells no queue")
    if results is not None and not remove:
        _tell_event_bridge(session, results)
        done.append(f"{results}: tells EventBridge of new objects")
    if stage.page_origins and not remove:
        existing = {"DropBucket": drop, "ResultsBucket": results}
        rules = {output: bucket for output, bucket in existing.items() if bucket is not None}
        allow_origins(session, f"skysort-pages-{stage.name}", stage.page_origins, rules)
        done.append(f"{', '.join(rules.values())}: {', '.join(stage.page_origins)} may upload and read")
    return done


def _notify(session: Session, stage: AwsStage, bucket: str, *, remove: bool) -> int:
    """Replace the stage's notifications among a bucket's; returns how many there are."""
    mark = f"skysort-{stage.name}-"
    own = [
        {
            "Id": f"{mark}{queue.queue}-{number}",
            "QueueArn": f"arn:{session.partition}:sqs:{session.region}:{session.account}:{queue.queue}",
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
        }
        for queue in stage.drop_queues
        for number, prefix in enumerate(queue.prefixes)
        if not remove
    ]
    found = _configuration(session, bucket)
    others = [each for each in found.get("QueueConfigurations", ()) if not each["Id"].startswith(mark)]
    _put(session, bucket, {**found, "QueueConfigurations": [*others, *own]})
    return len(own)


def _tell_event_bridge(session: Session, bucket: str) -> None:
    found = _configuration(session, bucket)
    if "EventBridgeConfiguration" not in found:
        _put(session, bucket, {**found, "EventBridgeConfiguration": {}})


def _configuration(session: Session, bucket: str) -> dict[str, Any]:
    s3: Any = session.boto.client("s3")
    found = s3.get_bucket_notification_configuration(Bucket=bucket, ExpectedBucketOwner=session.account)
    return {name: value for name, value in found.items() if name != "ResponseMetadata"}


def _put(session: Session, bucket: str, configuration: dict[str, Any]) -> None:
    s3: Any = session.boto.client("s3")
    s3.put_bucket_notification_configuration(
        Bucket=bucket, ExpectedBucketOwner=session.account, NotificationConfiguration=configuration
    )


def main(arguments: Sequence[str]) -> int:
    """Connect or disconnect; returns the exit status."""
    description = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m infra.commands.existing_buckets", description=description)
    add_options(parser, "dev")
    parser.add_argument("--remove", action="store_true", help="disconnect, before the stage is destroyed")
    parsed = parser.parse_args(arguments)
    options = options_of(parsed)
    stage = stage_of(options)
    for line in connect(Session.open(stage, options), stage, remove=parsed.remove):
        sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    run(main)
