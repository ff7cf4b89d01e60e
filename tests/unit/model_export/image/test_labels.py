from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from model_export.image import data
from skysort.errors import ConfigurationError

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
        (lambda text: text.replace("0,n01440764,tench\n", ""), "from 0 on"),
        (lambda text: text.replace("n01443537", "n01440764"), "in order and once each"),
        (lambda text: text.replace("goldfish", "Tench"), "alike"),
        (lambda text: text.replace("wordnet_id", "id"), "cannot be read"),
    ],
)
def test_a_damaged_table_says_what_is_wrong(change, complaint: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    path = tmp_path / "labels.csv"
    path.write_text(change(data.LABELS.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=complaint):
        data.load_labels(path)
