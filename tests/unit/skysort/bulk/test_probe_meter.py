"""What a probe makes of samples: whole ones as they are, others without what opening them costs for other rows."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from skysort.bulk.probe import _Enough, _Meter


@dataclass
class Work:
    """A clock, and rows that are taken while it goes on."""

    now: float = 0.0
    rows: int = 0

    def go_on(self, seconds: float, rows: int) -> None:
        self.now += seconds
        self.rows += rows


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    made = Work()
    monkeypatch.setattr("skysort.bulk.probe.time.perf_counter", lambda: made.now)
    return made


def meter_of(work: Work) -> _Meter:
    meter = _Meter(budget_s=0.5)
    meter.taken = lambda: work.rows
    return meter


def test_a_sample_that_is_read_to_its_end_counts_as_it_is(work: Work) -> None:
    meter = meter_of(work)
    meter.begin(None)
    work.go_on(0.2, 1_000)
    meter.check()
    work.go_on(0.2, 3_000)
    meter.complete()
    assert meter.rows == 4_000
    assert meter.seconds == pytest.approx(0.4)


def test_rows_that_were_read_share_the_opening_with_those_that_were_not(work: Work) -> None:
    # Given a row group of 100,000 rows, which takes 2 s to be opened, and 0.3 s for 10,000 rows
    meter = meter_of(work)
    meter.begin(100_000)
    work.go_on(2.0, 10_000)
    meter.check()
    work.go_on(0.3, 10_000)
    meter.check()
    work.go_on(0.3, 10_000)
    # When the sample has had its time
    with pytest.raises(_Enough):
        meter.check()
    # Then a row takes what it would in the whole group: 2 s / 100,000 + 0.3 s / 10,000
    assert meter.rows == 20_000
    assert meter.seconds / meter.rows == pytest.approx(2.0 / 100_000 + 0.3 / 10_000)


def test_what_opening_a_text_costs_counts_for_no_row(work: Work) -> None:
    meter = meter_of(work)
    meter.begin(None)
    work.go_on(0.7, 1_000)
    meter.check()
    work.go_on(0.6, 2_000)
    with pytest.raises(_Enough):
        meter.check()
    assert meter.rows == 2_000
    assert meter.seconds == pytest.approx(0.6)
