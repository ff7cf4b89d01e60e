"""JSON with pictures: one object, or ``{"instances": [objects]}``; whatever is wrong with one stays with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skysort import json_document
from skysort.errors import EmptyInputError, FieldError, InputError, InvalidFieldsError, MalformedInputError
from skysort.limits import IMAGE_ID_CHARACTERS
from skysort.options import NAMES as OPTION_NAMES
from skysort.options import taken_from
from skysort.pictures.bodies.base64_text import from_base64
from skysort.pictures.bodies.request import SEND, PictureItem, PictureRequest, check_count, wrong

if TYPE_CHECKING:
    from collections.abc import Mapping

_MEMBERS: Final = frozenset({"id", "image", "s3_key"})
_ADDRESSES: Final = frozenset({"url", "uri", "href", "src", "image_url", "imageurl", "image_uri", "link"})


def read_json(body: bytes) -> PictureRequest:
    """Read a JSON body.

    Raises MalformedInputError, EmptyInputError, LimitExceededError and InvalidFieldsError.
    """
    if not body.strip():
        raise EmptyInputError(f"the body is empty; {SEND}")
    document = json_document.read(body)
    if not isinstance(document, dict):
        raise MalformedInputError(f"the body must be an object; {SEND}")
    options = taken_from(document)
    json_document.require_sound(document)
    if "instances" not in document:
        return PictureRequest([_read_instance(dict(document), "0")], options, single=True)
    instances = document.pop("instances")
    if document:
        known = ", ".join(("instances", *OPTION_NAMES))
        raise InvalidFieldsError(
            [FieldError(name, "unknown_field", f"is not known; known are {known}") for name in document]
        )
    if not isinstance(instances, list):
        raise wrong("instances", "not_a_list", "must be a list of pictures")
    check_count(len(instances))
    items = [_read_instance(instance, str(number)) for number, instance in enumerate(instances)]
    return PictureRequest(items, options)


def _read_instance(instance: Any, number: str) -> PictureItem:
    """One picture of a JSON body; whatever is wrong with it stays with it."""
    name = number
    try:
        if not isinstance(instance, dict):
            raise wrong("instance", "not_an_object", 'must be {"image": base64} or {"s3_key": key}')
        if isinstance(instance.get("id"), str):
            name = _name(instance, number)
        json_document.require_sound(instance)
        name = _name(instance, number)
        unknown = [_unknown(member) for member in instance if member not in _MEMBERS]
        if unknown:
            raise InvalidFieldsError(unknown)
        image, key = _text(instance, "image"), _text(instance, "s3_key")
        if (image is None) == (key is None):
            raise wrong("image", "missing_or_double", "give either image or s3_key")
        if image is not None:
            return PictureItem(name, from_base64(image))
    except InputError as error:
        return PictureItem(name, error=error)
    return PictureItem(name if "id" in instance else str(key)[:IMAGE_ID_CHARACTERS], s3_key=key)


def _unknown(member: str) -> FieldError:
    if member.lower() in _ADDRESSES:
        return FieldError(member, "unknown_field", "is not known: pictures are not fetched; send base64 as image")
    return FieldError(member, "unknown_field", "is not known; known are image, s3_key and id")


def _name(instance: Mapping[str, Any], number: str) -> str:
    given = instance.get("id")
    if given is None or given == "":
        return number
    if not isinstance(given, str | int) or isinstance(given, bool):
        raise wrong("id", "not_a_name", "must be text or a whole number")
    return str(given)[:IMAGE_ID_CHARACTERS]


def _text(instance: Mapping[str, Any], member: str) -> str | None:
    value = instance.get(member)
    if value is not None and not isinstance(value, str):
        raise wrong(member, "not_text", "must be text: an object's key, or a picture's bytes as base64 or a data URL")
    return value
