"""The program of a child process that classifies some rows of a part, and writes nothing (skysort.bulk.split).

It imports the function's own handler module and uses its steps.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Self

from skysort.bulk.engine import Skip
from skysort.bulk.manifest import PartItem
from skysort.bulk.store import SourceChangedError
from skysort.drop.deadline import Deadline, OutOfTimeError
from skysort.errors import InputError, SkysortError
from skysort.guard import reading
from skysort.observability import logger
from skysort.restrained import DONE, FINAL, LATE, READY, RETRYABLE, Answers, load_module, restrain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysort.bulk.commit import Parts

MODULE: Final = "skysort.bulk.alone"


@dataclass(frozen=True, slots=True)
class Order:
    """A child's work and limits.

    handler: path of the function's handler module, whose ``steps`` does the work. key: of the run. item: the part.
    places: of the slices in the part that are read. skip: rows that are left out. seconds: the time. kill_s: when the
    kernel kills the process. memory_bytes: limit on private memory.
    """

    handler: str
    key: str
    item: Mapping[str, Any]
    places: Sequence[int]
    skip: Mapping[str, Any]
    seconds: float
    kill_s: int
    memory_bytes: int

    def encode(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Self:
        """Parse an encoded order."""
        return cls(**json.loads(line))


def main() -> None:
    """Carry out the order on standard input, as the child."""
    answers = Answers()
    started = monotonic()
    order = Order.decode(sys.stdin.buffer.readline())
    restrain(order.kill_s, order.memory_bytes)
    parts: Parts = load_module(Path(order.handler)).steps.parts
    answers.write({"state": READY})
    answers.write(_classify(parts, replace(order, seconds=order.seconds - (monotonic() - started))))
    # At once: a hanging thread of a library must not keep the process alive.
    os._exit(0)


def _classify(parts: Parts, order: Order) -> dict[str, Any]:
    """Classify the rows; an unexpected exception counts as their fault."""
    try:
        with reading("a row"):
            run, item = parts.run_of(order.key), PartItem.from_document(order.item)
            rows = parts.rehearse(run, item, order.places, Skip.read(order.skip), Deadline(order.seconds))
    except OutOfTimeError as error:
        return {"state": LATE, "detail": error.detail}
    except SourceChangedError as error:
        return {"state": FINAL, "detail": error.detail, "changed": True}
    except SkysortError as error:
        state = FINAL if isinstance(error, InputError) else RETRYABLE
        logger.error("rows of a part failed", exc_info=error)
        return {"state": state, "detail": error.detail, "changed": False}
    return {"state": DONE, "rows": rows}


if __name__ == "__main__":
    main()
