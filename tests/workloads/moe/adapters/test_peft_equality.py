"""Our LoRA, Polytropon and MHR against those of `peft`, on equal weights."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from adabench.workloads.moe.adapters.substrate import inventory
from adabench.workloads.moe.adapters.substrate.base_model import SITES as PLACES
from adabench.workloads.moe.adapters.substrate.base_model import Base, Site, fresh_base
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.low_rank import fresh_lora, lora
from tests.workloads.moe.adapters.benches import batch, generator, stirred

peft = pytest.importorskip("peft", reason="pip install 'adabench[models]' brings it")
SITES = (Site(0, "q"), Site(0, "up"), Site(1, "down"))


class OneLinear(nn.Module):
    """A model of one linear of the base, for `peft` to wrap."""

    def __init__(self, base: Base, site: Site) -> None:
        super().__init__()
        self.only = nn.Linear(site.inner, site.outer)
        weight, bias = base.linear(site.name)
        self.only.load_state_dict({"weight": weight, "bias": bias})

    def forward(self, x: Tensor, **given: Any) -> Tensor:
        return self.only(x, **given)


def ours(adapter: Any, base: Base, site: Site, x: Tensor) -> Tensor:
    tokens, tasks = batch(6)
    return adapter.linear(adapter.weights, site, x, Pass(base, tokens, tasks, Work()))


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_lora_is_pefts(site: Site) -> None:
    base, weights = fresh_base(generator()), stirred(fresh_lora(4, generator()).weights)
    config = peft.LoraConfig(r=4, lora_alpha=4, target_modules=["only"], lora_dropout=0.0)
    model = peft.get_peft_model(OneLinear(base, site), config).eval()
    layer = model.base_model.model.only
    layer.lora_A["default"].weight.data = weights[f"a.{site.name}"].clone()
    layer.lora_B["default"].weight.data = weights[f"b.{site.name}"].clone()
    x = torch.randn(6, 10, site.inner, generator=generator(1))
    torch.testing.assert_close(ours(lora(weights), base, site, x), model(x), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("heads", [1, 4, 8])
@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_polytropon_and_mhr_are_pefts(site: Site, heads: int) -> None:
    """In evaluation, where `peft` takes sigmoids too; A and B small, so that 1e-6 is not rounding."""
    base = fresh_base(generator())
    weights = stirred(inventory.fresh_inventory(8, heads, 4, generator()).weights)
    weights = {name: value * (1.0 if name[0] == "z" else 0.2) for name, value in weights.items()}
    config = peft.PolyConfig(r=4, n_tasks=48, n_skills=8, n_splits=heads, target_modules=["only"])
    model = peft.get_peft_model(OneLinear(base, site), config).eval()
    layer = model.base_model.model.only
    layer.poly_lora_A["default"].data = weights[f"a.{site.name}"].clone()
    layer.poly_lora_B["default"].data = weights[f"b.{site.name}"].clone()
    layer.poly_router["default"].module_logits.data = weights["z.all"][PLACES.index(site)].clone()
    x = torch.randn(6, 10, site.inner, generator=generator(1))
    found = ours(inventory.inventory(weights), base, site, x)
    wanted = model(x, task_ids=batch(6)[1])
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-6)
