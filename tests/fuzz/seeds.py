"""Small sound files of every kind that is read, made by the tests' factories."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import zipfile
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from astropy.io import ascii as text_tables
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from PIL import Image, ImageCms
from pyarrow import parquet

from tests.factories import EXAMPLE_ROW
from tests.factories_images import encode, every_form, exif, fits_file, multipart, render, sky, tar_file
from tests.fakes.events import record
from tests.fakes.tables import HEADER, ROW, columns
from tests.heic_files import colours, heic, turned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

ROWS = 6


def pictures() -> list[bytes]:
    """Every format, in the variants that take ways of their own."""
    picture = render(24, 20)
    shown = Image.fromarray(picture)
    profile = _without_date(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    return [
        *every_form(picture).values(),
        *_compressed_fits(),
        encode(picture, "AVIF", quality=60),
        encode(picture, "AVIF", exif=exif(6)),
        heic(render(32, 16)),
        heic(render(16, 16), turned(1), colours(b"prof" + profile)),
        encode(shown.convert("RGBA"), "WEBP", lossless=True),
        encode(picture, "JPEG", icc_profile=profile, exif=exif(5)),
        encode(picture, "PNG", icc_profile=profile),
        encode(picture, "TIFF", icc_profile=profile),
        encode(shown.convert("CMYK"), "TIFF"),
        encode(shown.convert("LAB"), "TIFF", icc_profile=b""),
        encode(shown.convert("1"), "TIFF", compression="group4"),
        encode(picture, "TIFF", compression="packbits"),
        gzip.compress(fits_file(sky(20, 24)), 1, mtime=0),
    ]


def _without_date(profile: bytes) -> bytes:
    """A profile without the time at which it was made (ICC.1, 7.2: bytes 24 to 35)."""
    return profile[:24] + bytes(12) + profile[36:]


def _compressed_fits() -> list[bytes]:
    planes: list[NDArray[np.generic]] = [
        np.round(sky(20, 24) * 10).astype(np.int16), sky(20, 24), np.round(sky(20, 24)).astype(np.int32),
    ]  # fmt: skip
    found = []
    for plane, kind in [(planes[0], "RICE_1"), (planes[1], "RICE_1"), (planes[2], "GZIP_2"), (planes[0], "GZIP_1")]:
        file = io.BytesIO()
        with patch("time.time", lambda: 0.0):  # gzip's header has it
            fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(plane, compression_type=kind)]).writeto(file)
        found.append(file.getvalue())
    cube = fits_file(np.stack([sky(20, 24, seed=band) for band in range(4)]), BANDS="griz")
    file = io.BytesIO()
    extensions = [fits.ImageHDU(sky(20, 24), name="SEG"), fits.ImageHDU(sky(20, 24), name="SCI")]
    fits.HDUList([fits.PrimaryHDU(), *extensions]).writeto(file)
    return [*found, cube, file.getvalue()]


def archives() -> list[bytes]:
    """Zips and tars of pictures and of what is none."""
    members = {"a.png": encode(render(12, 10)), "d/é.jpg": encode(render(12, 10), "JPEG"), "notes.txt": b"text"}
    tar = tar_file(members, "w:")
    return [
        _zip(members),
        _zip({**members, "a.png.json": b"{}", "../x": b"", "__MACOSX/._a": b"1"}),
        *(tar, gzip.compress(tar, 1, mtime=0), bz2.compress(tar), lzma.compress(tar)),
    ]


def _zip(members: Mapping[str, bytes]) -> bytes:
    """A zip without the time of day: a seed is the same whenever it is made."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def tables() -> list[bytes]:
    """Tables of stars in every format."""
    made = columns(ROWS)
    table = Table(made)
    masked = Table({**made, "name": [f"star {n}" for n in range(ROWS)]})
    masked["redshift"] = MaskedColumn(made["redshift"], mask=np.arange(ROWS) % 2 == 0)
    csv = "\n".join([HEADER, *[ROW] * ROWS]) + "\n"
    written = [
        _written(table, "fits"),
        _written(masked, "fits"),
        _written(table, "votable"),
        _written(masked, "votable"),
    ]
    files = [
        *written,
        _votable(masked, "binary2"),
        _votable(table, "binary"),
        _parquet(made),
        _parquet({**made, "name": [f"star {n}" for n in range(ROWS)]}, compression="snappy"),
        _parquet({**made, "redshift.mask": np.arange(ROWS) % 2 == 0}),
        *(_ascii(masked, form) for form in ("ecsv", "ipac")),
        _ascii(table, "ecsv", delimiter=","),
    ]
    texts = [
        csv,
        csv.replace(",", ";").replace(".", ","),
        csv.replace(",", "\t"),
        "# a comment\n\n" + csv.replace("\n", "\r\n"),
        csv.replace(HEADER, "name," + HEADER).replace(ROW, '"two\nlines, and ""quotes""",' + ROW),
        "#Table1\n" + csv + "#Table2\n" + csv,
    ]
    plain = [text.encode() for text in texts]
    return [
        *files,
        *plain,
        gzip.compress(plain[0], 1, mtime=0),
        gzip.compress(files[0], 1, mtime=0),
        gzip.compress(files[2], 1, mtime=0),
    ]


def _written(table: Table, form: str) -> bytes:
    file = io.BytesIO()
    table.write(file, format=form)
    return file.getvalue()


def _votable(table: Table, form: str) -> bytes:
    file = io.BytesIO()
    table.write(file, format="votable", tabledata_format=form)
    return file.getvalue()


def _parquet(values: Mapping[str, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.table(values), file, **options)
    return file.getvalue()


def _ascii(table: Table, form: str, **options: Any) -> bytes:
    file = io.StringIO()
    text_tables.write(table, file, format=form, **options)
    return file.getvalue().encode()


def picture_bodies() -> list[tuple[str, bytes]]:
    """Content types and bodies of requests with pictures."""
    png = encode(render(12, 10))
    text = base64.b64encode(png).decode()
    form, form_type = multipart([("file", "a.png", png), ("labels", None, b"red,blue"), ("top_k", None, b"2")])
    document = {"instances": [{"image": text, "id": "a"}, {"image": f"data:image/png;base64,{text}"}], "top_k": 2}
    return [
        (form_type, form),
        ("application/json", json.dumps(document).encode()),
        ("application/json", b'{"instances": [{"s3_key": "incoming/image/b/a.png"}], "labels": ["red"]}'),
        ("", json.dumps(document).encode()),
        ("application/x-www-form-urlencoded", b"image=" + text.replace("+", "%2B").encode() + b"&top_k=1"),
        ("image/png", png),
        ("image/png", text.encode()),
        ("text/plain", f"data:image/png;base64,{text}".encode()),
    ]


def star_bodies() -> list[tuple[str, bytes]]:
    """Content types and bodies of requests with rows of stars."""
    row = json.dumps(EXAMPLE_ROW)
    csv = f"{HEADER}\n{ROW}\n{ROW}\n"
    query = "&".join(f"{name}={value}" for name, value in EXAMPLE_ROW.items())
    return [
        ("application/json", row.encode()),
        ("application/json", f'{{"instances": [{row}, {row}], "explain": true, "labels": "QSO,STAR"}}'.encode()),
        ("", f'{{"instances": [{row}], "top_k": 2}}'.encode()),
        ("text/csv", csv.encode()),
        ("text/csv", csv.replace(",", ";").replace(".", ",").encode()),
        ("application/x-www-form-urlencoded", query.encode()),
    ]


def upload_bodies() -> list[tuple[str, bytes]]:
    """Content types and bodies of requests for uploads."""
    files: Sequence[object] = [{"name": "a.csv", "size": 10}, {"name": "d/é.csv", "size": 10**9, "upload_id": "x"}]
    document = {"model": "star", "batch": "night 1", "files": files}
    return [("application/json", json.dumps(document).encode())]


def notifications() -> list[bytes]:
    """Bodies of queue messages."""
    both = {"Records": [record("incoming/star/b/a.csv"), record("incoming/star/b/é +.csv", version=None)]}
    texts = [json.dumps(both), '{"Records": []}', '{"Service": "Amazon S3", "Event": "s3:TestEvent"}']
    return [text.encode() for text in texts]


def results() -> list[bytes]:
    """Classified tables, as a batch's CSV reads them back."""
    appended = "skysort_class,skysort_p_galaxy,skysort_p_qso,skysort_p_star,skysort_set,skysort_variant,skysort_model"
    rows = "a,1,GALAXY,0.900000,0.050000,0.050000,GALAXY|QSO,photometry_only,star 1.1.0\n" * 3
    whole = f"name,u,{appended}\n{rows}"
    return [whole.encode(), whole.replace(",", ";").encode(), f"# my_skysort_class,{appended}\n{whole}".encode()]
