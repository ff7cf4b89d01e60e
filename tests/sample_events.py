"""The sample events of events/ that are made of other samples: pictures in JSON, dropped files, what names neither.

    python -m tests.sample_events

writes them anew. Those of the drop folder name objects of the bucket that a deployment of the dev stage into the
account 123456789012 has, which `sam local` takes for everybody's; `objects` are the files that have to be there.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from skysort.bulk.keys import BulkKeys
from skysort.bulk.request import Job
from tests.fakes.events import record, sqs_event

FOLDER: Final = Path(__file__).resolve().parents[1] / "events"
ACCOUNT, REGION = "123456789012", "us-east-1"
DROP_BUCKET: Final = f"skysort-drop-dev-{ACCOUNT}-{REGION}"
RESULTS_BUCKET: Final = f"skysort-results-dev-{ACCOUNT}-{REGION}"
MODELS_BUCKET: Final = f"skysort-models-dev-{ACCOUNT}-{REGION}"
# The trained model that some events ask.
TRAINED: Final = "colours"

# What the drop bucket has to hold for these events: key -> file in events/.
OBJECTS: Final = {
    "incoming/star/first night/stars.csv": "stars.csv",
    "incoming/galaxy/first night/spiral.jpg": "galaxy_spiral.jpg",
    "incoming/image/first night/light.jpg": "traffic_light.jpg",
    "incoming/image/first night/notes.jpg": "stars.csv",
    f"incoming/custom/{TRAINED}/first night/light.jpg": "traffic_light.jpg",
    "incoming/bulk/first night/stars.csv": "stars.csv",
}
# API events that are answered from the drop bucket, or by a model in the models bucket.
READ_THE_BUCKET: Final = frozenset({"galaxy_s3_key", "image_s3_key", "custom_picture"})
# Of a function that trains: it says that it could.
READY: Final = "train_ready"
# The steps of a bulk job in their order: event -> function. What they make lies below the prefix in the results bucket.
BULK: Final = {
    "bulk_plan": "bulk",
    "star_bulk_probe": "star-bulk",
    "bulk_price": "bulk",
    "star_bulk_part": "star-bulk",
    "bulk_finish": "bulk",
}
BULK_JOB: Final = "star-20261128-084500-1a2b3c"
# What is in the results bucket after a drop event: event -> key, None where there is nothing to classify.
RESULTS: Final = {
    "star_drop": "star/first night/stars.csv",
    "galaxy_drop": "galaxy/first night/spiral.jpg.json",
    "image_drop": "image/first night/light.jpg.json",
    "image_drop_not_a_picture": "image/first night/notes.jpg.error.json",
    "galaxy_drop_test_event": None,
    "custom_drop": f"custom/{TRAINED}/first night/light.jpg.json",
}


def objects() -> dict[str, bytes]:
    """What the drop bucket has to hold, by key."""
    return {key: (FOLDER / name).read_bytes() for key, name in OBJECTS.items()}


def trained() -> dict[str, bytes]:
    """What the models bucket has to hold, by key: a model of pictures that tells two colours apart."""
    # The networks take half a second to load, which events that are only read need not wait for.
    from tests import factories_custom as factory  # noqa: PLC0415
    from tests.fakes.model_store import MemoryModelStore  # noqa: PLC0415

    store, head = MemoryModelStore(), factory.head_of()
    factory.publish(store, TRAINED, factory.card_of(head), {"head.npz": head.save()})
    return store.objects


def bulk_job() -> Job:
    """The request of the bulk job."""
    source = {"prefix": "incoming/bulk/first night/"}
    created = "2026-11-28T08:45:00Z"
    return Job(BULK_JOB, "shared", "", "star", source, created, tolerated_share=0.1)


def requested() -> dict[str, bytes]:
    """What the results bucket has to hold, by key: a bulk job that was asked for."""
    keys = BulkKeys("shared", BULK_JOB)
    return {keys.request: bulk_job().to_json(), keys.start(1): b"{}"}


def bulk_events() -> dict[str, dict[str, Any]]:
    """The events of the bulk job's steps; that of its part names it as planning does."""
    # Planning reads tables, which events that are only read need not wait for.
    from skysort.bulk.access import EVERYTHING  # noqa: PLC0415
    from skysort.bulk.planner import plan  # noqa: PLC0415
    from tests.fakes.bulk import MemoryJobStore, MemorySources  # noqa: PLC0415

    keys, store = BulkKeys("shared", BULK_JOB), MemoryJobStore()
    plan(bulk_job(), MemorySources(objects=objects()), store, keys, EVERYTHING)
    (part,) = json.loads(store.objects[keys.manifest])
    found: dict[str, dict[str, Any]] = {name: {"key": keys.start(1), "step": name.rpartition("_")[2]} for name in BULK}
    found["star_bulk_part"]["part"] = part
    return found


def dropped(*keys: str) -> dict[str, Any]:
    """An SQS event, a message an object."""
    held = objects()
    bodies = [
        json.dumps(
            {
                "Records": [
                    record(
                        key,
                        version=None,
                        size=len(held[key]),
                        etag=hashlib.md5(held[key], usedforsecurity=False).hexdigest(),
                        bucket=DROP_BUCKET,
                    )
                ]
            }
        )
        for key in keys
    ]
    return sqs_event(bodies)


def first_notice() -> dict[str, Any]:
    """What S3 sends when notifications are first set up."""
    told = {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": "2026-01-01T00:00:00.000Z",
        "Bucket": DROP_BUCKET,
        "RequestId": "EXAMPLE",
        "HostId": "example",
    }
    return sqs_event([json.dumps(told)])


def request(method: str, path: str, body: Any = None, resource: str | None = None) -> dict[str, Any]:
    """An API Gateway proxy event with a JSON body."""
    headers = {"Content-Type": "application/json"} if body is not None else {}
    name = path.rpartition("/")[2]
    return {
        "resource": resource or path,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {key: [value] for key, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"name": name} if resource else None,
        "stageVariables": None,
        "requestContext": {
            "requestId": "00000000-0000-4000-8000-000000000001",
            "stage": "dev",
            "path": path,
            "httpMethod": method,
            "resourcePath": resource or path,
            "protocol": "HTTP/1.1",
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "curl"},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def events() -> dict[str, dict[str, Any]]:
    """Every event of this module, by name."""
    picture = json.loads((FOLDER / "galaxy_jpeg.json").read_text(encoding="utf-8"))["body"]
    instances = [
        {"id": "base64", "image": picture},
        {"id": "data-url", "image": f"data:image/jpeg;base64,{picture}"},
        {"id": "broken", "image": base64.b64encode(b"not a picture").decode()},
    ]
    by_key = {
        model: request(
            "POST", f"/v1/classify/{model}", {"instances": [{"s3_key": f"incoming/{model}/first night/{file}"}]}
        )
        for model, file in (("galaxy", "spiral.jpg"), ("image", "light.jpg"))
    }
    files = {"galaxy_spiral": "galaxy_spiral.jpg", "image_traffic_light": "traffic_light.jpg"}
    alone = {
        event: request(
            "POST",
            f"/v1/classify/{event.partition('_')[0]}",
            {"image": base64.b64encode((FOLDER / file).read_bytes()).decode(), "top_k": 3},
        )
        for event, file in files.items()
    }
    return {
        **alone,
        "galaxy_instances": request("POST", "/v1/classify/galaxy", {"instances": instances, "top_k": 1}),
        "galaxy_s3_key": by_key["galaxy"],
        "image_s3_key": by_key["image"],
        "model_unknown": request("GET", "/v1/models/moon", resource="/v1/models/{name}"),
        "star_drop": dropped("incoming/star/first night/stars.csv"),
        "galaxy_drop": dropped("incoming/galaxy/first night/spiral.jpg"),
        "image_drop": dropped("incoming/image/first night/light.jpg"),
        "image_drop_not_a_picture": dropped("incoming/image/first night/notes.jpg"),
        "galaxy_drop_test_event": first_notice(),
        "custom_ready": request("GET", "/v1/models/custom/ready"),
        "custom_picture": request("POST", f"/v1/classify/custom/{TRAINED}", {"image": picture}),
        "custom_drop": dropped(f"incoming/custom/{TRAINED}/first night/light.jpg"),
        READY: {"step": "ready"},
        **bulk_events(),
    }


def main() -> None:
    """Write every event of this module."""
    for name, event in events().items():
        (FOLDER / f"{name}.json").write_text(json.dumps(event, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
