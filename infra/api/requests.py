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
from skysort.star.columns import ALIASES, BANDS, IDENTIFIER, NO_REDSHIFT, POSITION, RANGES, REDSHIFT, UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    return {"type": "string", "pattern": f"^(({one})(,({one}))*)?$"}


def options_in_query(labels: Sequence[str]) -> dict[str, Schema]:
    """The options of a call, as its query has them."""
    return {
        "top_k": {"type": "integer", "minimum": 1, "maximum": MAX_TOP_K},
        "labels": labels_in_query(labels),
        "explain": {"type": "boolean"},
    }


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


def _magnitude(name: str) -> Schema:
    low, high = RANGES[name]
    about = f"{UNITS[name]}; also named {', '.join(ALIASES[name])}"
    return {"type": "number", "minimum": low, "maximum": high, "description": about}


def _redshift(*types: str) -> Schema:
    """A number in its range, or one of those that catalogues write where there is none."""
    low, high = RANGES[REDSHIFT]
    none = f"{', '.join(f'{value:g}' for value in sorted(NO_REDSHIFT))} stand for none"
    return {
        # Not an enum: generators of clients have none of numbers.
        "anyOf": [
            {"type": [*types], "minimum": low, "maximum": high},
            *({"type": "number", "minimum": value, "maximum": value} for value in sorted(NO_REDSHIFT)),
        ],
        "description": f"{none}; also named {', '.join(ALIASES[REDSHIFT])}",
    }


def star_row() -> Schema:
    """A row by the columns' own names; other names are told of in words, and a catalogue's other columns let be."""
    columns = {**{name: _magnitude(name) for name in BANDS}, REDSHIFT: _redshift("number", "null")}
    named = {
        "description": f"text or a number; comes back as the result's id, cut to {STAR_ID_CHARACTERS} characters; "
        f"also named {', '.join(ALIASES[IDENTIFIER])}"
    }
    about = "SDSS photometry of one object (AB magnitudes) and, where there is a spectrum, its redshift"
    return _catalogued({**columns, **_positions(), IDENTIFIER: named}, description=about)


def _catalogued(properties: dict[str, Schema], **more: Any) -> Schema:
    """A row with whatever else its catalogue has."""
    return {**_object(properties, BANDS, **more), "additionalProperties": True}


def _positions() -> dict[str, Schema]:
    return {
        name: {"description": f"accepted in any notation and not used; also named {', '.join(ALIASES[name])}"}
        for name in POSITION
    }


def star_bodies(labels: Sequence[str]) -> dict[str, Schema]:
    """The JSON bodies with a star row, by the names that a generated client gives them."""
    row = star_row()
    return {
        "StarRow": row,
        "StarRowRequest": _catalogued({**row["properties"], **options(labels)}, description="one row and options"),
        "StarRowsRequest": _object({"instances": _star_rows(), **options(labels)}, ["instances"]),
    }


def star_json() -> Schema:
    """One row or many, with options."""
    return {"anyOf": [reference("StarRowRequest"), reference("StarRowsRequest")]}


def _star_rows() -> Schema:
    return _many([reference("StarRow")], STAR_ROWS_PER_REQUEST, "a row that cannot be used gets an error in its place")


def star_form(labels: Sequence[str]) -> Schema:
    """One row as a form's fields."""
    columns = {**{name: _magnitude(name) for name in BANDS}, REDSHIFT: _redshift("number")}
    of_query = {"top_k": {"type": "integer", "minimum": 1, "maximum": MAX_TOP_K}, "labels": labels_in_query(labels)}
    return _catalogued({**columns, **_positions(), **of_query, "explain": _SWITCH})


def star_csv() -> Schema:
    """Many rows."""
    about = f"a header with u, g, r, i, z and, where known, redshift; up to {STAR_ROWS_PER_REQUEST:,} rows"
    return {"type": "string", "format": STAR_TABLE, "description": about}


def picture_bodies(labels: Mapping[str, Sequence[str]]) -> dict[str, Schema]:
    """The JSON bodies with pictures of each model, by the names that a generated client gives them."""
    name: Schema = {"type": ["string", "integer", "null"], "description": "comes back as the result's id"}
    image: Schema = {
        "type": "string",
        "format": PICTURE,
        "contentEncoding": "base64",
        "description": "the file's bytes as base64, or a data URL",
    }
    key: Schema = {"type": "string", "pattern": "^incoming/", "maxLength": DROP_KEY_BYTES}
    bodies = {
        "Picture": _object({"image": image, "id": name}, ["image"]),
        "DroppedPicture": _object({"s3_key": key, "id": name}, ["s3_key"], description="a file of the drop bucket"),
    }
    for model, its in labels.items():
        one = {"image": image, "id": name, **options(its)}
        bodies[f"{model.capitalize()}Request"] = _object(one, ["image"], description="one picture and options")
        many = {"instances": _pictures(), **options(its)}
        bodies[f"{model.capitalize()}ManyRequest"] = _object(many, ["instances"])
    return bodies


def picture_json(model: str) -> Schema:
    """One picture or many, with options."""
    return {"anyOf": [reference(f"{model.capitalize()}Request"), reference(f"{model.capitalize()}ManyRequest")]}


def _pictures() -> Schema:
    kinds = [reference("Picture"), reference("DroppedPicture")]
    return _many(kinds, IMAGES_PER_REQUEST, "a picture that cannot be used gets an error in its place")


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


def _many(kinds: Sequence[Schema], most: int, about: str) -> Schema:
    items = {"anyOf": [*kinds, {}]}
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most, "description": about}
