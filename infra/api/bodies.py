"""Request bodies of the classify handlers as JSON Schema, generated from the constants used for validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skysort.drop.keys import INCOMING
from skysort.limits import DROP_KEY_BYTES, IMAGES_PER_REQUEST, STAR_ID_CHARACTERS, STAR_ROWS_PER_REQUEST
from skysort.options import MAX_TOP_K
from skysort.prior_option import MAX_SHARE
from skysort.star.columns import NO_REDSHIFT, RANGES, UNITS
from skysort.star.spellings import ALIASES, BANDS, IDENTIFIER, POSITION, REDSHIFT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Schema = dict[str, object]

# Custom formats, for strings that a pattern cannot describe.
PICTURE: Final = "picture"
IMAGE_LABEL: Final = "image-label"
IMAGE_LABELS: Final = "image-labels"
STAR_TABLE: Final = "star-table"
BINARY: Final[Schema] = {"type": "string", "format": "binary"}
# Boolean values of a form.
_SWITCH: Final[Schema] = {"type": "string", "enum": ["true", "false", "1", "0", "yes", "no", "on", "off"]}
_TOP_K: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": MAX_TOP_K}
# Up to this many classes are listed in the contract.
_FEW: Final = 20


def reference(name: str) -> Schema:
    """A reference to a schema of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def query_options(labels: Sequence[str], *, prior: bool) -> dict[str, Schema]:
    """The options of a call as query parameters. prior: whether the model takes class shares."""
    shares = {"prior": _shares_text(labels)} if prior else {}
    return {"top_k": _TOP_K, "labels": _joined(labels), "explain": {"type": "boolean"}, **shares}


def _shares_text(labels: Sequence[str]) -> Schema:
    """The shares of all of a few classes as text; without labels, those of a trained model."""
    share = r"(0\.[0-9]{0,9}[1-9]|[1-9][0-9]{0,8})"
    all_shares = ",".join(f"{label}:{share}" for label in labels)
    return {"type": "string", **({"pattern": f"^({all_shares})?$"} if labels else {})}


def _shares(labels: Sequence[str]) -> Schema:
    """The shares of all classes by label, in a JSON body."""
    share: Schema = {"type": "number", "minimum": 0, "maximum": MAX_SHARE}
    about = "class shares of the data at hand, in any unit, by which probabilities are re-weighted"
    shares = _object(dict.fromkeys(labels, share), labels, description=about)
    if labels:
        shares["not"] = {"properties": {label: {"const": 0} for label in labels}, "required": list(labels)}
    else:
        shares["additionalProperties"] = share
    return {"anyOf": [shares, _shares_text(labels), {"type": "null"}]}


def _joined(labels: Sequence[str]) -> Schema:
    """Comma-separated labels of a model; none: those of a trained model, which are on its card."""
    if not labels:
        return {"type": "string"}
    if len(labels) > _FEW:
        return {"type": "string", "format": IMAGE_LABELS}
    any_label = "|".join(labels)
    return {"type": "string", "pattern": f"^(({any_label})(,({any_label}))*)?$"}


def _options(labels: Sequence[str], *, prior: bool) -> dict[str, Schema]:
    """The options of a call in a JSON body. prior: whether the model takes class shares."""
    label: Schema = {"type": "string", **({"enum": list(labels)} if labels else {})}
    if len(labels) > _FEW:
        about = "a class's name or WordNet id, or one of the subsets dogs, cats, birds: see the model's card"
        label = {"type": "string", "format": IMAGE_LABEL, "description": about}
    listed = {"type": "array", "items": label, "minItems": 1}
    return {
        "top_k": {**_TOP_K, "type": ["integer", "null"]},
        "labels": {"anyOf": [listed, _joined(labels), {"type": "null"}]},
        "explain": {"type": ["boolean", "null"]},
        **({"prior": _shares(labels)} if prior else {}),
    }


def _form_options(labels: Sequence[str], *, prior: bool) -> dict[str, Schema]:
    shares = {"prior": _shares_text(labels)} if prior else {}
    return {"top_k": _TOP_K, "labels": _joined(labels), "explain": _SWITCH, **shares}


def _object(
    properties: Mapping[str, Schema], required: Sequence[str] = (), *, more: bool = False, **about: str
) -> Schema:
    """An object; more: whether additional properties are allowed."""
    members = {"properties": properties, "required": list(required), "additionalProperties": more}
    return {"type": "object", **about, **members}


def _many(names: Sequence[str], max_items: int, item: str) -> Schema:
    """A list of items; an unusable item gets an error in its place."""
    items = {"anyOf": [*map(reference, names), {}]}
    about = f"a {item} that cannot be used gets an error in its place"
    return {"type": "array", "items": items, "minItems": 1, "maxItems": max_items, "description": about}


def _columns(*redshift: str) -> dict[str, Schema]:
    """The columns of a row with their ranges; redshift: its types besides number."""
    columns: dict[str, Schema] = {}
    for name in BANDS:
        about = f"{UNITS[name]}; also named {', '.join(ALIASES[name])}"
        columns[name] = {"type": "number", "minimum": RANGES[name][0], "maximum": RANGES[name][1], "description": about}
    none, (low, high) = sorted(NO_REDSHIFT), RANGES[REDSHIFT]
    columns[REDSHIFT] = {
        # Not an enum: client generators do not support enums of numbers.
        "anyOf": [
            {"type": ["number", *redshift], "minimum": low, "maximum": high},
            *({"type": "number", "minimum": value, "maximum": value} for value in none),
        ],
        "description": f"{', '.join(f'{value:g}' for value in none)} mean that none was measured; "
        f"also named {', '.join(ALIASES[REDSHIFT])}",
    }
    for name in POSITION:
        columns[name] = {"description": f"accepted in any notation and not used; also named {', '.join(ALIASES[name])}"}
    return columns


def star_bodies(labels: Sequence[str]) -> dict[str, Schema]:
    """The JSON bodies with star rows, by schema name."""
    identifier = (
        f"text or a number; comes back as the result's id, cut to {STAR_ID_CHARACTERS} characters; "
        f"also named {', '.join(ALIASES[IDENTIFIER])}"
    )
    row: dict[str, Schema] = {**_columns("null"), IDENTIFIER: {"description": identifier}}
    about = "SDSS photometry of one object (AB magnitudes) and, where there is a spectrum, its redshift"
    rows = _many(["StarRow"], STAR_ROWS_PER_REQUEST, "row")
    return {
        "StarRow": _object(row, BANDS, more=True, description=about),
        "StarRowRequest": _object(
            {**row, **_options(labels, prior=True)}, BANDS, more=True, description="one row and options"
        ),
        "StarRowsRequest": _object({"instances": rows, **_options(labels, prior=True)}, ["instances"]),
    }


def star_form(labels: Sequence[str]) -> Schema:
    """One row as form fields."""
    return _object({**_columns(), **_form_options(labels, prior=True)}, BANDS, more=True)


def star_csv() -> Schema:
    """A table of rows as CSV."""
    about = f"a header with u, g, r, i, z and, where known, redshift; up to {STAR_ROWS_PER_REQUEST:,} rows"
    return {"type": "string", "format": STAR_TABLE, "description": about}


def picture_bodies(labels: Mapping[str, Sequence[str]]) -> dict[str, Schema]:
    """The JSON bodies with pictures of each model, by schema name."""
    name: Schema = {"type": ["string", "integer", "null"], "description": "comes back as the result's id"}
    about = "the file's bytes as base64, or a data URL"
    image: Schema = {"type": "string", "format": PICTURE, "contentEncoding": "base64", "description": about}
    key: Schema = {"type": "string", "pattern": f"^{INCOMING}", "maxLength": DROP_KEY_BYTES}
    instances = _many(["Picture", "DroppedPicture"], IMAGES_PER_REQUEST, "picture")
    bodies = {
        "Picture": _object({"image": image, "id": name}, ["image"]),
        "DroppedPicture": _object({"s3_key": key, "id": name}, ["s3_key"], description="a file of the drop bucket"),
    }
    for model, model_labels in labels.items():
        # A trained model's labels are on its own card, and it alone takes class shares.
        options = _options(model_labels, prior=not model_labels)
        single = {"image": image, "id": name, **options}
        bodies[f"{model.capitalize()}Request"] = _object(single, ["image"], description="one picture and options")
        many = {"instances": instances, **options}
        bodies[f"{model.capitalize()}ManyRequest"] = _object(many, ["instances"])
    return bodies


def picture_form(labels: Sequence[str]) -> Schema:
    """Files and options as form fields."""
    files: Schema = {"type": "array", "items": BINARY, "minItems": 1, "maxItems": IMAGES_PER_REQUEST}
    return _object({"file": files, **_form_options(labels, prior=not labels)}, ["file"])


def one_or_many(*names: str) -> Schema:
    """One item or many, with options."""
    return {"anyOf": [reference(name) for name in names]}
