"""The names of a star row's columns in catalogues. Kept free of heavy imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

BANDS: Final = ("u", "g", "r", "i", "z")
REDSHIFT: Final = "redshift"
MEASURED: Final = (*BANDS, REDSHIFT)
POSITION: Final = ("alpha", "delta")
IDENTIFIER: Final = "id"

# Families of magnitudes in order of precedence: the plain names, then model magnitudes, as in SDSS17 (SDSS PhotoObj's
# u, g, r, i, z are modelMag; so are VizieR's umag), then the other kinds.
FAMILIES: Final = ("{band}", "modelmag_{band}", "{band}mag", "mag_{band}", "cmodelmag_{band}", "psfmag_{band}")
# Magnitudes corrected for Galactic extinction, unlike the training data: used if all five are, with a warning.
DEREDDENED: Final = (
    *("dered_{band}", "{band}_dered", "deredmag_{band}", "dered_mag_{band}", "mag_{band}_dered", "dered{band}"),
    *("{band}0", "{band}_0", "{band}mag0"),
)
# The aliases of each column; for an identifier the first match wins.
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
# Columns of SDSS tables that say nothing about the object's class: accepted, not used.
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
    """The canonical column of a spelling in any case (``RA`` -> ``alpha``), None for an unknown one."""
    return SPELLINGS.get(name.strip().lower())


def dereddened_band(name: str) -> str | None:
    """The band of a column of extinction-corrected magnitudes (``dered_u`` -> ``u``); None for others."""
    return _DEREDDENED.get(name.strip().lower())


def is_known(name: str) -> bool:
    """Whether a column is used or deliberately ignored."""
    return canonical(name) is not None or name.strip().lower() in IGNORED or dereddened_band(name) is not None
