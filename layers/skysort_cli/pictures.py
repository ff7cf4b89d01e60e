"""Classification of pictures in parallel, in order, and their heat maps as files."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from skysort.limits import GATEWAY_REQUEST_BYTES, IMAGE_BYTES, MIB
from skysort.parallel import in_order
from skysort_cli.exits import ProblemError
from skysort_cli.output import STDOUT, made_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from skysort.answers import PictureAnswer, StarAnswer
    from skysort_cli.inputs import Input
    from skysort_cli.output import Record

    # From a body and its content type to the answer; raises ProblemError, or CommandError if all would fail.
    Answer = Callable[[bytes, str], PictureAnswer | StarAnswer]

# The format is detected by content.
ANY_BYTES: Final = "application/octet-stream"
SUFFIX: Final = ".heat.png"
_WAITING_BYTES: Final = 256 * MIB
NEAREST_SUFFIX: Final = ".nearest.jpg"
_HEAT_MAP: Final = "data:image/png;base64,"
_THUMBNAIL: Final = "data:image/jpeg;base64,"


def classify(
    inputs: Sequence[Input], answer: Answer, *, jobs: int, over_http: bool, done: Callable[[], None]
) -> Iterator[Record]:
    """One record per picture: its result, or `error` with a problem document.

    jobs: pictures processed at once. done: called after each picture.
    """
    max_bytes = GATEWAY_REQUEST_BYTES if over_http else IMAGE_BYTES
    too_large = f"the picture has more than {max_bytes // MIB} MiB" + (
        ", the maximum over HTTP; use `skysort drop` for larger ones" if over_http else ""
    )

    def work(item: Input) -> Record:
        try:
            response = answer(item.read(max_bytes, too_large), ANY_BYTES)
        except ProblemError as error:
            return {"file": item.name, "error": error.problem}
        finally:
            done()
        return {"file": item.name, **record_of(response, response["results"][0])}

    yield from in_order(
        work, inputs, workers=jobs, weigh=lambda item: min(item.size(), max_bytes), max_bytes=_WAITING_BYTES
    )


def record_of(answer: Mapping[str, object], result: Mapping[str, object]) -> Record:
    """One result of an answer as a record: the model first, without members about this request only."""
    if "error" in result:
        return {"error": result["error"]}
    # Without it nobody could tell what a probability means.
    prior = {"prior": answer["prior"]} if "prior" in answer else {}
    return {
        "model": answer.get("model"),
        **prior,
        **{k: value for k, value in result.items() if k not in {"id", "cached"}},
    }


def heat_map_folder(explain_to: str | None, out: str | None) -> Path | None:
    """The folder of --explain-to, else of the --out file, else None: maps then stay in the records."""
    if explain_to is not None:
        return made_folder("--explain-to", Path(explain_to))
    if out is not None and out != STDOUT and not Path(out).is_char_device():
        return Path(out).parent
    return None


@dataclass(frozen=True, slots=True)
class HeatMaps:
    """Writes heat maps, and thumbnails of the nearest training pictures, below a folder.

    They get the paths of their pictures below the searched folder.

    below: relative paths of the inputs, by their names in the records.
    """

    folder: Path
    below: Mapping[str, str]
    _taken: set[str] = field(default_factory=set)

    def extract(self, record: Record) -> Record:
        """The record with its heat map, and the thumbnails of the nearest examples, replaced by paths of files."""
        explanation: dict[str, Any] = dict(record.get("explanation") or {})
        content = _decoded(explanation.get("heat_map"), _HEAT_MAP)
        if content is not None:
            explanation["heat_map"] = self._saved(record["file"], SUFFIX, content)
        if explanation.get("nearest"):
            explanation["nearest"] = [self._with_file(record["file"], item) for item in explanation["nearest"]]
        return {**record, "explanation": explanation} if explanation else record

    def _with_file(self, file: str, example: dict[str, Any]) -> dict[str, Any]:
        content = _decoded(example.get("thumbnail"), _THUMBNAIL)
        return example if content is None else {**example, "thumbnail": self._saved(file, NEAREST_SUFFIX, content)}

    def _saved(self, file: str, suffix: str, content: bytes) -> str:
        path = self.folder / self._name(file, suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)

    def _name(self, file: str, suffix: str) -> str:
        """A unique path below the folder."""
        parts = [part for part in PurePosixPath(self.below.get(file, "picture")).parts if part not in {"/", "..", "."}]
        stem = "/".join(parts) or "picture"
        name, number = stem + suffix, 2
        while name in self._taken:
            name, number = f"{stem}-{number}{suffix}", number + 1
        self._taken.add(name)
        return name


def _decoded(url: object, prefix: str) -> bytes | None:
    """The bytes of a data URL, None if it is not one of this type."""
    if not isinstance(url, str) or not url.startswith(prefix):
        return None
    try:
        return base64.b64decode(url.removeprefix(prefix), validate=True)
    except binascii.Error:
        return None
