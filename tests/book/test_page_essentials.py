"""What a link to a page shows, and where its lines may break."""

from docutils import nodes
from docutils.core import publish_doctree
from docutils.utils import new_document
from page_essentials import description, keep_together

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


def test_a_line_breaks_neither_before_a_per_cent_sign_nor_behind_a_formula_with_a_mark():
    paragraph = nodes.paragraph()
    paragraph += [nodes.Text("5 % of "), nodes.math("", "m_N"), nodes.Text("), or "), nodes.inline("", "9")]
    paragraph += [nodes.Text(" % of "), nodes.math("", "x"), nodes.Text(" and "), nodes.literal("", "1 %")]
    document = new_document("page")
    document += paragraph
    keep_together(None, document, "page")
    assert paragraph.astext() == "5\u00a0% of m_N), or 9\u00a0% of x and 1 %"
    together = list(paragraph.findall(lambda node: "together" in getattr(node, "attributes", {}).get("classes", [])))
    assert [node.astext() for node in together] == ["m_N),"]
