import math

import pytest

from adabench.profilers.energy.uncertainty import Estimate, t975, with_known


def test_known_terms_add_in_squares_and_bring_degrees_of_freedom():
    joined = with_known(Estimate(10.0, 3.0, 4), 4.0)
    assert joined.u == 5.0
    assert joined.df == pytest.approx(4 * (5 / 3) ** 4)
    assert Estimate(1.0, 0.0, 0.0).interval == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("df", "point"),
    [(1, 12.706), (2, 4.303), (4, 2.776), (5, 2.571), (9, 2.262), (30, 2.042), (1e6, 1.960)],
)
def test_students_t_is_that_of_the_printed_tables(df, point):
    assert t975(df) == pytest.approx(point, abs=5e-4)
