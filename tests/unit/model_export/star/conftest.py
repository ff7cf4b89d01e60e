"""One whole run of the command line on a small survey, shared by the tests that look at its parts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from model_export.__main__ import main
from model_export.star import data, mixtures, typicality
from model_export.star.boosters import VARIANTS, WITH_REDSHIFT
from model_export.star.data import Workspace
from tests.unit.model_export.star.factories import survey, table, write

if TYPE_CHECKING:
    from pathlib import Path

HYPERPARAMETERS = {
    name: {"rounds": 6, "parameters": {"max_depth": 3, "eta": 0.4, "max_bin": 64}}
    for name in ("with_redshift", "photometry_only")
}


@dataclass(frozen=True)
class Run:
    """Folders of a run, and its command line."""

    folder: Path

    @property
    def options(self) -> list[str]:
        return [
            *("--data", str(self.folder / "sdss17.csv")),
            *("--build", str(self.folder / "build")),
            *("--results", str(self.folder / "results")),
            *("--hyperparameters", str(self.folder / "hyperparameters.json")),
            *("--threads", "1"),
        ]

    @property
    def artefact(self) -> Path:
        return self.folder / "model"

    def star(self, command: str, *more: str) -> int:
        return main(["star", command, *self.options, *more])


def prepare(folder: Path, rows: int = 600, seed: int = 0) -> Run:
    write(table(survey(rows, seed)), folder / "sdss17.csv")
    (folder / "hyperparameters.json").write_text(json.dumps(HYPERPARAMETERS), encoding="utf-8")
    return Run(folder)


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A survey on which train and evaluate were run, with a typicality of few components, tables and figures."""
    run = prepare(tmp_path_factory.mktemp("star"))
    assert run.star("train") == 0
    assert run.star("evaluate", "--against", str(run.artefact)) == 0
    measure_typicality(run)
    return run


def measure_typicality(run: Run) -> None:
    """What `star typicality` writes, of fewer tables."""
    dataset = data.load(run.folder / "sdss17.csv")
    training = dataset.take(data.split(dataset).train)
    fitted = {name: mixtures.fit(training, with_redshift=name == WITH_REDSHIFT, components=1) for name in VARIANTS}
    tables = mixtures.tables(training, components=1, sizes=(20,), count=5)
    good: dict[str, Any] = {name: {"good": {}, "impossible": {}} for name in VARIANTS}
    spoilt = typicality.spoilt_tables(tables, training, count=1)
    typicality.store(
        Workspace(run.folder, run.folder / "build", run.folder / "results"),
        data.description(dataset)["splits"]["train"],
        typicality.contents(fitted, tables),
        {"split": "test", "rows": good, "tables": {"good": {}, "spoilt": spoilt}},
    )
