"""Files matched with their records, whatever their names look like and however many there are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skysort.batches.match import BatchFile, Matcher, Segment, State
from tests.fakes.buckets import DROP, RESULTS, MemoryBuckets

BATCH = "night-1"
# Names that begin with one another, look like records, or lie in folders of each other's names.
PIECES = st.sampled_from(["a", "b", ".csv", ".error", "/", "ü", ".zip", "-1", " "])
NAMES = (
    st.lists(PIECES, min_size=1, max_size=4)
    .map("".join)
    .filter(lambda name: "//" not in name and not name.startswith("/") and not name.endswith(("/", ".error")))
)


def segment(buckets: MemoryBuckets, after: str = "", **bounds: int) -> Segment:
    return Matcher(buckets, DROP, RESULTS, **bounds).segment("galaxy", BATCH, after)


def states(found: Segment) -> dict[str, State]:
    return {file.name: file.state for file in found.files}


def only(found: Segment) -> BatchFile:
    (file,) = found.files
    return file


@given(st.dictionaries(NAMES, st.sampled_from(State), max_size=12), st.integers(1, 5))
@settings(max_examples=200)
def test_every_file_is_in_the_state_of_its_record(wanted: dict[str, State], page: int) -> None:
    # Given files none of which lies below another (an archive's members do)
    wanted = {name: state for name, state in wanted.items() if not any(name.startswith(f"{o}/") for o in wanted)}
    buckets = MemoryBuckets(page=page)
    buckets.drop("galaxy", BATCH, *wanted)
    for name, state in wanted.items():
        if state is State.DONE:
            buckets.finish("galaxy", BATCH, name)
        elif state is State.FAILED:
            buckets.fail("galaxy", BATCH, name)
    # When the batch is read, whole or one or two files at a time
    whole = segment(buckets)
    assert states(whole) == wanted
    assert whole.complete
    for files in (1, 2):
        found: dict[str, State] = {}
        after, complete = "", False
        while not complete:
            part = segment(buckets, after, files=files)
            found |= states(part)
            after, complete = part.files[-1].name if part.files else "", part.complete
        # Then every file is told of, in its state
        assert found == wanted


def test_a_file_that_was_uploaded_again_waits_for_its_newer_outcome() -> None:
    # Given a record that is older than the file
    buckets = MemoryBuckets()
    buckets.finish("galaxy", BATCH, "m51.jpg")
    buckets.drop("galaxy", BATCH, "m51.jpg")
    # Then it waits, and when the newer record is there it is done
    assert only(segment(buckets)).state is State.WAITING
    buckets.fail("galaxy", BATCH, "m51.jpg")
    assert only(segment(buckets)).state is State.FAILED
    buckets.finish("galaxy", BATCH, "m51.jpg")
    assert only(segment(buckets)).state is State.DONE


def test_a_record_of_the_same_second_counts() -> None:
    # S3 tells times in whole seconds
    buckets = MemoryBuckets()
    buckets.put(DROP, f"incoming/galaxy/{BATCH}/a", modified="2026-01-01T00:00:00.000Z")
    buckets.put(RESULTS, f"galaxy/{BATCH}/a.json", modified="2026-01-01T00:00:00.000Z")
    assert only(segment(buckets)).state is State.DONE


def test_files_that_have_been_removed_since_keep_their_outcome() -> None:
    # Given outcomes without their files, one of them an archive's
    buckets = MemoryBuckets()
    buckets.finish("galaxy", BATCH, "gone.jpg")
    buckets.fail("galaxy", BATCH, "sub/broken.jpg")
    buckets.put(RESULTS, f"galaxy/{BATCH}/old.zip.csv")
    buckets.finish("galaxy", BATCH, "old.zip")
    buckets.finish("galaxy", BATCH, "old.zip/member.jpg")
    # Then they are told of, members apart
    found = segment(buckets)
    assert states(found) == {"gone.jpg": State.DONE, "old.zip": State.DONE, "sub/broken.jpg": State.FAILED}
    assert all(file.dropped is None for file in found.files)


def test_an_archives_members_are_counted_while_it_is_worked_on() -> None:
    # Given an archive with three records of members, and a file beside it whose name begins like it
    buckets = MemoryBuckets(page=2)
    buckets.drop("galaxy", BATCH, "survey.zip", "survey.zip.txt")
    for number in range(2):
        buckets.finish("galaxy", BATCH, f"survey.zip/{number}.jpg")
    buckets.fail("galaxy", BATCH, "survey.zip/broken.jpg")
    # When
    archive, other = segment(buckets).files
    # Then
    assert (archive.state, other.state) == (State.WAITING, State.WAITING)
    assert archive.members is not None
    assert (archive.members.done, archive.members.failed) == (2, 1)
    assert other.members is None


def test_members_of_a_finished_archive_are_passed_over() -> None:
    # Given an archive of 10,000 members, and files around it
    buckets = MemoryBuckets()
    buckets.drop("galaxy", BATCH, "a.jpg", "survey.zip", "z.jpg")
    for name in ("a.jpg", "survey.zip", "z.jpg"):
        buckets.finish("galaxy", BATCH, name)
    for number in range(10_000):
        buckets.put(RESULTS, f"galaxy/{BATCH}/survey.zip/{number:05}.jpg.json")
    # When
    found = segment(buckets)
    # Then two requests were enough for the results
    assert list(states(found).values()) == [State.DONE] * 3
    assert found.complete
    assert buckets.requests[RESULTS] == 2


def test_the_bounds_hold_and_nothing_is_lost() -> None:
    # Given more records than one answer looks at
    buckets = MemoryBuckets(page=7)
    names = [f"{number:03}.csv" for number in range(100)]
    buckets.drop("galaxy", BATCH, *names)
    for name in names:
        for suffix in ("", ".rejected.csv", ".json"):
            buckets.put(RESULTS, f"galaxy/{BATCH}/{name}{suffix}")
    # When it is read segment by segment
    found: list[str] = []
    complete = False
    while not complete:
        part = segment(buckets, found[-1] if found else "", records=30)
        found += [file.name for file in part.files]
        assert len(part.files) <= 12
        assert all(file.state is State.DONE for file in part.files)
        complete = part.complete
    # Then
    assert found == names


@pytest.mark.parametrize("name", ["", "folder/"])
def test_folder_markers_are_no_files(name: str) -> None:
    buckets = MemoryBuckets()
    buckets.put(DROP, f"incoming/galaxy/{BATCH}/{name}")
    assert segment(buckets).files == []


def test_a_key_too_long_for_a_suffix_is_found_by_its_hash() -> None:
    # Given a key that was dropped by hand, and its error record under a cut name
    buckets = MemoryBuckets()
    name = "x" * 1_000
    buckets.drop("galaxy", BATCH, name)
    buckets.fail("galaxy", BATCH, name)
    # Then
    assert states(segment(buckets)) == {name: State.FAILED}


def test_a_refused_name_has_no_record_but_its_error() -> None:
    # Given a.error, which was refused, beside a, whose error record looks like its summary
    buckets = MemoryBuckets()
    buckets.drop("galaxy", BATCH, "a", "a.error")
    buckets.fail("galaxy", BATCH, "a")
    assert states(segment(buckets)) == {"a": State.FAILED, "a.error": State.WAITING}
    # When its own record comes
    buckets.fail("galaxy", BATCH, "a.error")
    # Then that is its outcome
    assert states(segment(buckets)) == {"a": State.FAILED, "a.error": State.FAILED}
