"""Pictures as other instruments show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from model_export.galaxy import instruments

if TYPE_CHECKING:
    from collections.abc import Callable


def noise() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def pictures(count: int = 4, side: int = 32) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, side, side), generator=noise()).float()


EVERY = torch.arange(4)
CHANGES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "half the resolution": instruments.halved,
    "noise": lambda shown, chosen: instruments.noisy(shown, chosen, noise()),
    "colours": lambda shown, chosen: instruments.coloured(shown, chosen, noise()),
    "grey": lambda shown, chosen: instruments.greyed(shown, chosen, noise()),
    "JPEG": lambda shown, chosen: instruments.compressed(shown, chosen, noise()),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_keeps_size_and_range_and_those_not_chosen(name: str) -> None:
    # When the third picture alone is changed
    before = pictures()
    after = CHANGES[name](before, torch.tensor([2]))
    # Then
    assert after.shape == before.shape
    assert (after.min() >= 0, after.max() <= 255) == (True, True)
    assert [torch.equal(one, other) for one, other in zip(before, after, strict=True)] == [True, True, False, True]


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_no_picture_is_none(name: str) -> None:
    before = pictures()
    assert torch.equal(CHANGES[name](before, EVERY[:0]), before)


def test_a_grey_picture_has_no_colour() -> None:
    shown = instruments.greyed(pictures(), EVERY, noise())
    assert torch.equal(shown[:, 0], shown[:, 2])


def test_half_the_resolution_keeps_the_light_but_not_the_detail() -> None:
    before = pictures()
    after = instruments.halved(before, EVERY)
    assert float(after.mean()) == pytest.approx(float(before.mean()), rel=0.02)
    assert float(after.std()) < 0.6 * float(before.std())


def test_a_batch_is_partly_changed_and_the_same_again_by_its_seed() -> None:
    before = pictures(count=64)
    after, again = (instruments.changed(before, noise()) for _ in range(2))
    same = [torch.equal(one, other) for one, other in zip(before, after, strict=True)]
    assert 0 < sum(same) < 64
    assert torch.equal(after, again)


def test_other_colours_may_have_a_brighter_sky_but_never_a_darker_one() -> None:
    # Given black frames
    sky = instruments.coloured(torch.zeros(64, 3, 4, 4), torch.arange(64), noise()).amax(dim=(1, 2, 3))
    # Then
    assert float(sky.min()) == 0
    assert 20 < float(sky.max()) <= instruments.SKY
