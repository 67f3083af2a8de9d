"""Named random streams: the same for the same name, unrelated for another."""

import numpy as np
import pytest
from any_input import anything
from hypothesis import given
from hypothesis import strategies as st

from darkpkg.streams import random_stream


@given(st.integers(0, 2**63), st.text("FHCRPb208μ\0", max_size=8), st.integers(0, 10**10))
def test_a_stream_is_the_same_in_every_call(seed, word, number):
    first, second = (random_stream(seed, word, number).random(4) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["FHC", "RHC", ""]), st.sampled_from(["Pb208", "C12"])),
             min_size=2, max_size=6, unique=True)
)  # fmt: skip
def test_another_seed_or_name_gives_other_numbers(keys):
    first_numbers = {random_stream(*key).random() for key in keys}
    assert len(first_numbers) == len(keys)


def test_words_of_a_name_are_kept_apart():
    streams = [("FHC", "Pb"), ("FHCPb",), ("FH", "CPb"), ("Pb", "FHC"), ()]
    assert len({random_stream(1, *name).random() for name in streams}) == len(streams)


def test_streams_of_different_names_are_uncorrelated():
    n = 100_000
    a, b, c = (random_stream(*key).random(n) for key in ((1, "FHC"), (1, "RHC"), (2, "FHC")))
    # The coefficient of n independent pairs scatters by 1/√n: five of that.
    assert abs(np.corrcoef([a, b, c])[np.triu_indices(3, 1)]).max() < 5 / np.sqrt(n)


def test_a_stream_has_the_same_numbers_on_every_machine():
    # SHA-256, SeedSequence and PCG64 are specified to the bit; a change here silently changes every stored number.
    assert random_stream(2205, "FHC", "Pb208", "events").integers(10**6, size=3).tolist() == [257661, 823115, 256529]


@pytest.mark.parametrize("seed", [-1, 1.0, "1", None, True, np.float64(3)])
def test_a_seed_that_is_no_count_is_refused_with_its_value(seed):
    with pytest.raises(ValueError, match="seed must be a non-negative integer, got") as error:
        random_stream(seed, "x")
    assert repr(seed) in str(error.value)


def test_integers_of_numpy_are_seeds_too():
    assert random_stream(np.int64(7), "x").random() == random_stream(7, "x").random()


def test_all_digits_of_a_seed_count():
    seeds = [1, 1 + 2**32, 1 + 2**64, 1 + 2**128]
    assert len({random_stream(seed, "x").random() for seed in seeds}) == len(seeds)


@given(anything())
def test_seeds_and_names_are_taken_or_refused_by_name(value):
    for call, kinds in (
        (lambda: random_stream(value, "x"), int),
        (lambda: random_stream(1, value), (int, str, float)),
    ):
        try:
            call().random()
        except (ValueError, TypeError) as error:
            if not str(error).startswith(("seed must ", "name of a stream must ")):
                raise AssertionError("the error names neither seed nor name") from error
        else:
            assert isinstance(value, kinds)
