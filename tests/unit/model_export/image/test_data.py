from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_export.image import data
from model_export.image.data import HELD_OUT, IMAGENETTE, SAMPLE, TUNING
from skysort.errors import ConfigurationError
from tests.factories_images import encode, plain

if TYPE_CHECKING:
    from pathlib import Path


def test_classes_stand_in_wordnet_order_with_names_of_their_own() -> None:
    named = data.load_labels()
    assert len(named.names) == len(set(named.names)) == 1000
    assert list(named.wordnet_ids) == sorted(named.wordnet_ids)
    assert not any("," in name or "_" in name for name in named.names)


@pytest.mark.parametrize(
    ("number", "wordnet_id", "name"),
    [
        (0, "n01440764", "tench"), (134, "n02012849", "crane (bird)"), (517, "n03126707", "crane (machine)"),
        (242, "n02108089", "boxer"), (258, "n02111889", "Samoyed"), (273, "n02115641", "dingo"),
        (999, "n15075141", "toilet tissue"),
    ],
)  # fmt: skip
def test_well_known_classes(number: int, wordnet_id: str, name: str) -> None:
    named = data.load_labels()
    assert (named.wordnet_ids[number], named.names[number]) == (wordnet_id, name)
    assert named.index()[wordnet_id] == number


@pytest.mark.parametrize(
    ("subset", "size", "inside", "outside"),
    [
        ("dogs", 118, ("Chihuahua", "Mexican hairless", "boxer"), ("dingo", "timber wolf", "tabby")),
        ("cats", 5, ("tabby", "Siamese cat"), ("cougar", "lion")),
        ("birds", 59, ("cock", "macaw", "albatross"), ("platypus", "grey whale")),
    ],
)
def test_subsets(subset: str, size: int, inside: tuple[str, ...], outside: tuple[str, ...]) -> None:
    named = data.load_labels()
    members = {named.names[named.index()[wordnet_id]] for wordnet_id in named.subsets()[subset]}
    assert len(members) == size
    assert members >= set(inside)
    assert members.isdisjoint(outside)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda text: text.replace("0,n01440764,tench\n", ""), "classes from 0"),
        (lambda text: text.replace("n01443537", "n01440764"), "each WordNet id once"),
        (lambda text: text.replace("goldfish", "Tench"), "the same name"),
        (lambda text: text.replace("wordnet_id", "id"), "cannot be read"),
    ],
)
def test_a_damaged_table_says_what_is_wrong(change, complaint: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    path = tmp_path / "labels.csv"
    path.write_text(change(data.LABELS.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=complaint):
        data.load_labels(path)


def put(data: Path, *names: str) -> None:
    for name in names:
        path = data / "image" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(plain((10, 200, 30), 60, 50), "JPEG"))


def test_photographs_of_both_sources_are_found_with_their_classes(tmp_path: Path) -> None:
    # Given one of each, and a class that is not ImageNet's
    put(tmp_path, f"{SAMPLE}/n01443537_goldfish.jpg", f"{SAMPLE}/n99999999_ghost.jpg")
    put(tmp_path, f"{IMAGENETTE}/n01440764/ILSVRC2012_val_00002138.JPEG")
    # When they are looked for
    goldfish, tench = data.find(tmp_path)
    # Then class, source and ImageNet's own side are known
    assert (goldfish.label, goldfish.source, goldfish.of_validation_set) == (1, SAMPLE, False)
    assert (tench.label, tench.source, tench.of_validation_set) == (0, IMAGENETTE, True)


def test_a_photograph_keeps_its_side_whatever_else_is_there(tmp_path: Path) -> None:
    names = [f"{SAMPLE}/{wordnet_id}_thing.jpg" for wordnet_id in data.load_labels().wordnet_ids[:40]]
    put(tmp_path, *names[:10])
    before = {found.path.name: found.part for found in data.find(tmp_path)}
    put(tmp_path, *names)
    after = {found.path.name: found.part for found in data.find(tmp_path)}
    assert before.items() <= after.items()
    assert set(after.values()) == {TUNING, HELD_OUT}


def test_the_sides_share_nothing(tmp_path: Path) -> None:
    put(tmp_path, *(f"{SAMPLE}/{wordnet_id}_thing.jpg" for wordnet_id in data.load_labels().wordnet_ids[:40]))
    found = data.find(tmp_path)
    tuning, held = (data.select(found, part=part) for part in (TUNING, HELD_OUT))
    assert len(tuning) + len(held) == len(found) == 40
    assert set(data.labels_of(tuning).tolist()).isdisjoint(data.labels_of(held).tolist())


def test_an_empty_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SKYSORT_DATA"):
        data.find(tmp_path)


def test_pixels_are_what_the_service_sees(tmp_path: Path) -> None:
    put(tmp_path, f"{SAMPLE}/n01443537_goldfish.jpg")
    found = data.pixels(data.find(tmp_path), data.spec(224))
    assert found.shape == (1, 224, 224, 3)
    assert np.abs(found.astype(int) - [10, 200, 30]).max() < 6


@pytest.mark.needs_data
def test_the_data_folder_has_a_photograph_of_every_class(survey_data: Path) -> None:
    found = data.find(survey_data)
    sample = data.labels_of(data.select(found, SAMPLE))
    assert sorted(sample.tolist()) == list(range(1000))
    assert any(photograph.of_validation_set for photograph in found)
