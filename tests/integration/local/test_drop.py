"""The drop folder's way through real S3 notifications, a real queue and its event source."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

from tests.integration.local.conftest import eventually

if TYPE_CHECKING:
    from tests.integration.local.conftest import Local

QUEUE = "skysort-star-drop-local"
DEAD_LETTERS = "skysort-star-drop-dlq-local"


def test_a_dropped_file_becomes_a_result(running: Local) -> None:
    # When a file is dropped under a name that S3 encodes in its notification
    running.drop("night 1/a b+c%25.csv".replace(" ", "%20").replace("+", "%2B"), "u,g\n1,2\n")
    # Then the function gets an event as Lambda's, and its result can be fetched
    result = running.result("night%201/a%20b%2Bc%25.csv")
    record = result["record"]
    assert result["content"] == "u,g\n1,2\n"
    assert (record["eventSource"], record["awsRegion"]) == ("aws:sqs", "us-east-1")
    assert record["eventSourceARN"].endswith(f":{QUEUE}")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert json.loads(record["body"])["Records"][0]["eventName"] == "ObjectCreated:Put"


def test_what_succeeded_leaves_the_queue(running: Local) -> None:
    running.drop("gone/table.csv")
    running.result("gone/table.csv")
    eventually(lambda: running.waiting(QUEUE) == 0, "an empty queue")


def test_files_outside_the_models_folder_are_left_alone(running: Local) -> None:
    running.s3.put("/skysort-drop-local/elsewhere/table.csv", content="a").raise_for_status()
    running.drop("after/table.csv")
    running.result("after/table.csv")
    assert "elsewhere" not in running.log("star-drop")


def test_a_poisoned_file_ends_in_the_dead_letter_queue_and_spares_its_neighbours(running: Local) -> None:
    before = running.waiting(DEAD_LETTERS)
    running.drop("mixed/poison.csv")
    running.drop("mixed/good.csv")
    running.result("mixed/good.csv")
    eventually(lambda: running.waiting(DEAD_LETTERS) == before + 1, "a dead letter")


def test_a_file_whose_sandbox_dies_is_tried_again(running: Local) -> None:
    running.drop("faults/dies-once.csv")
    assert running.result("faults/dies-once.csv")["record"]["attributes"]["ApproximateReceiveCount"] == "2"
    assert "Error Type: Runtime.ExitError (signal: SIGKILL)" in running.log("star-drop")


def test_a_file_that_times_out_is_tried_again(running: Local) -> None:
    running.drop("faults/slow-once.csv")
    assert running.result("faults/slow-once.csv")["record"]["attributes"]["ApproximateReceiveCount"] == "2"
    assert "Status: timeout" in running.log("star-drop")


def test_an_upload_that_calls_itself_a_form_is_kept_whole(running: Local) -> None:
    # urllib, like curl --data-binary, labels any body as a form
    url = f"{running.stack.s3}/skysort-drop-local/incoming/star/form/table.csv"
    urllib.request.urlopen(urllib.request.Request(url, data=b"a=1&b=2\n", method="PUT")).close()
    assert running.result("form/table.csv")["content"] == "a=1&b=2\n"


def test_an_upload_in_chunks_is_kept_whole(running: Local) -> None:
    chunks = iter([b"a,b\n", b"1,2\n"])
    running.s3.put("/skysort-drop-local/incoming/star/chunks/t.csv", content=chunks).raise_for_status()
    assert running.result("chunks/t.csv")["content"] == "a,b\n1,2\n"
