"""The model card: everything that the artefact says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from model_export.star import boosters
from skysort.star.columns import LABELS, NO_REDSHIFT, RANGES, SENTINEL, UNITS
from skysort.star.spellings import ALIASES, BANDS, MEASURED, POSITION

if TYPE_CHECKING:
    from collections.abc import Mapping

CARD: Final = "card.json"
FIRST_VERSION: Final = "1.0.0"
PARTS: Final = ("major", "minor", "patch")
COMMAND: Final = (
    "python -m model_export star train && python -m model_export star evaluate && python -m model_export star export"
)
ARCHITECTURE: Final = "gradient-boosted decision trees (XGBoost, multi:softprob), two boosters"
SOURCE: Final = (
    "Stellar Classification Dataset - SDSS17 (fedesoriano, Kaggle), drawn from the Sloan Digital Sky Survey, "
    "Data Release 17"
)
LICENCE: Final = (
    "The boosters are part of this project. SDSS data are public and free to use with acknowledgement: "
    "https://www.sdss.org/collaboration/citing-sdss/"
)
ATTRIBUTION: Final = (
    "Funding for the Sloan Digital Sky Survey IV has been provided by the Alfred P. Sloan Foundation, the "
    "U.S. Department of Energy Office of Science, and the Participating Institutions. Cite: Abdurro'uf et al. 2022, "
    "ApJS 259, 35 (Data Release 17); York et al. 2000, AJ 120, 1579."
)
INTENDED_USE: Final = (
    "To sort point and extended sources of SDSS-like ugriz photometry into galaxies, quasars and stars: with_redshift "
    "for objects that have a spectrum, photometry_only for the many more that have none."
)
LIMITATIONS: Final = """\
The redshift comes from the same spectrum, and the same pipeline, as the label. It is close to the answer itself \
(stars lie within |z| < 0.005), so the scores of with_redshift say how well the pipeline is followed, not how well \
objects are told apart without a spectrum; that is what photometry_only shows.
The objects were chosen for spectroscopy by SDSS, mostly by colour and brightness. Fainter objects, other filter \
systems and other mixes of classes are outside what was measured.
Galaxies with active nuclei lie between GALAXY and QSO; the survey's own label there is a choice, and most errors \
of with_redshift are of this kind.
Near z = 0 with_redshift takes galaxies for stars: of the 21 galaxies of the test split with |z| < 0.005, 5 came \
out as GALAXY and 16 as STAR, among these all 7 with a redshift below 0. photometry_only knows 3 of the 21.
A redshift of exactly 0, or one of the numbers that catalogues write for none, is taken for no redshift: the table's \
412 such objects, all labelled GALAXY, come of fits that failed and are neither in the training nor in the test part.
Nothing else is among the answers: an asteroid or a flaw of the image gets one of the three labels.
Photometry is taken as catalogued: SDSS's asinh magnitudes, modelMag (which u, g, r, i, z of PhotoObj are). No \
correction for Galactic extinction is made or expected; five dereddened magnitudes are accepted with a warning."""


def make(training: Mapping[str, Any], evaluation: Mapping[str, Any], version: str) -> dict[str, Any]:
    """The card of the boosters that ``training`` describes and ``evaluation`` measured."""
    variants = {}
    latency = {}
    for name in boosters.VARIANTS:
        measured = evaluation["variants"][name]
        variants[name] = {
            **training["variants"][name],
            "metrics": measured["metrics"],
            "parity": measured["parity"],
        }
        latency[name] = measured["latency"]
    data = training["data"]
    return {
        "name": "star",
        "version": version,
        "architecture": ARCHITECTURE,
        "labels": list(LABELS),
        "input": _input(),
        "variants": variants,
        "training_data": {
            "name": data["name"],
            "source": SOURCE,
            "file": data["file"],
            "rows": data["rows"],
            "sha256": data["sha256"],
            "classes": data["classes"],
            "dropped": data["dropped"],
            "splits": data["splits"],
        },
        "seed": training["seed"],
        "command": COMMAND,
        "libraries": training["libraries"],
        "latency": latency,
        "licence": LICENCE,
        "attribution": ATTRIBUTION,
        "intended_use": INTENDED_USE,
        "limitations": LIMITATIONS.splitlines(),
    }


def next_version(current: str | None, part: str) -> str:
    """The version after this one: 1.2.3 -> 2.0.0 (major), 1.3.0 (minor) or 1.2.4 (patch)."""
    if current is None:
        return FIRST_VERSION
    numbers = [int(number) for number in current.split(".")]
    place = PARTS.index(part)
    return ".".join(str(n) for n in [*numbers[:place], numbers[place] + 1, *[0] * (len(PARTS) - place - 1)])


def _input() -> dict[str, Any]:
    return {
        "columns": {
            name: {
                "unit": UNITS.get(name, ""),
                "range": list(RANGES[name]),
                "required": name in BANDS,
                "used": name in MEASURED,
                "aliases": list(ALIASES.get(name, ())),
            }
            for name in (*MEASURED, *POSITION)
        },
        "magnitudes": "AB, as SDSS catalogues them (asinh magnitudes)",
        "sentinel": SENTINEL,
        "redshifts_that_stand_for_none": list(NO_REDSHIFT),
        "normalisation": "none",
        "missing_redshift": f"the variant {boosters.PHOTOMETRY_ONLY} answers",
    }
