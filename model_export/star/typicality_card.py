"""What a card says of typicality, and the files that it lists, which depend on the training part alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from model_export.common.files import sha256
from skysort.errors import ConfigurationError
from skysort.star.mixtures import THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

RESULTS: Final = "typicality.json"
METHOD: Final = (
    "rows: conformal p-value of the highest component of a Gaussian mixture a class over colours, r and redshift; "
    "tables: the log density of their rows against what is expected of good ones, and how much the best of several "
    "cures raises it, both as shares of good tables"
)
# Of the kinds of spoilt tables: those that the card tells of. All are in the results.
_TOLD: Final = (
    *("Vega magnitudes", "reddened by 0.2", "reddened by 0.5", "dereddened by 0.2", "nanomaggies", "g, r, i, z, y"),
    *("means of 30 similar objects", "u 0.5 too faint", "u 0.5 too bright"),
)
_EXCHANGED: Final = " exchanged"


def contents(measured: Mapping[str, Any], data: Mapping[str, Any], folders: Iterable[Path]) -> dict[str, bytes]:
    """The files that `typicality` measured, from the first of the folders that has each.

    Parameters
    ----------
    measured
        The results of `typicality`.
    data
        Of the training.
    folders
        Where they may be: a build folder, an artefact.

    Returns
    -------
    The content of each by file name.

    Raises
    ------
    ConfigurationError
        For files of another training part, and for those that are in no folder.
    """
    if measured["fitted_on"] != data["splits"]["train"]["sha256"]:
        raise ConfigurationError(f"{RESULTS} is of other training data; run `python -m model_export star typicality`")
    places = list(folders)
    found = {}
    for entry in measured["files"].values():
        paths = [folder / entry["file"] for folder in places]
        candidates = (path.read_bytes() for path in paths if path.is_file())
        content = next((each for each in candidates if sha256(each) == entry["sha256"]), None)
        if content is None:
            raise ConfigurationError(
                f"{entry['file']} is not the one that {RESULTS} describes; run `python -m model_export star typicality`"
            )
        found[entry["file"]] = content
    return found


def entry(measured: Mapping[str, Any]) -> dict[str, Any]:
    """The card's entry."""
    spoilt = measured["tables"]["spoilt"]
    exchanged = {name: result for name, result in spoilt.items() if name.endswith(_EXCHANGED)}
    worst = min(exchanged, key=lambda name: _success(exchanged[name])) if exchanged else None
    told = {name: spoilt[name] for name in _TOLD if name in spoilt}
    return {
        "threshold": THRESHOLD,
        "method": METHOD,
        "files": measured["files"],
        "metrics": {
            "split": measured["split"],
            "rows": measured["rows"],
            "tables_of_200": {
                "good": measured["tables"]["good"],
                "spoilt": told | ({f"bands exchanged, the worst pair: {worst}": spoilt[worst]} if worst else {}),
            },
        },
    }


def _success(result: Mapping[str, Any]) -> tuple[float, float]:
    return result["flagged"]["value"], result["cause_right_of_flagged"]["value"]
