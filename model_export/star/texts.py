"""What the card says in words of what the model is for, where it holds and where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from model_export.common.readme import interval
from model_export.star.boosters import PHOTOMETRY_ONLY, WITH_REDSHIFT
from skysort.star.columns import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

INTENDED_USE: Final = (
    "To sort point and extended sources of SDSS's ugriz photometry into galaxies, quasars and stars: with_redshift "
    "for objects that have a spectrum, photometry_only for the many more that have none. Not for other filters, for "
    "magnitudes in the Vega system, for objects fainter than SDSS's spectroscopic targets, nor for anything else than "
    "galaxies, quasars and stars: typicality says of each row, and better of a whole table, whether it is like the "
    "objects that the model was tested on."
)
# Where the redshift alone nearly says quasar.
_HIGH: Final = 1.2
_FAINT: Final = 21.0


def limitations(evaluation: Mapping[str, Any]) -> list[str]:
    """The sentences of a card, with the figures of the test part."""
    variants = evaluation["variants"]
    spectroscopic, photometric = (variants[name]["metrics"] for name in (WITH_REDSHIFT, PHOTOMETRY_ONLY))
    return [
        (
            "The redshift comes from the same spectrum, and the same pipeline, as the label. It is close to the "
            "answer itself (stars lie within |z| < 0.005), so the scores of with_redshift say how well the "
            "pipeline is followed, not how well objects are told apart without a spectrum; that is what "
            "photometry_only shows."
        ),
        _range(evaluation["training_range"]),
        (
            "The objects were chosen for spectroscopy by SDSS, BOSS and eBOSS, mostly by colour and brightness; "
            "what they did not choose, such as most faint stars and galaxies of other colours, is hardly among "
            "them."
        ),
        _faint(photometric),
        _high(spectroscopic),
        (
            "The probabilities hold for the class shares of the training part, which are not those of the sky; "
            "the option prior takes others. Prediction sets hold for any shares."
        ),
        _extinction(photometric),
        _systems(spectroscopic, photometric),
        (
            "Typicality does not tell everything: a single row in another system or with exchanged bands mostly "
            "looks like some other object; a table of few rows with one zero point off by half a magnitude, of "
            "grizy in place of ugriz, or of simulated objects that lie where real ones do, may pass."
        ),
        (
            "Galaxies with active nuclei lie between GALAXY and QSO; the survey's own label there is a choice, "
            "and most errors of with_redshift are of this kind."
        ),
        (
            "Near z = 0 with_redshift takes galaxies for stars: of the 21 galaxies of the test split with |z| < "
            "0.005, 5 came out as GALAXY and 16 as STAR, among these all 7 with a redshift below 0. "
            "photometry_only knows 3 of the 21."
        ),
        (
            "A redshift of exactly 0, or one of the numbers that catalogues write for none, is taken for no "
            "redshift: the table's 412 such objects, all labelled GALAXY, come of fits that failed and are "
            "neither in the training nor in the test part."
        ),
        "Nothing else is among the answers: an asteroid or a flaw of the image gets one of the three labels.",
    ]


def _range(found: Mapping[str, Any]) -> str:
    edges = ", ".join(
        f"{name} {low:.1f} to {high:.1f}"
        for name, (low, high) in found.items()
        if name in {"r", "u-g", "g-r", "r-i", "i-z", "redshift"}
    )
    return f"Learnt from objects of these ranges (each of 99 % of the training part): {edges}."


def _faint(scores: Mapping[str, Any]) -> str:
    parts = [found for found in scores["by_range"]["r"] if (found["from"] or 0.0) >= _FAINT]
    told = "; ".join(f"{edges(found)}: {interval(found['accuracy'])} in all{_found(found, 'STAR')}" for found in parts)
    return f"The accuracy of photometry_only falls towards faint objects. r {told}." if told else "Faint objects: none."


def _high(scores: Mapping[str, Any]) -> str:
    parts = [found for found in scores["by_range"]["redshift"] if (found["from"] or 0.0) >= _HIGH]
    counts = {label: sum(found["classes"][label] for found in parts) for label in LABELS}
    quasars, total = counts["QSO"], max(1, sum(counts.values()))
    told = "".join(
        f"{_found(found, 'GALAXY')} at redshifts of {edges(found)}" for found in parts if _found(found, "GALAXY")
    )
    return (
        f"Above a redshift of {_HIGH:g} {100 * quasars / total:.0f} % of the test part are quasars, and with_redshift "
        f"calls nearly everything a quasar{told}. Galaxies of deeper surveys at such redshifts are outside of what was "
        "learnt."
    )


def _extinction(scores: Mapping[str, Any]) -> str:
    kinds = [name for name in scores["on_other_magnitudes"] if "E(B-V)" in name]
    told = "; ".join(f"{name}: {interval(scores['on_other_magnitudes'][name])}" for name in kinds)
    return (
        "No correction for Galactic extinction is made or expected; five dereddened magnitudes are accepted with a "
        f"warning. Accuracy of photometry_only as catalogued: {interval(scores['accuracy'])}; {told}."
    )


def _systems(spectroscopic: Mapping[str, Any], photometric: Mapping[str, Any]) -> str:
    vega = [interval(scores["on_other_magnitudes"]["Vega magnitudes"]) for scores in (spectroscopic, photometric)]
    return (
        "Photometry is taken as SDSS catalogues it: asinh magnitudes close to the AB system, modelMag (which u, g, r, "
        f"i, z of PhotoObj are). In the Vega system with_redshift is right for {vega[0]}, photometry_only for "
        f"{vega[1]}; the same names in other surveys are other filters, which were not measured."
    )


def edges(found: Mapping[str, Any]) -> str:
    """A range in words."""
    if found["from"] is None:
        return f"below {found['to']:g}"
    return f"{found['from']:g} and more" if found["to"] is None else f"{found['from']:g} to {found['to']:g}"


def _found(found: Mapping[str, Any], label: str) -> str:
    share = found["recall"].get(label)
    return "" if share is None else f", {label} found in {interval(share)} of {found['classes'][label]}"
