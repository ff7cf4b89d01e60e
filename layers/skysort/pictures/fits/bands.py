"""The planes of a FITS image that are drawn as red, green and blue."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

from skysort.errors import UnsupportedFormatError
from skysort.input_warnings import InputWarning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysort.fits_header import Header

COLOURS: Final = 3
_MAX_PLANES: Final = 16
# Wavelengths, in nm, of red, green and blue in the galaxy network's training pictures: SDSS i, r and g.
_SHOWN_AS: Final = (748.0, 617.0, 469.0)
# Central wavelengths in nm: SDSS, DECam, HSC and Pan-STARRS (u to y), Johnson-Cousins, 2MASS, WISE, GALEX.
_WAVELENGTHS: Final = (
    {"u": 354.0, "g": 477.0, "r": 623.0, "i": 763.0, "z": 913.0, "y": 985.0, "w": 608.0}
    | {"U": 365.0, "B": 445.0, "V": 551.0, "R": 658.0, "I": 806.0, "Z": 913.0, "Y": 1_020.0}
    | {"J": 1_235.0, "H": 1_662.0, "K": 2_159.0, "KS": 2_159.0}
    | {"W1": 3_353.0, "W2": 4_603.0, "W3": 11_561.0, "W4": 22_088.0}
    | {"FUV": 153.0, "NUV": 231.0}
)
# Band names in the Legacy Survey's cutouts of WISE and GALEX images (BANDS = '12', 'nf').
_ALONE: Final = {"1": "W1", "2": "W2", "3": "W3", "4": "W4", "n": "NUV", "f": "FUV"}
# HST and JWST filters such as F606W: hundredths of a micrometre in the infrared, else nanometres.
_SPACE: Final = re.compile(r"F(\d{3,4})(?:W2?|LP|M|N|X)?", re.IGNORECASE)
_INFRARED_BELOW: Final = 200
_INFRARED_CAMERAS: Final = ("NIRCAM", "NIRISS", "MIRI")
_DIGITS: Final = re.compile(r"\d{3,6}(?:\.\d{0,6})?")
_SHORTEST, _LONGEST = 100.0, 30_000.0  # nm: far ultraviolet to mid infrared
_SEPARATORS: Final = re.compile(r"[\s,;/|+]+")
_WORDS: Final = re.compile(r"[\s._\-:]+")
# Prefixes of CTYPE3 for planes that are wavelengths of a spectrum (FITS Standard 4.0, section 8.4).
_SPECTRAL: Final = frozenset({"WAVE", "FREQ", "VELO", "VRAD", "VOPT", "AWAV", "ENER", "WAVN"})
# Cards that name all bands at once, and cards that name one band each, numbered from 0 or 1.
_OF_ALL: Final = ("BANDS", "FILTERS", "FILTER", "BAND")
_OF_EACH: Final = ("BAND", "FILTER", "FILT", "FILTE", "FILTN", "WAVELENG", "WAVELN", "WAVE", "WL")


@dataclass(frozen=True, slots=True)
class Choice:
    """The indices of the one to three planes to draw, red first; the green of two is their mean."""

    planes: tuple[int, ...]
    warnings: tuple[InputWarning, ...] = ()


def choose(header: Header, planes: int, *, ready_for_display: bool) -> Choice:
    """Choose the planes of red, green and blue.

    Parameters
    ----------
    header
        The image's header. Bands are named by BANDS ('griz', as in the Legacy Survey's cutouts) or by a card each.
        Three unnamed planes are red first where they are bytes or marked RGB (CTYPE3); measurements are assumed to
        rise in wavelength, as surveys list their bands.
    planes
        The number of planes.
    ready_for_display
        Whether they hold bytes, as picture editors write them.

    Returns
    -------
    The planes, with a warning where some were left out.

    Raises
    ------
    UnsupportedFormatError
        For two planes, or more than three, that have no names.
    """
    if planes == 1:
        return Choice((0,))
    names = _names(header, planes) if planes <= _MAX_PLANES else ()
    waves = [_wavelength(name, header) for name in names]
    known = [(wave, plane) for plane, wave in enumerate(waves) if wave is not None]
    if len({wave for wave, _ in known}) == planes:
        return _by_wavelength(sorted(known, reverse=True), names)
    if planes != COLOURS:
        raise UnsupportedFormatError(_refusal(header, planes, names))
    red_first = ready_for_display or header.text("CTYPE3").upper() == "RGB"
    return Choice((0, 1, 2) if red_first else (2, 1, 0))


def _by_wavelength(known: Sequence[tuple[float, int]], names: Sequence[str]) -> Choice:
    """Of bands in descending order of wavelength, the three nearest to those of the network's training data."""

    def distance(bands: Sequence[tuple[float, int]]) -> float:
        return sum(abs(wave - shown) / shown for (wave, _), shown in zip(bands, _SHOWN_AS, strict=False))

    nearest = min(combinations(known, min(COLOURS, len(known))), key=distance)
    planes = tuple(plane for _, plane in nearest)
    if len(known) == COLOURS:
        return Choice(planes)
    shown = [names[plane] for plane in planes]
    drawn = f"{_listed(shown)} were drawn as red, green and blue"
    if len(shown) < COLOURS:
        drawn = "they were drawn as red and blue, their mean as green"
    detail = f"the FITS file has the bands {_listed(names)}; {drawn}"
    return Choice(planes, (InputWarning("bands_chosen", detail),))


def _names(header: Header, planes: int) -> Sequence[str]:
    """The names of the planes; empty where the header does not name each of them."""
    for name in _OF_ALL:
        listed = header.text(name)
        for parts in ([part for part in _SEPARATORS.split(listed) if part], list(listed)):
            if len(parts) == planes:
                return parts
    for stem in _OF_EACH:
        for first in (0, 1):
            named = [header.text(f"{stem}{number}") for number in range(first, first + planes)]
            if all(named):
                return named
    return ()


def _wavelength(name: str, header: Header) -> float | None:
    """A band's wavelength in nm, of names such as g, g_SDSS, DECam r, HSC-I2, F606W and 4770; None for others."""
    space = _SPACE.fullmatch(name)
    if space:
        digits = float(space[1])
        camera = header.text("INSTRUME").upper()
        return digits * 10 if digits < _INFRARED_BELOW or camera in _INFRARED_CAMERAS else digits
    if name in _ALONE:
        return _WAVELENGTHS[_ALONE[name]]
    if _DIGITS.fullmatch(name):  # Angstroms, as header cards count
        wave = float(name) / 10
        return wave if _SHORTEST <= wave <= _LONGEST else None
    for word in (name, *_WORDS.split(name)):
        for spelt in (word, word.rstrip("0123456789'"), word.lower(), word.lower().rstrip("0123456789'"), word.upper()):
            if spelt in _WAVELENGTHS:
                return _WAVELENGTHS[spelt]
    return None


def _listed(names: Sequence[str]) -> str:
    shown = [name[:20] for name in names]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _refusal(header: Header, planes: int, names: Sequence[str]) -> str:
    if header.text("CTYPE3").upper()[:4] in _SPECTRAL or planes > _MAX_PLANES:
        return (
            f"the FITS image is a cube of {planes:,} planes, not a picture; send one plane, or three bands as an image"
            " of width x height x 3"
        )
    naming = f"calls them {_listed(names)}" if names else "does not name them"
    return (
        f"the FITS image has {planes} planes and its header {naming}; cut out one or three bands, red first or in"
        " ascending wavelength (g, r, i), or name the bands in a card: BANDS = 'griz'"
    )
