"""Descriptions of inputs say what the manifests say."""

import re
from itertools import pairwise

import pytest
from for_each import for_each

from darkpkg import datasets
from paper.described_data import describe, readable


@for_each("name", datasets.names())
def test_a_description_has_source_licence_and_a_line_for_each_run_of_units(name):
    about = datasets.manifest(name)
    text = describe(name)
    for part in (about.title, about.source, about.processing):
        assert readable(part) in text
    for part in (about.doi, about.licence, next(iter(about.columns))):
        assert part in text
    plain = re.sub(r"`[^`]*`|\$[^$]*\$", "", text)
    assert not re.findall(r"[a-z]\^\d|E_nu|\bnu_|\d x \d|\d\.\d+e\d|P0D|\+-|\bcm3|\s--", plain)
    units = [column.unit for column in about.columns.values()]
    runs = 1 + sum(one != other for one, other in pairwise(units))
    assert text.partition("|---|---|---|\n")[2].count("\n") + 1 == runs


def test_an_option_of_a_command_keeps_its_hyphens_and_an_error_has_its_sign():
    assert readable("run --events 1000, 69.7 +- 17.3 in cm3") == "run `--events` 1000, 69.7 ± 17.3 in cm³"


def test_a_negative_number_has_a_minus_and_a_range_keeps_its_hyphen():
    assert readable("horn current -250 kA, pages 3-5") == "horn current −250 kA, pages 3-5"


def test_signs_and_angles_are_written_as_a_page_writes_them():
    assert readable("E1 >= E2, 1 + cos theta of pi0") == "E₁ ≥ E₂, 1 + cos θ of π⁰"


def test_particles_couplings_and_negative_numbers_are_written_as_a_page_writes_them():
    assert readable("N to nu e+ e-, e+e- pairs, -250 kA, 2 sigma") == "N to ν e⁺e⁻, e⁺e⁻ pairs, −250 kA, 2σ"
    assert readable("|U_mu4|^2 above") == r"$\lvert U_{\mu 4}\rvert{}^2$ above"
    assert readable("rho(r) = sum_n a_n j0(n pi r / R), delta chi^2") == "ρ(r) = Σₙ aₙ j₀(n π r / R), Δχ²"
    assert readable("a range of 1990-2000, run.py --chunks 3-4") == "a range of 1990-2000, run.py `--chunks` 3-4"


def test_a_table_that_is_not_there_is_refused():
    with pytest.raises(KeyError, match="nothing"):
        describe("nothing")
