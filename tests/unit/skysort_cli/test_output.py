"""Records as JSON Lines, as CSV and as a table."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from skysort.csv_cells import written_text
from skysort_cli.output import Format, JsonLines, explanation
from skysort_cli.record_rows import RecordRows
from skysort_cli.tables import MAX_ROWS, TerminalTable
from skysort_cli.terminal import console, printable

TEXT = st.text(max_size=20)


def record(file: str = "a.jpg", label: str = "Smooth", **more: Any) -> dict[str, Any]:
    predictions = [
        {"label": label, "class_id": 6, "probability": 0.75},
        {"label": "Spiral", "class_id": 7, "probability": 0.25},
    ]
    return {
        "file": file,
        "model": {"name": "galaxy", "version": "9.9"},
        "predictions": predictions,
        "prediction_set": [label, "Spiral"],
        **more,
    }


def as_csv(*records: dict[str, Any], star: bool = False, top_k: int = 1, explain: bool = False) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    writer = RecordRows(Format.CSV, file, star=star, top_k=top_k, explain=explain)
    for one in records:
        writer.write(one)
    return list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))


def as_table(*records: dict[str, Any], width: int = 100, **options: Any) -> str:
    screen = Console(file=io.StringIO(), width=width)
    table = TerminalTable(screen, **{"rows": False, "files": True, **options})
    for one in records:
        table.write(one)
    table.close()
    return screen.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@given(TEXT, TEXT)
def test_names_and_sentences_of_any_kind_come_back_from_csv(name: str, sentence: str) -> None:
    found, failed = as_csv(record(name), {"file": name, "error": {"detail": sentence}})
    assert written_text(found["file"]) == written_text(failed["file"]) == name
    assert (found["label"], found["probability"], found["model"]) == ("Smooth", "0.750000", "galaxy 9.9")
    assert (found["prediction_set"], found["error"]) == ("Smooth;Spiral", "")
    assert (failed["label"], written_text(failed["error"])) == ("", sentence or "unknown problem")


def test_a_file_called_like_a_formula_is_text_in_a_spreadsheet_and_a_users_id_stays() -> None:
    (found,) = as_csv(record("=1+1.jpg", id="-12", row=1, variant="with_redshift"), star=True)
    assert (found["file"], found["id"], found["row"]) == ("'=1+1.jpg", "-12", "1")


@given(st.text(max_size=20), st.integers(1, 4))
def test_every_csv_line_has_every_column(name: str, top_k: int) -> None:
    for star in (False, True):
        lines = as_csv(record(name, variant="x"), {"file": name, "error": {}}, star=star, top_k=top_k, explain=True)
        for line in lines:
            assert None not in line
            assert None not in line.values()


def test_more_classes_get_columns_of_their_own() -> None:
    (line,) = as_csv(record(), top_k=3)
    assert (line["label_2"], line["probability_2"], line["label_3"]) == ("Spiral", "0.250000", "")


@given(TEXT)
def test_a_record_is_one_line_of_ascii_json(name: str) -> None:
    file = io.StringIO()
    JsonLines(file).write(record(name))
    assert file.getvalue().isascii()
    assert file.getvalue().count("\n") == 1
    assert json.loads(file.getvalue())["file"] == name


def test_the_features_that_count_most_come_first() -> None:
    contributions = {"u": 0.1, "g-r": -2.5, "redshift": 1.25}
    explained = record(explanation={"classes": {"Smooth": {"contributions": contributions}}})
    assert explanation(explained, 2) == "g-r=-2.500;redshift=+1.250"
    assert explanation(record()) == ""


@pytest.mark.parametrize("width", [30, 60, 100, 200])
def test_a_table_is_as_wide_as_the_screen_and_loses_nothing(width: int) -> None:
    shown = as_table(record("a_rather_long_name_of_a_picture.jpg", "Featured Without Bar Or Spiral"), width=width)
    assert all(len(line) <= width for line in shown.splitlines())
    together = "".join(shown.split())
    assert "75.0%" in together
    assert "Spiral" in together


def test_a_refusal_stands_in_the_table_with_its_reason() -> None:
    shown = as_table(record(), {"file": "b.jpg", "error": {"detail": "the content is text"}})
    assert "refused" in shown
    assert "the content is text" in shown


def test_an_input_unlike_the_test_data_is_marked_where_the_model_measures_it() -> None:
    usual, odd = record(typicality=0.5, in_domain=True), record("b.jpg", typicality=0.001, in_domain=False)
    for width in (40, 100):
        assert "unlike the test data" in as_table(usual, odd, width=width)
        assert "unlike" not in as_table(usual, width=width)
    assert as_csv(odd)[0]["typicality"] == "0.001000"
    assert [line["in_domain"] for line in as_csv(usual, odd, record())] == ["true", "false", ""]
    assert "typical" not in as_table(record())


def test_an_empty_set_is_no_confident_answer() -> None:
    unsure = {**record(), "prediction_set": []}
    assert "no confident answer" in as_table(unsure, width=40)
    assert "none" in as_table(unsure, width=100)
    assert as_csv(unsure)[0]["prediction_set"] == ""


def test_nothing_is_certain() -> None:
    certain = record()
    certain["predictions"][0]["probability"] = 0.99999
    assert ">99.9%" in as_table(certain)


def test_a_table_longer_than_a_screen_is_counted_not_printed() -> None:
    shown = as_table(*[record(f"{at}.jpg") for at in range(MAX_ROWS + 7)])
    assert f"and 7 more rows; use --out FILE to save all. Total: Smooth {MAX_ROWS + 7}" in " ".join(shown.split())


@given(st.text())
def test_no_name_steers_the_terminal(name: str) -> None:
    shown = printable(name)
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in shown)
    assert "\u202e" not in shown


def test_a_reader_that_leaves_the_table_is_the_commands_business() -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        console(Gone()).print("a line")


def test_no_name_is_read_as_markup() -> None:
    assert "[red]x[/red].jpg" in as_table(record("[red]x[/red].jpg"))
    assert "\x1b" not in as_table(record("\x1b[2J.jpg", "\x1b]0;owned\x07"))
