"""Experts on the pooled engine: what is chosen is multiplied and no more, and a refined word is booked as often as it is run."""

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from adabench.workloads.shared.language_model.contract import (
    STEP,
    BudgetSpent,
    Costs,
    Refinement,
    Seq,
)
from adabench.workloads.shared.language_model.pooled.routed_engine import RoutedEngine
from adabench.workloads.shared.language_model.routed_model import (
    RoutedBlock,
    RoutedModel,
    RoutedShape,
    upcycled,
)
from tests.workloads.shared.language_model.engine_promises import (
    OTHER,
    PROMPT,
    SHAPE,
    random_model,
)

ROUTED = RoutedShape(layers=2, width=32, heads=4, hidden=12, context=96, experts=6)
REFINED = Refinement(passes=3, noise=1.0)


@pytest.fixture(scope="module")
def model() -> RoutedModel:
    made = upcycled(random_model(), ROUTED, 3)
    with torch.no_grad():
        for block in made.blocks:
            block.get_submodule("router").get_parameter("weight").mul_(5)
            block.get_submodule("down").get_parameter("weight").mul_(5)
    return made.eval().requires_grad_(False)


def engine(model: RoutedModel, budget: int | None = None) -> RoutedEngine:
    return RoutedEngine(model, "routed", Costs(budget=budget))


def leaves(own: RoutedEngine, count: int = 4) -> list[Seq]:
    return own.fork(own.open(PROMPT, 7), count)


def chosen_rows(model: RoutedModel, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that will hold the rows of every pass through a layer of experts."""
    rows = list[int]()
    plain = RoutedBlock.total

    def total(self: RoutedBlock, x: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        rows.append(len(x))
        return plain(self, x, *rest)

    monkeypatch.setattr(RoutedBlock, "total", total)
    return rows


def test_a_layer_is_the_weighted_sum_of_the_chosen_experts(model: RoutedModel) -> None:
    block = model.blocks[0]
    assert isinstance(block, RoutedBlock)
    x = torch.randn(5, 32, generator=torch.Generator().manual_seed(0))
    scores = block.router(x)
    wanted = torch.zeros_like(x)
    for row in range(5):
        places = scores[row].topk(2).indices.tolist()
        shares = scores[row][places].softmax(-1)
        for place, share in zip(places, shares, strict=True):
            inner = block.gate_up.weight.view(6, 24, 32)[place] @ x[row]
            outer = block.down.weight.view(6, 32, 12)[place]
            wanted[row] += share * (outer @ (torch.nn.functional.silu(inner[:12]) * inner[12:]))
    torch.testing.assert_close(block.feed_forward(x), wanted)


def test_experts_that_cover_a_dense_mlp_twice_compute_what_it_does() -> None:
    dense = random_model()
    shape = RoutedShape(
        layers=2, width=32, heads=4, hidden=SHAPE.hidden // 2, context=96, experts=2
    )
    made = upcycled(dense, shape, 0)
    for block in made.blocks:
        torch.nn.init.zeros_(block.get_submodule("router").get_parameter("weight"))
    ids = torch.tensor([PROMPT])
    torch.testing.assert_close(made(ids), dense(ids))


def test_states_are_those_of_the_whole_text_at_once(model: RoutedModel) -> None:
    own = engine(model)
    for leaf in leaves(own):
        own.decode([leaf], max_new=6)
        stored = len(leaf.ids) - leaf.finished
        whole = model.states(torch.tensor([leaf.ids[:stored]]))[0].numpy()
        np.testing.assert_allclose(own.hidden(leaf, 0), whole, atol=1e-4)


@pytest.mark.parametrize("passes", [2, 3])
def test_a_refined_word_runs_k_passes_and_is_booked_k_times(
    model: RoutedModel, passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = engine(model)
    seqs = leaves(own)
    rows = chosen_rows(model, monkeypatch)
    before = own.costs.meter["serial_steps"]
    with own.refining(Refinement(passes)):
        chunks = own.decode(seqs, stop=STEP, max_new=7)
    words = sum(len(chunk.ids) for chunk in chunks)
    ended = sum(seq.finished for seq in seqs)
    longest = max(len(chunk.ids) for chunk in chunks)
    assert own.costs.meter["generated"] == passes * words
    assert own.costs.meter["refined"] == words == sum(chunk.refined for chunk in chunks)
    assert own.costs.meter["serial_steps"] - before == passes * longest
    # Each word's further passes, and the plain row of each word that something may follow.
    assert sum(rows) == ROUTED.layers * ((passes - 1) * words + words - ended)


def test_words_that_the_plain_pass_is_sure_of_are_not_refined(model: RoutedModel) -> None:
    watched = engine(model)
    plain = watched.decode(leaves(watched), max_new=9, watch=4)
    above = float(np.median([entropy for chunk in plain for entropy in chunk.entropies]))
    own = engine(model)
    with own.refining(Refinement(2, above)):
        chunks = own.decode(leaves(own), max_new=9)
    assert own.costs.meter["refined"] == sum(chunk.refined for chunk in chunks)
    words = sum(len(chunk.ids) for chunk in chunks)
    assert 0 < own.costs.meter["refined"] < words
    assert own.costs.meter["generated"] == words + own.costs.meter["refined"]
    never = engine(model)
    with never.refining(Refinement(2, above=1e9)):
        same = never.decode(leaves(never), max_new=9)
    assert [chunk.ids for chunk in same] == [chunk.ids for chunk in plain]


def test_passes_write_no_keys_and_change_no_state_of_the_plain_one(model: RoutedModel) -> None:
    own, plain = engine(model), engine(model)
    (seq,) = own.fork(own.open(PROMPT, 7), 1)
    (same,) = plain.fork(plain.open(PROMPT, 7), 1)
    held = own.held().tokens
    with own.refining(REFINED):
        (chunk,) = own.decode([seq], max_new=1)
    assert own.held().tokens == held + (1 - seq.finished)
    plain.append([same], [chunk.ids])
    np.testing.assert_array_equal(own.hidden(seq, 0), plain.hidden(same, 0))


def test_without_noise_and_penalty_a_refined_word_is_the_plain_one(model: RoutedModel) -> None:
    own = engine(model)
    with own.refining(Refinement(3, noise=0.0, reuse=0.0)):
        chunks = own.decode(leaves(own), max_new=9)
    plainly = engine(model)
    plain = plainly.decode(leaves(plainly), max_new=9)
    assert [chunk.ids for chunk in chunks] == [chunk.ids for chunk in plain]
    for ours, theirs in zip(chunks, plain, strict=True):
        np.testing.assert_allclose(ours.logprobs, theirs.logprobs, atol=1e-5)


def test_the_penalty_sends_a_later_pass_to_other_experts(model: RoutedModel) -> None:
    own = engine(model)
    seqs = leaves(own)
    used = own._plain_use(seqs)
    first = used[0].clone()
    own._rerouted(seqs, 1, used, Refinement(2, noise=0.0, reuse=1e6))
    assert not ((used[0] - first).bool() & first.bool()).any()
    assert (used.sum(2) == 4).all()


def test_what_is_counted_of_refined_words_is_what_torch_sees(model: RoutedModel) -> None:
    own = engine(model)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        seqs = [*leaves(own, 3), own.open(OTHER, 2)]
        own.decode(seqs, stop=STEP, max_new=5)
        with own.refining(REFINED):
            own.decode([seq for seq in seqs if not seq.finished], max_new=4)
    counted = own.costs.meter["flops"] + own.costs.meter["idle_flops"]
    assert counted == counter.get_total_flops()


def test_refined_words_stay_within_a_budget(model: RoutedModel) -> None:
    own = engine(model, budget=11)
    with own.refining(REFINED), pytest.raises(BudgetSpent):
        own.decode(leaves(own), max_new=9)
    assert 11 - 4 < own.costs.meter["generated"] <= 11


def test_packing_moves_what_the_plain_pass_chose(model: RoutedModel) -> None:
    plain, packed = engine(model), engine(model)
    found = []
    for own in (plain, packed):
        seqs = leaves(own, 6)
        own.decode(seqs, stop=STEP, max_new=5)
        going = [seq for seq in seqs if not seq.finished]
        own.close(going.pop(0))
        if own is packed:
            own.pool._compact()
            own.pool._enlarge(1000)
        with own.refining(REFINED):
            found.append([chunk.ids for chunk in own.decode(going, max_new=5)])
    assert found[0] == found[1]


def test_a_refinement_of_one_pass_is_refused() -> None:
    with pytest.raises(ValueError, match="two passes or more"):
        Refinement(1)
