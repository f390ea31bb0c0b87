"""Granular modules: gathered equals masked, nothing looks ahead, everything that runs is counted."""

import copy
import dataclasses
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from adabench.harness.contract.card import Point
from adabench.workloads.depth_width.ledger.recipes import recipes
from adabench.workloads.depth_width.ledger.task import load
from adabench.workloads.depth_width.methods import random_width, static_width
from adabench.workloads.depth_width.methods.acm import acm, train_learners
from adabench.workloads.depth_width.methods.acm.train_learners import WidthRecipe
from adabench.workloads.depth_width.substrate import checkpoints, learner_choices, learners
from adabench.workloads.depth_width.substrate.backbone import Backbone, Shape, hollow
from adabench.workloads.depth_width.substrate.learners import LEARNERS, Chooser, Widened
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.work_counter import Work
from tests.workloads.depth_width.forward_promises import (
    DecodedForwardPromises,
    Forward,
    drawn_tokens,
)

SMALL = Shape(layers=3, width=16, heads=2)
SEQUENCES, TOKENS = 5, 24


@pytest.fixture(scope="module")
def widened() -> Widened:
    """Modules whose gates disagree with one another, as trained ones do."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = train_learners.fresh(hollow(Backbone(SMALL)))
        for index in range(SMALL.layers):
            made.model.layer(index).out.weight.data *= 8  # an untrained block hardly adds anything
            for step in made.modules.at(index).gate:
                step.weight.data *= 4
    made.model.eval().requires_grad_(False)
    made.modules.eval().requires_grad_(False)
    return made


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    return drawn_tokens(48, SEQUENCES, TOKENS, above=2)


def masked(made: Widened, tokens: Tensor, n: int | None) -> tuple[Tensor, Tensor]:
    """Run every learner and mask by the gates, or all but n; return logits and executions."""
    chosen = []

    def mix(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        if not unit % 2:
            return output()
        module = made.modules.at(unit // 2)
        choice = module.gate(x).argmax(-1)
        choice = choice if n is None else torch.full_like(choice, n)
        chosen.append(choice)
        return module.mixed(x, learner_choices.taken(F.one_hot(choice, LEARNERS + 1).float()))

    states = unit_forward.soft(made.model, tokens, mix)
    layers = torch.stack(chosen)
    assert n is not None or len(layers.unique()) > 3
    return made.model.head(made.model.norm(states)), (0.5 + layers / 8).sum(0)


class TestLearners(DecodedForwardPromises):
    """With gates (None) and with n learners for everybody; gates are in the count."""

    @pytest.fixture(params=[None, 0, 2])
    def forward(self, request: pytest.FixtureRequest, widened: Widened, tokens: Tensor) -> Forward:
        n = request.param
        choose = learners.gated(widened.modules) if n is None else learners.constant(n)
        return Forward(
            tokens,
            partial(learners.prefill_widths, widened, choose=choose),
            lambda: masked(widened, tokens, n),
            partial(learners.decode_widths, widened, choose=choose),
            TOKENS * SMALL.layers,
        )


def test_with_every_learner_it_is_the_sum_of_all(widened: Widened, tokens: Tensor) -> None:
    def whole(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        return widened.modules.at(unit // 2).outputs(x).sum(-2) if unit % 2 else output()

    model = widened.model
    logits = model.head(model.norm(unit_forward.soft(model, tokens, whole)))
    ours = learners.prefill_widths(widened, tokens, learners.constant(LEARNERS), tile=2)
    torch.testing.assert_close(ours.logits, logits, atol=1e-5, rtol=0)
    assert torch.equal(ours.executions(), torch.full((SEQUENCES, TOKENS), float(SMALL.layers)))


def test_all_learners_cost_what_the_mlp_did(tokens: Tensor) -> None:
    dense = Backbone(SMALL)
    whole = unit_forward.prefill_units(dense, tokens, unit_forward.all_units, tile=2)
    made = train_learners.fresh(hollow(copy.deepcopy(dense)))
    ours = learners.prefill_widths(made, tokens, learners.constant(LEARNERS), tile=2)
    assert [w.flops for _, w in ours.works] == [w.flops for _, w in whole.works]
    assert torch.equal(ours.executions(), whole.executions())


class Products(TorchDispatchMode):
    """Sees every matrix product that torch is asked for, whoever asks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.parts: list[learners.Joined] = []
        self.seen: list[tuple[int, int, tuple[int, int]]] = []
        """(where the weight lies, rows, the weight's shape)."""
        made = learners.Modules.joined

        def joined(self_: learners.Modules) -> list[learners.Joined]:
            self.parts = made(self_)
            return self.parts

        monkeypatch.setattr(learners.Modules, "joined", joined)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        if func.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.addmm):
            rows, weight = args[-2:]
            self.seen.append((weight.data_ptr(), len(rows), tuple(weight.shape)))
        return func(*args, **(kwargs or {}))

    def ran(self, layer: int, learner: int) -> list[int]:
        """Return how many rows this learner's two matrices were multiplied with."""
        found, first = [], learner * SMALL.width  # of its hidden units
        for matrix, axis in ((self.parts[layer].up, 1), (self.parts[layer].down, 0)):
            where = matrix.data_ptr()
            found.append(
                sum(m for at, m, shape in self.seen if at == where and shape[axis] > first)
            )
        return found


def test_executions_are_what_the_products_with_the_learners_show(
    widened: Widened, tokens: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Products(monkeypatch) as products:
        answer = learners.prefill_widths(widened, tokens, learners.gated(widened.modules), tile=2)
    rows = {
        (layer, learner): products.ran(layer, learner)
        for layer in range(SMALL.layers)
        for learner in range(LEARNERS)
    }
    attention = SMALL.layers / 2 * tokens.numel()
    assert sum(up for up, _ in rows.values()) / 8 + attention == answer.executions().sum()
    assert all(up == down for up, down in rows.values())
    shares = learners.shares(answer, SMALL.layers, tokens.numel())
    for (layer, learner), (up, _) in rows.items():
        assert up == pytest.approx(float(shares[layer, learner + 1 :].sum()) * tokens.numel())


@pytest.mark.parametrize("n", [0, 2, 3])
def test_a_learner_that_nobody_takes_is_not_multiplied(
    widened: Widened, tokens: Tensor, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    with Products(monkeypatch) as products:
        learners.prefill_widths(widened, tokens, learners.constant(n), tile=2)
    for layer in range(SMALL.layers):
        for learner in range(LEARNERS):
            whole = tokens.numel() if learner < n else 0
            assert products.ran(layer, learner) == [whole, whole]


def test_where_all_take_the_same_nothing_is_moved(widened: Widened, tokens: Tensor) -> None:
    answer = learners.prefill_widths(widened, tokens, learners.constant(2), tile=2)
    assert all(work.moved == 0 for _, work in answer.works)


def test_a_gate_multiplied_out_says_what_its_maps_say(widened: Widened) -> None:
    x, work = torch.randn(7, SMALL.width, generator=torch.Generator().manual_seed(5)), Work()
    gates = [widened.modules.at(index).gate for index in range(SMALL.layers)]
    for gate, (weight, constant) in zip(gates, learners.one_map(gates, work), strict=True):
        torch.testing.assert_close(F.linear(x, weight, constant), gate(x), atol=1e-5, rtol=0)
    d, g, n = SMALL.width, learners.GATE, LEARNERS + 1
    each = 2 * (g * g * d + n * g * d + g * g + n * g)
    assert work.flops == SMALL.layers * each, "folding is counted"


def test_a_gate_reads_its_own_position_alone(widened: Widened) -> None:
    x = torch.randn(6, SMALL.width, generator=torch.Generator().manual_seed(2))
    changed = x.clone()
    changed[:5] += 1.0
    choose: Chooser = learners.gated(widened.modules)
    for layer in range(SMALL.layers):
        assert choose(layer, x, Work())[5] == choose(layer, changed, Work())[5]


def test_labels_are_the_first_prefix_that_the_next_hardly_improves() -> None:
    errors = torch.tensor(
        [
            [8.0, 4.0, 2.0, 1.9, 1.0],  # the third improves by less than 1.2
            [8.0, 4.0, 2.0, 1.0, 0.5],  # all improve
            [8.0, 7.9, 2.0, 1.0, 0.5],  # already the first does not
        ]
    )
    assert train_learners.labels(errors).tolist() == [3, 4, 1]
    assert train_learners.labels(errors, artefact=True).tolist() == [3, 4, 4]


def test_choices_become_leading_learners_and_pass_a_gradient_to_the_gate() -> None:
    chosen = F.one_hot(torch.tensor([0, 2, 4]), LEARNERS + 1).float().requires_grad_(True)
    run = learner_choices.taken(chosen)
    assert run.tolist() == [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]]
    run.sum().backward()
    assert chosen.grad is not None
    assert chosen.grad[0].tolist() == [0, 1, 2, 3, 4], "a choice of n pays for n learners"


def test_without_noise_the_likeliest_choice_is_trained_and_the_gate_learns() -> None:
    logits = torch.randn(200, LEARNERS + 1, generator=torch.Generator().manual_seed(1))
    logits.requires_grad_(True)
    cold, warm = learner_choices.sampled(logits, 0.0), learner_choices.sampled(logits, 1.0)
    assert torch.equal(cold.argmax(-1), logits.argmax(-1))
    assert not torch.equal(warm.argmax(-1), logits.argmax(-1))
    assert set(cold.detach().round(decimals=5).unique().tolist()) == {0.0, 1.0}
    learner_choices.taken(cold).sum().backward()
    assert logits.grad is not None
    assert float(logits.grad.abs().min(0).values.max()) > 0


def test_softer_gates_choose_alike_and_are_less_sure(widened: Widened) -> None:
    made = copy.deepcopy(widened)
    train_learners.soften(made.modules)
    x = torch.randn(50, SMALL.width, generator=torch.Generator().manual_seed(4))
    for index in range(SMALL.layers):
        before, after = widened.modules.at(index).gate(x), made.modules.at(index).gate(x)
        assert torch.equal(before.argmax(-1), after.argmax(-1))
        assert bool((after.softmax(-1).amax(-1) < before.softmax(-1).amax(-1)).all())


def test_the_budget_prices_the_share_of_learners_that_ran() -> None:
    half = F.one_hot(torch.full((2, 3, 4), 2), LEARNERS + 1).float()
    assert float(learner_choices.budget(half, 0.5)) == pytest.approx(0, abs=1e-5)
    assert float(learner_choices.budget(half, 0.25)) == pytest.approx(
        learner_choices.PRICE / 4, abs=1e-5
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_learner_lowers_the_error_in_every_module(seed: int) -> None:
    """Prefix distillation: slices of the trained MLP would not do this for every n."""
    plan = recipes()[f"learners-s{seed}"]
    assert isinstance(plan, WidthRecipe)
    base, made = plan.base.load(), plan.load()
    tokens = torch.from_numpy(next(load("embedded", 0, batches=1, sequences=32).cases()).tokens)
    found: list[Tensor] = []

    def watch(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        y = output()
        if unit % 2:
            found.append(train_learners.prefix_loss(made.modules.at(unit // 2), x, y))
        return y

    with torch.no_grad():
        unit_forward.soft(base, tokens, watch)
    for errors in found:
        assert [1.0, *errors.tolist()] == sorted([1.0, *errors.tolist()], reverse=True)
    assert statistics.median(float(errors[-1]) for errors in found) < 0.25


def test_learners_are_no_slices_of_the_mlp() -> None:
    base, made = recipes()["vanilla-6-s0"].load(), recipes()["learners-s0"].load()
    for index in range(base.shape.layers):
        ours = F.normalize(made.modules.at(index).learner(0).up.weight, dim=1)
        theirs = F.normalize(base.layer(index).up.weight, dim=1)
        assert float((ours @ theirs.T).max(1).values.median()) < 0.9


def test_rivals_are_tuned_as_long_from_the_same_learners() -> None:
    every = [p for p in recipes().values() if isinstance(p, WidthRecipe) and p.kind != "learners"]
    assert {plan.kind for plan in every} == {"acm", "static", "coins"}
    for plan in every:
        if isinstance(plan, train_learners.CoinsRecipe):
            assert plan.like is not None
            assert (plan.start, plan.steps) == (plan.like.start, plan.like.steps)
    known = [plan for plan in every if plan.kind != "coins"]
    for plan in known:
        same = {"name": "", "kind": "acm", "target": 0.0, "levels": 127}
        first = next(other for other in known if other.seed == plan.seed)
        assert dataclasses.replace(plan, **same) == dataclasses.replace(first, **same)


def test_the_dense_mlps_are_gone(widened: Widened) -> None:
    reader = load("embedded", 0, batches=1, sequences=2).width_reader("static-2")
    assert all(layer.up.weight.numel() == 0 for layer in reader.widened.model.layers)
    assert all(len(module.gate) == 0 for module in reader.widened.modules.layers)
    whole = sum(p.numel() for p in recipes()["vanilla-6-s0"].load().parameters())
    biases = 6 * 256
    assert reader.widened.parameters == whole + biases


def test_coins_keep_each_modules_choices() -> None:
    task, point = load("embedded", 0, batches=2, sequences=32), _at(0.4)
    held = random_width.prepare(task, point, 0)
    method = acm.prepare(task, point, 0)
    for batch in task.cases():
        ours = random_width.solve(held, batch, point)
        theirs = acm.solve(method, batch, point)
        mine, other = (learners.shares(a, 6, batch.tokens.size) for a in (ours, theirs))
        torch.testing.assert_close(mine, other, atol=0.06, rtol=0)
        again = random_width.solve(held, batch, point)
        assert torch.equal(ours.logits, again.logits)


def test_trained_gates_choose_by_position() -> None:
    """Gates that phase 2 has made sure are not tuned to anything: every position takes two."""
    task = load("embedded", 0, batches=1, sequences=16)
    batch = next(task.cases())
    answer = acm.solve(acm.prepare(task, _at(0.4), 0), batch, _at(0.4))
    shares = learners.shares(answer, 6, batch.tokens.size)
    assert float(shares.amax(1).median()) < 0.95
    assert len(answer.executions().unique()) > 5


def test_more_learners_cost_more_and_are_counted_so() -> None:
    task = load("embedded", 0, batches=1, sequences=4)
    batch = next(task.cases())
    for n in (1, 2):
        point = {"learners": n}
        answer = static_width.solve(static_width.prepare(task, point, 0), batch, point)
        assert torch.equal(answer.executions(), torch.full((4, 64), 3 + 0.75 * n))


def test_a_recipe_is_rebuilt_from_its_seed(tmp_path: Path) -> None:
    short = {
        name: dataclasses.replace(recipes()[name], steps=2)
        for name in ("learners-s0", "acm-40-s0", "acm-25-s0", "static-2-s0")
    }
    for name, plan in short.items():
        card = checkpoints.train(plan, folder=tmp_path)
        assert card == checkpoints.train(plan, folder=tmp_path)
        assert (tmp_path / f"{name}{checkpoints.SUFFIX}").stat().st_size < 350_000


def _at(budget: float) -> Point:
    return {"budget": budget}
