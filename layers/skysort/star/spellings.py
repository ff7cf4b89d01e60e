"""The names of a star row's columns, in the spellings of catalogues. No more is imported than names need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

BANDS: Final = ("u", "g", "r", "i", "z")
REDSHIFT: Final = "redshift"
MEASURED: Final = (*BANDS, REDSHIFT)
POSITION: Final = ("alpha", "delta")
IDENTIFIER: Final = "id"

# Families of magnitudes, the first that a table has whole is taken: the plain names, then the model magnitudes that
# those of SDSS17 are (SDSS PhotoObj's u, g, r, i, z are modelMag; VizieR's umag are too), then the other kinds.
FAMILIES: Final = ("{band}", "modelmag_{band}", "{band}mag", "mag_{band}", "cmodelmag_{band}", "psfmag_{band}")
# Magnitudes corrected for Galactic extinction, which the boosters have not seen: taken where all five are, and said.
DEREDDENED: Final = (
    *("dered_{band}", "{band}_dered", "deredmag_{band}", "dered_mag_{band}", "mag_{band}_dered", "dered{band}"),
    *("{band}0", "{band}_0", "{band}mag0"),
)
# The other names of each column; of an identifier's, the first that is there is taken.
ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    **{band: tuple(family.format(band=band) for family in FAMILIES[1:]) for band in BANDS},
    REDSHIFT: (
        *("z_spec", "zspec", "spec_z", "specz", "z_sp", "zsp", "spec_redshift", "redshift_spec", "specredshift"),
        *("z_helio", "zhelio", "z_hel", "z_best", "zbest", "z_qso", "zqso", "z_pipe", "zpipe", "z_vi", "z_sdss"),
    ),
    "alpha": ("ra", "raj2000", "ra_deg"),
    "delta": ("dec", "decl", "dej2000", "decj2000", "dec_deg"),
    IDENTIFIER: ("objid", "obj_id", "specobjid", "spec_obj_id", "object_id", "source_id", "name"),
}
# Columns that SDSS tables carry and that say nothing of the object's nature: accepted, not used.
IGNORED: Final = frozenset(
    {
        *("run_id", "rerun_id", "cam_col", "field_id", "plate", "mjd", "fiber_id", "class", "run", "rerun", "camcol"),
        "field",
    }
)
SPELLINGS: Final[Mapping[str, str]] = {
    spelling: name for name in (*MEASURED, *POSITION, IDENTIFIER) for spelling in (name, *ALIASES[name])
}
_DEREDDENED: Final = {kind.format(band=band): band for band in BANDS for kind in DEREDDENED}


def canonical(name: str) -> str | None:
    """The canonical column for a spelling in any case (``RA`` -> ``alpha``), None for an unknown one."""
    return SPELLINGS.get(name.strip().lower())


def dereddened_band(name: str) -> str | None:
    """The band whose magnitude, corrected for extinction, a column holds (``dered_u`` -> ``u``); None for others."""
    return _DEREDDENED.get(name.strip().lower())


def is_known(name: str) -> bool:
    """Whether a column is used here or knowingly ignored."""
    return canonical(name) is not None or name.strip().lower() in IGNORED or dereddened_band(name) is not None
