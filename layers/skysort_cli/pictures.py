"""Pictures to records: read, classified side by side, and handed on in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from skysort.limits import GATEWAY_REQUEST_BYTES, IMAGE_BYTES, MIB
from skysort.pictures.parallel import in_order
from skysort_cli.exits import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from skysort_cli.inputs import Input

Record = dict[str, Any]
# The content decides what a picture is.
ANY_BYTES: Final = "application/octet-stream"
_WAITING_BYTES: Final = 256 * MIB


class Answering(Protocol):
    """A model, here or behind HTTP."""

    def answer(self, body: bytes, content_type: str) -> dict[str, Any]:
        """The answer to one request; raises ProblemError, or a CommandError where every other would fail as well."""


def classify(
    inputs: Sequence[Input], model: Answering, *, jobs: int, over_http: bool, done: Callable[[Input], None]
) -> Iterator[Record]:
    """A record a picture: its answer, or `error` with a problem document.

    jobs: pictures at once. done: told of each picture when it is through.
    """
    most = GATEWAY_REQUEST_BYTES if over_http else IMAGE_BYTES
    too_large = f"the picture has more than {most // MIB} MiB" + (
        " and cannot go over HTTP; `skysort drop` takes larger ones" if over_http else ""
    )

    def work(one: Input) -> Record:
        try:
            answer = model.answer(one.read(most, too_large), ANY_BYTES)
        except ProblemError as error:
            return {"file": one.name, "error": error.problem}
        finally:
            done(one)
        return _record(one, answer)

    yield from in_order(work, inputs, workers=jobs, weigh=lambda one: min(one.size(), most), most=_WAITING_BYTES)


def _record(one: Input, answer: dict[str, Any]) -> Record:
    result = {key: value for key, value in answer["results"][0].items() if key not in {"id", "cached"}}
    if "error" in result:
        return {"file": one.name, "error": result["error"]}
    return {"file": one.name, "model": answer.get("model"), **result}
