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


# Each is a sentence or two.
LIMITATIONS: Final = """\
The redshift comes from the same spectrum, and the same pipeline, as the label. It is close to the answer itself \
(stars lie within |z| < 0.005), so the scores of with_redshift say how well the pipeline is followed, not how well \
objects are told apart without a spectrum; that is what photometry_only shows.
Typicality does not tell everything: a single row in another system or with exchanged bands mostly looks like some \
other object; a table that is reddened by a tenth or two of a magnitude, of grizy in place of ugriz, or of simulated \
objects that scatter as real ones do, may pass.
Galaxies with active nuclei lie between GALAXY and QSO; the survey's own label there is a choice, and most errors \
of with_redshift are of this kind.
Near z = 0 with_redshift takes galaxies for stars: of the 21 galaxies of the test split with |z| < 0.005, 5 came \
out as GALAXY and 16 as STAR, among these all 7 with a redshift below 0. photometry_only knows 3 of the 21.
A redshift of exactly 0, or one of the numbers that catalogues write for none, is taken for no redshift: the table's \
412 such objects, all labelled GALAXY, come of fits that failed and are neither in the training nor in the test part.
Nothing else is among the answers: an asteroid or a flaw of the image gets one of the three labels."""


def validity(evaluation: Mapping[str, Any]) -> dict[str, str]:
    """Where the model holds, by subject, with the figures of the test part."""
    variants = evaluation["variants"]
    spectroscopic, photometric = (variants[name]["metrics"] for name in (WITH_REDSHIFT, PHOTOMETRY_ONLY))
    return {
        "range": _range(evaluation["training_range"]),
        "selection": "Objects that SDSS, BOSS and eBOSS chose for spectroscopy, mostly by colour and brightness. What "
        "they did not choose, such as most faint stars, is hardly among them.",
        "faint objects": _faint(photometric),
        "redshift": _high(spectroscopic),
        "extinction": _extinction(photometric),
        "magnitudes": _systems(spectroscopic, photometric),
        "priors": "The probabilities hold for the class shares of the training part, which are not those of the sky; "
        "the option prior takes others. Prediction sets hold for any shares.",
    }


def _range(found: Mapping[str, Any]) -> str:
    told = ", ".join(
        f"{name} {found[name][0]:.1f} to {found[name][1]:.1f}" for name in ("r", "u-g", "g-r", "r-i", "i-z")
    )
    return f"99 % of the training part are within {told} each; redshifts reach {found['redshift'][1]:.1f}."


def _faint(scores: Mapping[str, Any]) -> str:
    parts = [found for found in scores["by_range"]["r"] if (found["from"] or 0.0) >= _FAINT]
    told = "; ".join(f"at r {edges(found)} {interval(found['accuracy'])}{_found(found, 'STAR')}" for found in parts)
    return f"photometry_only knows fewer of the faint: in all {interval(scores['accuracy'])}; {told}."


def _high(scores: Mapping[str, Any]) -> str:
    parts = [found for found in scores["by_range"]["redshift"] if (found["from"] or 0.0) >= _HIGH]
    counts = {label: sum(found["classes"][label] for found in parts) for label in LABELS}
    quasars, total = counts["QSO"], max(1, sum(counts.values()))
    galaxies = [found for found in parts if "GALAXY" in found["recall"]]
    told = "".join(f" (redshift {edges(found)}{_found(found, 'GALAXY')})" for found in galaxies)
    return (
        f"Above a redshift of {_HIGH:g}, {100 * quasars / total:.0f} % of the test part are quasars, and with_redshift "
        f"calls nearly everything there a quasar{told}. Galaxies of deeper surveys at such redshifts are outside of "
        "what was learnt."
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
    return "" if share is None else f", of its {found['classes'][label]} {label} {interval(share)}"
