"""Conversion of colours to sRGB: by an embedded ICC profile, or by the code points (nclx) of HEIC and AVIF.

Done on the model's small input picture, so that the cost does not depend on the picture's size. Pillow's binding to
Little CMS is imported for the first picture with a profile.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from skysort.cache import AnswerCache
from skysort.errors import MalformedInputError
from skysort.guard import reading
from skysort.input_warnings import InputWarning

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONVERTED: Final = "colour_profile_converted"
IGNORED: Final = "colour_profile_ignored"

# ICC.1:2022, 7.2: the signatures of a profile's class and colour space in its header.
_HEADER_BYTES, _TAG, _MAX_TAGS = 128, 12, 100
_CLASS, _SPACE = slice(12, 16), slice(16, 20)
_CLASSES: Final = frozenset({b"scnr", b"mntr", b"prtr", b"spac"})
_MODES: Final = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
# Tags with piecewise curves, whose segments Little CMS searches linearly for every colour: a small profile may keep it
# busy for minutes. Real profiles rarely have them, and always tables as well.
_PIECEWISE: Final = frozenset({b"D2B0", b"D2B1", b"D2B2", b"D2B3", b"B2D0", b"B2D1", b"B2D2", b"B2D3"})
# Maximum difference, in levels of 255, for a profile to count as sRGB: vendors round its curve differently.
_SRGB_LEVELS: Final = 4
_KEPT: Final = 32  # profiles whose transforms are cached
_FLAGS: Final = 0x2000 | 0x0800  # black point compensation, small tables for CMYK: a tenth of the time
_NAME_CHARACTERS: Final = 60

# Matrices from primaries to sRGB's, by code point (ITU-T H.273, table 2), all with the white point D65.
_PRIMARIES: Final[dict[int, tuple[str, tuple[tuple[float, ...], ...]]]] = {
    9: ("BT.2020", ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))),
    12: ("Display P3", ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979))),
}
# Transfer characteristics (table 3) of high dynamic range.
_PQ, _HLG = 16, 18
_WHITE: Final = 203.0  # reference white in cd/m2 (ITU-R BT.2408, table 1)
_HLG_WHITE: Final = 0.265  # linear light of HLG's 75 % signal, its reference white


@dataclass(frozen=True, slots=True)
class Nclx:
    """Colours as code points of ITU-T H.273: primaries and transfer characteristics."""

    primaries: int
    transfer: int

    @property
    def is_srgb_like(self) -> bool:
        """Whether the colours need no conversion."""
        return self.primaries not in _PRIMARIES and self.transfer not in {_PQ, _HLG}


@dataclass(frozen=True, slots=True)
class _Conversion:
    """transform: of Little CMS; None where the profile is like sRGB, or unusable for the reason in broken."""

    mode: str = "RGB"
    transform: Any = None
    name: str = ""
    broken: str = ""


_lock = Lock()
_conversions: AnswerCache[_Conversion] = AnswerCache(_KEPT)


def to_srgb(picture: Image.Image, profile: bytes) -> tuple[Image.Image, tuple[InputWarning, ...]]:
    """Convert a small picture, RGB, grey or CMYK, to sRGB by its profile; returns it with a warning."""
    # A profile that is damaged or for another colour space is ignored with a warning: the pixels are usable without.
    key = hashlib.sha256(profile).digest()
    with _lock:
        conversion = _conversions.get(key)
        if conversion is None:
            conversion = _conversion(profile)
            _conversions.put(key, conversion)
    if conversion.broken:
        return picture, (ignored(conversion.broken),)
    if conversion.mode != picture.mode:
        return picture, (ignored(f"it is for {conversion.mode} colours and the picture's are {picture.mode}"),)
    if conversion.transform is None:
        return picture, ()
    shown = conversion.transform.apply(picture)
    return shown, (_converted(f"its colour profile{f' ({conversion.name})' if conversion.name else ''}"),)


def from_nclx(picture: Image.Image, nclx: Nclx) -> tuple[Image.Image, tuple[InputWarning, ...]]:
    """Convert a small RGB picture to sRGB by its code points."""
    if nclx.is_srgb_like or picture.mode != "RGB":
        return picture, ()
    light = _linear(np.asarray(np.asarray(picture) / 255, np.float32), nclx.transfer)
    name, matrix = _PRIMARIES.get(nclx.primaries, ("high dynamic range", None))
    if matrix is not None:
        light = light @ np.array(matrix, np.float32).T
    light = np.clip(light, 0, 1)
    # IEC 61966-2-1.
    shown = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)  # noqa: PLR2004
    return Image.fromarray((shown * 255 + 0.5).astype(np.uint8)), (_converted(f"the colours that it names ({name})"),)


def _linear(signal: NDArray[np.float32], transfer: int) -> NDArray[np.float32]:
    """Linear light of a signal, 1 for reference white: ITU-R BT.2100 for high dynamic range, else sRGB's curve."""
    if transfer == _PQ:
        root = signal ** (1 / 78.84375)
        light = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
        return np.asarray(light ** (1 / 0.1593017578125) * (10_000 / _WHITE), np.float32)
    if transfer == _HLG:
        bright = (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12
        return np.asarray(np.where(signal <= 0.5, signal**2 / 3, bright) / _HLG_WHITE, np.float32)  # noqa: PLR2004
    return np.asarray(np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4), np.float32)  # noqa: PLR2004


def _conversion(profile: bytes) -> _Conversion:
    reason = _unusable(profile)
    if reason:
        return _Conversion(broken=reason)
    mode = _MODES[profile[_SPACE]]
    try:
        with reading("the colour profile"):
            from PIL import ImageCms  # noqa: PLC0415 - 10 ms, for few pictures

            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
            intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
            transform = ImageCms.ImageCmsTransform(source, srgb, mode, "RGB", intent, flags=ImageCms.Flags(_FLAGS))
            name = "".join(c for c in (source.profile.profile_description or "") if c.isprintable())
            like_srgb = mode != "CMYK" and _is_srgb(transform, mode)
    except MalformedInputError:
        return _Conversion(broken="it is damaged")
    return _Conversion(mode, None if like_srgb else transform, name.strip()[:_NAME_CHARACTERS])


def _unusable(profile: bytes) -> str:
    """Why a profile must not be given to Little CMS; empty if it may be."""
    count = int.from_bytes(profile[_HEADER_BYTES : _HEADER_BYTES + 4], "big")
    start = _HEADER_BYTES + 4
    names = {profile[tag : tag + 4] for tag in range(start, start + min(count, _MAX_TAGS) * _TAG, _TAG)}
    if len(profile) < start or profile[_CLASS] not in _CLASSES or count > _MAX_TAGS:
        return "it is damaged or not a picture's profile"
    if profile[_SPACE] not in _MODES:
        return "it is for other colours than RGB, grey or CMYK"
    if names & _PIECEWISE:
        return "it has piecewise curves"
    return ""


def _is_srgb(transform: Any, mode: str) -> bool:
    """Whether a transform leaves colours unchanged: 216 of them, or all shades of grey."""
    if mode == "L":
        steps = np.arange(256, dtype=np.uint8)[np.newaxis]
        expected = np.repeat(steps[..., np.newaxis], 3, axis=-1)
    else:
        levels = np.arange(0, 256, 51, dtype=np.uint8)
        steps = expected = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    shown = np.asarray(transform.apply(Image.fromarray(steps)), np.int16)
    return bool(np.abs(shown - expected).max() <= _SRGB_LEVELS)


def _converted(by: str) -> InputWarning:
    return InputWarning(CONVERTED, f"the picture's colours were converted to sRGB by {by}")


def ignored(reason: str) -> InputWarning:
    """The warning that a picture's colour profile was not used."""
    return InputWarning(
        IGNORED, f"the picture's colour profile was ignored because {reason}; its colours are taken as sRGB"
    )
