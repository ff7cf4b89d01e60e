"""Files that once broke something, sent every way there is, and what is right for each: read from fault_files.md."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

    from tests.e2e.drop import DropFolder

TABLE: Final = Path(__file__).with_suffix(".md")
NOT_SENT: Final = "-"
# What a dropped file comes to, and what the command line says of it.
DONE: Final = "done"
REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. status: of HTTP, or done or refused. text: the document, as compact JSON."""

    status: str
    text: str


@dataclass(frozen=True, slots=True)
class Expected:
    """One cell of the table: a status, and what the answer says; ``/`` parts what is right as well.

    ``200 Smooth Round`` ``413 pixels`` ``done "total": 30; "QSO": 3`` ``refused truncated``
    """

    text: str

    @property
    def sent(self) -> bool:
        """Whether the file goes this way at all."""
        return self.text != NOT_SENT

    def holds(self, answer: Answer) -> bool:
        """Whether an answer is one of those that are right."""
        return any(_is(choice.strip(), answer) for choice in self.text.split(" / "))


def _is(choice: str, answer: Answer) -> bool:
    status, _, says = choice.partition(" ")
    return status == answer.status and all(part.strip().lower() in answer.text.lower() for part in says.split(";"))


@dataclass(frozen=True, slots=True)
class FaultFile:
    """One row. path: below the folder of faults. sent_as: its media type, and its content coding behind a comma."""

    path: str
    model: str
    sent_as: str
    http: Expected
    dropped: Expected
    command_line: Expected

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]


def rows() -> list[FaultFile]:
    """The rows of the table in fault_files.md."""
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| ") and "/" in line.split("|")[1]]
    found = []
    for line in lines:
        path, model, sent_as, *cells = (cell.strip().strip("`") for cell in line.strip("|").split(" | "))
        found.append(FaultFile(path, model, sent_as, *map(Expected, cells)))
    return found


def post(api: httpx.Client, file: FaultFile, content: bytes) -> Answer:
    """The service's answer to a file as a request's body."""
    media_type, _, coding = (part.strip() for part in file.sent_as.partition(","))
    headers = {"Content-Type": media_type, **({"Content-Encoding": coding} if coding else {})}
    query = {"explain": "true"} if "explain" in file.name else {}
    answer = api.post(f"/v1/classify/{file.model}", content=content, headers=headers, params=query)
    document = answer.json()
    told = _counted(document["results"]) if "results" in document else json.dumps(document, ensure_ascii=False)
    return Answer(str(answer.status_code), told)


def drop_all(folder: DropFolder, files: Iterable[FaultFile], faults: Path, batch: str) -> None:
    """Drop files under their own names, all at once."""
    for file in files:
        folder.put(f"{batch}/{file.name}", (faults / file.path).read_bytes())


def outcome(folder: DropFolder, name: str) -> Answer:
    """What a dropped file comes to, waited for."""
    suffix, body = folder.first(name, (".json", ".error.json"))
    return Answer({".json": DONE, ".error.json": REFUSED}[suffix], recorded(body))


def zipped(files: Iterable[FaultFile], faults: Path) -> bytes:
    """An archive of files under their own names."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in files:
            archive.write(faults / file.path, file.name)
    return content.getvalue()


def told_by_command_line(lines: str) -> dict[str, Answer]:
    """Answers by file, from the records that `skysort classify` writes, one a line."""
    records: dict[str, list[dict[str, Any]]] = {}
    for line in lines.splitlines():
        record = json.loads(line)
        records.setdefault(Path(record["file"]).name, []).append(record)
    return {
        name: Answer(DONE if any("error" not in r for r in found) else REFUSED, _counted(found))
        for name, found in records.items()
    }


def _counted(records: list[dict[str, Any]]) -> str:
    """Records as text, of many rows the first of each kind, with counts as the summary of a dropped table has them."""
    counts = Counter(
        name
        for record in records
        if "error" not in record
        for name in (record["predictions"][0]["label"], record.get("variant"))
        if name is not None
    )
    errors = [record for record in records if "error" in record]
    counts.update(total=len(records), classified=len(records) - len(errors), rejected=len(errors))
    return json.dumps([counts, *records[:1], *errors[:1]], ensure_ascii=False)


def recorded(body: bytes) -> str:
    """A record as text; a picture's with its class counted, as a table's summary has its classes."""
    document = json.loads(body)
    return _counted([document]) if "predictions" in document else json.dumps(document, ensure_ascii=False)
