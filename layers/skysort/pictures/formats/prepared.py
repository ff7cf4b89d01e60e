"""A picture's file as the scanners of headers leave it: what its decoder is given, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysort.limits import PROFILE_BYTES

if TYPE_CHECKING:
    from skysort.pictures.formats.budget import Cost
    from skysort.pictures.formats.colour import Nclx


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture whose header was read, without anything that its pixels do not need.

    content: the file for the decoder, metadata left out. width, height: pixels, as stored. cost: of decoding.
    turn: the EXIF orientation. profile: the embedded ICC profile. nclx: colours named by number (ITU-T H.273).
    profile_broken: why there is a profile that cannot be used; empty where there is none.
    deep: whether it has sixteen bits a colour, of which the decoder keeps eight.
    negative: whether 16 bits of grey count from white, and the decoder leaves them so.
    """

    content: bytes
    width: int
    height: int
    cost: Cost
    turn: int = 1
    profile: bytes | None = None
    profile_broken: str = ""
    nclx: Nclx | None = None
    deep: bool = False
    negative: bool = False


def bounded(profile: bytes | None) -> tuple[bytes | None, str]:
    """An embedded profile, if it is not too large, and why it cannot be used."""
    if profile is not None and len(profile) > PROFILE_BYTES:
        return None, f"it is larger than {PROFILE_BYTES:,} B"
    return profile, ""
