"""Plans: sources become slices, slices parts, and what cannot be classified is refused with a sentence."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from skysort.bulk import listed, planner
from skysort.bulk.access import EVERYTHING, Access
from skysort.bulk.keys import BulkKeys
from skysort.bulk.manifest import PartItem, Slice, from_json, read_slices
from skysort.bulk.planner import Planned, plan
from skysort.bulk.request import Job
from skysort.bulk.store import Requests, SourceChangedError, SourceObject
from skysort.clients import Client
from skysort.errors import (
    EmptyInputError,
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    NotFoundError,
    SkysortError,
)
from tests.fakes.model_store import MemoryModelStore, etag_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skysort.bulk.access import AccessCheck
    from skysort.bulk.store import Planned as PlannedObject

HEADER = "objid,u,g,r,i,z,redshift\n"
MINE = Client("client-aaaa")
STARS = "incoming/bulk/client-aaaa/b/"


@dataclass
class Bucket:
    """Source objects in memory, as a bucket of S3 has them."""

    objects: dict[str, bytes]
    requests: Requests = field(default_factory=Requests)

    def list(self, prefix: str) -> Iterator[SourceObject]:
        for key in sorted(self.objects, key=str.encode):
            if key.startswith(prefix):
                yield self.stat(key)

    def stat(self, source: str) -> SourceObject:
        if source not in self.objects:
            raise NotFoundError(source)
        body = self.objects[source]
        return SourceObject(source, len(body), etag_of(body))

    def read(self, planned: PlannedObject, start: int, size: int) -> bytes:
        self.requests.count(get=1)
        body = self.objects.get(planned.source, b"")
        if etag_of(body) != planned.etag:
            raise SourceChangedError(f"the file {planned.source} changed while it was read; start a new job")
        return body[start : start + size]


def stars(rows: int, header: str = HEADER) -> bytes:
    return (header + "".join(f"{n},17.{n % 10},16,15,15.5,15,0.1\n" for n in range(rows))).encode()


def a_job(source: dict[str, Any] | None = None, **changes: Any) -> Job:
    job = Job("star-20260101-000000-aaaaaa", "shared", "", "star", source or {"prefix": STARS}, "2026-01-01T00:00:00Z")
    return replace(job, **changes)


def planned(
    objects: dict[str, bytes], job: Job | None = None, access: AccessCheck = EVERYTHING
) -> tuple[Planned, list[list[Slice]]]:
    """The plan of a job, and the slices of its parts."""
    store, keys = MemoryModelStore(), BulkKeys("shared", "star-20260101-000000-aaaaaa")
    result = plan(job or a_job(), Bucket(objects), store, keys, access)
    items = from_json(store.get(keys.manifest).body)
    return result, [list(read_slices(store, item)) for item in items]


def test_tables_of_a_prefix_become_parts() -> None:
    # When
    result, parts = planned({STARS + "a.csv": stars(10), STARS + "b.csv.gz": gzip.compress(stars(5)), "other": b"x"})
    # Then
    assert [[(each.source, each.format) for each in part] for part in parts] == [
        [(STARS + "a.csv", "csv"), (STARS + "b.csv.gz", "csv.gz")]
    ]
    assert (result.files, result.parts, result.rows_exact, result.refused) == (2, 1, False, 0)


def test_a_large_table_is_the_work_of_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "BULK_PART_BYTES_MIN", 40_000)
    monkeypatch.setattr(planner, "BULK_PART_BYTES", 40_000)
    monkeypatch.setattr(planner, "_SLICE_BYTES", 100)
    result, parts = planned({STARS + "a.csv": stars(20_000)})
    assert result.parts == len(parts) == round(len(stars(20_000)) / 40_000)
    assert {len(part) for part in parts} == {1}
    assert sum(each.end - each.start for part in parts for each in part) == len(stars(20_000)) - len(HEADER)


def test_small_jobs_have_parts_for_all_workers_and_large_ones_grow() -> None:
    assert planner._share(100, 4, 1, 1_000) == 12
    assert planner._share(100_000, 4, 1, 1_000) == 1_000
    assert planner._share(None, 4, 1, 1_000) == 1_000
    assert [planner._growth(parts) for parts in (0, 4_999, 5_000, 7_500, 8_750, 9_999)] == [1, 1, 2, 4, 8, 8_192]


@pytest.mark.parametrize("pictures", [7, 30])
def test_more_pictures_than_parts_allow_at_first_make_larger_parts(
    monkeypatch: pytest.MonkeyPatch, pictures: int
) -> None:
    # Given
    monkeypatch.setattr(planner, "BULK_PARTS", 8)
    monkeypatch.setattr(planner, "BULK_PART_PICTURES", 2)
    monkeypatch.setattr(planner, "_PICTURES_MIN", 2)
    objects = {f"{STARS}{number:04}.jpg": b"picture" for number in range(pictures)}
    # When
    result, parts = planned(objects, a_job(model="galaxy"))
    # Then
    assert [each.source for part in parts for each in part] == list(objects)
    assert result.parts == len(parts) <= 8
    assert (result.rows, result.rows_exact, result.files) == (pictures, True, pictures)


def test_what_cannot_be_classified_is_refused_by_name_and_the_rest_planned() -> None:
    # When
    result, parts = planned(
        {
            STARS + "1.csv": stars(10),
            STARS + "2.csv": b"",
            STARS + "3.csv": stars(10, "objid,a,b,c,d,e,f\n"),
            STARS + "4.csv": HEADER.encode(),
            STARS + "5.jpg": b"\xff\xd8\xff" + b"0" * 100,
            STARS + "6.json": b"{}",
            STARS + "_SUCCESS": b"",
            STARS + "folder/": b"",
        }
    )
    # Then
    assert [each.source for part in parts for each in part] == [STARS + "1.csv"]
    reasons = {source.removeprefix(STARS): reason for source, reason in result.refusals}
    assert result.refused == len(reasons) == 5
    assert reasons["2.csv"] == "the file is empty: it has no bytes"
    assert "u: there is no column u" in reasons["3.csv"]
    assert reasons["4.csv"] == "the table has a header but no rows"
    assert "a JPEG picture" in reasons["5.jpg"]
    assert "looks like JSON" in reasons["6.json"]


def test_a_table_without_a_carried_column_is_refused() -> None:
    result, _ = planned(
        {STARS + "1.csv": stars(3, HEADER.replace("objid", "plate")), STARS + "2.csv": stars(3)},
        a_job(columns=("plate",)),
    )
    [(source, reason)] = result.refusals
    assert (source, reason.startswith("plate: is to be copied")) == (STARS + "2.csv", True)


def test_a_job_whose_files_are_all_refused_is_refused() -> None:
    with pytest.raises(EmptyInputError, match=r"none of the files can be classified: .*a\.csv: the file is empty"):
        planned({STARS + "a.csv": b""})


def test_an_empty_prefix_is_named() -> None:
    with pytest.raises(EmptyInputError, match=f"there is no file below '{STARS}'"):
        planned({"incoming/bulk/client-bbbb/x.csv": stars(3)})


def test_no_more_refusals_are_listed_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "BULK_REFUSALS_LISTED", 2)
    result, _ = planned({STARS + "z.csv": stars(3), **{f"{STARS}{number}.csv": b"" for number in range(5)}})
    assert (result.refused, len(result.refusals)) == (5, 2)


def test_too_many_pictures_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "BULK_PICTURES", 3)
    with pytest.raises(LimitExceededError, match="up to 3 pictures"):
        planned({f"{STARS}{number}.jpg": b"x" for number in range(4)}, a_job(model="image"))


def test_too_many_tables_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "BULK_TABLES", 3)
    with pytest.raises(LimitExceededError, match="up to 3 tables"):
        planned({f"{STARS}{number}.csv": stars(1) for number in range(4)})


def test_a_file_that_changes_while_it_is_planned_fails_the_job() -> None:
    class Changing(Bucket):
        def read(self, planned: PlannedObject, start: int, size: int) -> bytes:
            self.objects[planned.source] += b"1,17,16,15,15.5,15,0.1\n"
            return super().read(planned, start, size)

    with pytest.raises(SourceChangedError, match=r"a\.csv changed while it was read; start a new job"):
        plan(a_job(), Changing({STARS + "a.csv": stars(3)}), MemoryModelStore(), BulkKeys("shared", "j"), EVERYTHING)


def test_a_second_planner_gives_the_manifest_of_the_first() -> None:
    # Given
    store, keys = MemoryModelStore(), BulkKeys("shared", "star-20260101-000000-aaaaaa")
    bucket = Bucket({STARS + "a.csv": stars(3)})
    plan(a_job(), bucket, store, keys, EVERYTHING)
    before = store.get(keys.manifest).body
    # When
    bucket.objects[STARS + "b.csv"] = stars(3)
    plan(a_job(), bucket, store, keys, EVERYTHING)
    # Then
    assert store.get(keys.manifest).body == before


@dataclass
class Made:
    """A CSV of rows of 150 bytes, which are made when they are read. largest: the most that was read at once."""

    rows: int
    requests: Requests = field(default_factory=Requests)
    largest: int = 0

    def list(self, prefix: str) -> Iterator[SourceObject]:
        yield self.stat(prefix + "survey.csv")

    def stat(self, source: str) -> SourceObject:
        return SourceObject(source, len(HEADER) + 150 * self.rows, "e")

    def read(self, _planned: PlannedObject, start: int, size: int) -> bytes:
        self.requests.count(get=1)
        self.largest = max(self.largest, size)
        skipped, number = divmod(max(0, start - len(HEADER)), 150)[::-1]
        made = HEADER.encode()[start:] if start < len(HEADER) else b""
        wanted = skipped + size - len(made)
        rows = range(number, min(self.rows, number + -(-wanted // 150)))
        text = b"".join(b"%-149b\n" % (b"%d,17.1,16.2,15.3,15.4,15.5,0.1" % each) for each in rows)
        return made + text[skipped:wanted]


def test_a_billion_rows_are_planned_by_a_request_a_part() -> None:
    # Given 150 GB
    store, keys, source = MemoryModelStore(), BulkKeys("shared", "j"), Made(10**9)
    # When
    result = plan(a_job(), source, store, keys, EVERYTHING)
    # Then
    assert (result.parts, result.bytes) == (2_235, 150 * 10**9 + len(HEADER))
    assert source.requests.get == result.parts + 1
    assert source.largest <= 256 * 1024
    [first], [last] = (read_slices(store, from_json(store.get(keys.manifest).body)[place]) for place in (0, -1))
    assert (first.start, last.end) == (len(HEADER), result.bytes)
    assert (last.start - len(HEADER)) % 150 == 0


OWN = STARS + "a.csv"
FOREIGN = "incoming/bulk/client-bbbb/b/a.csv"


@pytest.mark.parametrize(
    ("source", "field_name"),
    [
        ({"prefix": "incoming/bulk/client-bbbb/"}, "source.prefix"),
        ({"prefix": "incoming/bulk/client-aaaa"}, "source.prefix"),
        ({"keys": [OWN, FOREIGN]}, "source.keys"),
        ({"keys": ["s3://elsewhere/a.csv"]}, "source.keys"),
        ({"manifest": FOREIGN}, "source.manifest"),
        ({"manifest": STARS + "list.txt"}, "source.manifest"),
        ({"manifest": STARS + "list.json"}, "source.manifest"),
    ],
)
def test_one_foreign_file_refuses_the_whole_job(source: dict[str, Any], field_name: str) -> None:
    # Given
    listing = {STARS + "list.txt": f"{OWN}\n{FOREIGN}\n".encode(), STARS + "list.json": json.dumps([FOREIGN]).encode()}
    # When
    with pytest.raises(InvalidFieldsError) as raised:
        planned({OWN: stars(3), FOREIGN: stars(3), **listing}, a_job(source), Access(MINE, "drop"))
    # Then
    assert [fault.field for fault in raised.value.fields] == [field_name]


def test_a_key_that_does_not_exist_is_refused_by_name() -> None:
    result, parts = planned({OWN: stars(3)}, a_job({"keys": [OWN, STARS + "none.csv"]}), Access(MINE, "drop"))
    assert result.refusals == ((STARS + "none.csv", "the file does not exist"),)
    assert [each.source for part in parts for each in part] == [OWN]


MANIFESTS = {
    "lines": f"{OWN}\r\n\r\n{STARS}b.csv\n".encode(),
    "lines with a byte order mark": b"\xef\xbb\xbf" + f"{OWN}\n{STARS}b.csv".encode(),
    "json": json.dumps([OWN, {"key": STARS + "b.csv"}]).encode(),
    "json lines": "\n".join(
        [json.dumps(OWN), json.dumps({"key": STARS + "b.csv", "size": len(stars(4)), "etag": etag_of(stars(4))})]
    ).encode(),
    "gzip": gzip.compress(f"{OWN}\n{STARS}b.csv\n".encode()),
}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_a_manifest_lists_files(kind: str) -> None:
    objects = {OWN: stars(3), STARS + "b.csv": stars(4), STARS + "list": MANIFESTS[kind]}
    _, parts = planned(objects, a_job({"manifest": STARS + "list"}), Access(MINE, "drop"))
    assert [each.source for part in parts for each in part] == [OWN, STARS + "b.csv"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "lists no file"),
        (b"\n\n", "lists no file"),
        (b"[1]", "item 1 of the manifest has no key"),
        (b"[", "not JSON"),
        (b'{"key": 3}', "not the manifest.json|line 1 of the manifest has no key"),
        (b'{"fileSchema": "x"}', "not the manifest.json of an S3 inventory"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b'{"key": "x"', "neither a key nor JSON"),
        (b"x" * 5_000, "has no key"),
    ],
)
def test_what_is_no_manifest_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(SkysortError, match=message):
        planned({OWN: stars(3), STARS + "list": body}, a_job({"manifest": STARS + "list"}))


def test_a_manifest_that_does_not_exist_is_named() -> None:
    with pytest.raises(NotFoundError):
        planned({OWN: stars(3)}, a_job({"manifest": STARS + "list"}))


def inventory(rows: list[list[object]], **changes: Any) -> dict[str, bytes]:
    """An S3 inventory of a bucket: its manifest.json and a file of gzipped CSV."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    document = {
        "sourceBucket": "survey",
        "destinationBucket": "arn:aws:s3:::inventories",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ETag",
        "files": [{"key": "survey/data/1.csv.gz", "size": 1, "MD5checksum": "x"}],
        **changes,
    }
    return {
        "s3://inventories/manifest.json": json.dumps(document, indent=2).encode(),
        "s3://inventories/survey/data/1.csv.gz": gzip.compress(text.getvalue().encode()),
    }


OPENED = Access(MINE, "drop", ["survey/public/", "inventories/"])


def test_an_inventory_lists_files_with_what_is_known_about_them() -> None:
    # Given a key as inventories encode it, an older version, a deleted object and a folder
    body = stars(3)
    rows: list[list[object]] = [
        ["survey", "public/a+b%2Bc.csv", "v2", "true", "false", len(body), etag_of(body)],
        ["survey", "public/a+b%2Bc.csv", "v1", "false", "false", 7, "x"],
        ["survey", "public/gone.csv", "v3", "true", "true", "", ""],
        ["survey", "public/", "v4", "true", "false", 0, "y"],
    ]
    objects = {"s3://survey/public/a b+c.csv": body, **inventory(rows)}
    # When
    result, parts = planned(objects, a_job({"manifest": "s3://inventories/manifest.json"}), OPENED)
    # Then
    assert [[each.source for each in part] for part in parts] == [["s3://survey/public/a b+c.csv"]]
    assert result.refused == 0


def test_an_inventory_of_a_foreign_file_refuses_the_job() -> None:
    objects = inventory([["survey", "private/a.csv", "v", "true", "false", 1, "e"]])
    with pytest.raises(InvalidFieldsError, match="not open to bulk jobs"):
        planned(objects, a_job({"manifest": "s3://inventories/manifest.json"}), OPENED)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"fileFormat": "ORC"}, MalformedInputError, "inventories of CSV are read"),
        ({"fileSchema": "Key"}, MalformedInputError, "no columns Bucket and Key"),
        ({"fileSchema": "Bucket, Key"}, MalformedInputError, "is no file of an S3 inventory"),
        ({"files": []}, EmptyInputError, "lists no file"),
        ({"destinationBucket": "arn:aws:s3:::secret"}, InvalidFieldsError, "not open to bulk jobs"),
    ],
)
def test_an_inventory_that_cannot_be_read_is_refused(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    rows: list[list[object]] = [["survey", "public/a.csv", "v", "true", "false", 1, "e"]]
    with pytest.raises(error, match=message):
        planned(inventory(rows, **changes), a_job({"manifest": "s3://inventories/manifest.json"}), OPENED)


def test_a_long_list_without_sizes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed, "BULK_LOOKUPS", 2)
    objects = {OWN: stars(3), STARS + "list": f"{OWN}\n{OWN}\n{OWN}\n".encode()}
    with pytest.raises(LimitExceededError, match="use an S3 inventory"):
        planned(objects, a_job({"manifest": STARS + "list"}))


def test_items_say_how_much_there_is_to_do() -> None:
    store, keys = MemoryModelStore(), BulkKeys("shared", "j")
    plan(a_job(model="galaxy"), Bucket({STARS + "a.jpg": b"12345"}), store, keys, EVERYTHING)
    [item] = from_json(store.get(keys.manifest).body)
    assert item == PartItem(0, item.key, 0, item.end, 1, 5)
