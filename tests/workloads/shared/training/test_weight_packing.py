"""Whole numbers in few bits and a scale a matrix give weights back within half a step."""

import pytest
import torch

from adabench.workloads.shared.training.weight_packing import packed, unpacked


@pytest.mark.parametrize(("levels", "bits"), [(7, 4), (15, 5), (31, 6), (127, 8)])
def test_weights_come_back_within_half_a_step(levels: int, bits: int) -> None:
    generator = torch.Generator().manual_seed(0)
    weights = {
        "row": torch.randn(4),
        "b": torch.randn(2, 7, generator=generator),
        "a": torch.randn(3, 8, 5, generator=generator),
    }
    file = packed(weights, levels)
    assert file["a"].nbytes == -(-3 * 8 * 5 * bits // 8)
    # Whoever reads a file of half precision has all tensors in single precision.
    for stored in (file, {name: value.float() for name, value in file.items()}):
        found = unpacked(stored)
        assert found.keys() == weights.keys()
        for name in ("a", "b"):
            step = weights[name].abs().amax((-2, -1), keepdim=True) / levels
            assert ((found[name] - weights[name]).abs() <= 0.502 * step).all()
        torch.testing.assert_close(found["row"], weights["row"], atol=2e-3, rtol=2e-3)


def test_weights_that_were_packed_once_are_packed_the_same_again() -> None:
    weights = {"a": torch.randn(6, 10, generator=torch.Generator().manual_seed(1))}
    first = unpacked(packed(weights, 15))
    torch.testing.assert_close(unpacked(packed(first, 15))["a"], first["a"], atol=2e-3, rtol=1e-3)


def test_no_levels_are_half_precision() -> None:
    weights = {"a": torch.tensor([[1.0, 2.0]]), "number": torch.tensor(123456.0)}
    found = packed(weights, 0)
    assert found["a"].dtype == torch.float16
    assert float(unpacked(found)["number"]) == 123456.0


def test_a_matrix_of_zeros_stays_one() -> None:
    assert not unpacked(packed({"a": torch.zeros(2, 3)}, 31))["a"].any()


def test_each_matrix_has_levels_of_its_own() -> None:
    torch.manual_seed(5)
    weights = {"coarse": torch.randn(8, 40), "fine": torch.randn(8, 40)}
    file = packed(weights, {"coarse": 7, "fine": 127}.__getitem__)
    assert [file[name].numel() for name in weights] == [160, 320]
    back = unpacked(file)
    for name, levels in (("coarse", 7), ("fine", 127)):
        step = weights[name].abs().amax() / levels
        torch.testing.assert_close(back[name], weights[name], atol=float(step) * 0.51, rtol=0)
