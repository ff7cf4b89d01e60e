"""A drop function that copies each dropped object to the results bucket, or fails as the object's name asks."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from typing import Any
from urllib.parse import quote, unquote_plus

S3 = os.environ["AWS_ENDPOINT_URL"]
RESULTS = os.environ["SKYSORT_RESULTS_BUCKET"]


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    failures = [{"itemIdentifier": record["messageId"]} for record in event["Records"] if not _succeeds(record)]
    return {"batchItemFailures": failures}


def _succeeds(record: dict[str, Any]) -> bool:
    for dropped in json.loads(record["body"]).get("Records", []):  # s3:TestEvent has none
        key = quote(unquote_plus(dropped["s3"]["object"]["key"]))
        first_time = record["attributes"]["ApproximateReceiveCount"] == "1"
        if "poison" in key:
            return False
        if "dies-once" in key and first_time:
            os.kill(os.getpid(), signal.SIGKILL)
        if "slow-once" in key and first_time:
            time.sleep(60)
        _copy(dropped["s3"]["bucket"]["name"], key, record)
    return True


def _copy(bucket: str, key: str, record: dict[str, Any]) -> None:
    with urllib.request.urlopen(f"{S3}/{bucket}/{key}") as response:
        content = response.read()
    result = json.dumps({"content": content.decode(), "record": record}).encode()
    put = urllib.request.Request(f"{S3}/{RESULTS}/{key.removeprefix('incoming/')}", data=result, method="PUT")
    urllib.request.urlopen(put).close()
