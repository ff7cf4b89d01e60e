"""Ranged reads of moto's S3 that read the range alone: moto reads the whole object first, into memory."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final

from moto.s3.models import FakeKey
from moto.s3.responses import S3Response

_WHOLE: Final[Any] = FakeKey.value
_ranged: Final = ContextVar("_ranged", default=False)


class _Content:
    """The content of an object, of which a slice reads only itself."""

    def __init__(self, key: FakeKey) -> None:
        self._key = key

    def __len__(self) -> int:
        size: int = self._key.contentsize
        return size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(len(self))
        with self._key.lock:
            self._key._value_buffer.seek(start)  # noqa: SLF001 - moto has no way to read a part
            return self._key._value_buffer.read(max(0, stop - start))  # noqa: SLF001


def read_ranges() -> None:
    """Have the S3 of this process read no more of an object than is asked for."""
    get_object, key_response = S3Response.get_object, S3Response.key_response

    def value(self: FakeKey) -> Any:
        return _Content(self) if _ranged.get() else _WHOLE.fget(self)

    def get(self: S3Response) -> Any:
        token = _ranged.set("range" in self.headers)
        try:
            return get_object(self)
        finally:
            _ranged.reset(token)

    def respond(self: S3Response, *request: Any) -> Any:
        status, headers, content = key_response(self, *request)
        return status, headers, content[:] if isinstance(content, _Content) else content

    keys: Any = FakeKey
    responses: Any = S3Response
    keys.value = property(value, _WHOLE.fset)
    responses.get_object = get
    responses.key_response = respond
