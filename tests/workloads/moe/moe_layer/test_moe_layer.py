"""The layer on ranks: every setting gives what one process gives, capacities are those of the paper, and work is what the formulas say."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from adabench.harness.errors import EnvironmentProblem, MethodContractError, SelectionError
from adabench.workloads.moe.moe_layer import conformance
from adabench.workloads.moe.moe_layer import task as moe_layer
from adabench.workloads.moe.moe_layer.methods.tutel import Tuner
from adabench.workloads.moe.moe_layer.substrate import rank_group
from adabench.workloads.moe.moe_layer.substrate.cost_model import iteration_work
from adabench.workloads.moe.moe_layer.substrate.expert_shards import LayerShape, Setting
from adabench.workloads.moe.moe_layer.substrate.rank_group import Moment, Policy, run_stream
from adabench.workloads.moe.moe_layer.substrate.token_dispatch import (
    Tokens,
    capacity_given,
    counts_before,
    decoded,
    encoded,
    places_of,
)
from adabench.workloads.moe.moe_layer.substrate.token_streams import TokenStream
from adabench.workloads.shared.ranks import joined_ranks
from tests.workloads.planted_module import load_module

EXACT = 1e-5


def stream(ranks: int, experts: int, chosen: int, sizes: tuple[int, ...] = (5, 40)) -> TokenStream:
    """Return a short stream whose second half of choices is of one expert."""
    random = np.random.default_rng(ranks + experts)
    count = sum(sizes)
    order = np.argsort(random.random((count, ranks, experts)), axis=-1)[..., :chosen]
    order[count // 2 :, :, 0], order[count // 2 :, :, 1:] = 0, min(1, experts - 1)
    shares = random.dirichlet(np.ones(chosen), (count, ranks)).astype(np.float32)
    return TokenStream(np.array(sizes), order, shares, 3)


@pytest.mark.parametrize(("ranks", "experts", "chosen"), [(2, 4, 2), (4, 2, 1), (4, 1, 1)])
def test_every_setting_gives_what_one_process_gives(ranks: int, experts: int, chosen: int) -> None:
    shape, tokens = LayerShape(ranks, experts, width=8, hidden=16), stream(ranks, experts, chosen)
    settings = iter([one for one in shape.settings for _ in (0, 1)])
    counts = run_stream(
        shape, tokens.repeated(len(shape.settings)), Policy(lambda moment: next(settings))
    )
    assert counts.max_error <= EXACT
    assert counts.dropped == 0
    assert set(counts.settings) == set(shape.settings)
    assert len(counts.seconds) == 2 * len(shape.settings)


def always(setting: Setting, moment: Moment) -> Setting:
    del moment
    return setting


def test_what_is_sent_and_multiplied_is_what_the_formulas_say() -> None:
    for ranks, experts, chosen in ((2, 4, 2), (4, 2, 1)):
        shape, tokens = (
            LayerShape(ranks, experts, width=8, hidden=16),
            stream(ranks, experts, chosen),
        )
        for setting in (Setting(0), Setting(1, 2), Setting(shape.parallelisms[-1])):
            moments: list[Moment] = []
            told = Policy(partial(always, setting), took=lambda m, *_, to=moments: to.append(m))
            counts = run_stream(shape, tokens, told)
            works = [iteration_work(shape, setting, one.capacity, 0) for one in moments]
            assert counts.rows == sum(work.rows for work in works)
            assert counts.sent_bytes == sum(work.sent_bytes for work in works)


def test_dense_and_sparse_dispatch_agree_and_dropped_choices_add_nothing() -> None:
    random = torch.Generator().manual_seed(0)
    choices = torch.stack([torch.randperm(4, generator=random)[:2] for _ in range(30)])
    tokens = Tokens(
        torch.randn(30, 8, generator=random), choices, torch.rand(30, 2, generator=random)
    )
    before = counts_before(choices, 4)
    for capacity in (4, 30):
        places = places_of(choices, before, capacity)
        assert bool(places.there.all()) == (capacity == 30)
        sent = [encoded(tokens, places, 4, capacity, kind) for kind in ("sparse", "dense")]
        assert torch.allclose(*sent, atol=EXACT)
        back = [decoded(tokens, places, sent[0], kind) for kind in ("sparse", "dense")]
        assert torch.allclose(*back, atol=EXACT)
        whole = (tokens.shares * places.there).sum(1, keepdim=True) * tokens.rows
        assert torch.allclose(back[0], whole, atol=EXACT)


def test_first_choices_come_before_second_ones() -> None:
    before = counts_before(torch.tensor([[0, 1], [1, 0], [0, 1]]), 2)
    assert before.tolist() == [[0, 1], [0, 2], [1, 2]]


def test_capacities_are_the_papers() -> None:
    shape = LayerShape(2, 16)
    assert capacity_given(256, 2, 99, shape, 1.0) == 32
    assert capacity_given(256, 2, 99, shape, 0.0) == 100
    assert capacity_given(256, 2, 99, shape, -2.0) == 64
    assert capacity_given(256, 2, 13, shape, -2.0) == 16
    assert capacity_given(16, 2, 0, shape, 1.0) == 4


def test_tuner_tries_each_setting_once_a_bucket_and_then_takes_the_fastest() -> None:
    shape, tuner = LayerShape(2, 16), Tuner()
    seconds = {one: 5.0 - at for at, one in enumerate(shape.settings)}
    found = []
    for iteration in range(8):
        moment = Moment(iteration, 256, 100 if iteration % 2 else 110, shape)
        found.append(tuner.choose(moment))
        tuner.took(moment, found[-1], seconds[found[-1]])
    assert tuple(found[:4]) == shape.settings
    assert set(found[4:]) == {shape.settings[-1]}
    assert tuner.choose(Moment(9, 2048, 600, shape)) == shape.settings[0]


def solved(task: Any, policy: Policy) -> dict[str, float]:
    (case,) = task.cases()
    return {**task.score(case, task.run(case, policy)), **task.meter}


def test_the_model_reaches_ranks_that_no_machine_has_and_calls_its_seconds_its_own() -> None:
    task = moe_layer.load("embedded", 0, level="model", ranks=2048, experts=16, iterations=3)
    row = solved(task, Policy(lambda moment: Setting(moment.shape.shards)))
    assert row["delivered"] == 1
    assert row["modelled_ratio"] > 0
    assert not {"time_ratio", "layer_s"} & set(row)


def test_streams_are_drawn_by_the_seed_and_experts_are_in_uneven_demand() -> None:
    one, same, other = (moe_layer.load("embedded", seed, iterations=4) for seed in (0, 0, 1))
    (case,), (again,), (third,) = one.cases(), same.cases(), other.cases()
    assert case.instance == again.instance != third.instance
    drawn = one.of(case).stream
    counts = np.bincount(drawn.choices[:, 0].ravel(), minlength=16)
    assert counts.max() > 1.5 * counts.mean()


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ({"ranks": 1}, "nobody to exchange"),
        ({"ranks": 16}, "16 processes"),
        ({"ranks": 6, "experts": 4}, "no equal shards"),
        ({"level": "simulated"}, "no level"),
    ],
)
def test_bad_conditions_are_refused(conditions: dict[str, Any], said: str) -> None:
    with pytest.raises(SelectionError, match=said):
        moe_layer.load("embedded", 0, **conditions)


def test_settings_that_there_are_not_are_refused() -> None:
    task = moe_layer.load("embedded", 0, level="model", iterations=2)
    with pytest.raises(MethodContractError, match="no setting"):
        solved(task, Policy(lambda moment: Setting(3)))


def test_what_times_a_whole_stream_is_for_oracles() -> None:
    task = moe_layer.load("embedded", 0, level="model", iterations=2)
    (case,) = task.cases()
    method = task.substrate()
    method.enter(case, task.environment(case))
    with pytest.raises(MethodContractError, match="oracle"):
        method.retried(case, 0.0)
    method.enter(case, task.oracle_environment(case))
    assert set(method.retried(case, 0.0)) == set(case.shape.settings)


PEEKING = """
from adabench.harness.contract.card import Card
from adabench.workloads.moe.moe_layer.substrate.expert_shards import Setting
from adabench.workloads.moe.moe_layer.substrate.rank_group import Policy

CARD = Card(title="t", adapts="t", role="adaptive")

def solve(bench, case, point):
    return bench.run(case, Policy(lambda moment: Setting(int(bench.{what}.tokens[-1] > 100))))
"""


@pytest.mark.parametrize("what", ["of(case).stream", "_ledger.find(case).stream"])
def test_a_method_that_looks_ahead_is_refused(tmp_path: Path, what: str) -> None:
    method = load_module(tmp_path / "peeking.py", PEEKING.format(what=what))
    shape = LayerShape(2, 16)
    worlds = [moe_layer._world(0, 0, 6, shape, "model")]
    assert list(conformance.check(method, method.CARD, worlds, moe_layer.score))


def dying(rank: int) -> None:
    raise SystemExit(rank)


def test_a_rank_that_dies_is_an_error_in_words() -> None:
    with (
        pytest.raises(EnvironmentProblem, match="were lost"),
        joined_ranks(2, dying, (), who="The ranks"),
    ):
        rank_group.dist.barrier()
        rank_group.dist.barrier()
