"""The drop functions: what a process of one file imports is what the function itself works with."""

from __future__ import annotations

import os
from typing import Any
from unittest.mock import patch

import pytest
from aws_lambda_powertools.metrics import MetricUnit

from skysort.drop.child import load_worker
from skysort.drop.worker import DropWorker
from skysort.observability import metrics
from tests.factories import FakeContext
from tests.fakes.events import sqs_event
from tests.unit.functions.loading import FUNCTIONS, STAGE, load_function

pytestmark = pytest.mark.usefixtures("own_metrics")


@pytest.mark.parametrize("function", ["star", "galaxy", "image", "custom"])
def test_a_file_tried_alone_meets_the_functions_own_worker(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a handler that tells where its module stands
    module = load_function(function, "drop")
    told: dict[str, Any] = {}

    def process_batch(*_arguments: object, **options: object) -> None:
        told.update(options)
        metrics.add_metric("Messages", MetricUnit.Count, 0)

    monkeypatch.setattr(module, "process_batch", process_batch)
    module.handler(sqs_event([]), FakeContext())
    assert told["handler"] == str(FUNCTIONS / function / "drop.py")
    # When a process imports it from there
    with patch.dict(os.environ, STAGE):
        worker = load_worker(FUNCTIONS / function / "drop.py")
    # Then it has the worker of this model
    assert isinstance(worker, DropWorker)
    assert worker.classifier.name == function
