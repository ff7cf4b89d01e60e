"""The page's files and headers: light, whole, its own, and strict."""

from __future__ import annotations

import gzip
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from infra import ROOT
from infra.api.site_headers import CONTENT_TYPES, NOT_SERVED, cache_control, content_security_policy, security_headers
from infra.local.site import Site, compressed
from skysort.models import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from infra.local.responses import Response

SITE = ROOT / "functions" / "site"
PICTURES = {".jpg", ".png", ".webp"}
# As sent, with gzip.
WEIGHT = 130_000
FIRST_WEIGHT = 65_000
LINES = 300
SINKS = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*"(\.[^"]+)\"""")
SERVED = sorted(
    path for path in SITE.rglob("*") if path.is_file() and path.relative_to(SITE).parts[0] not in NOT_SERVED
)


def name_of(path: Path) -> str:
    return path.relative_to(SITE).as_posix()


def sent(response: Response | None) -> tuple[int, dict[str, str], bytes]:
    assert response is not None
    return response.status, {name.decode(): value.decode() for name, value in response.headers}, response.body


def sizes(paths: Iterable[Path]) -> dict[str, int]:
    """What is sent for each file that is no picture."""
    return {name_of(path): len(compressed(path.read_bytes())) for path in paths if path.suffix not in PICTURES}


def test_the_page_is_lighter_than_130_kb_before_pictures() -> None:
    weights = sizes(SERVED)
    assert sum(weights.values()) < WEIGHT, weights


def test_what_the_first_view_needs_is_lighter_than_65_kb() -> None:
    # Given the files that the page names, and the view of pictures with what each module imports at once
    text = (SITE / "index.html").read_text()
    paths = [SITE / name for name in re.findall(r'(?:href|src)="([^"#/][^"]*)"', text)]
    needed = {SITE / "index.html"}
    waiting = [*paths, SITE / "js" / "pictures" / "view.js"]
    while waiting:
        path = waiting.pop().resolve()
        if path in needed:
            continue
        needed.add(path)
        if path.suffix == ".js":
            waiting += [path.parent / target for target in re.findall(r'from "(\.[^"]+)"', path.read_text())]

    # Then
    weights = sizes(needed)
    assert "js/train/view.js" not in weights
    assert sum(weights.values()) < FIRST_WEIGHT, weights


@pytest.mark.parametrize("path", [path for path in SERVED if path.suffix in {".js", ".css", ".html"}], ids=name_of)
def test_no_file_is_longer_than_300_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) < LINES


@pytest.mark.parametrize("path", [path for path in SERVED if path.suffix == ".js"], ids=name_of)
def test_every_import_leads_to_a_file_of_the_page(path: Path) -> None:
    for target in IMPORT.findall(path.read_text()):
        assert (path.parent / target).resolve() in SERVED


def test_what_the_page_names_is_there() -> None:
    text = (SITE / "index.html").read_text()
    named = re.findall(r'(?:href|src)="([^"#/][^"]*)"', text)
    assert len(named) > 8
    assert all((SITE / name).is_file() for name in named)
    samples = [sample.file for model in MODELS.values() for sample in model.samples if sample.file]
    assert all((SITE / "samples" / name).is_file() for name in samples)


def test_nothing_in_the_page_comes_from_elsewhere_or_needs_an_exception_in_the_policy() -> None:
    for path in SERVED:
        if path.suffix not in {".html", ".js", ".css"}:
            continue
        text = path.read_text()
        addresses = set(re.findall(r"https?://[\w.]+", text)) - {"http://www.w3.org"}
        assert not addresses, path
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            path
        )
    page = (SITE / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>", page)


def test_samples_are_the_ones_that_the_project_renders() -> None:
    for path in (SITE / "samples").iterdir():
        assert path.read_bytes() == (ROOT / "events" / path.name).read_bytes()


def test_the_contours_name_their_source_and_hold_both_shares_of_each_class() -> None:
    document = json.loads((SITE / "data" / "colours.json").read_text())
    card = json.loads((ROOT / "functions" / "star" / "model" / "card.json").read_text())
    assert document["file"]["sha256"] == card["training_data"]["sha256"]
    assert list(document["classes"]) == card["labels"]
    for levels in document["classes"].values():
        assert [level["share"] for level in levels] == [0.9, 0.5]
        assert all(level["rings"] for level in levels)


def test_the_policy_allows_the_page_itself_and_the_uploads_alone() -> None:
    policy = dict(rule.split(" ", 1) for rule in content_security_policy(["https://drop.example"]).split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self' https://drop.example"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in " ".join(policy.values())


@pytest.mark.parametrize("path", SERVED, ids=name_of)
def test_every_file_is_served_with_its_type_and_every_security_header(path: Path) -> None:
    status, headers, body = sent(Site(SITE).find("GET", f"/{name_of(path)}", []))
    assert status == HTTPStatus.OK
    assert body == path.read_bytes()
    assert headers["content-type"] == CONTENT_TYPES[path.suffix]
    assert headers["content-length"] == str(len(body))
    assert headers.items() >= security_headers().items()


def test_the_root_is_the_page_and_a_head_request_gets_no_body() -> None:
    status, headers, body = sent(Site(SITE).find("HEAD", "/", []))
    assert (status, body) == (HTTPStatus.OK, b"")
    assert headers["content-type"].startswith("text/html")
    assert headers["cache-control"] == "no-cache"


def test_a_copy_that_still_holds_is_not_sent_again() -> None:
    # Given
    site = Site(SITE)
    _, headers, _ = sent(site.find("GET", "/js/main.js", []))

    # When
    for tag in (headers["etag"], f'"other", {headers["etag"]}', headers["etag"].removeprefix("W/"), "*"):
        status, again, body = sent(site.find("GET", "/js/main.js", [(b"if-none-match", tag.encode())]))

        # Then
        assert (status, body) == (HTTPStatus.NOT_MODIFIED, b"")
        assert again["etag"] == headers["etag"]
    status, _, _ = sent(site.find("GET", "/js/main.js", [(b"if-none-match", b'"older"')]))
    assert status == HTTPStatus.OK


@pytest.mark.parametrize(
    ("accepted", "is_smaller"), [("gzip, br", True), ("*", True), ("gzip;q=0, *", False), ("br", False)]
)
def test_text_is_sent_compressed_to_those_who_take_it(accepted: str, *, is_smaller: bool) -> None:
    _, headers, body = sent(Site(SITE).find("GET", "/js/main.js", [(b"accept-encoding", accepted.encode())]))
    assert headers["vary"] == "accept-encoding"
    assert headers["content-length"] == str(len(body))
    assert ("content-encoding" in headers) == is_smaller
    assert (gzip.decompress(body) if is_smaller else body) == (SITE / "js" / "main.js").read_bytes()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/../app.py"),
        ("GET", "/js/../../control/app.py"),
        ("GET", "//etc/passwd"),
        ("GET", "/nothing.js"),
        ("GET", "/js"),
        ("GET", "/docs/galaxy-dark.webp"),
        ("GET", "/./docs/galaxy-dark.webp"),
        ("GET", "/js/../docs/galaxy-dark.webp"),
        ("GET", "/js//main.js"),
        ("GET", "/README.md"),
        ("POST", "/index.html"),
    ],
)
def test_what_is_no_file_of_the_page_is_left_to_the_api(method: str, path: str) -> None:
    assert Site(SITE).find(method, path, []) is None


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert Site(folder).find("GET", "/link.txt", []) is None


def test_a_project_without_a_page_serves_none(tmp_path: Path) -> None:
    assert Site(tmp_path / "nothing").find("GET", "/", []) is None


def test_samples_are_kept_a_day_and_the_rest_is_asked_for_each_time() -> None:
    assert cache_control("samples/galaxy_spiral.jpg") == "public, max-age=86400"
    assert cache_control("js/main.js") == cache_control("index.html") == "no-cache"
