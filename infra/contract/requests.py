"""The bodies that the classify handlers read, as JSON Schema made from the constants that they check against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skysort.limits import (
    DROP_KEY_BYTES,
    IMAGES_PER_REQUEST,
    STAR_ID_CHARACTERS,
    STAR_ROWS_PER_REQUEST,
)
from skysort.options import MAX_TOP_K
from skysort.star.columns import ALIASES, BANDS, IDENTIFIER, POSITION, RANGES, REDSHIFT, UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

Schema = dict[str, Any]

# Formats of our own: what a string holds, where a pattern cannot say it.
PICTURE: Final = "picture"
IMAGE_LABEL: Final = "image-label"
IMAGE_LABELS: Final = "image-labels"
STAR_TABLE: Final = "star-table"
# How a form says true and false.
_SWITCH: Final[Schema] = {"type": "string", "enum": ["true", "false", "1", "0", "yes", "no", "on", "off"]}
# Models of few classes: the contract lists them.
_FEW: Final = 20


def reference(name: str) -> Schema:
    """A schema of the document's components."""
    return {"$ref": f"#/components/schemas/{name}"}


def label(labels: Sequence[str]) -> Schema:
    """One label of a model."""
    if len(labels) <= _FEW:
        return {"type": "string", "enum": list(labels)}
    return {
        "type": "string",
        "format": IMAGE_LABEL,
        "description": "a class's name or WordNet id, or one of the subsets dogs, cats, birds: see the model's card",
    }


def labels_in_query(labels: Sequence[str]) -> Schema:
    """Labels of a model, separated by commas."""
    if len(labels) > _FEW:
        return {"type": "string", "format": IMAGE_LABELS}
    one = "|".join(labels)
    return {"type": "string", "pattern": f"^({one})(,({one}))*$"}


def options(labels: Sequence[str]) -> dict[str, Schema]:
    """The options of a call, as a JSON body has them."""
    return {
        "top_k": {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_TOP_K},
        "labels": {
            "anyOf": [
                {"type": "array", "items": label(labels), "minItems": 1},
                labels_in_query(labels),
                {"type": "null"},
            ]
        },
        "explain": {"type": ["boolean", "null"]},
    }


def _object(properties: dict[str, Schema], required: Sequence[str] = (), **more: Any) -> Schema:
    return {
        "type": "object",
        **more,
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _column(name: str) -> Schema:
    low, high = RANGES[name]
    unit = f"{UNITS[name]}; " if UNITS[name] else ""
    number = {"minimum": low, "maximum": high, "description": f"{unit}also named {', '.join(ALIASES[name])}"}
    return {"type": "number" if name in BANDS else ["number", "null"], **number}


def star_row() -> Schema:
    """A row by the columns' own names; other names are told of in words."""
    columns = {name: _column(name) for name in (*BANDS, REDSHIFT, *POSITION)}
    named = {
        "type": ["string", "integer", "null"],
        "maxLength": STAR_ID_CHARACTERS,
        "description": f"also named {', '.join(ALIASES[IDENTIFIER])}",
    }
    about = "SDSS photometry of one object (AB magnitudes) and, where there is a spectrum, its redshift"
    return _object({**columns, IDENTIFIER: named}, BANDS, description=about)


def star_json(labels: Sequence[str]) -> Schema:
    """One row with options, rows with options, or a bare list of rows."""
    row = star_row()
    rows = _many("StarRow", STAR_ROWS_PER_REQUEST, "a row that cannot be used gets an error in its place")
    return {
        "anyOf": [
            _object({**row["properties"], **options(labels)}, BANDS, title="StarRowRequest"),
            _object({"instances": rows, **options(labels)}, ["instances"], title="StarRowsRequest"),
            rows,
        ]
    }


def star_form(labels: Sequence[str]) -> Schema:
    """One row as a form's fields."""
    columns = {name: {**_column(name), "type": "number"} for name in (*BANDS, REDSHIFT, *POSITION)}
    of_query = {"top_k": {"type": "integer", "minimum": 1, "maximum": MAX_TOP_K}, "labels": labels_in_query(labels)}
    return _object({**columns, **of_query, "explain": _SWITCH}, BANDS)


def star_csv() -> Schema:
    """Many rows."""
    about = f"a header with u, g, r, i, z and, where known, redshift; up to {STAR_ROWS_PER_REQUEST:,} rows"
    return {"type": "string", "format": STAR_TABLE, "description": about}


def pictures() -> dict[str, Schema]:
    """Pictures of a JSON body."""
    name = {"type": ["string", "integer"], "description": "comes back as the result's id"}
    image = {
        "type": "string",
        "format": PICTURE,
        "contentEncoding": "base64",
        "description": "the file's bytes as base64, or a data URL",
    }
    key = {"type": "string", "pattern": "^incoming/", "maxLength": DROP_KEY_BYTES}
    return {
        "Picture": _object({"image": image, "id": name}, ["image"]),
        "DroppedPicture": _object({"s3_key": key, "id": name}, ["s3_key"], description="a file of the drop bucket"),
    }


def picture_json(labels: Sequence[str]) -> Schema:
    """One picture with options, pictures with options, or a bare list of pictures."""
    many = {
        "type": "array",
        "items": {"anyOf": [reference("Picture"), reference("DroppedPicture"), {}]},
        "minItems": 1,
        "maxItems": IMAGES_PER_REQUEST,
        "description": "a picture that cannot be used gets an error in its place",
    }
    one = pictures()["Picture"]
    return {
        "anyOf": [
            _object({**one["properties"], **options(labels)}, ["image"], title="PictureRequest"),
            _object({"instances": many, **options(labels)}, ["instances"], title="PicturesRequest"),
            many,
        ]
    }


def picture_form(labels: Sequence[str]) -> Schema:
    """Files and options as a form's fields."""
    file = {"type": "string", "format": "binary"}
    properties = {
        "file": {"type": "array", "items": file, "minItems": 1, "maxItems": IMAGES_PER_REQUEST},
        "top_k": {"type": "integer", "minimum": 1, "maximum": MAX_TOP_K},
        "labels": labels_in_query(labels),
        "explain": _SWITCH,
    }
    return _object(properties, ["file"])


def _many(name: str, most: int, about: str) -> Schema:
    items = {"anyOf": [reference(name), {}]}
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most, "description": about}
