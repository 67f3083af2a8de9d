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


def test_a_table_of_words_is_stacked_on_request_and_keeps_short_words_whole():
    lines = table(RATES | {"masses": ["T2K-I of A", "B"]}, **LOOK, stacked=True).markdown().splitlines()
    assert lines[1:4] == [":name: tab-rates", ":class: stacked", ""]
    assert lines[6].startswith("| T2K\u2011I\u00a0of\u00a0A |")


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


def test_words_with_a_link_or_code_have_minus_signs_and_powers_of_ten_as_others():
    words = "It is -5.008, or 2e-2. → {doc}`/notebooks/a-1` and `x - 1e-3`"
    shown = table({"x": ["a"], "why": [words]}, name="tab-x", caption="X.").markdown()
    assert "It is −5.008, or 2\u00a0×\u00a010⁻². → {doc}`/notebooks/a-1` and `x - 1e-3`" in shown.replace(
        " × ", "\u00a0×\u00a0"
    )


def test_what_is_rounded_to_zero_has_no_minus():
    columns = {
        "x": [-0.04, -0.0, -0.06],
        "share": [-0.04, 0.04, -1.0],
        "value": [-0.004, -0.3, 2.0],
        "±": [0.1, 0.1, 0.1],
    }
    found = table(columns, name="tab-x", caption="X.", formats={"x": ".1f", "share": "+.1f"}, errors={"value": "±"})
    assert [row[0] for row in found.cells] == ["0.0", "0.0", "-0.1"]
    assert [row[1] for row in found.cells] == ["+0.0", "+0.0", "-1.0"]
    assert [row[2] for row in found.cells] == ["0.00 ± 0.10", "-0.30 ± 0.10", "2.00 ± 0.10"]
    small = table({"x": [-1e-12]}, name="tab-x", caption="X.")
    assert small.cells == (("-1e-12",),)


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


def test_symbols_in_plain_text_are_formulas_on_a_page():
    found = table(
        {"pairs": ["0.2 < E_ν < 3 GeV", "`m_N`, m_N_sq", "g_D² of $m_N$, m_Zprime"], "|V_μN|²": [1.0, 2.0, 3.0]},
        name="tab-x",
        caption="By (m_N, m_Z′), and ε.",
    )
    assert ":::{table} By ($m_{N}$, $m_{Z'}$), and $\\varepsilon$." in found.markdown()
    for cell in (r"0.2 < $E_{\nu}$ < 3 GeV", "`m_N`, m_N_sq", r"$g_{D}^2$ of $m_N$, $m_{Z'}$", r"$\|V_{\mu N}\|^2$"):
        assert f"| {cell} |" in found.markdown(), cell
    assert "E_ν" in str(found)


def test_numbers_that_a_page_wrote_itself_stand_below_one_another():
    cells = {"range": ["0.1 to 1", "2"], "share": ["93.6 ± 0.6", "0"], "limit": ["1.08 (0.63–2.18)", "1.0 (0.9–1.1)"]}
    assert "| :-- | --: | --: |" in table(cells, name="tab-x", caption="X.").markdown()


def test_a_value_without_error_has_its_digits_where_others_have_an_error():
    columns = {"mean": [90.0, 97.57, 88.27], "±": [np.nan, np.nan, 0.71]}
    found = table(columns, name="tab-x", caption="X.", errors={"mean": "±"})
    assert [cell for (cell,) in found.cells] == ["90.00", "97.57", "88.27 ± 0.71"]
    quoted = table({"rate": [560.0, 537.2], "±": [np.nan, 3.1]}, name="tab-x", caption="X.", errors={"rate": "±"})
    assert [cell for (cell,) in quoted.cells] == ["560", "537.2 ± 3.1"]  # as it is printed elsewhere
    small = table({"rate": [1e-5, np.inf], "±": [np.nan, np.nan]}, name="tab-x", caption="X.", errors={"rate": "±"})
    assert [cell for (cell,) in small.cells] == ["1e-05", "infinite"]


def test_an_exact_value_stands_alone_and_a_small_one_has_one_power_of_ten():
    columns = {"x": [0.0, 2.31, 3.5e-11, -12.5], "±": [0.0, 1e-16, 2.1e-11, 0.4]}
    found = table(columns, name="tab-x", caption="X.", errors={"x": "±"})
    assert [cell for (cell,) in found.cells] == ["0", "2.31", "(3.5 ± 2.1)e-11", "-12.50 ± 0.40"]
    assert "| (3.5 ± 2.1) × 10⁻¹¹ |" in found.markdown()
    assert "| --: |" in table({"x": ["(3.5 ± 2.1)e-11"]}, name="tab-x", caption="X.").markdown()


def test_a_number_among_words_keeps_its_error_and_its_power_in_one_line():
    cells = {"claim": ["A", "B"], "ours": ["0.5 ± 0.1 cm; if: 1", "1e-05 to 2e-05"]}
    shown = table(cells, name="tab-x", caption="X.").markdown()
    assert "| 0.5\xa0±\xa00.1 cm; if: 1 |" in shown
    assert "| 1\xa0×\xa010⁻⁵ to 2\xa0×\xa010⁻⁵ |" in shown


def test_a_narrow_first_column_has_a_few_words_a_line():
    found = table(
        {"effect": ["protons and neutrons of nuclei", "$m_N$ of N"], "x": [1, 2]}, name="tab-x", caption="X."
    )
    assert "| protons\xa0and neutrons\xa0of nuclei |" in found.markdown()
    assert "| $m_N$ of N |" in found.markdown()


def test_no_line_of_a_head_ends_with_a_sign():
    found = table({"estimate / exact": [1.0], "$a / b$ / m_N": [2.0]}, name="tab-x", caption="X.").markdown()
    assert "| estimate /\N{NO-BREAK SPACE}exact | $a / b$ /\N{NO-BREAK SPACE}$m_{N}$ |" in found
