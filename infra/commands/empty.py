"""Deleting a stage whose buckets have to be empty: S3 delivers access logs hours after the requests.

"Logging requests with server access logging" (Amazon S3): most records arrive within a few hours, without a guarantee,
and a change of the logging status takes effect over time. So a deletion that finds a bucket filled empties it again.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError, WaiterError

from infra.commands.stack_state import buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infra.commands.session import Session

_ATTEMPTS: Final = 4


def empty_buckets(session: Session, *stacks: str) -> None:
    """Delete every version of every object in the buckets of these stacks; a missing stack is skipped.

    Access logging is switched off first: emptying the other buckets would write new access logs.
    """
    s3 = session.boto.resource("s3")
    names = [name for stack in stacks for name in _present(session, stack)]
    for name in names:
        s3.BucketLogging(name).put(BucketLoggingStatus={})
    for name in names:
        sys.stdout.write(f"emptying {name}\n")
        s3.Bucket(name).object_versions.delete()


def _present(session: Session, stack: str) -> Iterator[str]:
    """The buckets of a stack that still exist."""
    s3 = session.boto.client("s3")
    for name in buckets(session, stack):
        try:
            s3.head_bucket(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
                raise
        else:
            yield name


def filled(session: Session, *stacks: str) -> list[str]:
    """The buckets of these stacks that are not empty."""
    s3 = session.boto.client("s3")

    def holds(bucket: str) -> bool:
        found = s3.list_object_versions(Bucket=bucket, MaxKeys=1)
        return bool(found.get("Versions") or found.get("DeleteMarkers"))

    return [name for stack in stacks for name in _present(session, stack) if holds(name)]


def delete(session: Session, stacks: tuple[str, ...], destroy: Callable[[], int]) -> int:
    """Empty the buckets of stacks and delete the stacks, again while one has been filled meanwhile.

    Parameters
    ----------
    session
        The account and region of the stacks.
    stacks
        Their names.
    destroy
        Deletes them and returns its exit status.

    Returns
    -------
    int
        The exit status of the last attempt.
    """
    status = 0
    for _ in range(_ATTEMPTS):
        empty_buckets(session, *stacks)
        status = destroy()
        if status == 0:
            return 0
        late = filled(session, *stacks)
        if not late:
            return status
        sys.stdout.write(f"access logs have arrived in {', '.join(late)}\n")
    sys.stderr.write("S3 still delivers access logs, as it may for some hours: run make destroy again later\n")
    return status


def delete_stack(session: Session, name: str) -> int:
    """Delete one stack without the CDK command line, and wait; returns an exit status."""
    cloudformation = session.boto.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    try:
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)
    except WaiterError as error:
        sys.stderr.write(f"{name} was not deleted: {error}\n")
        return 1
    return 0
