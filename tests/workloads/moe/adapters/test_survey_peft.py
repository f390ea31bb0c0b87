"""DoRA and IA3 against those of `peft`, on equal weights; prompts and prefixes need its own models."""

import pytest
import torch

from adabench.workloads.moe.adapters.substrate.base_model import Site, fresh_base
from adabench.workloads.moe.adapters.substrate.state_adapters import fresh_scales, scales
from adabench.workloads.moe.adapters.substrate.weight_decomposition import dora, fresh_dora
from tests.workloads.moe.adapters.benches import generator, step, stirred
from tests.workloads.moe.adapters.test_peft_equality import SITES, OneLinear, ours

peft = pytest.importorskip("peft", reason="pip install 'adabench[models]' brings it")


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_dora_is_pefts(site: Site, merged: bool) -> None:
    base = fresh_base(generator())
    fresh = fresh_dora(4, base, generator()).weights
    weights = {name: value + 0.1 * (stirred(fresh)[name] - value) for name, value in fresh.items()}
    config = peft.LoraConfig(r=4, lora_alpha=4, target_modules=["only"], use_dora=True)
    model = peft.get_peft_model(OneLinear(base, site), config).eval()
    layer = model.base_model.model.only
    layer.lora_A["default"].weight.data = weights[f"a.{site.name}"].clone()
    layer.lora_B["default"].weight.data = weights[f"b.{site.name}"].clone()
    layer.lora_magnitude_vector["default"].weight.data = weights[f"m.{site.name}"].clone()
    if merged:
        layer.merge()
    x = torch.randn(6, 10, site.inner, generator=generator(1))
    with torch.no_grad():
        found, wanted = ours(dora(weights), base, site, x), model(x)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(("kind", "place"), [("k", "keys"), ("v", "values"), ("down", "hidden")])
def test_ia3_is_pefts(kind: str, place: str) -> None:
    base, site = fresh_base(generator()), Site(0, kind)
    weights = stirred(fresh_scales(base).weights)
    inner = ["only"] if kind == "down" else []
    config = peft.IA3Config(target_modules=["only"], feedforward_modules=inner)
    model = peft.get_peft_model(OneLinear(base, site), config).eval()
    layer = model.base_model.model.only
    factors = layer.ia3_l["default"]
    factors.data = weights[f"scale.0.{place}"].clone().view(factors.shape)
    x = torch.randn(6, 10, site.inner, generator=generator(1))
    adapter, run = scales(weights), step(base)
    if kind == "down":
        found = run.frozen(site, adapter.state(weights, f"0.{place}", x, run))
    else:
        found = adapter.state(weights, f"0.{place}", run.frozen(site, x), run)
    torch.testing.assert_close(found, model(x), atol=1e-6, rtol=1e-6)
