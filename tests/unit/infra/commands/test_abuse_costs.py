"""What an hour of abuse can cost: ceilings that the settings hold, and the table that the README shows."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest

from infra import ROOT
from infra.commands.abuse_costs import (
    BULK_ROW_BYTES,
    BULK_ROWS_PER_S,
    PAGE_BYTES,
    PUBLIC_BYTES,
    README,
    costs,
    table,
    written,
)
from infra.stages.deployments import dev, prod
from infra.stages.operations import Operations
from skysort import limits
from skysort.models import MODELS

if TYPE_CHECKING:
    from infra.stages.stage import AwsStage

# Dollars an hour that one key, one link, one caller without a key may cost at most, one way at a time.
CEILINGS = {
    "dev": {"one key": 410, "one link": 105, "nobody's key": 550},
    "prod": {"one key": 410, "one link": 105, "nobody's key": 70},
}


@pytest.mark.parametrize("stage", [dev(), prod()], ids=lambda stage: stage.name)
def test_no_way_to_spend_the_owners_money_is_above_its_ceiling(stage: AwsStage) -> None:
    above = {
        (who, what): round(dollars, 2)
        for (who, what), dollars in costs(stage).items()
        if dollars > CEILINGS[stage.name][who]
    }
    assert above == {}


def test_sandboxes_that_are_kept_busy_cost_their_memory() -> None:
    """Of prod 100 sandboxes a model of 1,769 MB and 40 of control, at 0.0000166667 dollars a GB and second."""
    gigabytes = ((len(MODELS) + 1) * 100 + 40) * 1_769 / 1_024
    busy = costs(prod())["one key", "requests that keep every HTTP sandbox busy"]
    assert busy == pytest.approx(gigabytes * 3_600 * 0.0000166667)


def test_a_setting_that_lets_more_through_costs_more() -> None:
    # Given prod as it is, and without one of the things that hold its costs
    stage = prod()
    star = dataclasses.replace(stage.functions["star"], reserved_concurrency=250)
    looser = (
        dataclasses.replace(stage, functions={**stage.functions, "star": star}),
        dataclasses.replace(stage, operations=Operations()),
        dataclasses.replace(stage, api=dataclasses.replace(stage.api, firewall=None)),
        dataclasses.replace(stage, api=dataclasses.replace(stage.api, public_per_s=1_000)),
    )
    as_it_is = sum(costs(stage).values())
    for other in looser:
        assert sum(costs(other).values()) > as_it_is + 1


def test_transfer_is_counted_wherever_bytes_go_out() -> None:
    """10 Gbit/s for an hour are 4,500 GB, at 9 cents each."""
    results = "its largest result, fetched again and again by ever new links"
    for stage in (dev(), prod()):
        line = min(max(client.rate_per_s for client in stage.api.clients) * limits.LAMBDA_PAYLOAD_BYTES, 1.25e9)
        answers = costs(stage)["one key", "the largest answers that it may ask for, as fast as a line is"]
        assert answers == pytest.approx(line * 3_600 / 1e9 * 0.09)
    assert costs(dev())["one key", results] == pytest.approx(405)
    assert costs(prod())["one key", results] < 105


def test_what_anybody_may_fetch_is_as_large_as_is_reckoned_with() -> None:
    control, site = ROOT / "functions" / "control", ROOT / "functions" / "site"
    assert max((control / name).stat().st_size for name in ("openapi.json", "docs.html")) <= PUBLIC_BYTES
    assert max(path.stat().st_size for path in site.rglob("*.*") if path.parent.name != "docs") <= PAGE_BYTES


def test_a_bulk_job_is_as_fast_and_its_results_as_large_as_is_reckoned_with() -> None:
    stars = json.loads((ROOT / "tests" / "bench" / "results" / "bulk.json").read_text("utf-8"))["stars"]
    cores = prod().functions["star-bulk"].vcpus
    assert cores * stars["rows_per_core_s"] <= BULK_ROWS_PER_S
    assert stars["bytes_out"] / stars["rows"] <= BULK_ROW_BYTES


def test_links_hold_no_longer_than_the_table_says() -> None:
    assert limits.PRESIGNED_S == 900


def test_the_readme_shows_the_table_as_it_is_now() -> None:
    text = README.read_text("utf-8")
    assert table() in text, "python -m infra.commands.abuse_costs writes it anew"
    assert written(text) == text


def test_the_sentence_on_costs_says_what_the_table_says() -> None:
    key, link, nobody = (
        round(max(dollars for (other, _), dollars in costs(prod()).items() if other == who))
        for who in ("one key", "one link", "nobody's key")
    )
    text = " ".join((ROOT / "infra" / "README.md").read_text("utf-8").split())
    assert f"one key costs {key} dollars at most, one link {link}, a caller without a key {nobody}" in text
