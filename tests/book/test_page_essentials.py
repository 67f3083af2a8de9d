"""What a link to a page shows."""

from docutils.core import publish_doctree
from page_essentials import description

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
