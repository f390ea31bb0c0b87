"""The methods, controls and oracles of Duo-LLM as they are run: no label leaks, no luck unseen."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.contract.card import Point
from adabench.harness.contract.protocols import Meter
from adabench.workloads.depth_width.ledger.methods import duo_best_of_n, duo_oracle
from adabench.workloads.depth_width.ledger.substrate.duo import duo_modules as duos
from adabench.workloads.depth_width.ledger.substrate.duo import pattern_search
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import BIG, SKIP, SMALL
from adabench.workloads.depth_width.ledger.substrate.duo.duo_reader import StudiedTally
from adabench.workloads.depth_width.ledger.task import Ledger, load
from adabench.workloads.depth_width.ledger.truth import oracle_scoring, oracle_targets
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.stream import EQUAL, Corpus, Labels
from tests.workloads.depth_width.test_method_side import reachable

METHODS = ("duo_llm", "static_duo", "random_duo", "duo_oracle", "duo_segments", "duo_best_of_n")


def small(seed: int = 0, **conditions: Any) -> Ledger:
    task = load("embedded", seed, **{"batches": 1, "sequences": 12, **conditions})
    assert isinstance(task, Ledger)
    return task


def prepared(name: str, task: Ledger, **knobs: Any) -> tuple[Any, Any, Point]:
    entry = registry.find(f"ledger/{name}")
    method, point = registry.load(entry), entry.card.defaults | knobs
    return method, method.prepare(task, point, task.seed), point


def solved(name: str, task: Ledger, **knobs: Any) -> tuple[Answer, dict[str, float]]:
    method, state, point = prepared(name, task, **knobs)
    (case,) = task.cases()
    answer = method.solve(state, case, point)
    return answer, dict(task.score(case, answer))


@pytest.mark.parametrize("name", METHODS)
def test_labels_are_out_of_reach(name: str) -> None:
    task = small(sequences=4)
    assert any(isinstance(thing, Labels) for thing in reachable(task))
    _, state, _ = prepared(name, task)
    assert not any(isinstance(thing, Labels | Corpus | Ledger) for thing in reachable(state))


@pytest.mark.parametrize("name", ["duo_llm", "static_duo", "random_duo"])
def test_next_tokens_and_labels_do_not_change_what_a_method_does(name: str) -> None:
    """An oracle needs them; what is called a method must not."""
    task = small()
    (corpus,) = task.corpora
    other = corpus.tokens.copy()
    other[:, -1] = 1  # the last target, which is no input
    scrambled = dataclasses.replace(
        task, meter=Meter(), corpora=(Corpus(other, corpus.labels.pick(np.arange(12)[::-1])),)
    )
    answers = [solved(name, which)[0] for which in (task, scrambled)]
    assert torch.equal(answers[0].logits, answers[1].logits)
    assert registry.find(f"ledger/{name}").card.role != "oracle"


@pytest.mark.parametrize("name", ["duo_oracle", "duo_segments", "duo_best_of_n"])
def test_what_chooses_by_the_label_is_called_an_oracle(name: str) -> None:
    card = registry.find(f"ledger/{name}").card
    assert (card.role, card.oracle) == ("oracle", "bound")


def test_the_oracle_really_runs_what_it_found_and_pays_for_it() -> None:
    task = small()
    answer, values = solved("duo_oracle", task)
    _, state, _ = prepared("duo_oracle", task)
    own = 3 + 0.5 * (1 + 5 / 8)
    assert values["executions"] == pytest.approx(6 + own), "the others' big modules are counted"
    (case,) = task.cases()
    stage = oracle_targets.scenes(
        state.reader.duo, torch.from_numpy(case.tokens), pattern_search.positions
    )
    run = oracle_targets.along(stage, state.options[0])
    torch.testing.assert_close(answer.logits, run, atol=1e-4, rtol=0)


def test_the_minimum_over_patterns_gains_where_nothing_can_be_gained() -> None:
    """The reason for all controls: random targets have no pattern that is right for them."""
    _, values = solved("duo_oracle", small(sequences=32))
    assert values["gained_random"] > 0.005
    assert {"loss_answer_dealt", "loss_answer_lucky", "loss_running"} <= values.keys()
    _, dear = solved("duo_oracle", small(sequences=32), budget=3)
    assert dear["gained_random"] > values["gained_random"], "more patterns, more luck"


def test_patterns_are_dealt_within_their_class() -> None:
    task = small()
    kinds = duo_oracle.kinds(task.corpora[0])
    options = torch.randint(0, 3, (6, *kinds.shape), generator=torch.Generator().manual_seed(0))
    dealt = pattern_search.dealt(options, kinds, torch.Generator().manual_seed(1))
    for kind in range(3):
        ours, theirs = (
            sorted(map(tuple, part[:, kinds == kind].T.tolist())) for part in (options, dealt)
        )
        assert ours == theirs
    assert float((options == dealt).all(0).double().mean()) < 0.2


def test_wrong_targets_are_wrong_at_every_answer_and_only_there() -> None:
    corpus = small().corpora[0]
    right, wrong = oracle_targets.next_tokens(corpus), oracle_targets.next_tokens(corpus, 3)
    answers = torch.from_numpy(corpus.labels.of("equal"))
    assert bool((right != wrong)[answers].all())
    assert torch.equal(right[~answers], wrong[~answers])
    assert int(wrong[answers].min()) >= 3
    assert int(wrong[answers].max()) <= 9


def test_luck_on_wrong_answers_is_reported() -> None:
    task = small(sequences=16)
    _, state, _ = prepared("duo_oracle", task)
    found = duo_oracle.luck(task, state, wrong=1)
    assert found["best"] >= found["big"]
    assert found["big_chance"] <= found["best_chance"] < 0.5


def test_segments_run_one_pattern_each_and_in_decode_too() -> None:
    task = small(sequences=4)
    _, state, _ = prepared("duo_segments", task)
    (case,) = task.cases()
    tokens, options = torch.from_numpy(case.tokens), state.options[0]
    group = pattern_search.segments(tokens)
    for row in range(4):
        for number in set(group[row].tolist()):
            assert len(set(map(tuple, options[:, row, group[row] == number].T.tolist()))) == 1
    whole = state.reader.read_along(case, options)
    decoded = dataclasses.replace(state.reader, mode="decode1").read_along(case, options)
    torch.testing.assert_close(decoded.logits, whole.logits, atol=1e-3, rtol=0)
    assert torch.equal(decoded.executions(), whole.executions())


def test_coins_skip_as_often_as_the_routers_do() -> None:
    """Equal cost option by option and layer by layer: a skip is as free for coins as for routers."""
    task = small(batches=1, sequences=48)
    ours, mine = solved("random_duo", task)
    theirs, other = solved("duo_llm", task)
    shares = [duos.shares(answer, 6, 48 * 64) for answer in (ours, theirs)]
    torch.testing.assert_close(*shares, atol=0.05, rtol=0)
    assert mine["executions"] == pytest.approx(other["executions"], rel=0.03)
    assert torch.equal(ours.logits, solved("random_duo", task)[0].logits)


def test_random_patterns_are_drawn_at_the_routers_rates() -> None:
    rates = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]], dtype=torch.double)
    drawn = duo_best_of_n.draws(rates, 100, torch.Generator().manual_seed(0))
    assert sorted(drawn) == [(SMALL, SKIP), (SMALL, BIG)]


def test_a_sequence_takes_the_pattern_that_loses_least_at_its_answers() -> None:
    tokens = torch.tensor([[EQUAL, 5, EQUAL], [EQUAL, 5, 6]])
    table = torch.tensor([[[1.0, 0.0, 1.0], [3.0, 0.0, 0.0]], [[2.0, 9.0, 1.0], [1.0, 9.0, 9.0]]])
    found = oracle_targets.Tried([(BIG,), (SKIP,)], table, torch.empty(0))
    options = duo_best_of_n.by_sequence(found, tokens)
    assert options.tolist() == [[[BIG] * 3, [SKIP] * 3]]


def test_best_of_n_carries_what_it_is_compared_with() -> None:
    _, values = solved("duo_best_of_n", small())
    assert values["apart_best"] >= 0
    assert values["apart_oracle"] > 0


@pytest.mark.parametrize(("name", "layers"), [("big", 6.0), ("small", 3.375)])
def test_static_patterns_are_counted(name: str, layers: float) -> None:
    answer, values = solved("static_duo", small(sequences=4), pattern=name)
    assert torch.equal(answer.executions(), torch.full((4, 64), layers))
    assert values["exit_like"] == 1.0


def test_every_target_is_in_one_class() -> None:
    labels = small().corpora[0].labels
    masks = list(oracle_scoring.classes(labels).values())
    assert bool((np.stack(masks).sum(axis=0) == 1).all())


def test_difficulty_is_what_more_compute_buys() -> None:
    """Made-up logits: the second reading knows the answers of k = 4 and nothing else."""
    corpus = small().corpora[0]
    less = torch.zeros(12, 64, 64)
    more = less.clone()
    hard = corpus.labels.of("equal") & (corpus.labels.k == 4)
    for row, at in zip(*np.nonzero(hard), strict=True):
        more[row, at, corpus.targets[row, at]] = 9.0
    answer = StudiedTally(less, less[..., 0], {}, {"less": less, "more": more}, {})
    found = oracle_scoring.study(corpus, answer)
    assert found["gain_answer_k4"] > 3
    assert found["gain_tenth"] == pytest.approx(found["gain_answer_k4"] / 10)
    for name in ("k1", "k2", "k3"):
        assert found[f"gain_answer_{name}"] == 0
    assert found["gain_random"] == found["gain_filler"] == found["gain_drop"] == 0
    turned = dataclasses.replace(answer, views={"less": more, "more": less})
    assert oracle_scoring.study(corpus, turned)["gain_drop"] > 3


def test_a_twin_reads_as_the_trained_model_does() -> None:
    task, wide = small(sequences=4), small(sequences=4, width=128)
    answer, values = solved("duo_llm", task)
    method, state, point = prepared("duo_llm", wide)
    (case,) = wide.cases()
    wide.rehearse(lambda: method.solve(state, case, point))
    twin = method.solve(state, case, point)
    assert torch.equal(twin.logits, answer.logits)
    assert torch.equal(twin.executions(), answer.executions())
    scored = wide.score(case, twin)
    assert scored["flops_counted"] > 3 * values["flops_counted"]
