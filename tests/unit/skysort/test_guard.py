"""The guard around readers: every exception belongs to the item that was read."""

from __future__ import annotations

import errno

import pytest

from skysort.errors import InfrastructureError, LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.guard import reading
from tests.reader_faults import READER_FAULTS

READERS_RAISE = [error for error in READER_FAULTS.values() if not isinstance(error, MemoryError)]


@pytest.mark.parametrize("error", READERS_RAISE, ids=lambda error: type(error).__name__)
def test_whatever_a_reader_raises_is_the_inputs_fault(error: Exception) -> None:
    # Given a reader that stumbles over foreign bytes, When it raises, Then the item is malformed, and says what it was
    with pytest.raises(MalformedInputError, match="the PNG picture cannot be read"), reading("the PNG picture"):
        raise error


def test_memory_that_there_is_not_is_a_limit() -> None:
    with pytest.raises(LimitExceededError, match="needs more memory"), reading("the PNG picture"):
        raise MemoryError


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EMFILE, errno.EIO])
def test_a_full_disk_is_not_the_inputs_fault(code: int) -> None:
    with pytest.raises(InfrastructureError), reading("the table"):
        raise OSError(code, "the machine's fault")


def test_a_module_that_an_image_lacks_is_not_the_inputs_fault() -> None:
    with pytest.raises(InfrastructureError, match="could not be read here"), reading("the HEIC picture"):
        raise ModuleNotFoundError("No module named 'pi_heif'")


def test_a_readers_own_refusal_passes_as_it_is() -> None:
    with pytest.raises(UnsupportedFormatError, match="12-bit"), reading("the JPEG picture"):
        raise UnsupportedFormatError("12-bit JPEG is not read")


def test_a_message_that_is_no_unicode_can_still_be_written() -> None:
    with pytest.raises(MalformedInputError) as caught, reading("the header"):
        raise ValueError("\ud800" + "x" * 1_000)
    assert len(caught.value.detail.encode()) < 300


def test_a_thousand_damaged_files_of_one_kind_leave_one_traceback(caplog: pytest.LogCaptureFixture) -> None:
    # Given a reader that fails over each file at the same place
    def fail() -> None:
        raise ZeroDivisionError("a size of 0")

    # When
    with caplog.at_level("INFO", "skysort"):
        for _ in range(1_000):
            with pytest.raises(MalformedInputError), reading("the TIFF picture"):
                fail()

    # Then every one is told of, and one with the place
    assert len(caplog.records) == 1_000
    assert sum(bool(record.exc_info) for record in caplog.records) == 1
