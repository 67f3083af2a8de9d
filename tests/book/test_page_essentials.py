"""What a link to a page shows, and where its lines may break."""

import pytest
from docutils import nodes
from docutils.core import publish_doctree
from docutils.utils import new_document
from page_essentials import description, keep_together, repeat_heads

PAGE = r"""
Title
=====

.. note:: In a box.

The limit on :math:`|V_{\mu N}|^2` of Argüelles *et al.* is "strong".

More.
"""


def test_a_description_is_plain_text_of_the_first_paragraphs_outside_of_boxes():
    assert (
        description(publish_doctree(PAGE), 200)
        == "The limit on |V_μN|² of Argüelles et al. is &quot;strong&quot;. More."
    )


def test_a_long_description_ends_at_a_word():
    assert description(publish_doctree(PAGE), 40) == "The limit on |V_μN|² of Argüelles et…"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("15,000 toys", "15\u202f000 toys"),
        ("1.38 × 10⁻¹² or 3 × 4", "1.38\u00a0×\u00a010⁻¹² or 3 × 4"),
        ("of 1 000 000 events", "of 1\u202f000\u202f000 events"),
        ("8 192, 32 768, 131 072", "8\u202f192, 32\u202f768, 131\u202f072"),
        ("toys, each ± 0.14 %.", "toys, each\u00a0±\u00a00.14\u00a0%."),
        ("4.70 ± 0.05 cm", "4.70\u00a0±\u00a00.05\u00a0cm"),
        ("5 × 10³ cm, 1.075 t", "5\u00a0×\u00a010³\u00a0cm, 1.075\u00a0t"),
        ("at 30 MeV in 2026, 121804 and 1,25", "at 30\u00a0MeV in 2026, 121804 and 1,25"),
        ("≲ 2 cm/GeV", "≲\u00a02\u00a0cm/GeV"),
        ("at 5 modules, 10 min", "at 5 modules, 10\u00a0min"),
        ("4.8 σ, from", "4.8\u00a0σ, from"),
        ("h = 0.5, not x = y", "h\u00a0=\u00a00.5, not x = y"),
        ("Apply, 20 minutes, at 0 °C", "Apply, 20\u00a0minutes, at 0\u00a0°C"),
        ("5 times 250 kA, ln 10", "5\u00a0times 250\u00a0kA, ln\u00a010"),
        (
            "Analysis II at benchmark\nA, −Δ ln L of an Analysis",
            "Analysis\u00a0II at benchmark\u00a0A, −Δ\u00a0ln\u00a0L of an Analysis",
        ),
        ("Eq. P(15) and Fig. P9. An Eq. or Fig. of it", "Eq.\u00a0P(15) and Fig.\u00a0P9. An Eq. or Fig. of it"),
    ],
)
def test_a_number_stays_with_its_error_unit_and_thousands(written, shown):
    document = new_document("page")
    document += nodes.paragraph("", written)
    keep_together(None, document, "page")
    assert document.astext() == shown


@pytest.mark.parametrize("number", ["0.1", r"\tau > 10^{-4}"])
@pytest.mark.parametrize("mark", ["", "),"])
def test_a_unit_stays_with_the_formula_that_is_its_number(number, mark):
    paragraph = nodes.paragraph()
    paragraph += [nodes.math("", number), nodes.Text(f" cm{mark} and "), nodes.literal("", "10,000")]
    document = new_document("page")
    document += paragraph
    keep_together(None, document, "page")
    assert document.astext() == f"{number}\u00a0cm{mark} and 10,000"
    assert paragraph[0].astext() == f"{number}\u00a0cm{mark}"
    # A browser may end a line behind a formula, whatever the space.
    assert paragraph[0]["classes"] == ["together"]


def _in_code(written):
    code = nodes.literal("", written)
    document = new_document("page")
    document += nodes.paragraph("", "", code)
    keep_together(None, document, "page")
    assert code.astext() == written
    return list(code.findall(nodes.inline))


def test_options_and_short_words_with_a_hyphen_are_on_one_line():
    together = _in_code("python -m paper --write-all A-b --seed slope=(-4,)")
    assert [one.astext() for one in together] == ["-m", "--write-all", "A-b", "--seed", "slope=(-4,)"]
    assert all(one["classes"] == ["together"] for one in together)


def test_short_code_of_several_words_is_on_one_line():
    (together,) = _in_code("make check-pages")
    assert (together.astext(), together["classes"]) == ("make check-pages", ["together"])


@pytest.mark.parametrize(
    "pieces",
    [
        ["analysis.", "with_observed(", "analysis.", "background)"],
        ["miniboone.", "experiment(", "earth_radius=...)"],
        ["darkpkg.", "inference.", "point_likelihood"],
        ["dk.Kernel(events)"],
    ],
)
def test_a_long_word_of_code_breaks_at_its_joints_only(pieces):
    breaks = _in_code("".join(pieces))
    assert [one["classes"] for one in breaks] == [["break"]] * (len(pieces) - 1)
    if breaks:
        shown = ["" if isinstance(one, nodes.inline) else one.astext() for one in breaks[0].parent.children]
        assert [one for one in shown if one] == pieces


def test_a_line_breaks_neither_before_a_per_cent_sign_nor_behind_a_formula_with_a_mark():
    paragraph = nodes.paragraph()
    paragraph += [nodes.Text("5 % of "), nodes.math("", "m_N"), nodes.Text("), or "), nodes.inline("", "9")]
    paragraph += [nodes.Text(" % of "), nodes.math("", "x"), nodes.Text(" and "), nodes.literal("", "1 %")]
    document = new_document("page")
    document += paragraph
    keep_together(None, document, "page")
    assert paragraph.astext() == "5\u00a0% of m_N), or 9\u00a0% of x and 1 %"
    together = list(paragraph.findall(lambda node: "together" in getattr(node, "attributes", {}).get("classes", [])))
    assert [node.astext() for node in together] == ["m_N),", "1 %"]


@pytest.mark.parametrize(
    ("behind", "kept"),
    [
        (" cm/GeV escape.", "\u00a0cm/GeV"),
        ("/8 in front", "/8"),
        (", and", ","),
        (" = 5 MeV, and", "\u00a0=\u00a05\u00a0MeV,"),
        (" < -2.5.", "\u00a0<\u00a0-2.5."),
        (" = ", "\u00a0=\u00a0"),  # before a number that the page computes
    ],
)
def test_a_formula_stays_with_its_value_and_the_unit_or_the_divisor_behind_it(behind, kept):
    document = new_document("page")
    line = nodes.paragraph("", "", nodes.math("", r"x\lesssim 2"), nodes.Text(behind))
    document += line
    keep_together(None, document, "page")
    together = line[0]
    assert together["classes"] == ["together"]
    assert together.astext() == r"x\lesssim 2" + kept
    assert line.astext() == r"x\lesssim 2" + kept + behind[len(kept) :]


def test_a_relation_that_ends_a_formula_stays_with_the_number_behind_it():
    paragraph = nodes.paragraph()
    paragraph += [
        nodes.math("", "x<"),
        nodes.Text(" "),
        nodes.inline("", "9"),
        nodes.Text(" cm, "),
        nodes.math("", "y ="),
    ]
    paragraph += [nodes.Text(" 2.5 cm")]
    document = new_document("page")
    document += paragraph
    keep_together(None, document, "page")
    assert paragraph.astext() == "x<\u00a09\u00a0cm, y =\u00a02.5\u00a0cm"
    together = [node.astext() for node in paragraph.findall(nodes.inline) if node["classes"] == ["together"]]
    assert together == ["x<\u00a0", "y =\u00a02.5\u00a0cm"]


def test_a_sign_of_an_error_stays_with_the_computed_numbers_beside_it():
    paragraph = nodes.paragraph()
    paragraph += [nodes.Text("known to ± "), nodes.inline("", "0.22"), nodes.Text(" or "), nodes.inline("", "7")]
    paragraph += [nodes.Text(" ± "), nodes.inline("", "2")]
    document = new_document("page")
    document += paragraph
    keep_together(None, document, "page")
    assert paragraph.astext() == "known to\u00a0±\u00a00.22 or 7\u00a0±\u00a02"


def test_a_relation_between_a_letter_and_a_computed_number_stays_with_both():
    paragraph = nodes.paragraph()
    paragraph += [nodes.emphasis("", "p"), nodes.Text(" = "), nodes.inline("", "0.04"), nodes.Text(" is small.")]
    document = new_document("page")
    document += paragraph
    keep_together(None, document, "page")
    assert paragraph.astext() == "p\u00a0=\u00a00.04 is small."


STACKED = """
.. table:: Claims.
   :class: stacked

   =====  ============  =======
   place  :math:`m_N`   paper
   =====  ============  =======
   II     1             true
   III                  false
   =====  ============  =======
"""


@pytest.mark.parametrize("narrow", [True, False])
def test_cells_of_a_stacked_table_have_their_heads_in_them(narrow):
    document = publish_doctree(STACKED if narrow else STACKED.replace("stacked", "wide"))
    repeat_heads(None, document, "page")
    cells = [entry.astext() for entry in document.findall(nodes.entry)][3:]
    if narrow:
        assert cells == ["II", "m_N:\u00a01", "paper:\u00a0true", "III", "", "paper:\u00a0false"]
    else:
        assert cells == ["II", "1", "true", "III", "", "false"]
    assert len(list(document.findall(nodes.math))) == 1 + narrow
