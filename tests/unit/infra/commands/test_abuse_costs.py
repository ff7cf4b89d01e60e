"""What an hour of abuse can cost: ceilings that the settings hold, and the table that the README shows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from infra import ROOT
from infra.commands.abuse_costs import BEFORE, PAGE_BYTES, PUBLIC_BYTES, README, abuses, exposure, table, written
from infra.stages.deployments import dev, prod
from infra.stages.operations import Operations
from skysort import limits

if TYPE_CHECKING:
    from infra.stages.stage import AwsStage

# Dollars an hour that one key, one link, one caller without a key may cost at most, one way at a time.
CEILINGS = {
    "dev": {"one key": 410, "one link": 105, "nobody's key": 550},
    "prod": {"one key": 410, "one link": 105, "nobody's key": 70},
}


def costs(stage: AwsStage) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for row in abuses([exposure(stage)]):
        found.setdefault(row.who, {})[row.what] = row.dollars[0]
    return found


@pytest.mark.parametrize("stage", [dev(), prod()], ids=lambda stage: stage.name)
def test_no_way_to_spend_the_owners_money_is_above_its_ceiling(stage: AwsStage) -> None:
    above = {
        (who, what): round(dollars, 2)
        for who, ways in costs(stage).items()
        for what, dollars in ways.items()
        if dollars > CEILINGS[stage.name][who]
    }
    assert above == {}


def test_nothing_costs_more_than_it_did_and_what_was_found_costs_a_third_at_most() -> None:
    found = (
        "requests that keep",
        "uploads in parts begun",
        "members that are no pictures",
        "for every model",
        "drop function",
    )
    for row in abuses((BEFORE, exposure(prod()))):
        before, after = row.dollars
        assert after <= before * 1.001, row.what
        if any(part in row.what for part in found):
            assert after <= before * 0.41, row.what


def test_what_the_review_of_the_old_settings_found_is_what_is_worked_out_for_them() -> None:
    """850 sandboxes 88 dollars, uploads in parts 190, drop functions 31, an archive's members 126 and more."""
    before = {row.what: row.dollars[0] for row in abuses([BEFORE])}
    assert before["requests that keep every HTTP sandbox busy"] == pytest.approx(88, abs=0.5)
    assert before["uploads in parts begun, and never used"] == pytest.approx(190, abs=2)
    assert before["files that keep every drop function busy"] == pytest.approx(31, abs=0.5)
    assert before["archives of 10,000 members that are no pictures"] > 126


def test_a_setting_that_lets_more_through_costs_more() -> None:
    # Given prod as it is, and without one of the things that hold its costs
    stage = prod()
    star = dataclasses.replace(stage.functions["star"], reserved_concurrency=500)
    looser = (
        dataclasses.replace(stage, functions={**stage.functions, "star": star}),
        dataclasses.replace(stage, operations=Operations()),
        dataclasses.replace(stage, api=dataclasses.replace(stage.api, firewall=None)),
        dataclasses.replace(stage, api=dataclasses.replace(stage.api, public_per_s=1_000)),
    )
    as_it_is = sum(row.dollars[0] for row in abuses([exposure(stage)]))
    for other in looser:
        assert sum(row.dollars[0] for row in abuses([exposure(other)])) > as_it_is + 1


def test_transfer_is_counted_wherever_bytes_go_out() -> None:
    """10 Gbit/s for an hour are 4,500 GB, at 9 cents each."""
    results = "its largest result, fetched again and again by ever new links"
    for stage in (dev(), prod()):
        line = min(exposure(stage).requests_per_s * limits.LAMBDA_PAYLOAD_BYTES, 1.25e9)
        answers = costs(stage)["one key"]["the largest answers that it may ask for, as fast as a line is"]
        assert answers == pytest.approx(line * 3_600 / 1e9 * 0.09)
    assert costs(dev())["one key"][results] == pytest.approx(405)
    assert costs(prod())["one key"][results] < 105


def test_what_anybody_may_fetch_is_as_large_as_is_reckoned_with() -> None:
    control, site = ROOT / "functions" / "control", ROOT / "functions" / "site"
    assert max((control / name).stat().st_size for name in ("openapi.json", "docs.html")) <= PUBLIC_BYTES
    assert max(path.stat().st_size for path in site.rglob("*.*") if path.parent.name != "docs") <= PAGE_BYTES


def test_links_hold_no_longer_than_the_table_says() -> None:
    assert exposure(prod()).presigned_s == limits.PRESIGNED_S == 900


def test_the_readme_shows_the_table_as_it_is_now() -> None:
    text = README.read_text("utf-8")
    assert table() in text, "python -m infra.commands.abuse_costs writes it anew"
    assert written(text) == text


def test_the_sentence_on_costs_says_what_the_table_says() -> None:
    rows = abuses((BEFORE, exposure(prod())))
    before, after = (
        {row.who: round(max(other.dollars[at] for other in rows if other.who == row.who)) for row in rows}
        for at in (0, 1)
    )
    text = " ".join((ROOT / "infra" / "README.md").read_text("utf-8").split())
    key, link, nobody = ((after[who], before[who]) for who in ("one key", "one link", "nobody's key"))
    assert f"one key costs {key[0]} dollars at most (before: {key[1]}), one link {link[0]} ({link[1]})" in text
    assert f"a caller without a key {nobody[0]} ({nobody[1]})" in text
