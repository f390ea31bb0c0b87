"""Verifies constructions in exact arithmetic: integers, rationals, GF(2). Nothing here shares code with a search.

A verifier returns the value of a construction, or raises `Refusal` with the reason. Floats are taken for the rationals
that they are. A value that is no rational (an area over that of an equilateral triangle, a logarithm) is rounded to
the side on which the construction claims less. A point on a slanted wall of the Heilbronn triangle, which no float can
lie on, is drawn towards the centre by 2^-40 first, and so is all else.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Pair = tuple[Ints, Ints]
"""Real and imaginary parts of a factor, times two: (rows, rank)."""
LARGEST_ENTRY = 10_000
"""Of a factor times two: products of three, summed over a rank of 10,000, then fit 64 bits."""
ROUNDING = 1e-12
"""Relative; far more than what a square root or logarithm of the C library errs by."""
INWARD = 1 - Fraction(1, 2**40)


class Refusal(Exception):
    """A construction that is not what it is said to be; its text says why."""


def tensor_rank(shape: tuple[int, int, int], factors: Sequence[Pair]) -> int:
    """Return the rank of a decomposition of the product of matrices (n, m) and (m, p), over Z[i]/2.

    The third factor is indexed by the transposed product, as is usual.
    """
    n, m, p = shape
    rows = (n * m, m * p, p * n)
    rank = factors[0][0].shape[-1]
    for (real, imaginary), count in zip(factors, rows, strict=True):
        if real.shape != (count, rank) or imaginary.shape != (count, rank):
            raise Refusal(f"a factor is {real.shape} and should be {(count, rank)}")
        if max(np.abs(real).max(initial=0), np.abs(imaginary).max(initial=0)) > LARGEST_ENTRY:
            raise Refusal(f"an entry is larger than {LARGEST_ENTRY // 2}")
    (a, ai), (b, bi), (c, ci) = factors
    outer = a[:, None] * b[None] - ai[:, None] * bi[None]
    outer_i = a[:, None] * bi[None] + ai[:, None] * b[None]
    made, made_i = outer @ c.T - outer_i @ ci.T, outer @ ci.T + outer_i @ c.T
    wanted = np.zeros((n * m, m * p, p * n), np.int64)
    for i in range(n):
        for j in range(m):
            for k in range(p):
                wanted[i * m + j, j * p + k, k * n + i] = 8
    wrong = np.count_nonzero((made != wanted) | (made_i != 0))
    if wrong:
        raise Refusal(f"{wrong:,} of {wanted.size:,} entries of the tensor are wrong")
    return int(rank)


def scheme_rank(shape: tuple[int, int, int], masks: Ints) -> int:
    """Return the rank of a scheme over GF(2): masks (3, rank) of the entries of the two matrices and their product."""
    n, m, p = shape
    made = np.zeros((n * m, m * p, n * p), bool)
    for a, b, c in masks.T:
        bits = [
            (int(mask) >> np.arange(size)) & 1 == 1
            for mask, size in zip((a, b, c), made.shape, strict=True)
        ]
        made ^= bits[0][:, None, None] & bits[1][None, :, None] & bits[2][None, None, :]
    for i in range(n):
        for j in range(m):
            for k in range(p):
                made[i * m + j, j * p + k, i * p + k] ^= True
    if made.any():
        raise Refusal(f"{np.count_nonzero(made):,} entries of the tensor are wrong over GF(2)")
    return int(masks.shape[1])


def comparators(lines: int, pairs: Sequence[tuple[int, int]]) -> int:
    """Return the size of a sorting network, by the 0-1 principle: it sorts all 2^lines inputs of zeros and ones."""
    values = (np.arange(1 << lines)[:, None] >> np.arange(lines)) & 1
    for a, b in pairs:
        if not 0 <= a < b < lines:
            raise Refusal(f"({a}, {b}) is no comparator of {lines} lines")
        values[:, [a, b]] = np.sort(values[:, [a, b]], axis=1)
    wrong = np.count_nonzero((np.diff(values, axis=1) < 0).any(axis=1))
    if wrong:
        raise Refusal(f"it leaves {wrong} of {1 << lines} inputs unsorted")
    return len(pairs)


def rational(rows: Sequence[Sequence[float]]) -> list[list[Fraction]]:
    """Return floats as the rationals that they are."""
    return [[Fraction(value) for value in row] for row in rows]


def radii_in_square(circles: Sequence[Sequence[float]]) -> Fraction:
    """Return the sum of radii of disjoint circles (x, y, r) in the unit square, tolerance 0."""
    exact = rational(circles)
    for x, y, r in exact:
        if not (r <= x <= 1 - r and r <= y <= 1 - r):
            raise Refusal("a circle crosses a wall")
    return _disjoint(exact)


def radii_in_rectangle(circles: Sequence[Sequence[float]]) -> Fraction:
    """Return the sum of radii of disjoint circles that a rectangle of perimeter 4 holds."""
    exact = rational(circles)
    width, height = (
        max(row[axis] + row[2] for row in exact) - min(row[axis] - row[2] for row in exact)
        for axis in (0, 1)
    )
    if width + height > 2:
        raise Refusal("their rectangle has a perimeter of more than 4")
    return _disjoint(exact)


def _disjoint(circles: Sequence[Sequence[Fraction]]) -> Fraction:
    if any(r < 0 for _, _, r in circles):
        raise Refusal("a radius is negative")
    for (x, y, r), (u, v, s) in combinations(circles, 2):
        if (x - u) ** 2 + (y - v) ** 2 < (r + s) ** 2:
            raise Refusal("two circles overlap")
    return sum((r for _, _, r in circles), Fraction(0))


def kissing_spheres(points: Sequence[Sequence[int]]) -> int:
    """Return how many spheres touch one, by integer points no two of which are nearer than the farthest is long."""
    exact = np.array([[int(value) for value in row] for row in points], object)
    gram = exact @ exact.T
    norms = gram.diagonal()
    if 0 in norms:
        raise Refusal("a point is the origin")
    nearest = norms[:, None] + norms[None, :] - 2 * gram
    apart = nearest[np.triu_indices(len(exact), 1)]
    if min(apart) < max(norms):
        raise Refusal("two points are nearer to each other than the farthest is to the origin")
    return len(exact)


def _autoconvolution(heights: Sequence[float]) -> tuple[list[int], int]:
    """Return the autoconvolution of heights, all times a power of two squared, and their sum times that power."""
    exact = [Fraction(value) for value in heights]
    scale = max(value.denominator for value in exact)
    whole = np.array([int(value * scale) for value in exact], object)
    made = [0] * (2 * len(whole) - 1)
    for i, value in enumerate(whole):
        for j, product in enumerate(whole * value, i):
            made[j] += product
    return made, int(whole.sum())


def autocorrelation_upper(heights: Sequence[float], *, signed: str = "") -> Fraction:
    """Return the bound 2 n max(f*f) / (sum f)^2 of a step function, of its modulus with `signed="modulus"`.

    Without `signed` heights are not negative: the first inequality. With it: the third.
    """
    if not signed and min(heights) < 0:
        raise Refusal("a height is negative")
    made, total = _autoconvolution(heights)
    if total == 0:
        raise Refusal("its integral is 0")
    largest = max(abs(value) for value in made) if signed == "modulus" else max(made)
    return Fraction(2 * len(heights) * largest, total**2)


def autocorrelation_lower(heights: Sequence[float]) -> Fraction:
    """Return the bound |f*f|_2^2 / (|f*f|_1 |f*f|_max) of the second inequality, f*f being linear between knots."""
    if min(heights) < 0:
        raise Refusal("a height is negative")
    made, _ = _autoconvolution(heights)
    knots = [0, *made, 0]
    square = sum(a * a + a * b + b * b for a, b in pairwise(knots))
    if square == 0:
        raise Refusal("it is 0")
    return Fraction(square, 3 * sum(made) * max(made))


def distance_ratio(points: Sequence[Sequence[float]]) -> Fraction:
    """Return the square of the largest distance over the smallest."""
    squares = [
        sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
        for one, other in combinations(rational(points), 2)
    ]
    if min(squares) == 0:
        raise Refusal("two points are the same")
    return Fraction(max(squares)) / min(squares)


def triangle_share(points: Sequence[Sequence[float]]) -> float:
    """Return the least area of three points, over that of the unit equilateral triangle that holds all; rounded down."""
    middle = (Fraction(1, 2), Fraction(2886751345948129, 10**16))
    exact = [
        [centre + INWARD * (value - centre) for value, centre in zip(row, middle, strict=True)]
        for row in rational(points)
    ]
    for x, y in exact:
        if not (y >= 0 and 0 <= x <= 1 and y * y <= 3 * min(x, 1 - x) ** 2):
            raise Refusal("a point is outside of the triangle")
    least = _least_area(exact)
    return math.sqrt(least * least * Fraction(16, 3)) * (1 - ROUNDING)


def hull_share(points: Sequence[Sequence[float]]) -> Fraction:
    """Return the least area of three points, over that of the convex hull of all."""
    exact = rational(points)
    return _least_area(exact) / _hull_area(exact)


def _area(a: Sequence[Fraction], b: Sequence[Fraction], c: Sequence[Fraction]) -> Fraction:
    return ((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2


def _least_area(points: Sequence[Sequence[Fraction]]) -> Fraction:
    least = min(abs(_area(*three)) for three in combinations(points, 3))
    if least == 0:
        raise Refusal("three points lie on a line")
    return least


def _hull_area(points: Sequence[Sequence[Fraction]]) -> Fraction:
    ordered = sorted(map(tuple, points))
    area = Fraction(0)
    for run in (ordered, ordered[::-1]):
        chain: list[tuple[Fraction, ...]] = []
        for point in run:
            while len(chain) > 1 and _area(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        area += sum((a[0] * b[1] - b[0] * a[1]) / 2 for a, b in pairwise(chain))
    return area


def sum_difference_exponent(numbers: Sequence[int]) -> float:
    """Return 1 + log(|U - U| / |U + U|) / log(2 max U + 1) of a set of whole numbers with 0; rounded down."""
    if min(numbers) != 0 or len(set(numbers)) < len(numbers):
        raise Refusal("it is no set of whole numbers from 0 on")
    most = max(numbers)
    sums, differences = np.zeros(2 * most + 1, bool), np.zeros(2 * most + 1, bool)
    whole = np.array(numbers, np.int64)
    for number in numbers:
        sums[whole + number] = True
        differences[whole - number + most] = True
    ratio = np.count_nonzero(differences) / np.count_nonzero(sums)
    return float(1 + math.log(ratio) / math.log(2 * most + 1) - ROUNDING)
