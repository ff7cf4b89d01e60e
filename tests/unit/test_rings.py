"""The labelled set of the README is what its script draws."""

from __future__ import annotations

import zipfile
from io import BytesIO

import numpy as np
from PIL import Image

from skysort_cli.labelled import labelled
from tests.rendered_rings import A_CLASS, FILE, FOLDER, new, pictures


def test_the_set_is_what_the_script_draws() -> None:
    with zipfile.ZipFile(FILE) as archive:
        there = {name: archive.read(name) for name in archive.namelist()}
    drawn = {**pictures(), **new()}
    there |= {path.name: path.read_bytes() for path in FOLDER.glob("*.jpg")}
    assert set(there) == set(drawn)
    # Another libjpeg may round otherwise, so pixels are held against each other, not bytes.
    for name, content in there.items():
        old, now = (np.asarray(Image.open(BytesIO(given)), np.int16) for given in (content, drawn[name]))
        assert np.abs(old - now).mean() < 1


def test_it_can_be_trained_on() -> None:
    assert labelled(str(FILE)).classes == {"no_ring": A_CLASS, "ring": A_CLASS}
