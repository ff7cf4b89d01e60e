"""What a process that does parts has: the model's steps, and the same in the children that it starts."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from skysort_cli import bulk_worker
from skysort_cli.bulk_worker import Order, made, part_steps
from skysort_cli.exits import MissingError
from skysort_cli.local_jobs import job_of

if TYPE_CHECKING:
    from skysort.bulk.part import PartSteps

REQUEST: dict[str, Any] = {"model": "star", "source": {}, "output": "parquet", "plan_only": False}


@pytest.fixture
def order(tmp_path: Path, star_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Order:
    monkeypatch.setenv("SKYSORT_STAR_MODEL", str(star_folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("SKYSORT_BULK_ORDER", "of another process")
    return Order(str(tmp_path / "out"), str(tmp_path), "star")


def loaded(path: str) -> PartSteps:
    """The steps of a module, as a child loads them."""
    spec = importlib.util.spec_from_file_location("child", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    steps: PartSteps = module.steps
    return steps


def test_a_process_and_its_children_have_the_same_model(order: Order) -> None:
    work = made(order)
    assert work({"step": "ready"}) == {"ready": True}
    child = loaded(str(Path(bulk_worker.__file__).with_name("bulk_child.py")))
    engines = [steps.parts.engines.get(job_of(REQUEST, 1), None) for steps in (part_steps(order), child)]
    assert {(engine.name, engine.threads) for engine in engines} == {("star", 1)}
    assert len({engine.version for engine in engines}) == 1


def test_a_model_that_is_not_here_is_missing(order: Order, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("skysort_cli.local._PACKAGE", tmp_path / "layers" / "skysort_cli")
    monkeypatch.delenv("SKYSORT_STAR_MODEL")
    with pytest.raises(MissingError, match="the star model is not on this machine"):
        part_steps(order)
