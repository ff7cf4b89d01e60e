"""`--prior`: class shares on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from skysort_cli.exits import Exit
from tests.fakes.service import URL
from tests.unit.skysort_cli.test_classify import csv_rows, records

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.service import FakeService
    from tests.unit.skysort_cli.conftest import Cli

RARE = "GALAXY:0.9,QSO:0.001,STAR:0.099"
SHARES = {"GALAXY": 0.9, "QSO": 0.001, "STAR": 0.099}


@pytest.fixture(autouse=True)
def _star(star_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYSORT_STAR_MODEL", str(star_folder))


def table(path: Path, rows: int, quasars: float) -> Path:
    """Galaxies and some quasars, as tests.factories makes them."""
    random = np.random.default_rng(5)
    below_u = np.array([[0, -1.5, -2.8, -3.6, -4.0], [0, -0.1, -0.3, -0.4, -0.5]])
    kind = (random.random(rows) < quasars).astype(int)
    values = random.normal(21.0, 1.5, (rows, 1)) + below_u[kind] + random.normal(0, 0.2, (rows, 5))
    lines = [",".join(f"{value:.3f}" for value in row) for row in values]
    path.write_text("\n".join(["u,g,r,i,z", *lines, ""]))
    return path


def probabilities(record: dict[str, Any]) -> dict[str, float]:
    return {item["label"]: item["probability"] for item in record["predictions"]}


@pytest.mark.parametrize("suffix", ["csv", "ecsv"])
def test_class_shares_re_weight_the_rows_of_a_table_and_are_in_each_record(
    cli: Cli, tmp_path: Path, suffix: str
) -> None:
    # Given a table, whatever its format
    stars = tmp_path / f"stars.{suffix}"
    heading = "".join(f"# - {{name: {band}, datatype: float64}}\n" for band in "ugriz")
    stars.write_text(
        ("# %ECSV 1.0\n# ---\n# datatype:\n" + heading if suffix == "ecsv" else "")
        + ("u g r i z\n19 18.8 18.6 18.5 18.4\n" if suffix == "ecsv" else "u,g,r,i,z\n19,18.8,18.6,18.5,18.4\n")
    )
    # When it is classified with and without the shares of a survey
    (plain,) = records(cli("classify", "star", stars))
    (weighted,) = records(cli("classify", "star", stars, "--prior", RARE))
    # Then Bayes' rule was applied, by a model that learnt from equal shares
    parts = {label: value * SHARES[label] for label, value in probabilities(plain).items()}
    expected = {label: part / sum(parts.values()) for label, part in parts.items()}
    assert probabilities(weighted) == pytest.approx(expected, abs=1e-5)
    assert weighted["prior"] == SHARES
    assert "prior" not in plain
    assert weighted["prediction_set"] == plain["prediction_set"]


def test_a_table_that_keeps_its_columns_is_re_weighted_too(cli: Cli, tmp_path: Path) -> None:
    stars, outs = table(tmp_path / "stars.csv", 40, 0.5), [tmp_path / "plain.csv", tmp_path / "weighted.csv"]
    for out, options in zip(outs, ([], ["--prior", RARE]), strict=True):
        assert cli("classify", "star", stars, "--keep-columns", "--out", out, *options).code == Exit.OK
    plain, weighted = ([float(row["skysort_p_qso"]) for row in csv_rows(out.read_text())] for out in outs)
    assert sum(weighted) < sum(plain) / 2


def test_shares_are_estimated_from_the_table_itself(cli: Cli, tmp_path: Path) -> None:
    # Given a table with few quasars
    stars = table(tmp_path / "stars.csv", 600, 0.05)
    # When
    ran = cli("classify", "star", stars, "--prior", "estimated")
    # Then
    found = records(ran)
    assert len(found) == 600
    assert found[0]["prior"]["QSO"] == pytest.approx(0.05, abs=0.03)
    assert found[0]["prior"]["STAR"] < 0.02
    assert all(record["prior"] == found[0]["prior"] for record in found)
    assert "class shares estimated from 600 rows of 600" in ran.err
    # as are those of a table that keeps its columns
    out = tmp_path / "out.csv"
    ran = cli("classify", "star", stars, "--prior", "estimated", "--keep-columns", "--out", out)
    assert ran.code == Exit.OK
    assert "class shares estimated from 600 rows" in ran.err
    kept = [float(row["skysort_p_qso"]) for row in csv_rows(out.read_text())]
    assert kept == pytest.approx([probabilities(record)["QSO"] for record in found], abs=1e-4)


def test_a_few_rows_estimate_nothing(cli: Cli, tmp_path: Path) -> None:
    ran = cli("classify", "star", table(tmp_path / "stars.csv", 20, 0.5), "--prior", "estimated")
    assert ran.code == Exit.SOME_FAILED
    assert "20 usable rows are too few to estimate class shares from; 200 are needed" in ran.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["star", "a.csv", "--prior", " ,"], "--prior is empty"),
        (["star", "a.csv", "--prior", "QSO:1"], "lacks the share of GALAXY, STAR; give 0"),
        (["star", "a.csv", "--prior", "estimate"], "must have the share of each class, as in GALAXY:0.9"),
        (["star", "-", "--prior", "estimated"], "which stdin cannot be"),
        (["star", "a.csv", "--prior", "estimated", "--endpoint", URL], "in process only"),
        (["custom/mine", "a.jpg", "--prior", "estimated"], "is for tables of stars"),
    ],
)
def test_a_prior_that_cannot_be_used_is_refused(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "a.csv", 3, 0.5)
    ran = cli("classify", *arguments)
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert sentence in ran.err


def test_a_card_without_shares_is_named_before_a_table_is_read(
    cli: Cli, tmp_path: Path, star_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = json.loads((star_folder / "card.json").read_bytes())
    del card["training_data"]
    for file in star_folder.glob("*.ubj"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "card.json").write_text(json.dumps(card))
    monkeypatch.setenv("SKYSORT_STAR_MODEL", str(tmp_path))
    for prior in (RARE, "estimated"):
        ran = cli("classify", "star", table(tmp_path / "a.csv", 3, 0.5), "--prior", prior)
        assert ran.code == Exit.USAGE
        assert "the model's card lacks the class shares that it was trained with" in ran.err


@pytest.mark.parametrize("shares", ["GALAXY", "GALAXY:1,QSO:x", "QSO:1,QSO:2"])
def test_class_shares_of_a_bulk_job_that_cannot_be_read_are_refused(cli: Cli, shares: str) -> None:
    ran = cli("bulk", "star", "a.csv", "--prior", shares, "--endpoint", URL)
    assert ran.code == Exit.USAGE
    assert "must have the share of each class, as in GALAXY:0.9" in ran.err


def test_a_service_is_sent_the_shares_and_its_refusal_ends_the_command(
    cli: Cli, tmp_path: Path, service: FakeService
) -> None:
    stars = table(tmp_path / "stars.csv", 3, 0.5)
    cli("classify", "star", stars, "--endpoint", URL, "--prior", RARE)
    assert [dict(request.url.params) for request in service.requests] == [{"prior": RARE}]
