"""Trainings as a client sees them: upload labelled pictures, start, wait for the end, use the model."""

from __future__ import annotations

import io
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WAIT_S = 120.0
ENDED = {"done", "failed"}
PER_CALL = 500  # files of one call for uploads


@dataclass(frozen=True, slots=True)
class Trainer:
    """A client of a started stack. api: its base URL is the stack's."""

    api: httpx.Client

    def upload(self, batch: str, files: Mapping[str, bytes]) -> None:
        """Upload files for a training, as the page and the command line do."""
        names = list(files)
        for start in range(0, len(names), PER_CALL):
            part = names[start : start + PER_CALL]
            wanted = [{"name": name, "size": len(files[name])} for name in part]
            answer = self.api.post("/v1/uploads", json={"model": "training", "batch": batch, "files": wanted})
            assert answer.status_code == 200, answer.text
            offers = answer.json()["files"]
            with httpx.Client(timeout=30) as s3, ThreadPoolExecutor(8) as pool:
                statuses = set(pool.map(lambda offer: _post(s3, offer, files[offer["name"]]), offers))
            assert statuses == {204}

    def start(self, name: str, source: Mapping[str, str], **options: Any) -> httpx.Response:
        """Ask for a training on pictures."""
        body = {"kind": "pictures", "name": name, "source": source, "options": options}
        return self.api.post("/v1/trainings", json=body)

    def wait(self, training: str, *phases: str, wait_s: float = WAIT_S) -> dict[str, Any]:
        """A training once it is in one of these phases; by default once it has ended."""
        deadline = time.monotonic() + wait_s
        while (found := self.api.get(f"/v1/trainings/{training}").json())["phase"] not in ({*phases} or ENDED):
            assert found["phase"] not in ENDED, found
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        document: dict[str, Any] = found
        return document

    def train(self, name: str, batch: str, **options: Any) -> dict[str, Any]:
        """Train on an uploaded batch, and wait for the end."""
        answer = self.start(name, {"batch": batch}, **options)
        assert answer.status_code == 202, answer.text
        return self.wait(answer.json()["id"])

    def classify(self, name: str, content: bytes, **query: str) -> dict[str, Any]:
        """The only result of a picture."""
        answer = self.api.post(
            f"/v1/classify/custom/{name}",
            content=content,
            params=query,
            headers={"Content-Type": "application/octet-stream"},
        )
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def live(self, name: str) -> str:
        """The live version."""
        version: str = self.api.get(f"/v1/trained/{name}").json()["live"]
        return version

    def until_served(self, name: str, version: str, content: bytes, wait_s: float = 10.0) -> dict[str, Any]:
        """The answer of a version, waited for until it is served."""
        deadline = time.monotonic() + wait_s
        while not version.startswith((found := self.classify(name, content))["model"]["version"]):
            assert time.monotonic() < deadline, found["model"]
            time.sleep(0.1)
        return found


def _post(s3: httpx.Client, offer: Mapping[str, Any], content: bytes) -> int:
    form = offer["form"]
    return s3.post(form["url"], data=form["fields"], files={"file": (offer["name"], content)}).status_code


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip of files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def folder(path: Path, labels: Mapping[str, str], start: int, end: int) -> dict[str, bytes]:
    """Pictures number start to end of some classes, by ``<class>/<file>``. labels: folders by class."""
    return {
        f"{label}/{file.name}": file.read_bytes()
        for label, name in labels.items()
        for file in sorted((path / name).iterdir())[start:end]
    }
