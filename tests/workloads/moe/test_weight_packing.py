"""Whole numbers and a scale a matrix give weights back within half a step."""

import pytest
import torch

from adabench.workloads.moe.substrate.weight_packing import packed, unpacked


@pytest.mark.parametrize("levels", [7, 31, 127])
def test_weights_come_back_within_half_a_step(levels: int) -> None:
    generator = torch.Generator().manual_seed(0)
    weights = {"a": torch.randn(3, 8, 5, generator=generator), "row": torch.randn(4)}
    found = unpacked(packed(weights, levels))
    step = weights["a"].abs().amax((-2, -1), keepdim=True) / levels
    assert ((found["a"] - weights["a"]).abs() <= 0.502 * step).all()
    torch.testing.assert_close(found["row"], weights["row"], atol=2e-3, rtol=2e-3)
    assert packed(weights, levels)["a"].dtype == torch.int8


def test_no_levels_are_half_precision() -> None:
    weights = {"a": torch.tensor([[1.0, 2.0]]), "number": torch.tensor(123456.0)}
    found = packed(weights, 0)
    assert found["a"].dtype == torch.float16
    assert float(unpacked(found)["number"]) == 123456.0


def test_a_matrix_of_zeros_stays_one() -> None:
    assert not unpacked(packed({"a": torch.zeros(2, 3)}, 31))["a"].any()
