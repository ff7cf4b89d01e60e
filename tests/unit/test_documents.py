"""The documents say what is so: limits, numbers, links, files, commands and targets that they name."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING, Final

import pytest

from infra import ROOT
from infra.stages.api import Firewall
from infra.stages.deployments import dev, prod
from infra.stages.functions import TIMEOUT_S
from infra.stages.operations import Flood
from infra.stages.queues import DEAD_LETTER_DAYS, DROP_BATCH, QUEUE_DAYS, VISIBILITY_TIMEOUTS
from infra.stages.retention import DropRetention, ModelRetention
from infra.state_machine.definition import SHARDS_AT_ONCE
from skysort import limits, settings
from skysort.batches.status import FILES_BY_DEFAULT
from skysort.drop.visibility import MARGIN_S
from skysort.options import MAX_TOP_K

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDERS: Final = ("functions", "infra", "layers", "model_export", "tests", "events")
DOCUMENTS: Final = sorted(
    {path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md") if "node_modules" not in path.parts}
    | set(ROOT.glob("*.md"))
)
UNITS: Final = {"MiB": limits.MIB, "GiB": 1024 * limits.MIB, "s": 1, "": 1}
LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
WORDS: Final = {"one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0, "ten": 10.0, "twelve": 12.0}


def text_of(document: Path) -> str:
    return document.read_text("utf-8")


def prose(document: str) -> str:
    """A document on one line, without its console blocks and tables' figures."""
    return " ".join(re.sub(r"```console.*?```", "", text_of(ROOT / document), flags=re.DOTALL).split())


def named(document: Path) -> str:
    return str(document.relative_to(ROOT))


def test_every_limit_in_the_table_is_the_codes_own_and_none_is_missing() -> None:
    # Given rows of the form | what | value | `NAME`, `NAME` |
    rows = re.findall(
        r"^\| [^|]+ \| ([\d,.]+) ?(\w*) \| ((?:`[A-Z_]+`(?:, )?)+) \|$",
        text_of(ROOT / "functions" / "README.md"),
        re.MULTILINE,
    )
    documented = {
        name: float(number.replace(",", "")) * UNITS[unit]
        for number, unit, names in rows
        for name in re.findall(r"`(\w+)`", names)
    }
    # Then they are the limits, all of them
    enforced = {name: float(value) for name, value in vars(limits).items() if name.isupper() and name != "MIB"}
    assert documented == enforced


def test_every_setting_of_a_function_is_documented() -> None:
    named_there = set(re.findall(r"`((?:SKYSORT|POWERTOOLS)_[A-Z_]+)`", text_of(ROOT / "functions" / "README.md")))
    read = {value for value in vars(settings).values() if isinstance(value, str) and value.startswith("SKYSORT_")}
    assert read <= named_there


QUEUE: Final = prod().drop_queues[0]
# A document, a sentence with groups for its numbers, and what the code says they are.
STATEMENTS: Final = [
    ("README.md", r"queue -\.->\|(\w+) deliveries\|", [QUEUE.max_receive_count]),
    ("README.md", r"archives of ([\d,]+) pictures", [limits.ARCHIVE_MEMBERS]),
    ("functions/README.md", r"upload requests for up to (\d+) files a call", [limits.UPLOAD_FILES_PER_REQUEST]),
    ("functions/README.md", r"a form for files up to (\d+) MiB", [limits.UPLOAD_FORM_BYTES // limits.MIB]),
    ("functions/README.md", r"are signed, for at most (\d+) minutes", [limits.PRESIGNED_S // 60]),
    ("functions/README.md", r"One call begins at most (\d+) uploads in parts", [limits.UPLOAD_STARTS_PER_REQUEST]),
    ("functions/README.md", r"classes an object gets, best first, 1 to (\d+)", [MAX_TOP_K]),
    ("functions/README.md", r"A request has (\w+) seconds of one slow core", [limits.REQUEST_WORK_S]),
    (
        "functions/README.md",
        r"the drop folder takes (\w+) times as much a picture",
        [limits.PICTURE_WORK_S / limits.REQUEST_WORK_S],
    ),
    ("functions/README.md", r"pictures may have (\d+) MiB, archives (\d+) GiB",
     [limits.IMAGE_BYTES // limits.MIB, limits.ARCHIVE_BYTES // 1024 // limits.MIB]),
    ("functions/README.md", r"keys above ([\d,]+) bytes", [limits.DROP_KEY_BYTES]),
    ("functions/README.md", r"A classified table that is not a CSV.*? a CSV above (\d+) MiB stay whole",
     [limits.BATCH_CSV_TABLE_BYTES // limits.MIB]),
    ("functions/README.md", r"more than (\d+) percentage points are lost as measured", [100 * limits.PROMOTION_LOSS]),
    ("functions/README.md", r"shares fewer than (\d+) such examples", [limits.PROMOTION_EXAMPLES_MIN]),
    ("functions/README.md", r"given by its first (\d+) digits or more", [limits.VERSION_PREFIX_DIGITS]),
    ("layers/skysort/drop/README.md", r"a file that had (\d+) s for itself", [limits.DROP_FILE_S]),
    ("layers/skysort/drop/README.md", r"a zip or tar of up to ([\d,]+) of them", [limits.ARCHIVE_MEMBERS]),
    ("layers/skysort_cli/README.md", r"a CSV above (\d+) MiB stay whole", [limits.BATCH_CSV_TABLE_BYTES // limits.MIB]),
    (
        "infra/README.md",
        r"visibility (\w+) timeouts, kept (\d+) days; after (\w+) deliveries to the dead letters, kept (\d+) days",
        [VISIBILITY_TIMEOUTS, QUEUE_DAYS, QUEUE.max_receive_count, DEAD_LETTER_DAYS],
    ),
    (
        "infra/README.md",
        r"files (\d+) days, results (\d+) \(dev\) or (\d+) \(prod\), bulk jobs (\d+), old versions (\d+), unf.*? (\d+)",
        [
            DropRetention().incoming, dev().drop_retention.results, prod().drop_retention.results,
            DropRetention().bulk, DropRetention().old_results, DropRetention().unfinished,
        ],
    ),
    (
        "infra/README.md",
        r"after 1 s, 2 s, 4 s ... (\d+) min: what failed.* after (\d+) min: the batch of a function",
        [limits.DROP_RETRY_S / 60, (TIMEOUT_S[1] + MARGIN_S) / 60],
    ),
    (
        "infra/README.md",
        r"(\w+) messages about pictures and archives .*? at most (\d+) \(dev\) or (\d+) \(prod\)",
        [DROP_BATCH, dev().drop_queues[0].maximum_concurrency, QUEUE.maximum_concurrency],
    ),
    ("infra/README.md", r"\| logs kept \| (\d+) days \| (\d+) days \|", [dev().log_days, prod().log_days]),
    ("infra/README.md", r"Prod has a monthly budget of \$(\d+)", [prod().operations.monthly_budget_usd]),
    (
        "infra/README.md",
        r"\| HTTP (\d+), drop (\d+), control (\d+), release hook (\d+) " * 2,
        [
            number
            for stage in (dev(), prod())
            for number in (
                *(stage.functions[name].reserved_concurrency for name in ("star", "star-drop", "control")),
                stage.release_hook_concurrency,
            )
        ],
    ),
    (
        "infra/README.md",
        r"the same, of what trains \| pictures (\d+), tables (\d+) \| pictures (\d+), tables (\d+) \|",
        [
            stage.functions[name].reserved_concurrency
            for stage in (dev(), prod())
            for name in ("custom-train", "star-train")
        ],
    ),
    (
        "infra/README.md",
        r"requests and status (\d+) days, intermediate results (\d+), overwritten or deleted objects (\d+):",
        [ModelRetention().trainings, ModelRetention().intermediates, ModelRetention().old],
    ),
    ("infra/README.md", r"trainings \| (\d+) of one client at once", [limits.TRAININGS_RUNNING]),
    ("infra/README.md", r"in shards of (\d+), (\d+) at once", [limits.TRAINING_SHARD, SHARDS_AT_ONCE]),
    (
        "infra/README.md",
        r"`bulk_parts` of the stage: rows (\d+) and each model of pictures (\d+) in prod, (\d+) in dev",
        [prod().bulk_parts["star-bulk"], prod().bulk_parts["image-bulk"], dev().bulk_parts["star-bulk"]],
    ),
    ("infra/README.md", r"over a list of at most ([\d,]+) parts", [limits.BULK_PARTS]),
    (
        "infra/README.md",
        r"\| (\w+) key, ([\d,]+) requests/s in all \| (\w+) keys, ([\d,]+) requests/s in all",
        [
            number
            for api in (dev().api, prod().api)
            for number in (len(api.clients), sum(client.rate_per_s for client in api.clients))
        ],
    ),
    (
        "infra/README.md",
        r"dev ([\d,]+), prod ([\d,]+) requests/s",
        [dev().api.most_per_s, prod().api.most_per_s],
    ),
    (
        "infra/README.md",
        r"\| (\d+)/s a key, (\d+)/s of all keys \| (\d+)/s a key, (\d+)/s of all keys \|",
        [number for api in (dev().api, prod().api) for number in (api.clients[0].uploads_per_s, api.uploads_per_s)],
    ),
    (
        "infra/README.md",
        r"more than ([\d,]+) writes or (\d+) GB into the drop bucket, or (\d+) GB out of the results bucket",
        [Flood().writes_in_5_minutes, Flood().uploaded_gb_in_5_minutes, Flood().downloaded_gb_in_5_minutes],
    ),
    ("infra/README.md", r"Each public path has its own rate \((\d+)/s\)", [prod().api.public_per_s]),
    (
        "infra/README.md",
        r"such a header \| the connecting address \| ([\d,]+) \|",
        [Firewall().requests_in_5_minutes],
    ),
    ("functions/README.md", r"to at most (\d+) MiB unpacked", [limits.GATEWAY_REQUEST_BYTES // limits.MIB]),
    ("functions/README.md", r"would pass (\d+) MB is a 413", [limits.LAMBDA_PAYLOAD_BYTES // limits.MIB]),
    (
        "functions/README.md",
        r"`limit` \(0 to (\d+) files, (\d+) by default",
        [limits.BATCH_FILES_PER_PAGE, FILES_BY_DEFAULT],
    ),
    ("functions/README.md", r"The CSV comes in pages of up to ([\d,]+) lines", [limits.BATCH_CSV_ROWS]),
    ("infra/README.md", r"an HTTP function that outlasts the gateway's (\d+) s", [limits.GATEWAY_TIMEOUT_S]),
]  # fmt: skip


@pytest.mark.parametrize(("document", "sentence", "numbers"), STATEMENTS, ids=lambda value: str(value)[:40])
def test_numbers_in_sentences_are_those_of_the_code(document: str, sentence: str, numbers: list[float | None]) -> None:
    found = re.search(sentence, prose(document))
    assert found, f"{document} no longer says {sentence!r}: change or drop the statement here"
    written = [
        float(WORDS.get(group.lower(), -1) if group.isalpha() else group.replace(",", "")) for group in found.groups()
    ]
    assert written == [float(number or 0) for number in numbers]


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text_of(document), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: Path) -> Iterator[tuple[Path, str]]:
    for target in LINK.findall(re.sub(r"```.*?```", "", text_of(document), flags=re.DOTALL)):
        if not target.startswith(("http:", "https:", "mailto:")):
            path, _, anchor = target.partition("#")
            yield (document.parent / path).resolve() if path else document, anchor


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    for path, anchor in links(document):
        assert path.exists(), f"{named(document)} links to {path}, which is not there"
        assert not anchor or anchor in anchors(path), f"{named(path)} has no heading #{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_commands_and_paths_that_are_named_exist(document: Path) -> None:
    text = text_of(document)
    for module in re.findall(r"python(?:3)? -m ((?:infra|tests|model_export|skysort\w*)[\w.]*)", text):
        assert importlib.util.find_spec(module.rstrip(".")), f"{named(document)} runs {module}, which is not there"
    makefile = text_of(ROOT / "Makefile")
    targets = set(re.findall(r"^([a-z][\w-]*(?: [a-z][\w-]*)*):", makefile, re.MULTILINE))
    known = {name for line in targets for name in line.split()}
    for target in re.findall(r"`make ([a-z][\w-]*)", text):
        assert target in known, f"{named(document)} names make {target}, which the Makefile lacks"
    for path in re.findall(r"`((?:functions|infra|layers|model_export|tests|events)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), f"{named(document)} names {path}, which is not there"
    for path in re.findall(r"`([\w/-]+\.(?:css|html|js|py|sh))`", text):
        there = (found for folder in FOLDERS for found in (ROOT / folder).rglob(path.rpartition("/")[2]))
        ends = any(str(found).endswith(f"/{path}") for found in there)
        assert ends, f"{named(document)} names {path}, which is not there"


def test_the_walks_pass_modules_that_are_there() -> None:
    walks = text_of(ROOT / "CONTRIBUTING.md").partition("## Four walks")[2].partition("\n## ")[0]
    modules = set(re.findall(r"`([\w/]+\.py)`", walks))
    assert len(modules) > 30
    assert [name for name in modules if not ((ROOT / "layers/skysort" / name).exists() or (ROOT / name).exists())] == []
