"""VersatileFFN: one set of weights, gathered equals masked, and every loop and slice counted."""

import copy
import dataclasses
import json
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from adabench.workloads.depth_width.ledger_affine import task as composing
from adabench.workloads.depth_width.ledger_affine.methods import (
    loops_hindsight,
    random_loops,
    versatile_ffn,
)
from adabench.workloads.depth_width.ledger_affine.recipes import FOLDER, recipes
from adabench.workloads.depth_width.ledger_affine.substrate import (
    ffn_models,
    loop_forward,
    train_ffns,
)
from adabench.workloads.depth_width.ledger_affine.substrate.ffn_models import FfnShape, Gates, Stack
from adabench.workloads.depth_width.ledger_affine.substrate.ffn_reader import FfnReader
from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import (
    Depths,
    Run,
    argmax,
    forced,
)
from adabench.workloads.depth_width.ledger_affine.substrate.train_ffns import FfnRecipe
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.units.unit_forward import attention
from adabench.workloads.depth_width.substrate.work_counter import Work
from adabench.workloads.shared.training import int8_packing
from tests.workloads.depth_width.forward_promises import (
    DecodedForwardPromises,
    Forward,
    drawn_tokens,
)

LAYERS, LOOPS, EXPERTS = 3, 4, 8
VERSATILE = FfnShape("versatile", layers=LAYERS, width=16, hidden=32, loops=LOOPS)
KINDS = {
    "dense": dataclasses.replace(VERSATILE, kind="dense", loops=1),
    "loop": dataclasses.replace(VERSATILE, kind="loop"),
    "versatile": VERSATILE,
    "moe": dataclasses.replace(VERSATILE, kind="moe", loops=1, wider=EXPERTS),
}
SEQUENCES, TOKENS = 5, 24


def made(kind: str) -> Stack:
    """A model whose gates disagree with one another, as trained ones do."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        stack = ffn_models.fresh(KINDS[kind])
        for index in range(LAYERS):
            stack.model.layer(index).out.weight.data *= 8  # untrained blocks hardly add anything
            ffn = stack.ffns.at(index)
            ffn.w_out.weight.data *= 8
            for name in ("depth", "router"):
                if hasattr(ffn, name):
                    nn.init.normal_(getattr(ffn, name).weight, std=1.0)
    return stack.frozen()


@pytest.fixture(scope="module")
def stacks() -> dict[str, Stack]:
    return {kind: made(kind) for kind in KINDS}


@pytest.fixture(scope="module")
def stack(stacks: dict[str, Stack]) -> Stack:
    return stacks["versatile"]


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    return drawn_tokens(94, SEQUENCES, TOKENS, above=2)


def masked(stack: Stack, tokens: Tensor, path: str = "both") -> tuple[Tensor, Tensor]:
    """Run all loops and all slices one by one and mix; return logits and loops [layers, B, T]."""
    states, said = stack.model.embed(tokens), []
    for index in range(LAYERS):
        layer, ffn = stack.model.layer(index), stack.ffns.at(index)
        x = states + attention(stack.model, layer, layer.norm1(states))
        loops = ffn.depth(x).argmax(-1) + 1
        said.append(loops)
        each = [x]
        for _ in range(LOOPS):
            each.append(ffn_models.looped(layer, ffn, each[-1]))
        deep = torch.stack(each).gather(0, loops[None, ..., None].expand(1, *x.shape))[0]
        share = ((LOOPS - loops) / LOOPS)[..., None]
        share = {"both": share, "deep": 0 * share, "wide": 0 * share + 1}[path]
        states = (1 - share) * deep + share * by_slices(stack, index, x)
    return stack.model.head(stack.model.norm(states)), torch.stack(said)


def by_slices(stack: Stack, index: int, x: Tensor) -> Tensor:
    """Mix each position's best two experts, in their own residual form, expert by expert."""
    ffn, normed = stack.ffns.at(index), stack.model.layer(index).norm2(x)
    logits, size = ffn.router(x), ffn.w_out.in_features // EXPERTS
    best = logits.topk(2, dim=-1)
    mixed = torch.zeros_like(x)
    for e in range(EXPERTS):
        rows = slice(e * size, (e + 1) * size)
        gate, value = ffn.w_in.weight.chunk(2)
        hidden = F.silu(normed @ gate[rows].T) * (normed @ value[rows].T)
        own = x + hidden @ ffn.w_out.weight[:, rows].T
        weight = (best.values.softmax(-1) * (best.indices == e)).sum(-1, keepdim=True)
        mixed = mixed + weight * own
    return mixed


def mixed(stack: Stack, tokens: Tensor, path: str) -> tuple[Tensor, Tensor]:
    """Return the logits and the executions of all that is run and mixed on one path or on both."""
    logits, loops = masked(stack, tokens, path)
    assert set(loops.unique().tolist()) == {1, 2, 3, 4}
    slices = 2 / EXPERTS * (torch.ones_like(loops) if path == "wide" else loops < LOOPS)
    return logits, ((path != "wide") * loops + (path != "deep") * slices).sum(0)


class TestVersatile(DecodedForwardPromises):
    @pytest.fixture(params=["both", "deep", "wide"])
    def forward(self, request: pytest.FixtureRequest, stack: Stack, tokens: Tensor) -> Forward:
        ways = {"depths": argmax(stack), "path": request.param}
        return Forward(
            tokens,
            partial(loop_forward.prefill_ffns, stack, **ways),
            lambda: mixed(stack, tokens, request.param),
            partial(loop_forward.decode_ffns, stack, **ways),
            TOKENS * LAYERS,
        )

    def test_loops_are_those_of_the_gates(self, stack: Stack, tokens: Tensor) -> None:
        ours = loop_forward.prefill_ffns(stack, tokens, argmax(stack), tile=2)
        assert torch.equal(ours.loops(), masked(stack, tokens)[1].sum(0).double())


@pytest.mark.parametrize("kind", ["dense", "loop", "moe"])
def test_the_rivals_gathered_are_those_that_are_trained(
    stacks: dict[str, Stack], tokens: Tensor, kind: str
) -> None:
    model = stacks[kind].model
    states = ffn_models.soft(stacks[kind], tokens, 1.0, Gates())
    ours = loop_forward.prefill_ffns(stacks[kind], tokens, tile=2)
    torch.testing.assert_close(ours.logits, model.head(model.norm(states)), atol=1e-5, rtol=0)
    cost = {"dense": 1.0, "loop": 4.0, "moe": 2.0}[kind]
    assert torch.equal(ours.executions(), torch.full(tokens.shape, LAYERS * cost).double())


def test_training_runs_what_inference_runs_for_the_same_choices(
    stack: Stack, tokens: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(logits: Tensor, tau: float, hard: bool) -> Tensor:
        return F.one_hot(logits.argmax(-1), LOOPS).float()

    monkeypatch.setattr(ffn_models.F, "gumbel_softmax", greedy)
    states = ffn_models.soft(stack, tokens, 1.0, Gates())
    ours = loop_forward.prefill_ffns(stack, tokens, argmax(stack), tile=2)
    logits = stack.model.head(stack.model.norm(states))
    torch.testing.assert_close(ours.logits, logits, atol=1e-5, rtol=0)


def test_all_loops_for_everybody_is_the_fixed_loop_model(stack: Stack, tokens: Tensor) -> None:
    looped = ffn_models.fresh(KINDS["loop"])
    looped.model.load_state_dict(stack.model.state_dict())
    own = {k: v for k, v in stack.ffns.state_dict().items() if ".w_" in k}
    looped.ffns.load_state_dict(own)
    theirs = loop_forward.prefill_ffns(looped.frozen(), tokens, tile=2)
    for depths in (forced(LOOPS), argmax(stack, bias=1e4)):
        ours = loop_forward.prefill_ffns(stack, tokens, depths, tile=2)
        torch.testing.assert_close(ours.logits, theirs.logits, atol=1e-5, rtol=0)
        assert torch.equal(ours.executions(), theirs.executions())


def test_a_gate_reads_its_own_position_alone(stack: Stack) -> None:
    x = torch.randn(6, 16, generator=torch.Generator().manual_seed(2))
    changed = x.clone()
    changed[:5] += 1.0
    depths: Depths = argmax(stack)
    for layer in range(LAYERS):
        assert depths(layer, x, Work())[5] == depths(layer, changed, Work())[5]


def hooked(stack: Stack) -> tuple[Stack, dict[str, int]]:
    """Count the rows that reach the two matrices of every layer as modules."""
    watched, rows = copy.deepcopy(stack), {"w_in": 0, "w_out": 0}
    for index in range(LAYERS):
        for name in rows:

            def count(_: Any, given: tuple[Tensor], __: Any, name: str = name) -> None:
                rows[name] += len(given[0])

            getattr(watched.ffns.at(index), name).register_forward_hook(count)
    return watched, rows


def test_loops_are_what_hooks_see(stack: Stack, tokens: Tensor) -> None:
    """Fake: compute all loops for all tokens and report the chosen one."""
    watched, rows = hooked(stack)
    run = loop_forward.prefill_ffns(watched, tokens, argmax(watched), tile=2)
    assert rows["w_in"] == rows["w_out"] == run.loops().sum()
    assert rows["w_in"] < LOOPS * LAYERS * tokens.numel()
    shares = loop_forward.shares(run, LAYERS)
    mean = (shares * torch.arange(1, LOOPS + 1)).sum() * tokens.numel()
    assert float(mean) == pytest.approx(rows["w_in"])
    torch.testing.assert_close(shares.sum(1), torch.ones(LAYERS).double())


def test_slices_run_on_those_who_chose_them_and_stopped_early(
    stack: Stack, tokens: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    product = Work.product

    def spy(self: Work, rows: Tensor, weight: Tensor, module: nn.Linear | None = None) -> Tensor:
        if module is None and weight.shape == (32 // EXPERTS, 16):
            seen.append(len(rows))
        return product(self, rows, weight, module)

    monkeypatch.setattr(Work, "product", spy)
    run = loop_forward.prefill_ffns(stack, tokens, argmax(stack), tile=2)
    _, loops = masked(stack, tokens)
    # Gate and value rows are a product each; two slices a position.
    assert sum(seen) == 2 * 2 * int((loops < LOOPS).sum())
    assert sum(seen) / 2 / EXPERTS == float((run.executions() - run.loops()).sum())


@pytest.mark.parametrize("kind", [*KINDS, "four loops", "one loop"])
def test_operations_are_what_torch_counts(
    stacks: dict[str, Stack], tokens: Tensor, kind: str
) -> None:
    """Gates, routers and slices are in the count."""
    own = stacks[kind if kind in KINDS else "versatile"]
    depths = {"four loops": forced(4), "one loop": forced(1), "versatile": argmax(own)}
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run = loop_forward.prefill_ffns(own, tokens, depths.get(kind, forced(1)), tile=2)
    assert sum(work.flops for _, work in run.works) == counter.get_total_flops()


def test_it_never_costs_less_than_dense(stacks: dict[str, Stack], tokens: Tensor) -> None:
    """Fake: present the method as a speed-up over dense."""
    dense = loop_forward.prefill_ffns(stacks["dense"], tokens, tile=2)
    for bias in (-1e4, 0.0, 1e4):
        run = loop_forward.prefill_ffns(
            stacks["versatile"], tokens, argmax(stacks["versatile"], bias), tile=2
        )
        assert bool((run.executions() >= dense.executions()).all())
        assert sum(w.flops for _, w in run.works) > sum(w.flops for _, w in dense.works)


def test_slices_and_loops_are_the_dense_weights_themselves(stack: Stack) -> None:
    """Fake: separate weights per expert or per loop."""
    for index in range(LAYERS):
        ffn = stack.ffns.at(index)
        names = {name for name, _ in ffn.named_parameters()}
        assert names == {"w_in.weight", "w_out.weight", "depth.weight", "router.weight"}
        storages = {ffn.w_in.weight.untyped_storage().data_ptr()} | {
            ffn.w_out.weight.untyped_storage().data_ptr()
        }
        covered = torch.zeros(32)
        for expert in range(EXPERTS):
            for view in ffn.slice(expert):
                assert view.untyped_storage().data_ptr() in storages
            size = 32 // EXPERTS
            gate, value, out = ffn.slice(expert)
            rows = slice(expert * size, (expert + 1) * size)
            assert gate.data_ptr() == ffn.w_in.weight[rows].data_ptr()
            assert value.data_ptr() == ffn.w_in.weight[32:][rows].data_ptr()
            assert out.data_ptr() == ffn.w_out.weight[:, rows].data_ptr()
            covered[rows] += 1
        assert bool((covered == 1).all())


def test_only_gates_are_added_to_the_dense_model(stacks: dict[str, Stack]) -> None:
    gates = LAYERS * 16 * (LOOPS + EXPERTS)
    assert stacks["versatile"].parameters == stacks["dense"].parameters + gates
    assert stacks["loop"].parameters == stacks["dense"].parameters
    experts = LAYERS * 3 * 7 * 16 * 32 + LAYERS * 16 * EXPERTS
    assert stacks["moe"].parameters == stacks["dense"].parameters + experts


def test_inference_is_neither_soft_nor_sampled(stack: Stack, tokens: Tensor) -> None:
    """Fake: mix all loops in evaluation, or leave the temperature high."""
    one, two = (loop_forward.prefill_ffns(stack, tokens, argmax(stack), tile=2) for _ in range(2))
    assert torch.equal(one.logits, two.logits)
    assert torch.equal(one.loops(), one.loops().round())


def short(kind: str) -> FfnRecipe:
    name = {"versatile": "versatile-ffn-s0", "dense": "dense-ffn-4-s0", "moe": "moe-ffn-s0"}[kind]
    plan = recipes()[name]
    return dataclasses.replace(plan, steps=4, warm=2 if plan.warm else 0)


def test_the_temperature_falls_each_step_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fake: forget the update (the released block defines it and leaves it to the trainer)."""
    taus: list[float] = []
    sample = F.gumbel_softmax

    def spy(logits: Tensor, tau: float, hard: bool) -> Tensor:
        assert hard
        taus.append(tau)
        return sample(logits, tau=tau, hard=hard)

    monkeypatch.setattr(ffn_models.F, "gumbel_softmax", spy)
    plan = dataclasses.replace(short("versatile"), steps=8, warm=2)
    train_ffns.train(plan)
    each = taus[:: plan.shape.layers]
    assert len(each) == plan.steps - plan.warm
    assert each[0] == 5.0
    assert all(later < earlier for earlier, later in pairwise(each))
    last = plan.steps - plan.warm
    assert train_ffns.temperature(last - 1, last) > 0.1
    assert train_ffns.temperature(990, 1000) == 0.1
    assert train_ffns.temperature(480, 1000) == pytest.approx(5 * 0.02**0.5)


def test_every_weight_is_trained_once_and_gates_at_their_own_rate() -> None:
    """Fake: leave a weight out, or hand the method's other weights a better rate than rivals'."""
    head = nn.Linear(16, 7, bias=False)
    for kind, shape in KINDS.items():
        stack = ffn_models.fresh(shape)
        groups = train_ffns._groups(stack, head)
        trained = [id(weight) for group in groups for weight in group["params"]]
        assert sorted(trained) == sorted(map(id, [*stack.weights(), *head.parameters()]))
        gates = {"versatile": LAYERS * 2, "moe": LAYERS}.get(kind, 0)
        peaks = {group["lr"]: len(group["params"]) for group in groups}
        assert peaks[0.003] == len(trained) - gates
        assert peaks.get(0.015, 0) == gates


def test_the_start_never_decays_and_each_phase_warms_up() -> None:
    plan = recipes()["versatile-ffn-s0"]
    first, then = (train_ffns.schedule(start, plan.steps) for start in (0, plan.warm))
    rates = [first(1.0, step) for step in range(plan.warm)]
    assert rates[99:] == [1.0] * (plan.warm - 99)
    second = [then(1.0, step) for step in range(plan.warm, plan.steps)]
    assert second[0] == pytest.approx(1 / 40)
    assert second[39] == second[80] == 1.0
    assert second[-1] == pytest.approx(0.05, abs=0.005)


def test_gates_get_a_gradient_from_the_answers() -> None:
    stack, gates = ffn_models.fresh(VERSATILE), Gates()
    tokens = torch.randint(2, 94, (2, 12), generator=torch.Generator().manual_seed(1))
    ffn_models.soft(stack, tokens, 1.0, gates).sum().backward()
    for index in range(LAYERS):
        ffn = stack.ffns.at(index)
        for weight in (ffn.depth.weight, ffn.router.weight):
            assert weight.grad is not None
            assert float(weight.grad.abs().sum()) > 0
    assert len(gates.balance) == LAYERS


def test_balance_is_one_if_even_and_larger_if_few_slices_do_everything() -> None:
    x = torch.randn(4, 500, EXPERTS, generator=torch.Generator().manual_seed(3))
    assert float(ffn_models.balance(x, x.topk(2, dim=-1).indices)) == pytest.approx(1.0, abs=0.05)
    x[..., :2] += 10
    assert float(ffn_models.balance(x, x.topk(2, dim=-1).indices)) == pytest.approx(4.0, abs=0.05)


def test_rivals_take_as_many_steps_from_the_same_start() -> None:
    plans = recipes().values()
    assert len({plan.steps for plan in plans}) == 1
    assert len({plan.warm for plan in plans}) == 1
    assert len({(p.shape.layers, p.shape.width, p.shape.hidden) for p in plans}) == 1
    assert {plan.shape.kind for plan in plans} == {"dense", "loop", "versatile", "moe"}


def test_experts_start_as_the_dense_model_and_have_weights_of_their_own(tokens: Tensor) -> None:
    dense, moe = made("dense"), ffn_models.fresh(KINDS["moe"])
    moe.model.load_state_dict(dense.model.state_dict())
    start = train_ffns.copied(dense.ffns.state_dict(), EXPERTS)
    moe.ffns.load_state_dict(start, strict=False)
    ours, theirs = (loop_forward.prefill_ffns(m, tokens, tile=2) for m in (moe.frozen(), dense))
    torch.testing.assert_close(ours.logits, theirs.logits, atol=1e-5, rtol=0)
    pointers = {moe.ffns.at(0).slice(e)[part].data_ptr() for e in range(EXPERTS) for part in (0, 1)}
    assert len(pointers) == 2 * EXPERTS


def test_the_dense_start_is_the_same_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[Tensor] = []
    fit = train_ffns._fit

    def spy(plan: FfnRecipe, stack: Stack, *rest: Any) -> None:
        if plan.name and plan.warm:
            starts.append(stack.ffns.at(0).w_in.weight.detach().clone())
        fit(plan, stack, *rest)

    monkeypatch.setattr(train_ffns, "_fit", spy)
    for kind in ("dense", "versatile"):
        train_ffns.train(short(kind))
    assert torch.equal(*starts)


@pytest.mark.parametrize("kind", ["versatile", "moe"])
def test_a_recipe_is_rebuilt_from_its_seed(tmp_path: Path, kind: str) -> None:
    plan = short(kind)
    card = checkpoints.train(plan, folder=tmp_path)
    assert card == checkpoints.train(plan, folder=tmp_path)
    assert (tmp_path / f"{plan.name}{checkpoints.SUFFIX}").stat().st_size < 900_000


def test_packing_keeps_every_weight_to_half_a_step(stack: Stack) -> None:
    packed = int8_packing.packed(stack.state_dict())
    again = ffn_models.fresh(stack.shape)
    again.load_state_dict(int8_packing.unpacked(packed))
    for one, two in zip(stack.weights(), again.weights(), strict=True):
        if one.dim() == 2:
            step = one.abs().amax(1, keepdim=True) / 127
            assert bool(((one - two).abs() <= 0.52 * step + 1e-6).all())
    assert packed["base.embed.weight"].dtype == torch.int8


def small(seed: int = 0, **conditions: Any) -> composing.LedgerAffine:
    task = composing.load("embedded", seed, **({"batches": 1, "sequences": 16} | conditions))
    assert isinstance(task, composing.LedgerAffine)
    return task


def test_coins_keep_each_layers_shares() -> None:
    task, point = small(), {"bias": 0.0, "path": "both"}
    held = random_loops.prepare(task, point, 0)
    reader = versatile_ffn.prepare(task, point, 0)
    [batch] = task.cases()
    ours, theirs = random_loops.solve(held, batch, point), versatile_ffn.solve(reader, batch, point)
    one, two = (loop_forward.shares(run, 4) for run in (ours, theirs))
    torch.testing.assert_close(one, two, atol=0.08, rtol=0)
    assert torch.equal(ours.logits, random_loops.solve(held, batch, point).logits)


def test_the_trained_model_adds_gates_alone_to_the_shipped_dense_one() -> None:
    task = small()
    dense, ours = (task.ffn_reader(name).stack for name in ("dense-ffn-4", "versatile-ffn"))
    assert ours.parameters == dense.parameters + 4 * 64 * 12


def test_bias_dials_the_loops() -> None:
    task = small()
    reader = versatile_ffn.prepare(task, {}, 0)
    [batch] = task.cases()
    spent = [
        float(
            versatile_ffn.solve(reader, batch, {"bias": bias, "path": "both"}).executions().mean()
        )
        for bias in (-1000.0, -1.0, 0.0, 1.0, 1000.0)  # the ends of the knob
    ]
    assert spent == sorted(spent)
    assert spent[0] == 4 * 1.25
    assert spent[-1] == 4 * 4


def test_the_oracle_is_a_real_run_and_counts_it(stacks: dict[str, Stack], tokens: Tensor) -> None:
    parts = [
        (torch.tensor([0, 3]), loop_forward.prefill_ffns(stacks["dense"], tokens[[0, 3]], tile=1)),
        (
            torch.tensor([1, 2, 4]),
            loop_forward.prefill_ffns(stacks["loop"], tokens[[1, 2, 4]], tile=2),
        ),
    ]
    run: Run = FfnReader(stacks["dense"], "prefill").joined(parts)
    assert run.executions().mean(1).tolist() == [3.0, 12.0, 12.0, 3.0, 12.0]
    whole = loop_forward.prefill_ffns(stacks["loop"], tokens, tile=5)
    torch.testing.assert_close(run.logits[1], whole.logits[1], atol=1e-5, rtol=0)


def test_the_oracle_takes_the_cheaper_of_equals() -> None:
    credits = np.array([[1.0, 1.0, 0.5], [0.2, 0.4, 0.4], [0.0, 0.0, 0.3]])
    assert loops_hindsight.choose(credits, 0.0).tolist() == [0, 1, 2]
    assert loops_hindsight.choose(credits, 10.0).tolist() == [0, 0, 0]


def test_a_sibling_has_the_same_operations_and_no_answer_in_common() -> None:
    task = small()
    [batch] = task.cases()
    other, corpus = task.sibling(batch), task.corpora[0]
    operands = corpus.labels.of("operand")
    assert (other.tokens[operands] == batch.tokens[operands]).all()
    stated = corpus.labels.of("value")
    assert (other.tokens[stated] != batch.tokens[stated]).all()


def test_the_oracle_gains_next_to_nothing_on_targets_that_are_all_wrong() -> None:
    """Fake: an oracle that picks by luck. A rung has to be right on a sibling of the text, too."""
    task = small(batches=3, sequences=64)
    rungs = loops_hindsight.prepare(task, {"price": 0.0}, 0)
    [batch, *_] = task.cases()
    answer = rungs.readers[0].read(batch)
    perfect = dataclasses.replace(answer, logits=F.one_hot(torch.from_numpy(
        task.corpora[0].targets), 96).float())  # fmt: skip
    assert task.credit(batch, perfect).sum() == pytest.approx(1.0)
    assert task.credit(batch, perfect, wrong=1).sum() == 0
    gains = loops_hindsight.luck(task, rungs, wrong=1)
    assert gains["alone_by_chance"] > 0.01
    assert gains["by_chance"] < gains["alone_by_chance"] / 3


def test_the_sibling_has_to_be_right_where_the_batch_is() -> None:
    task = small()
    readers = loops_hindsight.prepare(task, {"price": 0.0}, 0).readers
    [batch] = task.cases()
    worth = loops_hindsight.worth(task, readers, batch)
    assert (worth.twice <= worth.here + 1e-12).all()
    assert worth.twice.sum() < worth.here.sum()


def test_checkpoints_are_shipped_small_and_score_what_their_card_says() -> None:
    shipped = {name for name in recipes() if int(name.rpartition("-s")[2]) in checkpoints.SEEDS}
    names = sorted(shipped - {"moe-ffn-s1", "moe-ffn-s2"})  # which are large
    sizes = [(FOLDER / f"{name}{checkpoints.SUFFIX}").stat().st_size for name in names]
    assert sum(sizes) < 4e6
    card = json.loads((FOLDER / "versatile-ffn-s0.json").read_text())
    assert train_ffns.held_out(recipes()["versatile-ffn-s0"].load()) == card["held_out"]
