"""Trained models as callers see them, and the recorded answers that the contract shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from skysort.errors import ModelConflictError, NotFoundError
from skysort.registry import keys
from skysort.registry.catalogue import Catalogue, accuracy_of
from skysort.registry.names import Kind, TrainedName
from skysort.registry.pointer import Pointer
from skysort.registry.promotion import HeldOut, Promotions
from skysort.registry.versions import VersionFiles
from tests import recorded_trained
from tests.fakes.model_store import MemoryModelStore

SHARE = {"value": 0.9, "low": 0.8, "high": 0.95}


def published(store: MemoryModelStore, name: str = "rings", owner: str = "shared", **about: Any) -> str:
    card = {"name": name, "kind": "pictures", "created": "2026-01-01T00:00:00Z", "labels": ["a", "b"], **about}
    held_out = HeldOut(("a", "b"), [f"{n:016x}" for n in range(20)], [0] * 20, [0] * 20, [1.0] * 20)
    return VersionFiles(store).publish(owner, name, card, {keys.HELD_OUT: held_out.body()})


def test_models_are_listed_in_short() -> None:
    # Given
    store = MemoryModelStore()
    version = published(store, metrics={"accuracy": {**SHARE, "method": "Wilson"}})
    published(store, created="2026-01-02T00:00:00Z")
    Promotions(store).promote("shared", "rings", Kind.PICTURES, version)
    store.put(keys.pointer_key("shared", "qso"), Pointer("qso", Kind.STAR).to_json())
    # When
    qso, rings = Catalogue(store).summaries("shared")
    # Then
    assert (qso["live"], qso["labels"], qso["accuracy"], qso["classify"]) == (
        None,
        [],
        None,
        "/v1/classify/star?model=qso",
    )
    assert (rings["live"], rings["versions"], rings["accuracy"]) == (version, 2, SHARE)
    assert rings["classify"] == "/v1/classify/custom/rings"
    assert Catalogue(store).spelled("shared") == ["custom-star/qso", "custom/rings"]
    assert Catalogue(store).summaries("client-1") == []


def test_a_model_comes_with_its_live_card_and_its_versions() -> None:
    store = MemoryModelStore()
    old, new = published(store), published(store, created="2026-01-02T00:00:00Z", training="t2")
    Promotions(store).promote("shared", "rings", Kind.PICTURES, old)
    catalogue = Catalogue(store)
    model: Any = catalogue.model("shared", "rings")
    assert (model["live"], model["card"]["created"]) == (old, "2026-01-01T00:00:00Z")
    assert [(each["version"], each["live"], each["training"]) for each in catalogue.versions("shared", "rings")] == [
        (new, False, "t2"),
        (old, True, None),
    ]
    assert catalogue.card("shared", "rings", new[:10])["training"] == "t2"


def test_nobody_sees_anothers_model() -> None:
    store = MemoryModelStore()
    version = published(store, owner="client-1")
    Promotions(store).promote("client-1", "rings", Kind.PICTURES, version)
    for read in (
        lambda: Catalogue(store).model("shared", "rings"),
        lambda: Catalogue(store).versions("shared", "rings"),
        lambda: Catalogue(store).card("shared", "rings", version),
        lambda: Catalogue(store).model("client-1", "../client-1/rings"),
    ):
        with pytest.raises(NotFoundError, match="there is no trained model"):
            read()


def test_a_model_is_spelled_by_its_kind() -> None:
    store = MemoryModelStore()
    store.put(keys.pointer_key("shared", "qso"), Pointer("qso", Kind.STAR).to_json())
    Catalogue(store).require("shared", TrainedName(Kind.STAR, "qso"))
    with pytest.raises(ModelConflictError, match="is spelled custom-star/qso"):
        Catalogue(store).require("shared", TrainedName(Kind.PICTURES, "qso"))


def test_the_accuracy_of_a_card_is_found_where_it_is() -> None:
    assert accuracy_of({"metrics": {"accuracy": SHARE}}) == SHARE
    assert accuracy_of({"variants": {"with_redshift": {"metrics": {"accuracy": SHARE}}}}) == SHARE
    assert accuracy_of({"metrics": {"accuracy": 0.9}}) is None
    assert accuracy_of({}) is None


def test_the_recorded_answers_are_those_of_the_services() -> None:
    """Anew: python -m tests.recorded_trained."""
    for name, answer in recorded_trained.answers().items():
        assert json.loads((recorded_trained.FOLDER / f"{name}.json").read_bytes()) == answer, name
