"""`skysort.Client` against the started stack: its documents' examples, its notebook, and what the command line says."""

from __future__ import annotations

import doctest
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

import skysort
from infra.local.running_stack import ROOT
from skysort.limits import GATEWAY_REQUEST_BYTES
from tests.factories import star_row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.local.running_stack import StartedStack

pytestmark = pytest.mark.end_to_end
FOLDER = ROOT / "layers" / "skysort_client"
ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def _in_the_projects_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def client(stack: StartedStack) -> Iterator[skysort.Client]:
    with skysort.Client(stack.api) as client:
        yield client


def test_the_examples_print_what_the_document_says(stack: StartedStack) -> None:
    text = (FOLDER / "README.md").read_text("utf-8").replace(ADDRESS, stack.api).replace("\n```", "\n\n```")
    examples = doctest.DocTestParser().get_doctest(text, {}, "README.md", "README.md", 0)
    assert len(examples.examples) > 20
    told: list[str] = []
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
    outcome = doctest.DocTestRunner(optionflags=options).run(examples, out=told.append, clear_globs=False)
    examples.globs["client"].close()
    assert outcome.failed == 0, "".join(told)


def test_the_notebook_runs_from_its_first_cell_to_its_last(
    stack: StartedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a notebook as it is committed: of format 4, without outputs
    notebook = json.loads((FOLDER / "quickstart.ipynb").read_bytes())
    assert (notebook["nbformat"], notebook["metadata"]["language_info"]["name"]) == (4, "python")
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    # When
    monkeypatch.setenv("SKYSORT_ENDPOINT", stack.api)
    names: dict[str, Any] = {}
    for cell in cells:
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    # Then
    assert names["heat_map"].startswith(b"\x89PNG")
    assert names["stars"]["skysort_class"].notna().sum() == 11
    assert names["batch"].counts().finished == 4
    names["client"].close()


def test_an_array_is_what_its_file_is(client: skysort.Client, tmp_path: Path) -> None:
    y, x = np.mgrid[-40:40, -40:40]
    cutout = (np.exp(-np.hypot(x / 2, y) / 5) + np.random.default_rng(7).normal(0, 0.01, x.shape)).astype(np.float32)
    fits.PrimaryHDU(cutout).writeto(tmp_path / "cutout.fits")
    of_array, of_file = client.classify_many("galaxy", [cutout, tmp_path / "cutout.fits"])
    assert "error" not in of_array
    assert "error" not in of_file
    assert of_array["predictions"] == of_file["predictions"]


def test_a_large_picture_goes_by_the_drop_folder(client: skysort.Client) -> None:
    # Given a picture with more behind it than a request may have
    picture = (ROOT / "events" / "traffic_light.jpg").read_bytes()
    large = picture + bytes(GATEWAY_REQUEST_BYTES)
    # When
    of_small, of_large = client.classify_many("image", [picture, large], top_k=1)
    # Then
    assert "error" not in of_small
    assert "error" not in of_large
    assert of_large["predictions"] == of_small["predictions"]


def test_a_table_of_many_rows_gets_the_answers_of_its_rows(client: skysort.Client) -> None:
    # Given more rows than a request takes, every seventh of them without a u
    rows = [star_row(g=18 + at % 5) for at in range(2_100)]
    table = pd.DataFrame(rows)
    table.loc[::7, "u"] = None
    # When
    with pytest.warns(UserWarning, match="the rows do not look like what the model was tested on"):
        classified = client.classify_table(table)  # one row, over and over
    one = client.classify("star", rows[2_099])
    # Then
    assert classified["skysort_class"].isna().sum() == 300
    assert set(classified["skysort_error"].dropna()) == {classified["skysort_error"].iloc[0]}
    assert classified["skysort_class"].iloc[2_099] == one["predictions"][0]["label"]
    assert classified["skysort_p_qso"].iloc[2_099] == pytest.approx(
        next(item["probability"] for item in one["predictions"] if item["label"] == "QSO"), abs=2e-6
    )
