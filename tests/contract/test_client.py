"""A client that a public generator makes from the document classifies a star and follows a batch."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import EXAMPLE_ROW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.running_stack import StartedStack

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "functions" / "control" / "openapi.json"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, stack: StartedStack) -> Iterator[Any]:
    """The generated package's client of the stack; the package is importable as generated_client."""
    folder = tmp_path_factory.mktemp("generated")
    config = folder / "config.json"
    config.write_text(json.dumps({"package_name_override": "generated_client", "post_hooks": []}))
    package = folder / "generated_client"
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate", "--path", str(DOCUMENT), "--meta", "none"),
        *("--config", str(config), "--output-path", str(package)),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    with importlib.import_module("generated_client").Client(base_url=stack.api) as opened:
        yield opened
    sys.path.remove(str(folder))


def load(name: str) -> Any:
    return importlib.import_module(f"generated_client.{name}")


def test_it_classifies_a_star(client: Any) -> None:
    # Given the example row as the client's own type
    body = load("models").StarRowRequest.from_dict(EXAMPLE_ROW)
    # When
    answer = load("api.classify.classify_star").sync(client=client, body=body, top_k=1)
    # Then the answer is typed as well
    assert type(answer).__name__ == "StarAnswer"
    (result,) = answer.results
    assert result.predictions[0].label == "GALAXY"
    assert answer.model.name == "star"


def test_it_gets_problems_as_a_type_of_their_own(client: Any) -> None:
    answer = load("api.batches.get_batch").sync("nobody-dropped-this", client=client)
    assert type(answer).__name__ == "Problem"
    assert (answer.status, answer.title) == (404, "Not found")


def test_it_asks_for_an_upload_and_follows_the_batch(client: Any) -> None:
    # Given an offer
    content = (ROOT / "events" / "galaxy_spiral.jpg").read_bytes()
    wanted = load("models").UploadRequest.from_dict(
        {"model": "galaxy", "files": [{"name": "spiral.jpg", "size": len(content)}]}
    )
    offer = load("api.batches.offer_uploads").sync(client=client, body=wanted)
    (file,) = offer.files
    # When the file is posted as it says
    boundary = "b-17"
    parts = [(name, "", value.encode()) for name, value in file.form.fields.to_dict().items()]
    parts.append(("file", '; filename="spiral.jpg"', content))
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"
        for name, more, value in parts
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    request = urllib.request.Request(file.form.url, body + f"--{boundary}--\r\n".encode(), headers)
    urllib.request.urlopen(request).close()
    # Then the batch has it
    status = load("api.batches.get_batch").sync(offer.batch, client=client)
    assert status.counts.total == 1
    assert status.files[0].name == "spiral.jpg"
