"""A column reads as the floats that went in, whatever it keeps them as."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adabench.harness.store.column import Column, column, join_pieces, narrow

numbers = st.lists(
    st.integers(-300, 300) | st.integers(-(2**52), 2**52) | st.floats(allow_nan=False), max_size=20
)


@given(st.lists(numbers, min_size=1, max_size=4))
def test_the_narrowest_type_holds_each_number_exactly(pieces: list[list[float]]) -> None:
    arrays = [np.array(piece, np.float64) for piece in pieces]
    whole = join_pieces([narrow(piece) for piece in arrays])
    np.testing.assert_array_equal(Column(whole)[:], np.concatenate(arrays))
    followed = [narrow(arrays[0])]
    for piece in arrays[1:]:
        followed.append(narrow(piece, followed[-1]))
    np.testing.assert_array_equal(Column(join_pieces(followed))[:], np.concatenate(arrays))


@pytest.mark.parametrize(
    ("values", "kind"),
    [([0, 1], np.int8), ([0, 300], np.int16), ([70_000], np.int32), ([0.5], np.float64),
     ([2.0**40], np.float64), ([], np.int8)],
)  # fmt: skip
def test_whole_numbers_are_kept_narrow(values: list[float], kind: type) -> None:
    assert narrow(np.array(values, np.float64)).dtype == kind


def test_a_row_without_a_value_is_nan_for_numpy_and_for_whoever_takes_rows() -> None:
    held = column(np.array([7, 9], np.int8), np.array([-1, 0, 1, -1], np.int32))
    expected = np.array([np.nan, 7.0, 9.0, np.nan])
    np.testing.assert_array_equal(np.asarray(held), expected)
    np.testing.assert_array_equal(held[np.array([2, 0])], [9.0, np.nan])
    np.testing.assert_array_equal(held[np.array([True, True, False, False])], [np.nan, 7.0])
    np.testing.assert_array_equal(held + 1, expected + 1)
    np.testing.assert_array_equal(1 - held, 1 - expected)
    np.testing.assert_array_equal(np.isnan(held), np.isnan(expected))
    np.testing.assert_array_equal(held == expected, [False, True, True, False])
    assert np.asarray(held).dtype == np.float64
    assert len(held) == 4


def test_what_numbers_of_the_same_name_were_held_in_is_tried_first() -> None:
    small, halves = np.array([1.0, 2.0]), np.array([0.5])
    assert narrow(small, np.zeros(1, np.int16)).dtype == np.int16
    assert narrow(small, np.zeros(1)).dtype == np.float64
    assert narrow(small + 300, np.zeros(1, np.int8)).dtype == np.int16
    assert narrow(halves, np.zeros(1, np.int8)).dtype == np.float64
    kept = narrow(small, np.zeros(1))
    small[0] = 7.0
    assert kept[0] == 1.0


def test_to_numpy_it_is_a_flat_array_that_cannot_be_had_without_a_copy() -> None:
    held = Column(np.array([7, 9], np.int8))
    assert (held.ndim, held.shape, held.dtype) == (1, (2,), np.float64)
    with pytest.raises(ValueError, match="narrower than it reads"):
        np.array(held, copy=False)
    assert np.array(held, copy=True).tolist() == [7.0, 9.0]
    nothing = Column(np.zeros(0, np.int8), np.array([-1, -1], np.int32))
    assert np.isnan(nothing[:]).tolist() == [True, True]
