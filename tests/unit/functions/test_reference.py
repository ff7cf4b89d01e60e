"""The release hook's reference samples say what the shipped models answer; `make references` renews them."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from infra.stages.deployments import AWS_STAGES
from skysort.model_card import ModelRegistry
from skysort.models import BULK, CUSTOM, MODELS, TRAINED_ROWS
from skysort.release.verifier import PROOF_S, TOLERANCE, VersionVerifier, differences, read_samples
from tests.factories import FakeContext
from tests.sample_events import request
from tests.unit.functions.loading import FUNCTIONS, load_function

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = FUNCTIONS.parent / "events"
REFERENCE = FUNCTIONS / "control" / "reference"
# Events of each function whose answers prove a new version: files of events/, else the registry's first sample.
SAMPLES = {
    **{name: (f"{name}_sample",) for name in MODELS},
    "star": ("star_row", "star_row_photometry_only"),
    "galaxy": ("galaxy_jpeg",),
    "image": ("image_jpeg",),
    "custom": ("custom_ready",),
    "control": ("health", "models"),
}
# Events whose answers are examples in the API's document: event -> function.
RECORDED = {"star_row": "star", "galaxy_spiral": "galaxy", "image_traffic_light": "image"}
# S3 sends it once a bucket's notifications are set up: nothing to do, and nothing to fail by. That a drop function
# starts at all, with its model read and held to its card, is what it proves.
TEST_EVENT: dict[str, Any] = {
    "Records": [
        {
            "messageId": "reference",
            "receiptHandle": "reference",
            "body": json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "drop"}),
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:reference",
            "awsRegion": "us-east-1",
        }
    ]
}
# A function of trainings or bulk jobs answers it without one, once its modules and networks are read.
READY: dict[str, Any] = {"step": "ready"}
HANDLERS = {
    **{name: (name, "app") for name in SAMPLES},
    **{model.drop_function: (name, "drop") for name, model in {**MODELS, CUSTOM.name: CUSTOM}.items()},
    **{model.train_function: (model.name, "train") for model in (CUSTOM, TRAINED_ROWS)},
    **{model.bulk_function: (name, "bulk") for name, model in {**MODELS, CUSTOM.name: CUSTOM}.items()},
    BULK: ("bulk", "app"),
}


def event_of(name: str) -> dict[str, Any]:
    """The event that a sample's name stands for."""
    path = EVENTS / f"{name}.json"
    if path.is_file():
        event: dict[str, Any] = json.loads(path.read_text())
        return event
    model = MODELS[name.removesuffix("_sample")]
    first = model.samples[0]
    picture = {"image": base64.b64encode((EVENTS / first.file).read_bytes()).decode()} if first.file else {}
    return request("POST", model.classify_path, dict(first.row or picture))


def sample(function: str, event: str) -> dict[str, Any]:
    """A sample as the function answers now."""
    document = event_of(event)
    returned = load_function(function).handler(document, FakeContext())
    made: dict[str, Any] = {"name": event, "event": document, "status": returned["statusCode"]}
    body = json.loads(returned["body"])
    if "results" in body:
        best = [result["predictions"][0] for result in body["results"]]
        made["model"] = body["model"]
        made["best"] = [{"label": one["label"], "probability": one["probability"]} for one in best]
    return made


def answered(event: str) -> dict[str, Any]:
    """The answer to a sample event, as its function gives it now."""
    document = json.loads((EVENTS / f"{event}.json").read_text())
    answer: dict[str, Any] = json.loads(load_function(RECORDED[event]).handler(document, FakeContext())["body"])
    return answer


def renew(folder: Path) -> None:
    """Write every function's samples, and the answers that the API's document shows."""
    for event in RECORDED:
        (EVENTS / "answers" / f"{event}.json").write_text(json.dumps(answered(event), indent=2) + "\n")
    for function, events in SAMPLES.items():
        document = [sample(function, event) for event in events]
        (folder / f"{function}.json").write_text(json.dumps(document, indent=1) + "\n")
    for function, (_, module) in HANDLERS.items():
        if function in SAMPLES:
            continue
        document = [{"name": "s3:TestEvent", "event": TEST_EVENT, "answer": {"batchItemFailures": []}}]
        if module != "drop":
            document = [{"name": "ready", "event": READY, "answer": {"ready": True}}]
        (folder / f"{function}.json").write_text(json.dumps(document, indent=1) + "\n")


@pytest.fixture(scope="module", autouse=True)
def renewed() -> None:
    if os.environ.get("UPDATE_REFERENCES"):
        renew(REFERENCE)


def test_every_deployed_function_has_samples() -> None:
    functions = {name for make in AWS_STAGES.values() for name in make().functions}
    assert {path.stem for path in REFERENCE.glob("*.json")} == functions


@pytest.mark.parametrize("event", RECORDED)
def test_the_answers_that_the_document_shows_are_the_functions_own(event: str) -> None:
    """Renewed by `make references`."""
    recorded, answer = json.loads((EVENTS / "answers" / f"{event}.json").read_text()), answered(event)
    # Processors differ in the last digits, and no two runs take the same time.
    assert answer.pop("timing_ms").keys() == recorded.pop("timing_ms").keys()
    for prediction in (each for result in recorded["results"] for each in result["predictions"]):
        prediction["probability"] = pytest.approx(prediction["probability"], abs=TOLERANCE)
    assert answer == recorded


@pytest.mark.parametrize("function", sorted(HANDLERS))
def test_the_shipped_functions_are_proven(function: str) -> None:
    # Given the function as it is deployed
    module = load_function(*HANDLERS[function])
    verifier = VersionVerifier(
        lambda _, event, __: module.handler(dict(event), FakeContext()), REFERENCE, ModelRegistry(FUNCTIONS)
    )

    # When it is proven
    count = verifier.verify(function, "arn:aws:lambda:us-east-1:123456789012:function:any:1", PROOF_S)

    # Then every sample was asked
    assert count == len(SAMPLES.get(function, ("s3:TestEvent",)))


def test_a_picture_of_another_class_would_be_noticed() -> None:
    """The samples tell models apart: galaxy's answer to its own sample is not image's."""
    (galaxy,) = read_samples(REFERENCE, "galaxy")
    (image,) = read_samples(REFERENCE, "image")
    answer = load_function("image").handler(dict(image.event), FakeContext())
    (sentence,) = differences(galaxy, answer)
    assert "answered by image" in sentence
    assert "not galaxy" in sentence
