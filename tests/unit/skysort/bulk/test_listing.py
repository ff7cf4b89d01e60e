"""Listings by several requests at once: every key is there once, however the keys are spread."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skysort.bulk.listing import between, listing
from skysort.errors import InfrastructureError
from skysort.s3.client import ListedObject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Numbers, hashes, names in any script, and what sorts behind ASCII.
KEYS = st.one_of(
    st.integers(0, 10**6).map("{:08}.jpg".format),
    st.text("0123456789abcdef", min_size=4, max_size=8),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6),
    st.sampled_from(["\x7f", "\x7fa", "é", "\U0001f30c", "a", "aa", "a\x01"]),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@dataclass
class Keys:
    """A bucket's keys, listed a few a page. fails: the page that cannot be had."""

    keys: Sequence[str]
    page: int
    fails: int = -1
    asked: list[str] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def __call__(self, after: str) -> Iterator[list[ListedObject]]:
        start = bisect_right(self.keys, after)
        while True:
            self.asked.append(after)
            self.threads.add(threading.get_ident())
            if len(self.asked) == self.fails:
                raise InfrastructureError("S3 did not answer")
            page = self.keys[start : start + self.page]
            yield [ListedObject(key, 1, "", "e") for key in page]
            start += self.page
            if start >= len(self.keys):
                return


@given(st.sets(KEYS, max_size=120), st.integers(1, 7), st.sampled_from(["", "incoming/bulk/b/"]))
@settings(deadline=None)
def test_every_key_is_listed_once(names: set[str], page: int, prefix: str) -> None:
    keys = sorted(prefix + name for name in names)
    found = [item.key for each in listing(Keys(keys, page), prefix, 4, 2) for item in each]
    assert sorted(found) == keys
    assert found[: 2 * page] == keys[: 2 * page]


def test_a_small_listing_is_in_order_and_by_one_thread() -> None:
    lister = Keys([f"{number:03}" for number in range(40)], 10)
    assert [item.key for page in listing(lister, "") for item in page] == list(lister.keys)
    assert len(lister.threads) == 1


def test_a_large_listing_asks_hardly_more_often_than_there_are_pages() -> None:
    """Whoever waits for an answer gives nothing away: ranges without a key would be halved for ever."""
    keys = [f"incoming/bulk/b/cutout_{number:09}.jpg" for number in range(6_000)]

    class Slow(Keys):
        def __call__(self, after: str) -> Iterator[list[ListedObject]]:
            for page in super().__call__(after):
                time.sleep(0.001)
                yield page

    lister = Slow(keys, 10)
    found = [item.key for page in listing(lister, "incoming/bulk/b/") for item in page]
    assert sorted(found) == keys
    assert len(lister.asked) < 2 * 600 + 10
    assert len(lister.threads) > 1


@pytest.mark.parametrize("fails", [1, 3, 20])
def test_a_request_that_fails_fails_the_listing(fails: int) -> None:
    lister = Keys([f"{number:04}" for number in range(1_000)], 10, fails)
    with pytest.raises(InfrastructureError, match="S3 did not answer"):
        list(listing(lister, "", 4, 2))


def test_a_listing_that_nobody_goes_on_with_ends() -> None:
    pages = listing(Keys([f"{number:05}" for number in range(20_000)], 10), "", 4, 2)
    assert len(list(islice(pages, 5))) == 5
    pages.close()  # type: ignore[attr-defined]


@given(TEXTS, TEXTS)
def test_a_text_between_two_is_between_them(one: str, other: str) -> None:
    after, end = sorted((one, other))
    middle = between(after, end)
    assert middle is None or after < middle < end


@pytest.mark.parametrize(("after", "end"), [("a0001", "a\x7f"), ("", "b"), ("a", "b"), ("img_1", "img_5"), ("09", "1")])
def test_there_is_mostly_a_text_between_two(after: str, end: str) -> None:
    assert between(after, end) is not None
