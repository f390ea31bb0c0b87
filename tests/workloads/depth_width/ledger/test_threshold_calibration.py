"""Calibrated thresholds: they hit the capacity elsewhere, look nowhere, and know no labels."""

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.ledger import models
from adabench.workloads.depth_width.ledger.methods.mor import mor
from adabench.workloads.depth_width.ledger.task import Ledger, load
from adabench.workloads.depth_width.substrate.gathered_forward import prefill
from adabench.workloads.depth_width.substrate.recursion_routing import CAPACITIES, rates
from adabench.workloads.depth_width.substrate.stream import Corpus, Labels

POINT = registry.find("ledger/mor").card.defaults | {"rule": "capacity"}


def prepared(task: Ledger, **knobs: Any) -> mor.Routed:
    return mor.prepare(task, POINT | knobs, task.seed)


def stored(task: Ledger, point: dict[str, Any]) -> float:
    """Keys stored over what the formula says, over all batches of a task."""
    state = mor.prepare(task, point, task.seed)
    scores = [task.score(case, mor.solve(state, case, point)) for case in task.cases()]
    return float(np.mean([score["kv_excess"] for score in scores]))


@pytest.mark.parametrize("preset", sorted(CAPACITIES))
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_stored_keys_are_the_formulas_within_two_percent(seed: int, preset: str) -> None:
    task = load("embedded", seed, batches=3)
    point = dict(POINT) | {"capacity": preset}
    assert stored(task, point) == pytest.approx(1.0, abs=0.02)


def test_the_published_threshold_misses_the_formula() -> None:
    task = load("embedded", 2, batches=1)
    assert stored(task, dict(POINT) | {"rule": "half"}) < 0.96


@pytest.mark.parametrize("preset", sorted(CAPACITIES))
def test_every_recursion_hits_its_own_capacity(preset: str) -> None:
    task = load("embedded", 0, batches=3)
    state = prepared(task, capacity=preset)
    reached = [
        rates(state.reader.model, mor.solve(state, case, POINT | {"capacity": preset}))
        for case in task.cases()
    ]
    assert np.mean(reached, axis=0) == pytest.approx(CAPACITIES[preset], abs=0.01)


def test_on_its_own_sequences_the_capacity_is_exact() -> None:
    task = load("embedded", 0, batches=1)
    state, batch = prepared(task), task.calibration()
    whole = dataclasses.replace(state.reader, mode="prefill")
    policy = mor.policy(state.reader.model, state.levels, 0.5)
    share = rates(state.reader.model, whole.read(batch, policy, tile=len(batch.tokens)))
    assert share == pytest.approx(CAPACITIES["thirds"], abs=2 / batch.tokens.size)


@pytest.mark.parametrize("mode", ["decode1", "decode16"])
def test_the_thresholds_do_not_depend_on_the_mode(mode: str) -> None:
    one, other = (prepared(load("embedded", 0, mode=some)) for some in ("prefill", mode))
    assert one.levels == other.levels


def test_a_changed_future_token_changes_no_earlier_logit() -> None:
    task = load("embedded", 0, batches=2, sequences=10)
    state = prepared(task)
    before, other = (torch.from_numpy(case.tokens) for case in task.cases())
    policy = mor.policy(state.reader.model, state.levels, 0.5)
    after = torch.cat([before[:, :30], other[:, 30:]], dim=1)
    # One tile and the other, so that no grouping is shared either.
    one = prefill(state.reader.model, before, policy, tile=5).logits
    two = prefill(state.reader.model, after, policy, tile=10).logits
    torch.testing.assert_close(one[:, :30], two[:, :30], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(one[:, 30:], two[:, 30:], atol=1e-2)


def test_the_tokens_that_are_scored_do_not_move_the_thresholds() -> None:
    levels = {prepared(load("embedded", seed, sequences=4)).levels for seed in (0, 3, 300)}
    assert len(levels) == 1


def test_thresholds_are_found_without_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    task = load("embedded", 0, batches=1, sequences=8)
    levels, drawn = prepared(task).levels, models.drawn

    def blind(*seeds: int) -> Corpus:
        corpus = drawn(*seeds)
        none = np.zeros_like(corpus.labels.k)
        return Corpus(corpus.tokens, Labels(*[none] * len(dataclasses.fields(Labels))))

    monkeypatch.setattr(models, "drawn", blind)
    assert prepared(task).levels == levels


def test_the_dial_is_a_threshold_at_the_published_rule() -> None:
    assert mor.shifted((-1.0, 0.5, 0.5), 0.3) == pytest.approx([-1.0, 0.3, 0.3])
    assert mor.shifted((-1.0, 0.8, 0.1), 0.5) == pytest.approx([-1.0, 0.8, 0.1])


def test_a_higher_dial_keeps_fewer() -> None:
    task = load("embedded", 0, batches=1, sequences=16)
    kept = [
        task.score(case, mor.solve(prepared(task), case, POINT | {"threshold": dial}))["kv_entries"]
        for dial in (0.1, 0.5, 0.9)
        for case in task.cases()
    ]
    assert all(more > fewer for more, fewer in pairwise(kept))


def test_a_border_lets_exactly_k_through() -> None:
    score = torch.rand(1000, generator=torch.Generator().manual_seed(1))
    for k in (1, 333, 999):
        assert int((score > mor.border(score, k)).sum()) == k
    assert mor.border(score, 1000) == mor.EVERYBODY


def test_token_choice_has_no_capacity_to_hit() -> None:
    with pytest.raises(SelectionError, match="no capacity"):
        prepared(load("embedded", 0, sequences=2), router="token")
