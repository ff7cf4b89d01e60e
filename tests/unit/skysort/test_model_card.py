"""Model cards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skysort.errors import ArtefactError, NotFoundError
from skysort.model_card import ModelRegistry, load_card, read_artefact

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "not JSON"), ("{}", "lacks 'name'"), ("[]", "lacks"), ('{"name": "star"}', "lacks 'version'")],
)
def test_a_card_that_cannot_be_read_says_why(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(ArtefactError, match=says):
        load_card(tmp_path)


def test_a_missing_card_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"card\.json cannot be read: No such file"):
        load_card(tmp_path)


def test_a_file_that_is_not_the_cards_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.ubj").write_bytes(b"other")
    with pytest.raises(ArtefactError, match="not the one its card describes"):
        read_artefact(tmp_path / "model.ubj", "0" * 64)


def test_a_shelf_knows_its_models_and_names_them_when_asked_for_another(star_folder: Path) -> None:
    registry = ModelRegistry(star_folder.parent.parent)
    assert [summary["name"] for summary in registry.summaries()] == ["star"]
    assert registry.get("star").summary()["labels"] == ["GALAXY", "QSO", "STAR"]
    with pytest.raises(NotFoundError, match="choose from star"):
        registry.get("moon")


def test_an_empty_shelf_is_a_broken_deployment(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="no model card below"):
        ModelRegistry(tmp_path)
