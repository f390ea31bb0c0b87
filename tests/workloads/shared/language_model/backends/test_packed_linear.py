"""Packed matrices compute and cost what plain ones do."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from adabench.workloads.shared.language_model.backends.packed_linear import (
    PackedLinear,
    can_pack,
    pack,
)

pytestmark = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN"
)


class Other(nn.Linear):
    """A subclass may compute anything."""


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(24, 40),
        nn.SiLU(),
        nn.Sequential(nn.Linear(40, 7, bias=False), Other(7, 5)),
        nn.Linear(5, 3).to(torch.bfloat16),
    )


def test_products_are_those_of_plain_matrices_for_any_number_of_rows():
    for bias in (True, False):
        plain = nn.Linear(33, 17, bias=bias)
        packed = PackedLinear(plain)
        for shape in ((1, 33), (8, 1, 33), (3, 50, 33), (200, 33)):
            rows = torch.randn(shape, generator=torch.Generator().manual_seed(1))
            with torch.no_grad():
                assert torch.allclose(packed(rows), plain(rows), atol=1e-5)
                assert packed(rows).shape == plain(rows).shape


def test_plain_matrices_in_single_precision_are_packed_and_nothing_else():
    model = network()
    assert can_pack(model)
    pack(model)
    kinds = [type(module) for module in model.modules() if not list(module.children())]
    assert kinds == [PackedLinear, nn.SiLU, PackedLinear, Other, nn.Linear]
    assert not can_pack(model)


def test_torchs_counter_counts_a_packed_product():
    plain, rows = nn.Linear(33, 17), torch.randn(4, 9, 33)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        PackedLinear(plain)(rows)
    assert counter.get_total_flops() == 2 * 4 * 9 * 33 * 17


def test_a_packed_model_has_forgotten_its_plain_matrices():
    model = network()
    before = sum(weight.numel() for weight in model.parameters())
    pack(model)
    assert sum(weight.numel() for weight in model.parameters()) < before / 4
