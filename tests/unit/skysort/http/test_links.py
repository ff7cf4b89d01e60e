"""Links of answers: references that lead to the same call, whatever a URL has before the paths of the API."""

from __future__ import annotations

from urllib.parse import urljoin

from hypothesis import given
from hypothesis import strategies as st

from skysort.http.links import located, relative

PART = st.text("abcXYZ019-_.~%", min_size=1, max_size=8).filter(lambda part: part not in {".", ".."})
PATH = st.lists(PART, min_size=1, max_size=4).map(lambda parts: "/".join(("/v1", *parts)))
BEFORE = st.sampled_from(["", "/prod", "/astronomy/sky"])


@given(before=BEFORE, here=PATH, there=PATH)
def test_a_reference_leads_to_its_path_below_whatever_the_url_begins_with(before: str, here: str, there: str) -> None:
    base = f"https://api.example.org{before}"
    assert urljoin(f"{base}{here}?limit=1", relative(there, here)) == f"{base}{there}"


def test_only_paths_of_the_api_become_references() -> None:
    # Given an answer with a path, a presigned URL, a place in S3, and a link that leads nowhere yet
    links = {"self": "/v1/bulk/b", "index": "https://s3/x", "data": "s3://results/bulk/", "table": None}
    # When it answers GET /v1/bulk/{id}
    found = located({"id": "b", "links": links}, "/v1/bulk/{id}")
    # Then
    assert found == {"id": "b", "links": {**links, "self": "../../v1/bulk/b"}}


def test_documents_of_a_list_have_references_too() -> None:
    job = {"id": "b", "links": {"self": "/v1/bulk/b"}}
    found = located({"jobs": [job], "next": None}, "/v1/bulk", "jobs")
    assert found == {"jobs": [{"id": "b", "links": {"self": "../v1/bulk/b"}}], "next": None}
