"""A picture request once its body is read: the pictures in order, and the options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from skysort.errors import EmptyInputError, FieldError, InputError, InvalidFieldsError, LimitExceededError
from skysort.limits import IMAGES_PER_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysort.errors import SkysortError

T = TypeVar("T")
FORM: Final = "multipart/form-data"
JSON: Final = "application/json"
SEND: Final = (
    f"send {FORM} with file parts, a bare picture as image/jpeg, image/png, image/webp, image/tiff, image/gif, "
    f'image/heic, image/avif or application/fits, or {JSON} with {{"instances": [{{"image": base64}}]}}'
)


@dataclass(frozen=True, slots=True)
class PictureItem:
    """One picture of a request: its bytes, the key of its object, or its error."""

    id: str
    content: bytes = b""
    s3_key: str | None = None
    error: SkysortError | None = None

    @classmethod
    def of(cls, name: str, read: Callable[[T], bytes], source: T) -> PictureItem:
        """A picture read from a source; an InputError of the reader becomes the picture's error."""
        try:
            return cls(name, read(source))
        except InputError as error:
            return cls(name, error=error)


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """The pictures of a request in order, and the options of its body.

    single: whether the body was one bare picture, whose error is that of the whole request.
    """

    items: list[PictureItem]
    options: dict[str, Any] = field(default_factory=dict)
    single: bool = False


def check_count(count: int) -> None:
    """Raise EmptyInputError for no picture, LimitExceededError for more than IMAGES_PER_REQUEST."""
    if not count:
        raise EmptyInputError(f"the request has no picture; {SEND}")
    if count > IMAGES_PER_REQUEST:
        raise LimitExceededError(
            f"a request takes at most {IMAGES_PER_REQUEST} pictures; drop more into the drop folder, zipped or not"
        )


def invalid_field(name: str, reason: str, detail: str) -> InvalidFieldsError:
    """The error of one field."""
    return InvalidFieldsError([FieldError(name, reason, detail)])
