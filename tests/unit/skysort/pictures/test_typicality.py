"""How typical a picture's embedding is: the p-values, and what the file refuses."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import ArtefactError
from skysort.learning.sketch import THRESHOLD, p_values
from skysort.pictures.typicality import PictureTypicality, smaller

WIDTH, AXES = 6, 2
ZERO = np.zeros(1, np.float32)


def fitted(good: np.ndarray) -> PictureTypicality:
    """Good pictures vary along the first two coordinates; the third is what was learnt to be foreign."""
    arrays = {
        "mean": np.zeros(WIDTH, np.float32),
        "axes": np.eye(WIDTH, AXES, dtype=np.float32),
        "linear": np.eye(WIDTH, dtype=np.float32)[2] * 5,
        "squares": np.zeros(AXES, np.float32),
        "constants": np.zeros(2, np.float32),
    }
    outside, score = PictureTypicality(**arrays, outside=ZERO, foreign=ZERO, smaller=ZERO).scores(good)
    arrays |= {"outside": np.sort(outside), "foreign": np.sort(score)}
    least = smaller(p_values(arrays["outside"], outside), p_values(arrays["foreign"], score))
    return PictureTypicality(**arrays, smaller=np.sort(least).astype(np.float32))


def pictures(count: int, seed: int) -> np.ndarray:
    spread = np.array([5, 3, 0.2, 0.2, 0.2, 0.2])
    return np.asarray(np.random.default_rng(seed).standard_normal((count, WIDTH)) * spread, np.float32)


TYPICALITY = fitted(pictures(2_000, seed=1))


def test_typicality_of_good_pictures_is_spread_evenly_so_that_one_in_200_is_flagged() -> None:
    measured = TYPICALITY.measure(pictures(20_000, seed=2))
    assert np.quantile(measured, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.04)
    assert 0.001 < (measured < THRESHOLD).mean() < 0.012


@pytest.mark.parametrize(
    ("odd", "why"), [([0, 0, 0, 0, 0, 4], "outside the axes"), ([0, 0, 3, 0, 0, 0], "learnt to be foreign")]
)
def test_a_picture_is_flagged_for_what_lies_outside_and_for_what_was_learnt(odd: list[float], why: str) -> None:
    measured = TYPICALITY.measure(np.array([odd, [4, 2, 0.1, 0.1, 0.2, 0.1]], np.float32))
    assert measured[0] < THRESHOLD < measured[1], why


def test_a_picture_is_measured_alike_alone_and_among_others() -> None:
    many = pictures(40, seed=3)
    alone = np.concatenate([TYPICALITY.measure(many[row : row + 1]) for row in range(len(many))])
    assert TYPICALITY.measure(many) == pytest.approx(alone, rel=1e-4)


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=WIDTH, max_size=WIDTH))
def test_typicality_is_a_share(embedding: list[float]) -> None:
    (measured,) = TYPICALITY.measure(np.array([embedding], np.float32))
    assert 0 < measured <= 1


def test_a_file_measures_as_what_wrote_it() -> None:
    again = PictureTypicality.load(TYPICALITY.save())
    assert np.array_equal(again.measure(pictures(50, seed=4)), TYPICALITY.measure(pictures(50, seed=4)))


def damaged(**changes: np.ndarray | None) -> bytes:
    arrays = {name: values for name, values in (TYPICALITY.arrays | changes).items() if values is not None}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "because"),
    [
        (b"", "EOFError"),
        (TYPICALITY.save()[:-40], "BadZipFile"),
        (damaged(axes=None), "axes"),
        (damaged(linear=np.zeros(5, np.float32)), "do not fit each other: linear"),
        (damaged(mean=np.full(WIDTH, np.nan, np.float32)), "do not fit each other: values"),
        (damaged(outside=np.zeros(0, np.float32)), "do not fit each other: outside"),
        (damaged(squares=np.array(["a", "b"], dtype=object)), "allow_pickle"),
    ],
)
def test_a_damaged_file_is_refused(content: bytes, because: str) -> None:
    with pytest.raises(ArtefactError, match="the typicality of the model cannot be read") as refused:
        PictureTypicality.load(content)
    assert because in str(refused.value.detail)


def test_a_card_without_typicality_has_none() -> None:
    assert PictureTypicality.of_card({"name": "galaxy"}, lambda _: b"") is None


@pytest.mark.parametrize(
    ("entry", "because"),
    [
        ({"threshold": 0.01, "file": "typicality.npz"}, "threshold of typicality is 0.01, not 0.005"),
        ({"file": "typicality.npz"}, "does not describe its typicality in full"),
        (None, "does not describe its typicality in full"),
    ],
)
def test_a_card_that_says_it_otherwise_is_refused(entry: object, because: str) -> None:
    with pytest.raises(ArtefactError, match=because):
        PictureTypicality.of_card({"typicality": entry}, lambda _: TYPICALITY.save())
