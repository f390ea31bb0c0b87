"""The honesty tests: small untrained models whose routers decide all sorts of things."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from adabench.workloads.depth_width.methods import early_exit
from adabench.workloads.depth_width.substrate import attention
from adabench.workloads.depth_width.substrate.backbone import Backbone, Norm, Shape, rotate
from adabench.workloads.depth_width.substrate.gathered_forward import (
    Policy,
    decode,
    everyone,
    hidden,
    prefill,
)
from adabench.workloads.depth_width.substrate.recursion_routing import (
    at_most,
    threshold,
    token_choice,
)
from adabench.workloads.depth_width.substrate.stream import draw
from adabench.workloads.depth_width.substrate.work_counter import Work

SEQUENCES, TOKENS = 10, 64


@dataclass(frozen=True)
class Arm:
    model: Backbone
    policy: Policy
    fill: bool = False


def build(shape: Shape) -> Backbone:
    """An untrained model with projections large enough for its routers to disagree."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = Backbone(shape)
        for layer in model.layers:
            torch.nn.init.normal_(layer.out.weight, std=0.2)
            torch.nn.init.normal_(layer.down.weight, std=0.1)
        for router in model.routers:
            torch.nn.init.normal_(router.weight, std=0.5)
    return model.eval().requires_grad_(False)


def arm(name: str) -> Arm:
    recursive = partial(Shape, 4, width=32, heads=2, recursions=3)
    if name == "vanilla":
        return Arm(build(Shape(4, width=32, heads=2)), everyone)
    if name == "recursive":
        return Arm(build(recursive()), everyone)
    if name == "exit":
        model = build(Shape(4, width=32, heads=2))
        model.head.weight.mul_(8)
        return Arm(model, early_exit.unsure(model, 0.5), fill=True)
    if name == "token":
        model = build(recursive(router="token"))
        return Arm(model, token_choice(model))
    model = build(recursive(router="expert", gate=0.5, kv=name))
    return Arm(model, threshold(model, (-1.0, 0.45, 0.5)))


ARMS = ("vanilla", "recursive", "recursion", "shared", "token", "exit")
ADAPTIVE = ("recursion", "shared", "token", "exit")


def tokens(seed: int = 0) -> torch.Tensor:
    inputs = draw(np.random.default_rng(seed), SEQUENCES).inputs
    return torch.from_numpy(np.ascontiguousarray(inputs))


@pytest.mark.parametrize("name", ADAPTIVE)
def test_the_arms_do_skip_some_and_not_all(name: str) -> None:
    chosen = arm(name)
    ran = prefill(chosen.model, tokens(), chosen.policy, tile=4, fill=chosen.fill).executions()
    assert len(set(ran.flatten().tolist())) > 1
    assert ran.min() < ran.float().mean() < len(chosen.model.shape.order)


@pytest.mark.parametrize("name", ARMS)
def test_a_changed_future_token_changes_no_logit(name: str) -> None:
    chosen, before = arm(name), tokens()
    for cut in (20, 50):
        after = before.clone()
        after[:, cut:] = tokens(seed=1)[:, cut:]
        one, two = (
            prefill(chosen.model, seen, chosen.policy, tile=5, fill=chosen.fill).logits
            for seen in (before, after)
        )
        torch.testing.assert_close(one[:, :cut], two[:, :cut], atol=1e-5, rtol=1e-5)
        assert not torch.allclose(one[:, cut:], two[:, cut:])


@pytest.mark.parametrize("name", ARMS)
def test_hooks_on_the_modules_count_what_is_reported(name: str) -> None:
    chosen, rows = arm(name), Counter[str]()

    def count(part: str, module: Any, inputs: Any, output: torch.Tensor) -> None:
        rows[part] += output.numel() // output.shape[-1]

    for layer in chosen.model.layers:
        layer.up.register_forward_hook(partial(count, "mlp"))
        layer.out.register_forward_hook(partial(count, "attention"))
    answer = prefill(chosen.model, tokens(), chosen.policy, tile=4, fill=chosen.fill)
    reported = int(answer.executions().sum())
    assert rows == {"mlp": reported, "attention": reported}


@pytest.mark.parametrize("name", ARMS)
@pytest.mark.parametrize("mode", ["prefill", "decode"])
def test_flops_are_those_that_torch_counts(name: str, mode: str) -> None:
    chosen = arm(name)
    # The counter knows no formula for the CPU's fused attention; it sees the plain one's products.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        if mode == "prefill":
            answer = prefill(chosen.model, tokens(), chosen.policy, tile=4, fill=chosen.fill)
        else:
            few = tokens()[:4, :20]
            answer = decode(chosen.model, few, chosen.policy, batch=4, fill=chosen.fill)
    assert sum(work.flops for _, work in answer.works) == counter.get_total_flops()


def reference(model: Backbone, seen: torch.Tensor) -> torch.Tensor:
    """Every layer over whole sequences, written without rows, stages or caches."""
    states = model.embed(seen)
    length = seen.shape[1]
    late = torch.triu(torch.full((length, length), float("-inf")), 1)
    for index in model.shape.order:
        layer = model.layer(index)
        q, k, v = layer.qkv(layer.norm1(states)).chunk(3, dim=-1)
        heads = [part.unflatten(-1, (layer.heads, -1)) for part in (q, k, v)]
        q, k = (rotate(part, model.cosine[:length], model.sine[:length]) for part in heads[:2])
        scores = torch.einsum("bqhe,bkhe->bhqk", q, k) / q.shape[-1] ** 0.5 + late
        context = torch.einsum("bhqk,bkhe->bqhe", scores.softmax(-1), heads[2])
        states = states + layer.out(context.flatten(2))
        states = states + layer.down(F.gelu(layer.up(layer.norm2(states))))
    return model.head(model.norm(states))


@pytest.mark.parametrize("name", ["vanilla", "recursive", "exit"])
def test_with_everything_on_the_logits_are_the_references(name: str) -> None:
    chosen = arm(name)
    policy = early_exit.unsure(chosen.model, 1.0) if name == "exit" else everyone
    ours = prefill(chosen.model, tokens(), policy, tile=3, fill=chosen.fill).logits
    torch.testing.assert_close(ours, reference(chosen.model, tokens()), atol=1e-5, rtol=1e-5)


def masked(model: Backbone, seen: torch.Tensor, levels: tuple[float, ...]) -> torch.Tensor:
    """Expert choice with everything computed and most of it thrown away."""
    length = seen.shape[1]
    shape, states = model.shape, model.embed(seen)
    order = torch.arange(length)
    causal = order[:, None] >= order
    alive = torch.ones(seen.shape, dtype=torch.bool)
    shared: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def layer_over(index: int, rows: torch.Tensor, keys_from: torch.Tensor, first: bool) -> Any:
        layer = model.layer(index)
        heads = layer.qkv(layer.norm1(rows)).unflatten(-1, (3, layer.heads, -1))
        q, k, v = heads.unbind(2)
        q, k = (rotate(part, model.cosine[:length], model.sine[:length]) for part in (q, k))
        if shape.kv == "shared" and index in shape.block:
            if first:
                shared[index] = k, v
            k, v = shared[index]
            keys_from = torch.ones_like(keys_from)
        sees = causal & keys_from[:, None] | torch.eye(length, dtype=torch.bool)
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))
        context = F.scaled_dot_product_attention(q, k, v, attn_mask=sees[:, None])
        rows = rows + layer.out(context.transpose(1, 2).flatten(2))
        return rows + layer.down(F.gelu(layer.up(layer.norm2(rows))))

    everyone_alive = alive.clone()
    states = layer_over(0, states, everyone_alive, True)
    for r, level in enumerate(levels):
        score = torch.sigmoid(model.routers[r](states)[..., 0])
        alive = alive & (score > level)
        output = states
        for index in shape.block:
            output = layer_over(index, output, alive, r == 0)
        states = torch.where(
            alive[..., None], states + shape.gate * score[..., None] * output, states
        )
    states = layer_over(shape.layers - 1, states, everyone_alive, True)
    return model.head(model.norm(states))


@pytest.mark.parametrize("kv", ["recursion", "shared"])
def test_gathered_and_masked_execution_agree(kv: str) -> None:
    chosen = arm(kv)
    ours = prefill(chosen.model, tokens(), chosen.policy, tile=10).logits
    theirs = masked(chosen.model, tokens(), (-1.0, 0.45, 0.5))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ARMS)
@pytest.mark.parametrize("batch", [1, 5])
def test_prefill_then_decode_is_one_forward(name: str, batch: int) -> None:
    chosen, seen = arm(name), tokens()[:5]
    whole = prefill(chosen.model, seen, chosen.policy, tile=5, fill=chosen.fill)
    steps = decode(chosen.model, seen, chosen.policy, batch=batch, prompt=30, fill=chosen.fill)
    torch.testing.assert_close(whole.logits, steps.logits, atol=1e-5, rtol=1e-5)
    assert torch.equal(whole.executions(), steps.executions())
    stored = [sum(work.kv_entries for _, work in answer.works) for answer in (whole, steps)]
    assert stored[0] == stored[1]


@pytest.mark.parametrize("name", ["recursion", "token", "vanilla"])
def test_keys_are_stored_where_a_layer_ran_and_nowhere_else(name: str) -> None:
    chosen = arm(name)
    answer = prefill(chosen.model, tokens(), chosen.policy, tile=5)
    stored = sum(work.kv_entries for _, work in answer.works)
    assert stored == int(answer.executions().sum())


def test_shared_keys_are_those_of_the_first_recursion() -> None:
    chosen = arm("shared")
    answer = prefill(chosen.model, tokens(), chosen.policy, tile=5)
    stored = sum(work.kv_entries for _, work in answer.works)
    assert stored == SEQUENCES * TOKENS * 4


def test_a_stage_without_anyone_is_not_called() -> None:
    model = build(Shape(4, width=32, heads=2, recursions=3))
    calls = []
    model.layer(1).register_forward_hook(lambda *seen: calls.append(1))
    prefill(model, tokens(), at_most(1), tile=SEQUENCES)
    assert len(calls) == 1


def test_training_and_inference_are_one_forward() -> None:
    chosen, work = arm("recursion"), Work()
    states, _ = hidden(chosen.model, tokens(), chosen.policy, work)
    logits = chosen.model.head(chosen.model.norm(states))
    ours = prefill(chosen.model, tokens(), chosen.policy, tile=SEQUENCES).logits
    torch.testing.assert_close(logits, ours, atol=1e-5, rtol=1e-5)


def test_turning_pairs_leaves_every_score_as_turning_halves_does() -> None:
    model = Backbone(Shape(layers=1, width=16, heads=2)).requires_grad_(False)
    layer, heads, count = model.layer(0), model.shape.heads, 24
    x = torch.randn(count, model.shape.width, generator=torch.Generator().manual_seed(3))
    scores = []
    for weight, turn in (
        (layer.qkv.weight, lambda h: rotate(h, model.cosine[:count], model.sine[:count])),
        (attention.paired(layer), lambda h: attention.turned(h, attention.turns(model)[:count])),
    ):
        q, k, _ = (x @ weight.T).view(count, 3, heads, -1).unbind(1)
        scores.append(turn(q).transpose(0, 1) @ turn(k).permute(1, 2, 0))
        values = (x @ weight.T)[:, 2 * model.shape.width :]
        assert torch.equal(values, layer.qkv(x)[:, 2 * model.shape.width :])
    torch.testing.assert_close(scores[1], scores[0], atol=1e-5, rtol=0)


def test_a_norm_without_temporaries_is_torchs_norm() -> None:
    x = 3 * torch.randn(1024, 64, generator=torch.Generator().manual_seed(4))
    norm = Norm(64).requires_grad_(False)
    norm.weight.copy_(torch.linspace(0.5, 2, 64))
    with torch.inference_mode():
        ours = norm(x)
    torch.testing.assert_close(ours, F.rms_norm(x, (64,), norm.weight))
    assert torch.equal(norm(x), F.rms_norm(x, (64,), norm.weight))


def test_a_table_of_masks_hides_what_comes_later() -> None:
    table = attention.causal(5, torch.device("cpu"))
    for row in range(6):
        assert torch.isfinite(table[row]).tolist() == [key <= row for key in range(5)]
