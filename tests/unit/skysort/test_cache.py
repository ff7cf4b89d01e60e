"""The answer cache."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from skysort.cache import AnswerCache


def test_the_least_recently_used_answer_goes_first() -> None:
    cache = AnswerCache[str](2)
    cache.put("a", "1")
    cache.put("b", "2")
    cache.get("a")
    cache.put("c", "3")
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == ("1", None, "3")


def test_a_capacity_of_nought_keeps_nothing() -> None:
    cache = AnswerCache[str](0)
    cache.put("a", "1")
    assert cache.get("a") is None


@given(st.lists(st.integers(0, 20)), st.integers(0, 5))
def test_it_never_holds_more_than_its_capacity_nor_a_wrong_answer(keys: list[int], capacity: int) -> None:
    cache = AnswerCache[str](capacity)
    for key in keys:
        assert cache.get(key) in (None, str(key))
        cache.put(key, str(key))
        assert len(cache) <= capacity
