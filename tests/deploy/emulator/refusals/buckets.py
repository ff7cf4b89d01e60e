"""A bucket that is not empty, and access logs that come after it was emptied.

"The bucket you tried to delete is not empty. You must delete all versions in the bucket" (409 BucketNotEmpty). "Most
log records are delivered within a few hours of the time that they are recorded" ("Logging requests with server access
logging").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.s3.models import S3Backend

if TYPE_CHECKING:
    import pytest

    from tests.deploy.emulator.account import Account


def refuse(patch: pytest.MonkeyPatch, account: Account) -> None:
    """Deliver what S3 still has to log before a bucket is deleted; moto itself refuses a bucket that is not empty.

    moto delivers at once, even to a bucket whose stack is just made: here nothing comes but what `account` says.
    """
    delete = S3Backend.delete_bucket

    def delete_after_logs(self: S3Backend, bucket_name: str) -> Any:
        if account.late_logs[bucket_name] > 0:
            account.late_logs[bucket_name] -= 1
            self.put_object(bucket_name, f"late/{account.late_logs[bucket_name]}", b"an access log")
        return delete(self, bucket_name)

    patch.setattr(S3Backend, "log_incoming_request", lambda *_: None)
    patch.setattr(S3Backend, "delete_bucket", delete_after_logs)
