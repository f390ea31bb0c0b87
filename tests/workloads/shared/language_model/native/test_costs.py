"""What the native engine books: torch's FLOPs, the rows that ran, words, budgets and times."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from adabench.workloads.shared.language_model.contract import BudgetSpent
from adabench.workloads.shared.language_model.model import LM_S, Shape
from adabench.workloads.shared.language_model.native import decoder
from adabench.workloads.shared.language_model.vocabulary import EOS

from .trees import PROMPTS, TINY, engine, model

MODEL = model(TINY)


def counted(shape: Shape, made, texts) -> int:
    """Return what torch counts for positions run one after another, each with its past.

    torch.utils.flop_counter counts the matrix products; of the math backend's attention too
    (q k and shares v, 4 d a position and layer). Every text is (ids, first row, rows, draws).
    """
    total = 0
    for ids, first, last in texts:
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            made.states(torch.tensor([ids[:last]]))
        square = counter.get_total_flops() - 2 * shape.parameters * last
        # All pairs of positions are multiplied there; the pairs that are read are a triangle.
        assert square == 4 * shape.layers * shape.width * last**2
        pairs = last * (last + 1) // 2 - first * (first + 1) // 2
        total += 2 * shape.parameters * (last - first) + square * pairs // last**2
    return total


def test_flops_are_what_torch_counts_for_the_same_words():
    ours = engine(MODEL)
    root = ours.open(PROMPTS[0], 3)
    left, right = ours.fork(root, 2)
    ours.append([left], [[4, 5, 6]])
    chunks = ours.decode([left, right], max_new=12)
    twigs = ours.fork(right, 2) if not right.finished else []
    chunks += ours.decode(twigs, max_new=5)
    texts = [(root.ids, 0, 7)]
    for seq, first in ((left, 7), (right, 7), *((twig, len(right.ids)) for twig in twigs)):
        texts.append((seq.ids, first, len(seq.ids) - seq.finished))
    drawn = sum(len(chunk.ids) for chunk in chunks)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        torch.zeros(drawn, TINY.width) @ MODEL.embedding.weight.T
    assert ours.costs.meter["flops"] == counted(TINY, MODEL, texts) + counter.get_total_flops()
    assert ours.costs.meter["generated"] == drawn


def test_every_row_that_the_kernel_runs_is_counted(monkeypatch):
    ran = []

    def forward(weights, cache, ids, before, places, owners, tables):
        ran.extend(places.tolist())
        return compiled_forward(weights, cache, ids, before, places, owners, tables)

    def decode(*given):
        lengths = given[4].copy()
        found = compiled_decode(*given)
        counts, words_drawn = found[2], found[0]
        for s, count in enumerate(counts):
            rows = count - (EOS in words_drawn[s, :count])
            ran.extend(range(lengths[s], lengths[s] + rows))
        assert found[4].sum() == sum(found[2]) - (words_drawn == EOS).sum()
        return found

    compiled_forward, compiled_decode = decoder.forward, decoder.decode
    monkeypatch.setattr(decoder, "forward", forward)
    monkeypatch.setattr(decoder, "decode", decode)
    ours = engine(MODEL)
    leaves = ours.fork(ours.open(PROMPTS[0], 3), 6)
    chunks = ours.decode(leaves, max_new=9)
    drawn = sum(len(chunk.ids) for chunk in chunks)
    attended = sum(place + 1 for place in ran)
    meter = ours.costs.meter
    assert meter["flops"] == (
        2 * TINY.parameters * len(ran)
        + 4 * TINY.layers * TINY.width * attended
        + 2 * TINY.width * TINY.vocabulary * drawn
    )
    assert (meter["prefilled"], meter["generated"], meter["calls"]) == (7, drawn, 2)
    assert meter["serial_steps"] == max(len(chunk.ids) for chunk in chunks)
    assert meter["kv_peak"] == ours.held().tokens


@pytest.mark.parametrize("budget", [0, 1, 2, 3, 4, 5, 11, 20, 31, 40, 100])
def test_decoding_stops_at_the_budget(budget):
    free = engine(MODEL)
    whole = free.decode(free.fork(free.open(PROMPTS[0], 2), 3), max_new=30)
    ours = engine(MODEL, budget=budget)
    leaves = ours.fork(ours.open(PROMPTS[0], 2), 3)
    enough = budget >= sum(len(chunk.ids) for chunk in whole)
    if enough:
        ours.decode(leaves, max_new=30)
    else:
        with pytest.raises(BudgetSpent):
            ours.decode(leaves, max_new=30)
    assert ours.costs.meter["generated"] == sum(len(leaf.completion) for leaf in leaves) <= budget
    assert ours.costs.left < 3 or enough
    for leaf, chunk in zip(leaves, whole, strict=True):
        assert leaf.completion == chunk.ids[: len(leaf.completion)]
        # The cache goes on from where it stopped, as if nothing had happened.
        fresh = engine(MODEL)
        stored = leaf.ids[: len(leaf.ids) - leaf.finished]
        assert (ours.hidden(leaf, 0) == fresh.hidden(fresh.open(stored), 0)).all()
    for leaf in leaves:
        ours.close(leaf)
    assert ours.held().tokens == 7  # the root's


def test_times_of_words_follow_each_other():
    ours = engine(model(LM_S))
    assert ours.costs.first_s is None
    leaves = ours.fork(ours.open(range(3, 23), 1), 4)
    seen = []
    for _ in range(3):
        ours.decode(leaves, max_new=5, stop=frozenset())
        seen.append((ours.costs.first_s, ours.costs.last_s))
    firsts, lasts = zip(*seen, strict=True)
    assert 0 < firsts[0] == firsts[1] == firsts[2] < lasts[0] < lasts[1] < lasts[2]
