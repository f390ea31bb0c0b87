"""Static units: the same units are gone for everyone, and nothing decides it at run time."""

import pytest
import torch
from torch import Tensor

from adabench.workloads.depth_width.ledger import task
from adabench.workloads.depth_width.methods.static_units import static_thinning, static_units
from adabench.workloads.depth_width.methods.static_units.static_thinning import ThinningRecipe
from adabench.workloads.depth_width.substrate.backbone import Backbone, Shape
from adabench.workloads.depth_width.substrate.train_backbone import FOLDER, plain_backbone
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import (
    Parts,
    constant,
    stays,
)
from tests.workloads.depth_width.forward_promises import untrained

SMALL = Shape(layers=3, width=16, heads=2)
UNITS = 6


@pytest.fixture(scope="module")
def model() -> Backbone:
    return untrained(SMALL)


@pytest.fixture(scope="module")
def fitted(model: Backbone) -> Parts:
    plan = ThinningRecipe("x", plain_backbone(6, 0), 0, FOLDER, 0.5, rank=3, steps=2)
    return static_thinning.train(plan, model, lambda done, steps: None)


def gone(parts: Parts) -> list[int]:
    return [unit for unit in range(UNITS) if not stays(parts, unit)]


def test_the_share_that_was_asked_for_is_gone(fitted: Parts):
    assert len(gone(fitted)) == 3


def test_it_is_the_model_with_forecasts_in_their_place(model: Backbone, fitted: Parts):
    tokens = torch.randint(2, 48, (5, 24), generator=torch.Generator().manual_seed(1))

    def mix(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        predicted = fitted.forecast(unit, x)
        assert predicted is not None
        return predicted if unit in gone(fitted) else output()

    whole = model.head(model.norm(unit_forward.soft(model, tokens, mix)))
    answer = unit_forward.prefill_units(model, tokens, constant(fitted), tile=2)
    torch.testing.assert_close(answer.logits, whole, atol=1e-5, rtol=0)
    assert torch.equal(answer.executions(), torch.full((5, 24), 0.5 * (UNITS - 3)))


def test_deciding_costs_nothing(model: Backbone, fitted: Parts):
    tokens = torch.randint(2, 48, (2, 24), generator=torch.Generator().manual_seed(1))
    asked = unit_forward.prefill_units(model, tokens, constant(fitted), tile=2)
    for module in fitted.routers:
        assert module.weight.abs().sum() == 0
    kept = unit_forward.prefill_units(model, tokens, unit_forward.all_units, tile=2)
    assert asked.works[0][1].flops < kept.works[0][1].flops


def test_training_is_repeatable_and_leaves_the_backbone(model: Backbone, fitted: Parts):
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    plan = ThinningRecipe("x", plain_backbone(6, 0), 0, FOLDER, 0.5, rank=3, steps=2)
    again = static_thinning.train(plan, model, lambda done, steps: None)
    for name, weight in fitted.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, before[name])


def test_everyone_runs_the_same(model: Backbone):
    loaded = task.load("embedded", 0, batches=1, sequences=8)
    point = static_units.CARD.defaults
    reader = static_units.prepare(loaded, point, 0)
    (batch,) = loaded.cases()
    ran = static_units.solve(reader, batch, point).executions()
    assert torch.equal(ran, torch.full_like(ran, 2.5))  # 7 of 12 units are gone
