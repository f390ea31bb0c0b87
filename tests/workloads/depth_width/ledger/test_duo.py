"""Duo-LLM: gathered equals masked, everything that runs is counted, and no oracle wins unseen."""

import copy
import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.ledger.methods.duo_llm import train_modules
from adabench.workloads.depth_width.ledger.methods.duo_llm.train_modules import (
    ModuleRouters,
    ModulesRecipe,
)
from adabench.workloads.depth_width.ledger.recipes import recipes
from adabench.workloads.depth_width.ledger.substrate.duo import duo_modules as duos
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import (
    BIG,
    OPTIONS,
    SKIP,
    SMALL,
    Duo,
    Routers,
)
from adabench.workloads.depth_width.substrate import checkpoints, train_backbone
from adabench.workloads.depth_width.substrate.backbone import Shape
from adabench.workloads.depth_width.substrate.train_backbone import FOLDER
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.work_counter import Work
from tests.workloads.depth_width.forward_promises import DecodedForwardPromises, Forward

TINY = Shape(layers=3, width=16, heads=2)
SEQUENCES, TOKENS = 5, 24


def masked(
    duo: Duo, routers: Routers, tokens: Tensor, options: tuple[int, ...] | None
) -> tuple[Tensor, Tensor]:
    """Run every module and mask by the routers, or options; return logits and executions."""
    chosen = []

    def weigh(index: int, rows: Tensor) -> Tensor:
        said = routers.at(index)(rows).argmax(-1)
        chosen.append(said if options is None else torch.full_like(said, options[index]))
        return F.one_hot(chosen[-1], OPTIONS).float()

    with torch.no_grad():
        states = train_modules.mixed(duo, tokens, weigh)
        logits = duo.model.head(duo.model.norm(states))
    assert options is not None or all(len(layer.unique()) == OPTIONS for layer in chosen)
    return logits, (0.5 + torch.tensor(duos.COST)[torch.stack(chosen)] / 2).sum(0)


class TestDuo(DecodedForwardPromises):
    """With routers (None), whose own products are in the count, and along patterns."""

    @pytest.fixture(params=[None, (BIG, SKIP, SMALL), (SKIP,) * 3], ids=str)
    def forward(
        self, request: pytest.FixtureRequest, duo: Duo, routers: Routers, tokens: Tensor
    ) -> Forward:
        options = request.param
        choose = duos.routed(routers) if options is None else duos.pattern(options)
        return Forward(
            tokens,
            partial(duos.prefill_duo, duo, choose=choose),
            lambda: masked(duo, routers, tokens, options),
            partial(duos.decode_duo, duo, choose=choose),
            TOKENS * TINY.layers,
        )


def test_big_everywhere_is_the_plain_backbone(duo: Duo, tokens: Tensor) -> None:
    whole = unit_forward.prefill_units(duo.model, tokens, unit_forward.all_units, tile=2)
    ours = duos.prefill_duo(duo, tokens, duos.pattern((BIG,) * TINY.layers), tile=2)
    torch.testing.assert_close(ours.logits, whole.logits, atol=1e-5, rtol=0)
    assert torch.equal(ours.executions(), whole.executions())
    assert [w.flops for _, w in ours.works] == [w.flops for _, w in whole.works]


def test_a_router_reads_its_own_position_alone(routers: Routers) -> None:
    x = torch.randn(6, TINY.width, generator=torch.Generator().manual_seed(2))
    changed = x.clone()
    changed[:5] += 1.0
    choose = duos.routed(routers)
    for layer in range(TINY.layers):
        assert choose(layer, x, Work())[5] == choose(layer, changed, Work())[5]


def test_executions_are_what_hooks_on_the_modules_see(
    duo: Duo, routers: Routers, tokens: Tensor
) -> None:
    made, rows = copy.deepcopy(duo), dict.fromkeys(("big", "small"), 0)

    def count(name: str) -> Any:
        return lambda _, given, __: rows.__setitem__(name, rows[name] + len(given[0]))

    for index in range(TINY.layers):
        made.model.layer(index).up.register_forward_hook(count("big"))
        made.sides.at(index).down.register_forward_hook(count("small"))
    answer = duos.prefill_duo(made, tokens, duos.routed(routers), tile=2)
    attention = TINY.layers / 2 * tokens.numel()
    total = attention + rows["big"] / 2 + rows["small"] / 16
    assert total == pytest.approx(float(answer.executions().double().sum()))
    shares = duos.shares(answer, TINY.layers, tokens.numel()) * tokens.numel()
    assert float(shares[:, BIG].sum()) == pytest.approx(rows["big"])
    assert float(shares[:, SMALL].sum()) == pytest.approx(rows["small"])
    assert 0 < rows["big"] < TINY.layers * tokens.numel()
    assert float(shares.sum()) == pytest.approx(TINY.layers * tokens.numel())


def test_a_skip_runs_nothing(duo: Duo, tokens: Tensor) -> None:
    made = copy.deepcopy(duo)

    def fail(*_: object) -> None:
        raise AssertionError("it was called")

    for module in (made.model.layer(1).up, made.sides.at(1).up):
        module.register_forward_pre_hook(fail)
    duos.prefill_duo(made, tokens, duos.pattern((BIG, SKIP, SMALL)), tile=2)
    for option in (SMALL, BIG):
        with pytest.raises(AssertionError, match="was called"):
            duos.prefill_duo(made, tokens, duos.pattern((BIG, option, SMALL)), tile=2)


# Stage 1: every path is trained, or routers and their rivals are straw men.


def test_stage_one_draws_each_option_alike_for_every_position_and_layer(tokens: Tensor) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = train_modules.drawn(6, torch.zeros(64, 64))
    for layer in drawn:
        counts = torch.bincount(layer.flatten(), minlength=OPTIONS) / layer.numel()
        torch.testing.assert_close(counts, torch.full((OPTIONS,), 1 / 3), atol=0.03, rtol=0)
    assert float((drawn[0] == drawn[1]).double().mean()) == pytest.approx(1 / 3, abs=0.03)
    assert float((drawn[0, 0] == drawn[0, 1]).double().mean()) < 0.6


def test_what_stage_one_trains_is_what_runs(duo: Duo, tokens: Tensor) -> None:
    options = torch.randint(0, 3, (3, *tokens.shape), generator=torch.Generator().manual_seed(5))
    logits = duo.model.head(duo.model.norm(duos.batched(duo, tokens, options)))
    one_hot = F.one_hot(options, OPTIONS).float()
    states = train_modules.mixed(duo, tokens, lambda index, rows: one_hot[index])
    whole = duo.model.head(duo.model.norm(states))
    torch.testing.assert_close(logits, whole, atol=1e-5, rtol=0)


def test_the_shipped_model_reads_along_every_path() -> None:
    """Big, small and coins: had skips or small modules not been trained, these would fail."""
    duo = recipes()["duo-s0"].load()
    scored = train_modules.held_out(duo, train_modules.stage_one(6, 0))
    for way in ("", "small_", "random_"):
        assert scored[f"{way}accuracy_k1"] > 0.95, way
        assert scored[f"{way}accuracy_filler"] > 0.95, way


def test_the_budget_prices_the_mean_cost() -> None:
    weights = F.one_hot(torch.tensor([BIG, SMALL, SKIP, SKIP]), OPTIONS).float()
    assert float(train_modules.spent(weights)) == pytest.approx(1.125 / 4)


def test_training_a_router_leaves_the_model_alone() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        duo = train_modules.frozen(duos.fresh(Shape(layers=2, width=16, heads=2)))
    before = {k: v.clone() for k, v in duo.model.state_dict().items()}
    base = ModulesRecipe("", TINY, 0, FOLDER)
    plan = ModuleRouters("", base, 0, 1, FOLDER, steps=3)
    one, two = (train_modules.train_routers(plan, duo).state_dict() for _ in range(2))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert all(torch.equal(before[k], v) for k, v in duo.model.state_dict().items())
    start = train_modules.opened(Routers(duo.model.shape)).state_dict()
    assert not torch.equal(one["layers.0.bias"], start["layers.0.bias"])


def test_recipes_are_rebuilt_from_their_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = recipes()
    short = {
        name: dataclasses.replace(known[name], steps=2) for name in ("duo-s0", "duo-router-2-s0")
    }
    monkeypatch.setattr(train_modules, "CALIBRATION", 2)
    monkeypatch.setattr(train_backbone, "HELD_OUT", 32)
    for name, plan in short.items():
        card = checkpoints.train(plan, folder=tmp_path)
        assert card == checkpoints.train(plan, folder=tmp_path)
        assert (tmp_path / f"{name}{checkpoints.SUFFIX}").stat().st_size < 360_000


def test_all_files_together_are_small() -> None:
    files = list(FOLDER.glob(f"duo-*{checkpoints.SUFFIX}"))
    assert len(files) == sum(
        isinstance(p, ModulesRecipe | ModuleRouters) and p.seed in checkpoints.SEEDS
        for p in recipes().values()
    )
    assert sum(path.stat().st_size for path in files) < 1.1e6


def test_constant_patterns_keep_their_budget() -> None:
    best = recipes()["duo-s0"].load().sides.best.long()
    for budget, pattern in enumerate(best.tolist()):
        assert sum(duos.COST[option] for option in pattern) <= budget
