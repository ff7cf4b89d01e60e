"""Versions that change under load: requests at a constant rate, promotions, rollbacks, and which version answers."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import statistics
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx

from skysort.custom.model import HEAD
from skysort.registry.keys import HELD_OUT
from skysort.registry.names import Kind
from skysort.registry.promotion import HeldOut, Promotions
from skysort.registry.store import S3ModelStore
from skysort.registry.versions import VersionFiles
from skysort.s3.client import S3Client
from skysort.s3.signature import Addressing, Credentials, Signer
from tests.factories_custom import OWNER, card_of, head_of, picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from infra.local.running_stack import StartedStack

NAME: Final = "under-load"
BUCKET: Final = "skysort-models-local"
# A new version has to answer within this time, without a restart.
SERVED_S: Final = 10.0
USERS: Final = 24
# One request in so many has a picture that no cache knows.
NEW_PICTURE: Final = 20
_SETTLED: Final = 40  # answers in a row from the new version
OK: Final = 200


class Outcome(NamedTuple):
    """One request: when it was due, sent and answered, how, and by which version."""

    due: float
    sent: float
    answered: float
    status: int
    version: str


@dataclass
class Load:
    """Requests to a trained model at a constant rate, however long the answers take. rate: a second."""

    address: str
    rate: float
    outcomes: list[Outcome] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        numbers, began, content = itertools.count(), time.monotonic(), picture("red", 40)
        self._threads = [
            threading.Thread(target=self._user, args=(numbers, began, content), daemon=True) for _ in range(USERS)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(30)

    def _user(self, numbers: itertools.count[int], began: float, content: bytes) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=30)
        with contextlib.closing(connection):
            while not self._ended.is_set():
                number = next(numbers)
                due = began + number / self.rate
                if self._ended.wait(max(0.0, due - time.monotonic())):
                    return
                # Bytes after a JPEG's end change its hash, not its pixels.
                body = content + str(number).encode() if number % NEW_PICTURE == 0 else content
                self.outcomes.append(_ask(connection, body, due))


def _ask(connection: http.client.HTTPConnection, body: bytes, due: float) -> Outcome:
    sent, status, version = time.monotonic(), 0, ""
    try:
        connection.request("POST", f"/v1/classify/custom/{NAME}", body, {"Content-Type": "image/jpeg"})
        response = connection.getresponse()
        status, answer = response.status, response.read()
        if status == OK:
            version = json.loads(answer)["model"]["version"]
    except (OSError, http.client.HTTPException):
        connection.close()
    return Outcome(due, sent, time.monotonic(), status, version)


class Change(NamedTuple):
    """A promotion or a rollback: how long until the new version answered, and until no other did; seconds."""

    how: str
    first: float
    all: float


def publish(stack: StartedStack, count: int = 3) -> list[str]:
    """Publish versions of a model of colours, and return them; the first is live."""
    region = "us-east-1"
    s3 = S3Client(Addressing(region, stack.s3), Signer(Credentials("test", "test"), region))
    store = S3ModelStore(s3, BUCKET)
    head = head_of()
    held_out = HeldOut(head.labels, [f"{number:016x}" for number in range(20)], [0] * 20, [0] * 20, [1.0] * 20).body()
    files = {HEAD: head.save(), HELD_OUT: held_out}
    versions = [
        VersionFiles(store).publish(OWNER, NAME, card_of(head, created="2026-01-01T00:00:00Z", edition=number), files)
        for number in range(count)
    ]
    Promotions(store).promote(OWNER, NAME, Kind.PICTURES, versions[0])
    return versions


def change_versions(stack: StartedStack, load: Load, versions: Sequence[str], changes: int) -> list[Change]:
    """Promote versions, and roll every third time back, each once the one before is served everywhere.

    Parameters
    ----------
    stack
        The started stack.
    load
        The requests that go on meanwhile.
    versions
        Published ones, of which the first is live.
    changes
        How many.

    Returns
    -------
    What each took.
    """
    live, done = 0, []
    before = 0
    with httpx.Client(base_url=stack.api, timeout=30) as api:
        for number in range(changes):
            how = "rollback" if number % 3 == 2 else "promote"
            following = before if how == "rollback" else (live + 1) % len(versions)
            body: dict[str, Any] = {"to": versions[following]} if how == "rollback" else {
                "version": versions[following], "force": True,
            }  # fmt: skip
            asked = time.monotonic()
            answer = api.post(f"/v1/models/{NAME}/{how}", json=body)
            assert answer.status_code == OK, answer.text
            before, live = live, following
            done.append(_served(load, versions[live], how, asked))
    return done


def _served(load: Load, version: str, how: str, asked: float) -> Change:
    """Wait until a version answers alone; fails after SERVED_S."""
    while True:
        since = [outcome for outcome in list(load.outcomes) if outcome.sent >= asked and outcome.status == OK]
        new = [outcome for outcome in since if version.startswith(outcome.version)]
        latest = sorted(since, key=lambda outcome: outcome.sent)[-_SETTLED:]
        if len(latest) == _SETTLED and all(version.startswith(outcome.version) for outcome in latest):
            others = [outcome.sent for outcome in since if not version.startswith(outcome.version)]
            first = min(outcome.answered for outcome in new)
            return Change(how, first - asked, max(max(others, default=asked), first) - asked)
        assert time.monotonic() - asked < SERVED_S, f"{version[:12]} did not answer alone within {SERVED_S:.0f} s"
        time.sleep(0.05)


def summary(load: Load, changes: Sequence[Change]) -> dict[str, Any]:
    """What a run measured."""
    outcomes = sorted(load.outcomes)
    seconds = outcomes[-1].answered - outcomes[0].due
    took = sorted((outcome.answered - outcome.sent) * 1e3 for outcome in outcomes)
    return {
        "requests": len(outcomes),
        "seconds": round(seconds, 1),
        "requests_per_second": round(len(outcomes) / seconds, 1),
        "failed": sum(outcome.status != OK for outcome in outcomes),
        "changes": len(changes),
        "rollbacks": sum(change.how == "rollback" for change in changes),
        "first_answer_s": {
            "median": round(statistics.median(change.first for change in changes), 2),
            "longest": round(max(change.first for change in changes), 2),
        },
        "every_answer_s": {
            "median": round(statistics.median(change.all for change in changes), 2),
            "longest": round(max(change.all for change in changes), 2),
        },
        "answer_ms": {"p50": round(took[len(took) // 2], 1), "p99": round(took[int(len(took) * 0.99)], 1)},
    }
