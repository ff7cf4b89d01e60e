"""Prices that a setting gives in place of the list prices."""

from __future__ import annotations

from typing import Any

import pytest

from skysort.errors import ConfigurationError
from skysort.prices import Prices


def test_prices_that_are_not_given_are_the_list_prices() -> None:
    prices = Prices.of({"region": "eu-central-1", "gb_second": 0.00002})
    assert (prices.region, prices.gb_second) == ("eu-central-1", 0.00002)
    assert prices.million_transitions == Prices().million_transitions


def test_a_document_of_prices_is_read_as_it_was_written() -> None:
    prices = Prices(region="eu-central-1", gb_second=0)
    assert Prices.of(prices.document()) == prices


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"gb_minute": 1}, "there is no price 'gb_minute'; the prices are region, date, gb_second"),
        ({"gb_second": "1"}, "must be a number of dollars"),
        ({"gb_second": True}, "must be a number of dollars"),
        ({"gb_second": -1}, "must be a number of dollars"),
        ({"gb_second": float("nan")}, "must be a number of dollars"),
        ({"region": 3}, "the region of prices must be text"),
    ],
)
def test_a_price_that_is_none_is_refused(document: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        Prices.of(document)


@pytest.mark.parametrize("text", ["gb_second=1", "[]", "3", '"x"'])
def test_a_setting_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="prices must be a JSON object"):
        Prices.read(text)


def test_without_a_setting_the_prices_are_the_list_prices() -> None:
    assert Prices.read(None) == Prices.read("") == Prices()
