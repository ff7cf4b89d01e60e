"""What an hour of abuse can cost a stage's owner: by one key, one presigned link, one caller without a key.

    python -m infra.commands.abuse_costs            # writes the table into infra/README.md

Ceilings, worked out from a stage's settings and list prices (infra.stages.operations.Prices): what the settings let
through, not what anybody has done. What has no setting is an assumption, named below with its source.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra import ROOT
from infra.stages.api import PUBLIC_PATHS
from infra.stages.deployments import dev, prod
from infra.stages.operations import Prices
from skysort import limits
from skysort.models import MODELS, PICTURES, of_kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.stages.stage import AwsStage

README: Final = ROOT / "infra" / "README.md"
_TABLE: Final = re.compile(r"(<!-- abuse: python -m infra\.commands\.abuse_costs -->\n).*?(<!-- end -->)", re.DOTALL)
_HOUR_S: Final = 3_600
_MB_PER_GB: Final = 1_024
_GB: Final = 1_000_000_000
_MILLION: Final = 1_000_000

# Assumptions. S3 takes at least so many writes a second and prefix ("Optimizing Amazon S3 performance"); each model is
# a prefix. The attacker has a line of 10 Gbit/s. A flood is seen after its five minutes and, as S3's request metrics
# are delivered with some delay, within ten more.
S3_WRITES_PER_S: Final = 3_500
LINE_BYTES_PER_S: Final = 10_000_000_000 / 8
FLOOD_SEEN_S: Final = 900
# Small pictures that a drop function with two cores classifies in a second (README, "Measured").
PICTURES_PER_S: Final = 350
# The largest answer of a public path, and the largest file of the page; a test holds them to what there is.
PUBLIC_BYTES: Final = 200_000
PAGE_BYTES: Final = 100_000
# Requests that are refused before a function: API Gateway's rate of an account, which throttles what is above without
# a charge, and what each leaves in the API's log and in the firewall's.
REFUSED_PER_S: Final = 10_000
ACCESS_LOG_BYTES: Final = 1_000
FIREWALL_LOG_BYTES: Final = 1_500
# Of a dropped file: the notification's way through SQS (sent, received, deleted), and its two records.
_SQS_A_FILE: Final = 3
_RECORDS_A_FILE: Final = 2
_FLOODS_AN_HOUR: Final = 12
_DAYS_A_MONTH: Final = 30


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a stage lets through.

    http_gb, drop_gb: memory of all sandboxes that can be busy at once, in GB. picture_drops: sandboxes of each drop
    function for pictures. requests_per_s, uploads_per_s: of the key that may most. starts: uploads in parts that one
    call begins. presigned_s: how long links hold. member_records: whether a member of an archive that is refused has a
    record of its own. public_per_s: requests to public paths, all together. inspected: whether a firewall looks at
    requests to the API. page_requests: of one address to the page in five minutes, None for any number. kept_days: how
    long a dropped file is stored, its old version included. flood_writes, flood_in, flood_out: requests and bytes in
    five minutes, above which the stage stops; None where nothing stops it.
    """

    http_gb: float
    drop_gb: float
    picture_drops: tuple[int, ...]
    requests_per_s: float
    uploads_per_s: float
    starts: int
    presigned_s: int
    member_records: bool
    public_per_s: float
    inspected: bool
    page_requests: int | None
    kept_days: int
    flood_writes: int | None = None
    flood_in: float | None = None
    flood_out: float | None = None


# Prod before these ceilings: 850 sandboxes that nobody had reserved, 150 for drop functions, an hour for every link.
BEFORE: Final = Exposure(
    http_gb=850 * 1_769 / _MB_PER_GB,
    drop_gb=150 * 3_538 / _MB_PER_GB,
    picture_drops=(50, 50),
    requests_per_s=500,
    uploads_per_s=500,
    starts=500,
    presigned_s=3_600,
    member_records=True,
    public_per_s=1_000,
    inspected=True,
    page_requests=None,
    kept_days=60,
)


def exposure(stage: AwsStage) -> Exposure:
    """What a deployed stage lets through."""
    api, flood = stage.api, stage.operations.flood
    drops = {queue.function for queue in stage.drop_queues}
    memory = {
        name: function.memory_mb / _MB_PER_GB * (function.reserved_concurrency or stage.account_concurrency)
        for name, function in stage.functions.items()
    }
    return Exposure(
        http_gb=sum(gigabytes for name, gigabytes in memory.items() if name not in drops),
        drop_gb=sum(gigabytes for name, gigabytes in memory.items() if name in drops),
        picture_drops=tuple(
            stage.functions[MODELS[name].drop_function].reserved_concurrency or 1_000 for name in of_kind(PICTURES)
        ),
        requests_per_s=max((client.rate_per_s for client in api.clients), default=api.rate_per_s),
        uploads_per_s=max((client.uploads_per_s for client in api.clients), default=api.uploads_per_s),
        starts=limits.UPLOAD_STARTS_PER_REQUEST,
        presigned_s=limits.PRESIGNED_S,
        member_records=False,
        public_per_s=api.public_per_s * len(PUBLIC_PATHS),
        inspected=api.firewall is not None,
        page_requests=api.firewall.requests_in_5_minutes if api.firewall else None,
        # When it expires, its bytes stay as an old version for as long again (constructs/drop_folder.py).
        kept_days=2 * stage.drop_retention.incoming,
        flood_writes=flood.writes_in_5_minutes if flood else None,
        flood_in=flood.uploaded_gb_in_5_minutes * _GB if flood else None,
        flood_out=flood.downloaded_gb_in_5_minutes * _GB if flood else None,
    )


@dataclass(frozen=True, slots=True)
class Abuse:
    """One way to spend somebody else's money. who: has what. dollars: in an hour, by exposure."""

    who: str
    what: str
    dollars: tuple[float, ...]


def abuses(exposures: Iterable[Exposure], prices: Prices | None = None) -> list[Abuse]:
    """Every way that is known, with what it costs under each exposure."""
    every = [_costs(one, prices or Prices()) for one in exposures]
    return [Abuse(who, what, tuple(costs[who, what] for costs in every)) for who, what in every[0]]


def _costs(given: Exposure, prices: Prices) -> dict[tuple[str, str], float]:
    put = prices.thousand_writes / 1_000
    told = _SQS_A_FILE * prices.million_messages / _MILLION
    every_prefix = S3_WRITES_PER_S * len(MODELS)
    files_per_s = min(given.uploads_per_s * limits.UPLOAD_FILES_PER_REQUEST, every_prefix)
    members = every_prefix if given.member_records else 0
    classified = sum(min(sandboxes * PICTURES_PER_S, S3_WRITES_PER_S) for sandboxes in given.picture_drops)
    key, link, nobody = "one key", "one link", "nobody's key"
    return {
        (key, "requests that keep every HTTP sandbox busy"): given.http_gb * _HOUR_S * prices.gb_second,
        (key, "as many requests as it may send"): given.requests_per_s * _HOUR_S * _request(given, prices),
        (key, "the largest answers that it may ask for, as fast as a line is"): _answered(given, prices),
        (key, "uploads in parts begun, and never used"): put
        * _HOUR_S
        * min(given.uploads_per_s * given.starts, every_prefix),
        (key, "a small file by each form that it may have"): files_per_s
        * _HOUR_S
        * (put + told + _RECORDS_A_FILE * put),
        (key, "archives of 10,000 members that are no pictures"): members * _HOUR_S * put,
        (key, "archives of 10,000 tiny pictures, each with its record"): classified * _HOUR_S * put,
        (key, "its forms repeated, for every model"): _repeated(given, every_prefix, _HOUR_S, put + told),
        (key, "an hour's uploads, as fast as a line is, for as long as they are kept"): _stored(given, prices),
        (key, "files that keep every drop function busy"): given.drop_gb * _HOUR_S * prices.gb_second,
        (key, "its largest result, fetched again and again by ever new links"): _downloaded(given, prices, _HOUR_S),
        (link, "a form or a part, repeated"): _repeated(given, S3_WRITES_PER_S, given.presigned_s, put + told),
        (link, "a large result, fetched again and again"): _downloaded(given, prices, given.presigned_s),
        (nobody, "public paths at their rate"): _public(given, prices),
        (nobody, "requests without a key, each refused"): _refused(given, prices),
        (nobody, "the page's largest file, by one address"): _page(given, prices),
    }


def _until_stopped(per_s: float, while_s: float, flood: float | None) -> float:
    """What gets through in an hour: at full speed until it is seen, or just below what counts as a flood."""
    while_s = min(while_s, _HOUR_S)
    if flood is None:
        return per_s * while_s
    unseen = min(flood * _FLOODS_AN_HOUR * while_s / _HOUR_S, per_s * while_s)
    return max(per_s * min(while_s, FLOOD_SEEN_S), unseen)


def _repeated(given: Exposure, per_s: float, while_s: float, dollars: float) -> float:
    """Writes at S3's own rate."""
    return _until_stopped(per_s, while_s, given.flood_writes) * dollars


def _stored(given: Exposure, prices: Prices) -> float:
    gigabytes = _until_stopped(LINE_BYTES_PER_S, _HOUR_S, given.flood_in) / _GB
    return gigabytes * prices.gb_month * given.kept_days / _DAYS_A_MONTH


def _downloaded(given: Exposure, prices: Prices, while_s: float) -> float:
    return _until_stopped(LINE_BYTES_PER_S, while_s, given.flood_out) / _GB * prices.gb_downloaded


def _request(given: Exposure, prices: Prices) -> float:
    """One request to a function, its lines in the logs left out."""
    inspected = prices.million_inspected if given.inspected else 0
    return (prices.million_requests + prices.million_invocations + inspected) / _MILLION


def _answered(given: Exposure, prices: Prices) -> float:
    """Transfer of answers as large as Lambda passes on; sandboxes write them faster than a line takes them."""
    per_s = min(given.requests_per_s * limits.LAMBDA_PAYLOAD_BYTES, LINE_BYTES_PER_S)
    return per_s * _HOUR_S / _GB * prices.gb_downloaded


def _refused(given: Exposure, prices: Prices) -> float:
    """What API Gateway does not charge for is looked at and logged all the same."""
    logged = ACCESS_LOG_BYTES + (FIREWALL_LOG_BYTES if given.inspected else 0)
    inspected = prices.million_inspected / _MILLION if given.inspected else 0
    return REFUSED_PER_S * _HOUR_S * (inspected + logged / _GB * prices.gb_logged)


def _public(given: Exposure, prices: Prices) -> float:
    """Requests, and the largest of the public answers with each."""
    one = _request(given, prices) + PUBLIC_BYTES / _GB * prices.gb_downloaded
    return given.public_per_s * _HOUR_S * one


def _page(given: Exposure, prices: Prices) -> float:
    """CloudFront's transfer and requests, as fast as the line or as many as the firewall lets through."""
    count = LINE_BYTES_PER_S * _HOUR_S / PAGE_BYTES
    if given.page_requests is not None:
        count = min(count, given.page_requests * _FLOODS_AN_HOUR)
    return count * (PAGE_BYTES / _GB * prices.gb_from_cloudfront + prices.ten_thousand_https / 10_000)


def table() -> str:
    """The Markdown table: before, dev and prod."""
    rows = abuses((BEFORE, exposure(dev()), exposure(prod())))
    lines = ["| who | does | before, prod | dev | prod |", "|---|---|---:|---:|---:|"]
    lines += [
        f"| {row.who} | {row.what} | " + " | ".join(f"{cost:,.2f}" for cost in row.dollars) + " |" for row in rows
    ]
    return "\n".join(lines) + "\n"


def written(text: str) -> str:
    """A README with the table as it is now."""
    return _TABLE.sub(lambda found: found[1] + table() + found[2], text)


if __name__ == "__main__":
    README.write_text(written(README.read_text("utf-8")), "utf-8")
    sys.stdout.write(table())
