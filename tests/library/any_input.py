"""Inputs that a user might give for an array, for property tests: right ones, wrong ones, and odd ones."""

import numpy as np
from hypothesis import strategies as st

NUMBERS = [0.0, 1.0, -1.0, 0.5, 1e-3, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1e-310, 1e308, 1e200, 3, -7, 2**63]
WORDS = ["", "1.0", "FHC", b"FHC", "[1.0]"]
ODD = [None, 1j, 1 + 0j, True, False, object(), {}, {"a": 1.0}, [], (), [[1.0], [1.0, 2.0]], ..., *WORDS]
DTYPES = ["f8", "f4", "f2", "longdouble", "i8", "u1", "c16", "?", "O", "U9", "S3", "M8[s]"]


def _cast(values, dtype):
    with np.errstate(all="ignore"):
        try:
            return np.asarray(values).astype(dtype)
        except (ValueError, TypeError, OverflowError):
            return np.asarray(values)


def _in_another_way(array, way):
    """The same numbers in another layout of memory, or as another kind of sequence."""
    if way == "list":
        return array.tolist()
    if way == "strided":
        return np.repeat(array, 2, axis=0)[::2] if array.ndim else array
    if way == "fortran":
        return np.asfortranarray(array)
    if way == "read-only":
        array = array.copy()
        array.flags.writeable = False
        return array
    if way == "masked":
        return np.ma.masked_array(array, mask=np.zeros(array.shape, dtype=bool))
    if way == "partly masked":
        return np.ma.masked_array(array, mask=np.resize([True, False], array.shape))
    return array


WAYS = ["array", "list", "strided", "fortran", "read-only", "masked", "partly masked"]


def arrays(n):
    """Arrays of a few shapes around n rows, of odd numbers and odd types."""
    shapes = st.sampled_from([(n,), (n, 4), (n, 3), (n, 2), (n, 8), (0,), (), (n + 1,), (1, n), (2,)])
    numbers = st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=4)
    return st.builds(
        lambda shape, values, dtype, way: _in_another_way(_cast(np.resize(values, shape), dtype), way),
        shapes,
        numbers,
        st.sampled_from(DTYPES),
        st.sampled_from(WAYS),
    )


def anything(n=3):
    """An array, a number, or what is neither."""
    return st.one_of(arrays(n), arrays(n), arrays(n), st.sampled_from(NUMBERS + ODD))
