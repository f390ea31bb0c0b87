import pytest

from adabench.profilers.compute.flops import Flops
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


def test_a_product_of_nothing_is_a_count_of_zero_and_not_an_absence():
    with measured([Flops()]) as values:
        torch.ones(0, 5) @ torch.ones(5, 7)
    assert values == {"flops": 0.0}


def test_every_window_counts_anew():
    probe = Flops()
    counts = []
    for size in (2, 4):
        with probe:
            torch.ones(size, size) @ torch.ones(size, size)
        counts.append(probe.read()["flops"])
    assert counts == [16.0, 128.0]


@pytest.mark.parametrize("causal", [False, True])
def test_fused_attention_on_the_cpu_is_counted(causal):
    q, k, v = (torch.randn(2, 3, 7, 16) for _ in range(3))
    with measured([Flops()]) as values:
        torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
    assert values == {"flops": 2.0 * 2 * (2 * 3) * 7 * 7 * 16}  # QK and PV; two per term


def test_its_gradient_is_counted_with_it():
    q, k, v = (torch.randn(2, 3, 7, 16, requires_grad=True) for _ in range(3))
    with measured([Flops()]) as values:
        torch.nn.functional.scaled_dot_product_attention(q, k, v).sum().backward()
    # Two products forward; five backward, the scores computed anew among them.
    assert values["flops"] == 7 * 2.0 * (2 * 3) * 7 * 7 * 16
