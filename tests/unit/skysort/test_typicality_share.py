"""A whole is unusual if chance and an honest selection of good items do not explain it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.typicality_share import TypicalityCounts

THRESHOLD = 0.005
SIZES = (1, 2, 3, 5, 10, 20, 40, 200, 2_000)


def counts(*typicality: float) -> TypicalityCounts:
    whole = TypicalityCounts()
    for value in typicality:
        whole.add({"typicality": value, "in_domain": value >= THRESHOLD})
    return whole


def usual(*typicality: float) -> bool:
    share = counts(*typicality).share("pictures")
    assert share is not None
    return share["usual"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("most", [1.0, 0.1], ids=["as they come", "the least typical tenth"])
def test_good_items_are_unusual_at_most_once_in_100(size: int, most: float) -> None:
    draw = random.Random(size)
    tried = 20_000 // size + 100
    flagged = sum(not usual(*(draw.uniform(0, most) for _ in range(size))) for _ in range(tried))
    assert flagged <= 0.01 * tried


@pytest.mark.parametrize("size", [10, 40, 1_000])
def test_a_fifth_of_foreign_items_makes_many_unusual_and_all_of_them_any(size: int) -> None:
    draw = random.Random(size)
    good = [draw.random() for _ in range(size)]
    assert not usual(*good[: size * 4 // 5], *[0.001] * (size * 4)), "four fifths foreign"
    assert not usual(*[0.0] * size)
    assert usual(*good)


def test_items_above_the_threshold_that_are_all_hardly_typical_are_unusual() -> None:
    share = counts(*[0.006 + 0.001 * (number % 20) for number in range(40)]).share("pictures")
    assert share is not None
    assert (share["in_domain"], share["usual"]) == (40, False)
    assert share["detail"] == (
        "as a whole the 40 pictures look less like what the model was tested on than the least typical tenth of that; "
        "check that they are what it is for"
    )


def test_a_single_odd_item_says_nothing_of_the_whole() -> None:
    share = counts(0.0).share("pictures")
    assert share is not None
    assert share["usual"]


def test_what_people_read() -> None:
    assert counts(*[0.0] * 31, *[0.5] * 9).share("pictures") == {
        "measured": 40,
        "in_domain": 9,
        "share": 0.225,
        "mean": 0.1125,
        "usual": False,
        "detail": "31 of 40 pictures do not look like what the model was tested on; check that they are what it is for",
    }
    shares = [counts(*each).share("rows") for each in ([0.0, *[0.5] * 39], [0.5] * 3, [0.5])]
    assert [share["detail"] for share in shares if share] == [
        "1 of 40 rows does not look like what the model was tested on",
        "all 3 rows look like what the model was tested on",
        "the row looks like what the model was tested on",
    ]


def test_without_a_measured_item_nothing_is_said() -> None:
    whole = TypicalityCounts()
    whole.add({"predictions": []})
    assert whole.share("pictures") is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 30))
def test_parts_add_up_to_the_whole(typicality: list[float], cut: int) -> None:
    whole, merged = counts(*typicality), counts(*typicality[cut:])
    merged.merge(counts(*typicality[:cut]))
    assert merged == whole


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_a_share_gives_its_sums_back(typicality: list[float]) -> None:
    whole = counts(*typicality)
    again = TypicalityCounts.of(whole.share("rows"))
    assert (again.measured, again.in_domain) == (whole.measured, whole.in_domain)
    assert again.total == pytest.approx(whole.total, abs=len(typicality))
    assert TypicalityCounts.of(None) == TypicalityCounts()
