"""Names that are given more than once."""

from __future__ import annotations

from skysort.given import Repeated, gathered


def test_a_name_given_twice_keeps_both_values_in_the_place_of_the_first() -> None:
    found = gathered([("labels", "a"), ("top_k", "1"), ("labels", "b")])
    assert list(found.items()) == [("labels", Repeated(("a", "b"))), ("top_k", "1")]
    assert isinstance(found["labels"], Repeated)
