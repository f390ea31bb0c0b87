import pytest

from adabench.profilers.flops import Flops
from adabench.profilers.probe import measured

torch = pytest.importorskip("torch")


def test_a_matrix_product_is_counted_as_two_operations_per_term():
    a, b = torch.ones(3, 5), torch.ones(5, 7)
    with measured([Flops()]) as values:
        a @ b
    assert values == {"flops": 2.0 * 3 * 5 * 7}


def test_work_it_cannot_see_is_absent_and_not_zero():
    with measured([Flops()]) as values:
        sum(range(1000))
    assert values == {}


def test_every_window_counts_anew():
    probe = Flops()
    counts = []
    for size in (2, 4):
        with probe:
            torch.ones(size, size) @ torch.ones(size, size)
        counts.append(probe.read()["flops"])
    assert counts == [16.0, 128.0]
