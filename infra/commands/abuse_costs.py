"""The maximum cost of an hour of abuse, by one key, one presigned link, or one caller without a key.

    python -m infra.commands.abuse_costs            # writes the table into infra/README.md

Upper bounds, calculated from a stage's settings and list prices (skysort.prices.Prices). Assumptions are
named below with their sources.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

from infra import ROOT
from infra.api.routes import ROUTES
from infra.stages.api import PUBLIC_PATHS
from infra.stages.deployments import TRAINED, dev, prod
from infra.state_machine.definition import SHARDS_AT_ONCE
from skysort import limits
from skysort.models import BULK, CUSTOM, PICTURES, TRAINED_ROWS

if TYPE_CHECKING:
    from infra.stages.stage import AwsStage

README: Final = ROOT / "infra" / "README.md"
_TABLE: Final = re.compile(r"(<!-- abuse: python -m infra\.commands\.abuse_costs -->\n).*?(<!-- end -->)", re.DOTALL)
_HOUR_S: Final = 3_600
_MB_PER_GB: Final = 1_024
_GB: Final = 1_000_000_000
_MILLION: Final = 1_000_000

# Assumptions. S3 accepts at least this many writes per second and prefix ("Optimizing Amazon S3 performance"); each
# model is a prefix. The attacker has a connection of 10 Gbit/s. A flood is detected after five minutes plus up to ten
# minutes of delay of S3's request metrics.
S3_WRITES_PER_S: Final = 3_500
LINE_BYTES_PER_S: Final = 10_000_000_000 / 8
FLOOD_SEEN_S: Final = 900
# Small pictures that a drop function with two cores classifies per second (README, "Measured").
PICTURES_PER_S: Final = 350
# Upper bounds of the responses of public paths and of the page's files, checked by a test.
PUBLIC_BYTES: Final = 250_000
PAGE_BYTES: Final = 100_000
# Requests rejected before a function: API Gateway's account limit, above which requests are throttled free of charge,
# and the size of their entries in the access log and the firewall's log.
REFUSED_PER_S: Final = 10_000
ACCESS_LOG_BYTES: Final = 1_000
FIREWALL_LOG_BYTES: Final = 1_500
# Transitions of a training that is refused at once, and the seconds that a step of any other takes at least, a shard of
# small pictures included; each step writes its result and the training's status.
REFUSED_TRANSITIONS: Final = 5
STEP_S: Final = 1
_WRITES_A_STEP: Final = 2
# The seconds that a part of a bulk job takes at least, its start included: planning makes none smaller than some MiB,
# but for a job's last. Each writes its results, its rejected rows and its counts. Rows that a sandbox classifies a
# second, and bytes of a row's results ("Bulk jobs" in functions/README.md).
PART_S: Final = 0.5
BULK_ROWS_PER_S: Final = 600_000
BULK_ROW_BYTES: Final = 40
_TRANSITIONS_A_PART: Final = 3
_WRITES_A_PART: Final = 3
# Keys of a page of a listing.
_LISTED: Final = 1_000
# Per dropped file: SQS requests of its notification (send, receive, delete), and its two records.
_SQS_A_FILE: Final = 3
_RECORDS_A_FILE: Final = 2
_FLOODS_AN_HOUR: Final = 12
_DAYS_A_MONTH: Final = 30


def costs(stage: AwsStage) -> dict[tuple[str, str], float]:
    """Dollars per hour of each known kind of abuse, by (who, what)."""
    prices, api, flood = stage.operations.prices, stage.api, stage.operations.flood
    put, told = prices.thousand_writes / 1_000, _SQS_A_FILE * prices.million_messages / _MILLION
    drops = {queue.function for queue in stage.drop_queues}
    served = {route.function for route in ROUTES} | {CUSTOM.name}
    gigabytes = {
        name: function.memory_mb / _MB_PER_GB * (function.reserved_concurrency or stage.account_concurrency)
        for name, function in stage.functions.items()
    }
    http_gb = sum(memory for name, memory in gigabytes.items() if name in served)
    drop_gb = sum(memory for name, memory in gigabytes.items() if name in drops)
    train_gb = sum(gigabytes[model.train_function] for model in TRAINED)
    requests_per_s = max((client.rate_per_s for client in api.clients), default=api.rate_per_s)
    uploads_per_s = max((client.uploads_per_s for client in api.clients), default=api.uploads_per_s)
    looks_per_s = max((client.progress_per_s for client in api.clients), default=api.progress_per_s)
    prefixes = sum(len(queue.prefixes) for queue in stage.drop_queues)
    every_prefix = S3_WRITES_PER_S * prefixes
    files_per_s = min(uploads_per_s * limits.UPLOAD_FILES_PER_REQUEST, every_prefix)
    starts_per_s = min(uploads_per_s * limits.UPLOAD_STARTS_PER_REQUEST, every_prefix)
    picture_drops = (
        stage.functions[queue.function].reserved_concurrency
        for queue in stage.drop_queues
        if queue.model.input is PICTURES
    )
    classified = sum(min((drop or 1_000) * PICTURES_PER_S, S3_WRITES_PER_S) for drop in picture_drops)
    # Started at their rate and refused, or as many as may run, whose steps follow each other without a pause.
    steps = limits.TRAININGS_RUNNING * SHARDS_AT_ONCE * _HOUR_S / STEP_S
    transitions = steps + uploads_per_s * _HOUR_S * REFUSED_TRANSITIONS
    bulk_gb = sum(memory for name, memory in gigabytes.items() if name in {BULK, *stage.bulk_parts})
    # Several jobs share what is reserved for a function; refused ones are started at their rate.
    parts = sum(stage.bulk_parts.values()) * _HOUR_S / PART_S
    runs = uploads_per_s * _HOUR_S
    rows = stage.bulk_parts[TRAINED_ROWS.bulk_function] * BULK_ROWS_PER_S * _HOUR_S
    kept_results = prices.gb_month * (stage.drop_retention.bulk + stage.drop_retention.old_results) / _DAYS_A_MONTH
    # A job of the most parts, as long as it runs: both kinds of its counts are listed, and some hundred are read.
    progress = 2 * limits.BULK_PARTS / _LISTED * put + limits.BULK_COUNTS_READ * prices.thousand_reads / 1_000
    # An expired file is kept as an old version for the same time again (constructs/drop_folder.py).
    kept = prices.gb_month * 2 * stage.drop_retention.incoming / _DAYS_A_MONTH
    writes = flood.writes_in_5_minutes if flood else None
    bytes_in = flood.uploaded_gb_in_5_minutes * _GB if flood else None
    bytes_out = flood.downloaded_gb_in_5_minutes * _GB if flood else None
    inspected = prices.million_inspected / _MILLION if api.firewall else 0
    # Per request to a function, without its logs.
    request = (prices.million_requests + prices.million_invocations) / _MILLION + inspected
    # Limited by the connection: sandboxes respond faster.
    answered = min(requests_per_s * limits.LAMBDA_PAYLOAD_BYTES, LINE_BYTES_PER_S) * _HOUR_S / _GB
    public = request + PUBLIC_BYTES / _GB * prices.gb_downloaded
    # Requests that API Gateway does not charge for are still inspected and logged.
    logged = (ACCESS_LOG_BYTES + (FIREWALL_LOG_BYTES if api.firewall else 0)) / _GB * prices.gb_logged
    fetched = LINE_BYTES_PER_S * _HOUR_S / PAGE_BYTES
    if api.firewall:
        fetched = min(fetched, api.firewall.requests_in_5_minutes * _FLOODS_AN_HOUR)
    # Who fetches chooses the edge location.
    edge = prices.gb_from_cloudfront if api.price_class == "100" else prices.gb_from_any_edge
    fetch = PAGE_BYTES / _GB * edge + prices.ten_thousand_https / 10_000

    def repeated(per_s: float, while_s: float) -> float:
        return _until_stopped(per_s, while_s, writes) * (put + told)

    def downloaded(while_s: float) -> float:
        return _until_stopped(LINE_BYTES_PER_S, while_s, bytes_out) / _GB * prices.gb_downloaded

    key, link, nobody = "one key", "one link", "nobody's key"
    return {
        (key, "requests that keep every HTTP sandbox busy"): http_gb * _HOUR_S * prices.gb_second,
        (key, "as many requests as it may send"): requests_per_s * _HOUR_S * request,
        (key, "the largest answers that it may ask for, as fast as a line is"): answered * prices.gb_downloaded,
        (key, "uploads in parts begun, and never used"): starts_per_s * _HOUR_S * put,
        (key, "a small file by each form that it may have"): files_per_s
        * _HOUR_S
        * (put + told + _RECORDS_A_FILE * put),
        (key, "archives of 10,000 tiny pictures, each with its record"): classified * _HOUR_S * put,
        (key, "its forms repeated, for every model"): repeated(every_prefix, _HOUR_S),
        (key, "an hour's uploads, as fast as a line is, for as long as they are kept"): kept
        * _until_stopped(LINE_BYTES_PER_S, _HOUR_S, bytes_in)
        / _GB,
        (key, "files that keep every drop function busy"): drop_gb * _HOUR_S * prices.gb_second,
        (key, "trainings that keep every training function busy"): train_gb * _HOUR_S * prices.gb_second,
        (key, "trainings, one after another, by their transitions and writes"): transitions
        * (prices.million_transitions / _MILLION + _WRITES_A_STEP * put),
        (key, "bulk jobs that keep every function of theirs busy"): bulk_gb * _HOUR_S * prices.gb_second,
        (key, "bulk jobs of small parts, by their transitions and writes"): parts
        * (_TRANSITIONS_A_PART * prices.million_transitions / _MILLION + _WRITES_A_PART * put)
        + runs * (REFUSED_TRANSITIONS * prices.million_transitions / _MILLION + _WRITES_A_STEP * put),
        (key, "an hour's results of bulk jobs of rows, for as long as they are kept"): kept_results
        * rows
        * BULK_ROW_BYTES
        / _GB,
        (key, "the progress of its largest bulk job, asked again and again"): min(requests_per_s, looks_per_s)
        * _HOUR_S
        * (request + progress),
        (key, "its largest result, fetched again and again by ever new links"): downloaded(_HOUR_S),
        (link, "a form or a part, repeated"): repeated(S3_WRITES_PER_S, limits.PRESIGNED_S),
        (link, "a large result, fetched again and again"): downloaded(limits.PRESIGNED_S),
        (nobody, "public paths at their rate"): api.public_per_s * len(PUBLIC_PATHS) * _HOUR_S * public,
        (nobody, "requests without a key, each refused"): REFUSED_PER_S * _HOUR_S * (inspected + logged),
        (nobody, "the page's largest file, by one address"): fetched * fetch,
    }


def _until_stopped(per_s: float, while_s: float, flood: float | None) -> float:
    """The amount in an hour: at full speed until detected, or just below the flood threshold."""
    while_s = min(while_s, _HOUR_S)
    if flood is None:
        return per_s * while_s
    unseen = min(flood * _FLOODS_AN_HOUR * while_s / _HOUR_S, per_s * while_s)
    return max(per_s * min(while_s, FLOOD_SEEN_S), unseen)


def table() -> str:
    """The Markdown table, in dollars."""
    of_dev, of_prod = costs(dev()), costs(prod())
    lines = ["| who | does | dev | prod |", "|---|---|---:|---:|"]
    lines += [f"| {who} | {what} | {cost:,.2f} | {of_prod[who, what]:,.2f} |" for (who, what), cost in of_dev.items()]
    return "\n".join(lines) + "\n"


def written(text: str) -> str:
    """A README with the current table."""
    return _TABLE.sub(lambda match: match[1] + table() + match[2], text)


if __name__ == "__main__":
    README.write_text(written(README.read_text("utf-8")), "utf-8")
    sys.stdout.write(table())
