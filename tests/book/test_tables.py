"""Tables of the pages: values with errors, units, and the same numbers in the text that the tests compare."""

import numpy as np
import pandas as pd
import pytest
from printed_numbers import agree

from paper.tables import table

RATES = {"masses": ["A", "B"], "$|V|^2$": [1e-7, 2.25e-8], "rate": [4.7012, 0.31], "±": [0.0512, 0.02]}
LOOK = {"name": "tab-rates", "caption": "Rates at $|V|^2$.", "units": {"rate": "pb"}, "errors": {"rate": "±"}}


def test_a_value_has_as_many_decimals_as_its_error():
    shown = table(RATES, **LOOK)
    assert shown.head == ("masses", "$|V|^2$", "rate [pb]")
    assert shown.cells == (("A", "1e-07", "4.701 ± 0.051"), ("B", "2.25e-08", "0.310 ± 0.020"))


def test_a_format_holds_for_value_and_error():
    assert table(RATES, **LOOK, formats={"rate": ".1f"}).cells[0][2] == "4.7 ± 0.1"


def test_its_markdown_is_a_numbered_table_with_aligned_numbers():
    lines = table(RATES, **LOOK).markdown().splitlines()
    assert lines[:2] == [":::{table} Rates at $|V|^2$.", ":name: tab-rates"]
    assert lines[3:6] == [
        r"| masses | $\|V\|^2$ | rate [pb] |",
        "| :-- | --: | --: |",
        "| A | 1 × 10⁻⁷ | 4.701 ± 0.051 |",
    ]


def test_its_text_is_compared_up_to_a_tenth_of_the_errors():
    text = str(table(RATES, **LOOK))
    assert agree(str(table({**RATES, "rate": [4.7052, 0.31]}, **LOOK)), text)
    assert not agree(str(table({**RATES, "rate": [4.72, 0.31]}, **LOOK)), text)
    assert not agree(str(table({**RATES, "masses": ["A", "C"]}, **LOOK)), text)


def test_a_notebook_gets_text_markdown_and_html():
    bundle = table(RATES, **LOOK)._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/markdown", "text/html"}
    assert all("4.701 ± 0.051" in text for text in bundle.values())


def test_what_is_missing_is_a_dash_and_negative_numbers_have_a_minus():
    shown = table({"x": [np.nan, -2.5], "seen": [True, False], "note": ["a-1", None]}, name="tab-x", caption="X.")
    assert shown.cells == (("–", "yes", "a-1"), ("-2.5", "no", "–"))
    assert "| −2.5 | no | – |" in shown.markdown()


def test_a_power_of_ten_that_is_one_is_not_written():
    shown = table({"x": [4.0, 40.0]}, name="tab-x", caption="X.", formats={"x": ".1e"}).markdown()
    assert "| 4.0 |" in shown
    assert "| 4.0 × 10¹ |" in shown


def test_code_in_a_cell_stays_as_it_is():
    shown = table({"line": ["`pot = -2.5e+21`"], "x": [-1]}, name="tab-x", caption="X.")
    assert "| `pot = -2.5e+21` | −1 |" in shown.markdown()


def test_rows_and_data_frames_are_taken_as_well():
    rows = [{"a": 1, "b": 2.0}, {"a": 3, "b": 4.5}]
    names = {"name": "tab-a", "caption": "A."}
    assert table(rows, **names) == table(pd.DataFrame(rows), **names)
    assert table(rows, **names).cells == (("1", "2"), ("3", "4.5"))


@pytest.mark.parametrize(
    ("columns", "options", "error"),
    [
        ({"a": []}, {}, "columns must have at least one row"),
        ({"": [1]}, {}, "every column must have a head"),
        ({"a": [1]}, {"units": {"b": "m"}}, r"units must name columns of the table, \['a'\], got \['b'\]"),
        ({"a": [1]}, {"errors": {"a": "b"}}, r"errors must name columns of the table, \['a'\], got \['b'\]"),
        ({"a": [1]}, {"formats": {"b": ".1f"}}, r"formats must name columns of the table, \['a'\], got \['b'\]"),
    ],
)
def test_bad_input_is_named(columns, options, error):
    with pytest.raises(ValueError, match=error):
        table(columns, name="tab-a", caption="A.", **options)
