"""Small, true-to-form inputs for tests: rows, gateway events, a trained miniature of the star model."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost

from skysort.star.columns import LABELS
from skysort.star.features import PHOTOMETRIC, SPECTROSCOPIC, feature_matrix
from skysort.star.model import PHOTOMETRY_ONLY, WITH_REDSHIFT
from skysort.star.schema import SDSS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The first object of SDSS17, a luminous red galaxy.
EXAMPLE_ROW = {
    "alpha": 135.6891066,
    "delta": 32.49463184,
    "u": 23.87882,
    "g": 22.2753,
    "r": 20.39501,
    "i": 19.16573,
    "z": 18.79371,
    "redshift": 0.6347936,
}


def star_row(**changes: Any) -> dict[str, Any]:
    """The example row with some fields changed; a field set to ... is left out."""
    row: dict[str, Any] = {**EXAMPLE_ROW, **changes}
    return {name: value for name, value in row.items() if value is not ...}


def proxy_event(
    method: str = "POST",
    path: str = "/v1/classify/star",
    body: str | bytes | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    key_id: str | None = None,
) -> dict[str, Any]:
    """An API Gateway REST proxy event; a bytes body arrives base64-encoded, as binary media types do.

    key_id: of the API key that the gateway has checked.
    """
    sent = {"Content-Type": "application/json", **(headers or {})}
    encoded = isinstance(body, bytes)
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "requestId": "request-1",
            "stage": "test",
            "path": path,
            "httpMethod": method,
            "identity": {"apiKeyId": key_id, "caller": None, "sourceIp": "198.51.100.7"},
        },
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": encoded,
    }


class FakeContext:
    """The part of Lambda's context object that handlers read."""

    def __init__(self, remaining_ms: int = 29_000) -> None:
        self._remaining_ms = remaining_ms

    function_name = "test"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:eu-central-1:000000000000:function:test"
    memory_limit_in_mb = 1769
    aws_request_id = "invocation-1"
    log_group_name = "/aws/lambda/test"
    log_stream_name = "test"

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms


def star_artefact(folder: Path) -> Path:
    """Train a miniature of both boosters on made-up objects and write them with their card.

    Quasars are blue in u-g and far, stars have no redshift, galaxies are red.
    """
    random = np.random.default_rng(17)
    rows = 600
    truth = random.integers(0, len(LABELS), rows)
    below_u = np.array([[0, -1.5, -2.8, -3.6, -4.0], [0, -0.1, -0.3, -0.4, -0.5], [0, -1.0, -1.5, -1.7, -1.8]])
    magnitudes = random.normal(21.0, 1.5, (rows, 1)) + below_u[truth] + random.normal(0, 0.2, (rows, 5))
    redshift = np.array([0.5, 2.2, 0.0])[truth] * random.lognormal(0, 0.3, rows)
    variants: dict[str, Any] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for name, names in {WITH_REDSHIFT: SPECTROSCOPIC, PHOTOMETRY_ONLY: PHOTOMETRIC}.items():
        features = feature_matrix(magnitudes, redshift if name == WITH_REDSHIFT else None)
        booster = xgboost.train(
            {"objective": "multi:softprob", "num_class": len(LABELS), "max_depth": 3, "nthread": 1, "seed": 17},
            xgboost.DMatrix(features, truth),
            num_boost_round=12,
        )
        content = bytes(booster.save_raw("ubj"))
        (folder / f"{name}.ubj").write_bytes(content)
        variants[name] = {
            "file": f"{name}.ubj",
            "sha256": hashlib.sha256(content).hexdigest(),
            "features": list(names),
            "temperature": 1.2,
            "conformal": {"coverage": 0.9, "thresholds": dict.fromkeys(LABELS, 0.3)},
        }
    card = {
        "name": "star",
        "version": "0.0.1",
        "architecture": "test",
        "labels": list(LABELS),
        "input": {"columns": SDSS.document()},
        "variants": variants,
        "training_data": {"splits": {"train": {"classes": dict.fromkeys(LABELS, rows // len(LABELS))}}},
    }
    (folder / "card.json").write_text(json.dumps(card))
    return folder
