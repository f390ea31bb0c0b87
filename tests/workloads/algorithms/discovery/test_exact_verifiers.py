"""Verifiers accept what is right, to the last bit, and say of the rest why it is not."""

import math
from fractions import Fraction

import numpy as np
import pytest

from adabench.workloads.algorithms.discovery.substrate.sites import bubble_network, plain_scheme
from adabench.workloads.algorithms.discovery.truth import exact_verifiers as exact
from adabench.workloads.algorithms.discovery.truth.exact_verifiers import Refusal
from adabench.workloads.algorithms.discovery.truth.scoring import outward

STRASSEN = (
    [[1, 0, 0, 1], [0, 0, 1, 1], [1, 0, 0, 0], [0, 0, 0, 1], [1, 1, 0, 0], [-1, 0, 1, 0], [0, 1, 0, -1]],
    [[1, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, -1], [-1, 0, 1, 0], [0, 0, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1]],
    [[1, 0, 0, 1], [0, 0, 1, -1], [0, 1, 0, 1], [1, 0, 1, 0], [-1, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]],
)  # fmt: skip
"""Of 1969: factors of the two matrices and of their product, a row a term."""
TRANSPOSED = [0, 2, 1, 3]


def strassen(twice: int = 2) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return it as the verifier takes it; the product's factor is indexed by its transpose."""
    a, b, c = (np.array(rows).T * twice for rows in STRASSEN)
    return [(one, np.zeros_like(one)) for one in (a, b, c[TRANSPOSED])]


def test_strassen_has_rank_7_over_integers_gaussian_numbers_and_two_elements():
    assert exact.tensor_rank((2, 2, 2), strassen()) == 7
    (a, zero), (b, _), (c, _) = strassen()
    turned = [(zero, a), (zero, -b), (c, zero)]  # i and -i, of product 1
    assert exact.tensor_rank((2, 2, 2), turned) == 7
    masks = np.array(
        [[sum((x & 1) << k for k, x in enumerate(row)) for row in rows] for rows in STRASSEN]
    )
    assert exact.scheme_rank((2, 2, 2), masks) == 7


@pytest.mark.parametrize("shape", [(2, 2, 2), (2, 3, 4), (3, 3, 3)])
def test_the_plain_product_is_verified_and_a_changed_bit_is_not(shape):
    masks = plain_scheme(shape)
    assert exact.scheme_rank(shape, masks) == math.prod(shape)
    masks[0, 0] ^= 2
    with pytest.raises(Refusal, match="wrong over GF"):
        exact.scheme_rank(shape, masks)


def test_a_tensor_of_other_shape_sign_or_size_is_refused():
    for change, why in (
        (lambda f: f[0][0].__setitem__((0, 0), f[0][0][0, 0] + 1), "entries of the tensor"),
        (lambda f: f[2][1].__setitem__((0, 0), 1), "entries of the tensor"),
        (lambda f: f[1][0].__setitem__((0, 0), 10**9), "larger than"),
        (lambda f: f.__setitem__(1, (f[1][0][:, :6], f[1][1][:, :6])), "should be"),
    ):
        factors = strassen()
        change(factors)
        with pytest.raises(Refusal, match=why):
            exact.tensor_rank((2, 2, 2), factors)


def test_a_network_sorts_all_inputs_of_zeros_and_ones():
    pairs = [(int(a), int(b)) for a, b in bubble_network(6).T]
    assert exact.comparators(6, pairs) == 15
    assert exact.comparators(4, [(0, 1), (2, 3), (0, 2), (1, 3), (1, 2)]) == 5
    with pytest.raises(Refusal, match="4 of 16 inputs unsorted"):
        exact.comparators(4, [(0, 1), (2, 3), (0, 2), (1, 3)])
    with pytest.raises(Refusal, match="no comparator"):
        exact.comparators(4, [(1, 0)])


def test_circles_are_rationals_and_touch_without_tolerance():
    four = [(x, y, 0.25) for x in (0.25, 0.75) for y in (0.25, 0.75)]
    assert exact.radii_in_square(four) == 1
    for bad, why in (
        ([*four[:3], (0.75, 0.75, math.nextafter(0.25, 1))], "wall"),
        ([*four[:3], (0.75 - 1e-16 * 2, 0.75, 0.25)], "overlap"),
        ([(0.5, 0.5, -0.1)], "negative"),
    ):
        with pytest.raises(Refusal, match=why):
            exact.radii_in_square(bad)
    assert exact.radii_in_rectangle([(0.5, 0.5, 0.5)]) == Fraction(1, 2)
    with pytest.raises(Refusal, match="perimeter"):
        exact.radii_in_rectangle([(0.5, 0.5, math.nextafter(0.5, 1))])


def test_kissing_spheres_are_counted_in_whole_numbers_of_any_length():
    big = 10**30
    hexagon = [[2, 0, 0], [-2, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 2], [0, 0, -2]]
    assert exact.kissing_spheres([[big * x for x in row] for row in hexagon]) == 6
    with pytest.raises(Refusal, match="nearer"):
        exact.kissing_spheres([[big, 0], [big - 1, 1]])
    with pytest.raises(Refusal, match="origin"):
        exact.kissing_spheres([[0, 0], [1, 0]])


def test_bounds_of_step_functions_agree_with_numpy_and_are_exact():
    heights = [0.1, 0.7, 0.3, 1.9, 0.2]
    made, total = np.convolve(heights, heights), sum(heights)
    assert float(exact.autocorrelation_upper(heights)) == pytest.approx(10 * made.max() / total**2)
    assert exact.autocorrelation_upper([1.0, 1.0]) == 2
    knots = np.array([0, *made, 0])
    square = (knots[1:] ** 2 + knots[1:] * knots[:-1] + knots[:-1] ** 2).sum() / 3
    assert float(exact.autocorrelation_lower(heights)) == pytest.approx(
        square / made.sum() / made.max()
    )
    signed = [1.0, -2.0, 0.5]
    made = np.convolve(signed, signed)
    for kind, largest in (("sum", made.max()), ("modulus", abs(made).max())):
        found = exact.autocorrelation_upper(signed, signed=kind)
        assert float(found) == pytest.approx(6 * largest / 0.25)
    for verifier in (exact.autocorrelation_upper, exact.autocorrelation_lower):
        with pytest.raises(Refusal, match="negative"):
            verifier(signed)


def test_distances_areas_and_sums():
    assert exact.distance_ratio([(0, 0), (1, 0), (0, 1)]) == 2
    with pytest.raises(Refusal, match="same"):
        exact.distance_ratio([(0, 0), (0, 0)])
    square = [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert exact.hull_share(square) == Fraction(1, 2)
    with pytest.raises(Refusal, match="line"):
        exact.hull_share([*square, (0.5, 0.5)])
    corners = [(0.0, 0.0), (1.0, 0.0), (0.5, 0.866025403784)]
    assert 1 - 1e-9 < exact.triangle_share(corners) < 1
    with pytest.raises(Refusal, match="outside"):
        exact.triangle_share([*corners[:2], (0.5, 0.8661)])
    assert exact.sum_difference_exponent([0, 1, 3]) == pytest.approx(
        1 + math.log(7 / 6) / math.log(7)
    )
    with pytest.raises(Refusal, match="no set"):
        exact.sum_difference_exponent([0, 1, 1])


def test_a_bound_is_rounded_to_the_side_that_claims_less():
    third = Fraction(1, 3)
    assert Fraction(outward(third, 1)) <= third <= Fraction(outward(third, -1))
    assert outward(Fraction(1, 2), 1) == outward(Fraction(1, 2), -1) == 0.5
