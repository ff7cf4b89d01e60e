"""Keys of dropped files and of their records."""

from __future__ import annotations

import contextlib
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skysort.drop import keys
from skysort.errors import MalformedInputError
from skysort.limits import DROP_KEY_BYTES

S3_KEY_BYTES = 1024
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("incoming/star/night+1/m31.csv", "incoming/star/night 1/m31.csv"),
        ("incoming/star/b/a%2Bb.csv", "incoming/star/b/a+b.csv"),
        ("incoming/star/b/100%2525.csv", "incoming/star/b/100%25.csv"),  # decoded once, not twice
        ("incoming/star/b/%C3%A9toile.csv", "incoming/star/b/étoile.csv"),
    ],
)
def test_awkward_keys_are_decoded_exactly_once(encoded: str, key: str) -> None:
    assert keys.decode(encoded) == key


@given(names)
def test_what_s3_encodes_is_decoded(key: str) -> None:
    assert keys.decode(quote_plus(key)) == key


def test_a_key_names_model_batch_and_file() -> None:
    assert keys.parse("incoming/star/night-1/field 7/m31.csv") == keys.DropKey("star", "night-1", "field 7/m31.csv")


def test_a_trained_model_has_two_segments() -> None:
    key = keys.parse("incoming/custom/rings/night-1/field 7/m31.jpg")
    assert key == keys.DropKey("custom/rings", "night-1", "field 7/m31.jpg")
    assert (key.family, key.trained) == ("custom", "rings")
    assert keys.result_key("incoming/custom-star/qso/b/t.csv", keys.SUMMARY) == "custom-star/qso/b/t.csv.json"
    assert keys.parse("incoming/star/b/t.csv").trained is None
    for short in ("incoming/custom/rings/m31.jpg", "incoming/custom-star//b/t.csv", "incoming/custom/rings/"):
        with pytest.raises(MalformedInputError, match=r"incoming/custom(-star)?/<name>/<batch>/<file>"):
            keys.parse(short)


@pytest.mark.parametrize(
    "key", ["incoming/star/m31.csv", "star/b/m31.csv", "incoming//b/m31.csv", "incoming/star//m31.csv", "m31.csv", "x"]
)
def test_a_key_of_another_layout_is_refused_with_the_right_one(key: str) -> None:
    with pytest.raises(MalformedInputError, match="incoming/<model>/<batch>/<file>"):
        keys.parse(key)


@pytest.mark.parametrize("name", ["a.json", "a.csv.rejected.csv", "a.csv.error.json", "a.error", ".error"])
def test_names_of_records_are_refused(name: str) -> None:
    with pytest.raises(MalformedInputError, match="rename"):
        keys.parse(f"incoming/star/b/{name}")


STAR, PICTURE = ("", ".rejected.csv"), (".csv",)
confusing = st.lists(st.sampled_from(["a", ".error", ".json", ".csv", ".rejected", "/"]), min_size=1, max_size=5).map(
    "".join
)


def records(name: str, suffixes: tuple[str, ...]) -> set[str]:
    """Every key that something may ever be written to for a dropped file."""
    key = f"incoming/star/b/{name}"
    with contextlib.suppress(MalformedInputError):
        keys.parse(key)
        return {keys.result_key(key, suffix) for suffix in (*suffixes, keys.SUMMARY, keys.ERROR)}
    return {keys.result_key(key, keys.ERROR)}


@pytest.mark.parametrize("suffixes", [STAR, PICTURE], ids=["star", "pictures"])
@example("a", "a.error")
@example("a", "a.json")
@given(confusing, confusing)
def test_no_two_files_ever_share_a_record(suffixes: tuple[str, ...], first: str, second: str) -> None:
    assert first == second or not records(first, suffixes) & records(second, suffixes)


def test_the_result_has_the_name_of_the_file() -> None:
    assert keys.result_key("incoming/star/b/m31.csv.gz") == "star/b/m31.csv.gz"
    assert keys.result_key("incoming/star/b/m31.csv", ".error.json") == "star/b/m31.csv.error.json"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=1100))
def test_every_result_key_fits_into_s3(name: str) -> None:
    key = f"incoming/star/b/{name}"
    for suffix in (keys.SUMMARY, keys.ERROR, ".rejected.csv"):
        assert len(keys.result_key(key, suffix).encode()) <= S3_KEY_BYTES


def test_keys_too_long_for_their_results_keep_apart() -> None:
    # Given two keys that differ only behind the limit
    first, second = (f"incoming/star/b/{'x' * DROP_KEY_BYTES}{ending}" for ending in "ab")

    # When / Then both are refused, and each has an error record of its own
    with pytest.raises(MalformedInputError, match="bytes"):
        keys.parse(first)
    assert keys.result_key(first, keys.ERROR) != keys.result_key(second, keys.ERROR)
