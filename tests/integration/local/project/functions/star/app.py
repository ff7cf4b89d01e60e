"""A function that does what the query asks: answer with what it saw, or fail in each way that a function can."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import shared_layer  # type: ignore[import-not-found]

sys.stdout.write("imported\n")
if os.environ.get("SKYSORT_TEST_BREAK_IMPORT"):
    raise RuntimeError("the artefact star.ubj is missing")


def handler(event: dict[str, Any], context: Any) -> Any:
    query = event.get("queryStringParameters") or {}
    action = ACTIONS[query.get("do", "echo")]
    return action(event, context, query)


def _echo(event: dict[str, Any], context: Any, _query: dict[str, str]) -> Any:
    sys.stdout.write("echoing\n")
    seen = {
        "event": event,
        "pid": os.getpid(),
        "cwd": str(Path.cwd()),
        "path": sys.path,
        "environment": dict(os.environ),
        "layer": shared_layer.GREETING,
        "context": {
            "aws_request_id": context.aws_request_id,
            "function_name": context.function_name,
            "function_version": context.function_version,
            "memory_limit_in_mb": context.memory_limit_in_mb,
            "invoked_function_arn": context.invoked_function_arn,
            "log_group_name": context.log_group_name,
            "log_stream_name": context.log_stream_name,
            "remaining_ms": context.get_remaining_time_in_millis(),
        },
    }
    return {"statusCode": 200, "multiValueHeaders": {"X-Seen": ["a", "b"]}, "body": json.dumps(seen)}


def _sleep(_event: dict[str, Any], _context: Any, query: dict[str, str]) -> Any:
    time.sleep(float(query["seconds"]))
    return {"statusCode": 200, "body": json.dumps({"pid": os.getpid()})}


def _fail(_event: dict[str, Any], _context: Any, _query: dict[str, str]) -> Any:
    raise ValueError("nobody outside may read this")


def _die(_event: dict[str, Any], _context: Any, _query: dict[str, str]) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def _answer(_event: dict[str, Any], _context: Any, query: dict[str, str]) -> Any:
    return json.loads(query["with"])


def _grow(_event: dict[str, Any], _context: Any, query: dict[str, str]) -> Any:
    return {"statusCode": 200, "body": "x" * int(query["bytes"])}


ACTIONS = {"echo": _echo, "sleep": _sleep, "fail": _fail, "die": _die, "answer": _answer, "grow": _grow}
