"""How an answer leaves a container: Lambda counts its bytes, 6 MB at most."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infra import ROOT
from infra.local import sandbox
from tests.container.conftest import run
from tests.container.emulated import SETTINGS, Emulated

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The first of them waits for all images to be built.
pytestmark = [pytest.mark.needs_engine, pytest.mark.timeout(900)]

# What Lambda itself says in every container image.
DEPLOYED = SETTINGS | {"AWS_EXECUTION_ENV": "AWS_Lambda_Image"}
ANSWER = {
    "statusCode": 200,
    "isBase64Encoded": False,
    "multiValueHeaders": {"Content-Type": ["text/csv; charset=utf-8"], "Link": []},
    "body": 'größe.fits,銀河 "\u2028\U0001f30c"\\\r\n\x7f,0.999981,1e-07',
    "timing": [None, True, 0.1, 1e-7, 12],
}
ECHO = """
import os

def handler(event, context):
    return {**event, "runtime": os.environ["AWS_EXECUTION_ENV"]}
"""


@pytest.fixture
def echo(tmp_path: Path) -> str:
    """An option for docker: a module of the function that answers with its event, and with what runtime it is in."""
    path = tmp_path / "echo.py"
    path.write_text(ECHO, encoding="utf-8")
    path.chmod(0o644)
    return f"--volume={path}:/var/task/echo.py:ro"


def test_text_of_the_control_function_leaves_as_utf_8(echo: str, images: Mapping[str, str]) -> None:
    # Given a container with characters of two, three and four bytes to answer with
    python = run(images["control"], "import sys; print(*sys.version_info[:2], sep='.')").strip()

    # When
    with Emulated("control", DEPLOYED, ["--read-only", echo], handler="echo.handler") as container:
        answer, _ = container.call_for_text(ANSWER)

    # Then they are written as they are, not as \u and four digits each; and the local stack counts the same bytes
    assert "größe.fits,銀河" in answer
    assert answer.encode() == sandbox.encode({**ANSWER, "runtime": f"AWS_Lambda_python{python}"})


@pytest.mark.parametrize("function", ["star", "galaxy", "image", "custom"])
def test_the_other_functions_answer_in_ascii(function: str, images: Mapping[str, str]) -> None:
    # Given a request whose answer names what is not ASCII
    assert function in images
    event = json.loads((ROOT / "events" / f"{function}_ready.json").read_text(encoding="utf-8"))
    event |= {"path": "/v1/größe/銀河"}

    # When
    with Emulated(function, DEPLOYED) as container:
        answer, _ = container.call_for_text(event)

    # Then it needs no UTF-8, and the local stack counts the same bytes
    document = json.loads(answer)
    assert "größe/銀河" in json.loads(document["body"])["detail"]
    assert answer.encode() == sandbox.encode(document)
    assert answer.isascii()
