"""Unknown columns: probable misspellings of a measured column, and columns of other quantities.

A table may have any other columns, but ``redshfit`` in place of ``redshift`` would silently send every row to the
photometric model. The work is bounded: names are compared with up to two letters deleted, which takes some dozens of
look-ups per name, and the length and number of names are limited.

Errors, extinctions and flags are never suggested for a magnitude; magnitudes of other surveys, apertures or systems,
and fluxes, are pointed out where the table has no usable magnitudes; photometric redshifts are not measured ones. Only
the names count, truncated to a maximum length.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import combinations, islice
from typing import TYPE_CHECKING, Final

from skysort.limits import COLUMN_NAME_CHARACTERS, GUESSED_COLUMNS
from skysort.star.columns import Reason, describe
from skysort.star.spellings import MEASURED, SPELLINGS, is_known

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from skysort.errors import FieldError


# Names of three letters are similar to too many others: zp would match zsp.
_MIN_CHARACTERS: Final = 4
_LEFT_OUT: Final = 2
# Two wrong letters in a longer name are rare, and trying them takes longer.
_SHORT: Final = 10
# Minimum similarity: twice the letters in common over the letters of both names.
_LIKENESS: Final = 0.75
_WORD: Final = re.compile("[a-z]+|[0-9]+")
# Words in names of uncertainties, weights, bounds, extinctions and flags.
_OTHER_WORDS: Final = frozenset(
    {
        *("error", "errors", "sigma", "sig", "std", "stdev", "rms", "unc", "uncert", "uncertainty", "var", "variance"),
        *("ivar", "invvar", "snr", "chi", "rchi", "min", "max", "lo", "hi", "lower", "upper", "limit", "lim"),
        *("flag", "flags", "mask", "warning", "zwarning", "warn", "quality", "qual", "qflag", "class", "type"),
        *("ext", "extinction", "ebv", "sfd", "galext", "flux", "counts", "number", "num", "nobs", "count"),
    }
)
# Single letters at either end of such a name: e_umag, A_u, redshift_q.
_SIDE_LETTERS: Final = frozenset({"e", "a", "d", "s", "q", "n", "f"})
_ERROR: Final = re.compile(r"^err|err$|^sigma|ivar$|flux$")

_BAND: Final = "([ugriz])"
# Patterns of names, in any case, and their quantity; first match wins. The group is the band.
_MAGNITUDES: Final = (
    (rf"^(?:abs(?:olute)?_?(?:mag)?|m_?abs|(?-i:M))_?{_BAND}$", "an absolute magnitude"),
    (r"^(?:c?model|psf|dered)_?mags?$", "a magnitude whose bands are not columns of their own"),
    (rf"^(?:mag_)?gaap(?:_[0-9]+p[0-9]+)?_{_BAND}$|^{_BAND}_?gaap|^mag_gaap_", "a GAaP magnitude, as KiDS has them"),
    (rf"^{_BAND}_?(?:mean|stack)_?(?:psf|kron|ap)_?mag$", "a Pan-STARRS magnitude"),
    (rf"^{_BAND}_?(?:kron|k)mag$", "a Kron magnitude, as Pan-STARRS has them"),
    (r"^y(?:psf|kron|k|mean_?psf)?mag$", "a magnitude of Pan-STARRS or LSST"),
    (r"^phot_(?:g|bp|rp)_mean_mag$|^(?:bp|rp)mag$|^bp_rp$|^gaia_g", "a Gaia magnitude or colour"),
    (r"^(?:j|h|ks?)_?m(?:ag)?$", "a 2MASS magnitude"),
    (r"^w[1-4]_?m(?:ag|pro)$", "a WISE magnitude"),
    (rf"^petro_?(?:mag_)?{_BAND}$|^{_BAND}_?petro(?:mag)?$", "a Petrosian magnitude"),
    (rf"^fiber2?_?(?:mag_)?{_BAND}$|^{_BAND}_?fiber2?(?:mag)?$", "a fibre magnitude"),
    (rf"^(?:dev|exp)mag_{_BAND}$", "the magnitude of one profile"),
    (rf"^mag_(?:auto|aper|iso|petro|best)(?:_[0-9]+)?(?:_{_BAND})?$", "a SExtractor magnitude"),
    (rf"^{_BAND}_?mag_(?:auto|aper|iso|petro)(?:_[0-9]+)?$", "a SExtractor magnitude"),
    (rf"^{_BAND}_?(?:mag_?)?vega(?:mag)?$|^(?:mag_?)?vega_?{_BAND}$", "a magnitude of the Vega system"),
    (rf"^(?:model|cmodel|psf|petro|fiber2?|spectro|aper)?_?flux_{_BAND}$|^{_BAND}_?[a-z0-9]*flux$", "a flux"),
    (rf"^(?:wavg_)?mag_psf_{_BAND}$", "a DES magnitude"),
    (rf"^{_BAND}_(?:psf|petro)$", "a SkyMapper magnitude"),
    (r"^(?-i:([URI])mag)$", "a Johnson-Cousins magnitude, of the Vega system"),
    (r"^(?:(?:c?model|psf)?mag_|(?=.mag$))[a-fhj-qstv-y](?:mag)?$", "a magnitude of another band"),
)
_FLUX: Final = "a flux"
_NANOMAGGIES: Final = "22.5 - 2.5 log10(flux) of one in nanomaggies"
# Photometric redshifts of BPZ, EAZY and LePhare.
_ESTIMATED: Final = frozenset({"zph", "zb", "zbpz", "bpzz", "zml", "eazyz", "zeazy", "zlephare", "zpdf", "photz"})
_ESTIMATES: Final = ("zphot", "photoz", "photz", "zph")


def nearest(name: str) -> str | None:
    """The known column nearest to an unknown name, for a message; None for errors, flags and the like."""
    # The first letter must match: v_helio is similar to z_helio, but a velocity.
    lower = name.strip().lower()
    if not lower or len(lower) > COLUMN_NAME_CHARACTERS or is_other(lower) or is_estimated_redshift(lower):
        return None
    best, likeness = None, _LIKENESS
    left_out = _LEFT_OUT if len(lower) <= _SHORT else 1
    for shortened in _shortened(lower, left_out):
        for spelling in _known().get(shortened, ()):
            alike = 2 * len(shortened) / (len(lower) + len(spelling))
            if alike >= likeness and spelling[0] == lower[0] and (best is None or alike > likeness):
                best, likeness = spelling, alike
    return SPELLINGS[best] if best else None


def misspelt(names: Iterable[str], present: Container[str]) -> list[FieldError]:
    """Errors for unknown columns similar to a measured column that is not present; the first few are checked."""
    if all(column in present for column in MEASURED):
        return []
    unknown = islice((name for name in names if not is_known(name)), GUESSED_COLUMNS)
    return [
        describe(name, Reason.UNKNOWN_FIELD, meant)
        for name in unknown
        if (meant := nearest(name)) in MEASURED and meant not in present and not other_magnitudes([name])
    ]


@cache
def _known() -> dict[str, list[str]]:
    """The known spellings, keyed by what is left after deleting letters."""
    known: dict[str, list[str]] = {}
    for spelling in SPELLINGS:
        if len(spelling) >= _MIN_CHARACTERS:
            for shortened in _shortened(spelling, _LEFT_OUT):
                known.setdefault(shortened, []).append(spelling)
    return known


def _shortened(name: str, max_letters: int) -> Iterator[str]:
    """The name with up to max_letters letters deleted, without duplicates, the longest first."""
    for count in range(min(max_letters, len(name)) + 1):
        yield from dict.fromkeys(
            "".join(name[index] for index in kept) for kept in combinations(range(len(name)), len(name) - count)
        )


def words(name: str) -> list[str]:
    """The words and numbers of a column's name in lower case: ``MAG_GAAP_u`` -> mag, gaap, u."""
    return _WORD.findall(name[:COLUMN_NAME_CHARACTERS].lower())


def is_other(name: str) -> bool:
    """Whether a name is that of an error, an extinction, a flag or the like."""
    parts = words(name)
    if not parts:
        return True
    return (
        (len(parts) > 1 and not _SIDE_LETTERS.isdisjoint((parts[0], parts[-1])))
        or not _OTHER_WORDS.isdisjoint(parts)
        or any(_ERROR.search(word) for word in parts)
    )


def is_estimated_redshift(name: str) -> bool:
    """Whether a column is a photometric redshift: ``z_phot``, ``photoz``, ``redshift_phot``."""
    spelled = name[:COLUMN_NAME_CHARACTERS].lower()
    # This settles most names, of which a request may have hundreds of thousands.
    if "ph" not in spelled and spelled.strip().replace("_", "") not in _ESTIMATED:
        return False
    if is_other(name):
        return False
    joined = "".join(words(name))
    if joined in _ESTIMATED:
        return True
    if any(part in joined for part in _ESTIMATES):
        return True
    return "phot" in joined and ("redshift" in joined or "z" in words(name))


def may_be_redshift(name: str) -> bool:
    """Whether an unknown column claims to be a redshift: ``spectroscopic_redshift``, ``z_spectro``."""
    spelled = name[:COLUMN_NAME_CHARACTERS].lower()
    if "redshift" not in spelled and not ("spec" in spelled and spelled.strip().startswith("z")):
        return False
    return not is_other(name) and not is_estimated_redshift(name)


def other_magnitudes(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Magnitudes and fluxes that are not SDSS's: band ("" if unknown) to the shortest name and its quantity."""
    magnitudes: dict[str, tuple[str, str]] = {}
    for name in names:
        spelled = name.strip()[:COLUMN_NAME_CHARACTERS]
        for pattern, description in _patterns():
            if match := pattern.search(spelled):
                band = match[match.lastindex].lower() if match.lastindex else ""
                if band not in magnitudes or len(name) < len(magnitudes[band][0]):
                    magnitudes[band] = (name, description)
                break
    return magnitudes


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The patterns, compiled on first use to keep the cold start short."""
    return tuple((re.compile(pattern, re.IGNORECASE), description) for pattern, description in _MAGNITUDES)


def instead_of(band: str, others: Mapping[str, tuple[str, str]]) -> str:
    """The end of a message about a missing band: an unusable column of that band, and why; or empty."""
    name, description = others.get(band, ("", ""))
    if not name:
        return ""
    if description == _FLUX:
        return f"; {name:.60} is {description}: give the magnitude, {_NANOMAGGIES}"
    return f"; {name:.60} is {description}, not the SDSS model magnitude that the model knows"
