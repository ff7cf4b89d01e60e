from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_export.galaxy import catalogue
from model_export.galaxy.labels import ANSWERS, CLASSES, PARTIAL, QUESTIONS
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

HEADER = ("GalaxyID", "file", "label8", "exact", "label_source", *ANSWERS)


def table(folder: Path, *rows: dict[str, str], header: tuple[str, ...] = HEADER) -> Path:
    path = folder / "galaxy" / "labels.csv"
    path.parent.mkdir(parents=True)
    lines = [",".join(header), *(",".join(row.get(name, "") for name in header) for row in rows)]
    path.write_text("\n".join(lines))
    return folder


def galaxy(name: str, label: str, **more: str) -> dict[str, str]:
    return {"GalaxyID": name, "file": f"images/{name}.webp", "label8": label, "label_source": "full_votes", **more}


def test_an_exact_label_allows_one_class_and_a_partial_one_several(tmp_path: Path) -> None:
    # Given
    data = table(tmp_path, galaxy("1", "smooth_round"), galaxy("2", "spiral_bar_unknown"))
    # When
    found = catalogue.load_gz2(data)
    # Then
    assert found.label.tolist() == [CLASSES.index("smooth_round"), -1]
    assert found.exact.tolist() == [True, False]
    assert found.allowed.sum(axis=1).tolist() == [1, 2]
    assert found.files[0] == tmp_path / "galaxy" / "images" / "1.webp"


def test_a_blank_vote_is_unknown_not_zero(tmp_path: Path) -> None:
    data = table(tmp_path, galaxy("1", "smooth_round", **{"Class1.1": "0.75"}))
    found = catalogue.load_gz2(data)
    assert found.votes[0, ANSWERS.index("Class1.1")] == 0.75
    assert np.isnan(found.votes[0, ANSWERS.index("Class3.1")])


def test_a_label_that_nobody_knows_is_named(tmp_path: Path) -> None:
    data = table(tmp_path, galaxy("1", "quasar"))
    with pytest.raises(ConfigurationError, match="quasar"):
        catalogue.load_gz2(data)


def test_a_galaxy_listed_twice_is_refused(tmp_path: Path) -> None:
    data = table(tmp_path, galaxy("1", "irregular"), galaxy("1", "irregular"))
    with pytest.raises(ConfigurationError, match="twice"):
        catalogue.load_gz2(data)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    data = table(tmp_path, header=("GalaxyID", "file", "exact", "label_source", *ANSWERS))
    with pytest.raises(ConfigurationError, match="label8"):
        catalogue.load_gz2(data)


def test_a_missing_table_says_which_setting_to_change(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SKYSORT_DATA"):
        catalogue.load_efigi(tmp_path)


def test_every_partial_label_stands_for_known_classes() -> None:
    assert all(set(names) < set(CLASSES) for names in PARTIAL.values())


def test_the_question_tree_has_eleven_questions_and_37_answers() -> None:
    assert (len(QUESTIONS), len(ANSWERS), len(set(ANSWERS))) == (11, 37, 37)


def coarse_table(folder: Path, *rows: tuple[str, str]) -> Path:
    path = folder / "galaxy_gz1" / "labels.csv"
    path.parent.mkdir(parents=True)
    lines = ["file,dr7objid,gz1_class", *(f"{name}.webp,{name},{label}" for name, label in rows)]
    path.write_text("\n".join(lines))
    return folder


def allowed_classes(found: catalogue.Catalogue, row: int) -> set[str]:
    return {name for name, allowed in zip(CLASSES, found.allowed[row], strict=True) if allowed}


def test_a_galaxy_zoo_1_class_is_a_set_of_classes_and_never_exact(tmp_path: Path) -> None:
    # Given
    data = coarse_table(tmp_path, ("11", "elliptical"), ("12", "edge_on"), ("13", "spiral_clockwise"))
    # When
    found = catalogue.load_gz1(data)
    # Then
    assert not found.exact.any()
    assert allowed_classes(found, 0) == {"smooth_round", "smooth_inbetween", "smooth_cigar"}
    assert allowed_classes(found, 1) == {"edge_on_disk"}
    assert allowed_classes(found, 2) == {"barred_spiral", "unbarred_spiral"}
    assert found.files[0] == tmp_path / "galaxy_gz1" / "images" / "11.webp"


@pytest.mark.parametrize("label", ["merger", "unknown"])
def test_a_merger_or_an_unknown_galaxy_may_be_anything(tmp_path: Path, label: str) -> None:
    assert catalogue.load_gz1(coarse_table(tmp_path, ("11", label))).allowed.all()


def test_a_galaxy_zoo_1_class_that_nobody_knows_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ring"):
        catalogue.load_gz1(coarse_table(tmp_path, ("11", "ring")))


def test_a_galaxy_zoo_1_galaxy_listed_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="more than once"):
        catalogue.load_gz1(coarse_table(tmp_path, ("11", "merger"), ("11", "edge_on")))


def test_pictures_without_labels_are_named_by_their_files(tmp_path: Path) -> None:
    # Given
    folder = tmp_path.joinpath(*catalogue.UNLABELLED)
    folder.mkdir(parents=True)
    for name in ("200", "100"):
        (folder / f"{name}.webp").touch()
    # When
    found = catalogue.load_unlabelled(tmp_path)
    # Then
    assert found.identifiers == ("unlabelled:100", "unlabelled:200")
    assert found.allowed.all()
    assert not found.exact.any()


def test_a_folder_without_pictures_says_which_setting_to_change(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SKYSORT_DATA"):
        catalogue.load_unlabelled(tmp_path)


@pytest.mark.needs_data
def test_the_survey_tables_are_read_whole(survey_data: Path) -> None:
    gz2, efigi = catalogue.load_gz2(survey_data), catalogue.load_efigi(survey_data)
    assert len(gz2) == 9_326
    assert int(gz2.exact.sum()) == 5_747
    assert len(efigi) == 4_458
    assert int(efigi.exact.sum()) == 3_148
