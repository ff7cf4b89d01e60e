"""A VOTable that names other files: nothing that it names is opened, whatever the scheme or the spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import InputError, MalformedInputError, UnsupportedFormatError
from skysort.star.tables.votable import open_votable
from tests.fakes.tables import classify

if TYPE_CHECKING:
    from pathlib import Path


FIELDS = "".join(f'<FIELD name="{band}" datatype="unsignedByte"/>' for band in "ugriz")
SCHEMES = ("file://{canary}", "file:{canary}", "http://127.0.0.1:9/x", "https://127.0.0.1:9/x", "ftp://127.0.0.1:9/x")
SECRET = "AWS_SECRET_ACCESS_KEY=canary"
# Each way in which astropy looks for data, and spellings of the element that it might take for one.
DATA = (
    '<BINARY><STREAM href="{url}"/></BINARY>',
    '<BINARY2><STREAM href="{url}" encoding="gzip"/></BINARY2>',
    '<FITS extnum="1"><STREAM href="{url}"/></FITS>',
    '<PARQUET type="VOTable-remote-file"><STREAM href="{url}"/></PARQUET>',
    '<v:BINARY><v:STREAM href="{url}"/></v:BINARY>',
    '<BINARY><STREAM xlink:href="{url}"/></BINARY>',
    '<BINARY><stream HREF="{url}"/></BINARY>',
)
DOCUMENT_TYPES = (
    '<!DOCTYPE VOTABLE SYSTEM "{url}">',
    '<!DOCTYPE VOTABLE [<!ATTLIST STREAM href CDATA "{url}">]>',
    '<!DOCTYPE VOTABLE [<!ENTITY secret SYSTEM "{url}">]>',
    '<!DOCTYPE VOTABLE [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
)


def document(data: str, document_type: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{document_type}<VOTABLE version="1.4" xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink"><RESOURCE><TABLE>{FIELDS}<DATA>{data}</DATA></TABLE></RESOURCE>'
        "</VOTABLE>"
    ).encode()


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "environ"
    path.write_text(SECRET * 10)
    return path


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("data", DATA)
def test_a_dropped_table_whose_rows_lie_elsewhere_is_refused_unopened(
    star_folder: Path, canary: Path, scheme: str, data: str
) -> None:
    body = document(data.format(url=scheme.format(canary=canary)))
    with pytest.raises(UnsupportedFormatError, match="stores its rows elsewhere") as caught:
        classify(star_folder, body)
    assert SECRET not in caught.value.detail


@pytest.mark.parametrize("declaration", DOCUMENT_TYPES)
def test_a_document_type_is_refused(star_folder: Path, canary: Path, declaration: str) -> None:
    body = document(
        "<BINARY><STREAM encoding='base64'>AAAA</STREAM></BINARY>", declaration.format(url=f"file://{canary}")
    )
    with pytest.raises(UnsupportedFormatError, match="document type declaration"):
        classify(star_folder, body)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "latin-1"])
def test_no_encoding_hides_a_reference(star_folder: Path, canary: Path, encoding: str) -> None:
    text = document(DATA[0].format(url=f"file://{canary}")).decode()
    body = text.replace("?>", f' encoding="{encoding.removesuffix("-sig")}"?>', 1).encode(encoding)
    with pytest.raises(InputError):
        classify(star_folder, body)


@pytest.mark.parametrize("data", DATA)
def test_a_reference_behind_the_table_is_refused_too(star_folder: Path, canary: Path, data: str) -> None:
    # Given a table whose rows are there, and another whose rows are not
    rows = f"<TABLEDATA><TR>{'<TD>20</TD>' * 5}</TR></TABLEDATA>"
    other = f"<TABLE><DATA>{data.format(url=canary)}</DATA></TABLE></RESOURCE>"
    body = document(rows).replace(b"</RESOURCE>", other.encode())
    # When, Then
    with pytest.raises(UnsupportedFormatError, match="stores its rows elsewhere"):
        classify(star_folder, body)


def test_links_of_columns_are_text_and_stay(star_folder: Path) -> None:
    link = b'<LINK href="http://example.org/doc"/>'
    rows = f"<TABLEDATA><TR>{'<TD>20</TD>' * 5}</TR></TABLEDATA>"
    assert link in classify(star_folder, document(rows).replace(b"<DATA>", link + b"<DATA>")).table


@given(st.binary(max_size=200).map(lambda body: body.replace(b"\0", b"&")))
def test_bytes_that_are_no_xml_are_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(MalformedInputError, match="not well-formed XML"), open_votable([b"<VOTABLE>" + body], bool):
        pass
