"""What schemathesis cannot make up by itself: pictures, tables, and names among a thousand labels."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Final

import schemathesis
from hypothesis import strategies as st

from infra.api import bodies
from skysort.batches.status import Cursor
from skysort.http.control import CURSOR
from skysort.pictures.formats.sniff import detect
from tests.factories_images import every_form, render

ROOT: Final = Path(__file__).resolve().parents[2]
CARD: Final[dict[str, Any]] = json.loads((ROOT / "functions" / "image" / "model" / "card.json").read_bytes())
PICTURES: Final = list(every_form(render(48, 40)).values())

bands = st.floats(5, 35, allow_nan=False)
row = st.tuples(bands, bands, bands, bands, bands).map(lambda values: ",".join(map(repr, values)))
tables = st.lists(row, min_size=1, max_size=5).map(lambda rows: "\n".join(["u,g,r,i,z", *rows]))
labels = st.sampled_from([*CARD["labels"], *CARD["wordnet_ids"], *CARD["subsets"]]).filter(lambda name: "," not in name)
pictures = st.sampled_from(PICTURES)

schemathesis.openapi.format("binary", pictures)
schemathesis.openapi.format(bodies.PICTURE, pictures.map(lambda content: base64.b64encode(content).decode()))
schemathesis.openapi.format(bodies.STAR_TABLE, tables)
schemathesis.openapi.format(bodies.IMAGE_LABEL, labels)
schemathesis.openapi.format(bodies.IMAGE_LABELS, st.lists(labels, min_size=1, max_size=5).map(",".join))
cursors = st.builds(Cursor, st.sampled_from(["", "galaxy", "image", "star"]), st.text(max_size=20), st.integers(0, 99))

schemathesis.openapi.format(CURSOR, cursors.map(Cursor.encode))
schemathesis.openapi.media_type("application/octet-stream", pictures)
for form in {detect(content) for content in PICTURES}:
    alike = [content for content in PICTURES if detect(content) is form]
    schemathesis.openapi.media_type(str(form), st.sampled_from(alike))


@schemathesis.serializer("text/csv")
def plain_text(_: schemathesis.SerializationContext, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
