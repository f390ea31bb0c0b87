"""HyPER on `chain`: what its actions do to a pool, what they may cost, and who is refused."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch

from adabench.harness.contract.card import Point
from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Seq
from adabench.workloads.shared.language_model.routed_model import RoutedBlock
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.vocabulary import encode
from adabench.workloads.test_time.chain import checkpoints
from adabench.workloads.test_time.chain import task as chain
from adabench.workloads.test_time.chain.methods import deepconf, hyper
from adabench.workloads.test_time.chain.recipes import EXPERTS, Format, recipes
from adabench.workloads.test_time.chain.substrate import trained_models
from adabench.workloads.test_time.chain.training import train_experts
from adabench.workloads.test_time.substrate.path_confidence import (
    WINDOW,
    Path,
    PoolState,
    lowest_window,
    pool_state,
    scaled,
    value_stated,
    window_confidence,
)
from adabench.workloads.test_time.substrate.question_task import GradedTask

POINT: dict[str, Any] = {**hyper.CARD.fixed, **hyper.CARD.defaults}


def task_of(problems: int = 2, **conditions: Any) -> GradedTask:
    given = {"format": "splits", "policy": EXPERTS, **conditions}
    return chain.load("embedded", 0, problems=problems, **given)


@pytest.fixture(scope="module")
def task() -> GradedTask:
    return task_of()


def fixed_by(name: str) -> Point:
    """Return the default point of a variant."""
    (variant,) = (one for one in hyper.CARD.variants if one.name == name)
    own = {knob.name: knob.default for knob in variant.knobs or ()}
    return {**POINT, **own, **variant.fixed}


def test_values_are_those_of_the_last_whole_step() -> None:
    assert value_stated(encode("4 7 + 3 8 = 8 5 ; 8 5 * 1 2")) == encode("8 5")
    assert value_stated(encode("4 7 + 3 8 = 8 5 ; 8 5 * 0 2 = 7 0 ;")) == encode("7 0")
    assert value_stated(encode("4 7 + 3 8 = 8")) == ()


def test_a_pool_says_how_unsure_it_is_and_how_far_its_values_differ() -> None:
    assert pool_state([0.5, 1.5], 2.0, [1, 1]) == (0.5, 0.0)
    assert pool_state([9.0], 2.0, [1, 2, 3, 4]) == (1.0, 0.75)


def test_a_window_is_of_the_latest_words_and_the_lowest_of_any() -> None:
    sure = (9.0,) * WINDOW + (1.0,) * WINDOW + (5.0,) * WINDOW
    assert window_confidence(sure) == 5.0
    assert lowest_window(sure) == pytest.approx(1.0)
    assert lowest_window((2.0, 4.0)) == 3.0
    assert scaled([2.0, 4.0, 3.0]) == [0.0, 1.0, 0.5]
    assert scaled([2.0, 2.0]) == [1.0, 1.0]


def pool_of(session: Session, **point: Any) -> hyper.Pool:
    return hyper.Pool(session, {**POINT, **point})


def test_exploration_comes_first_and_exploitation_later(task: GradedTask) -> None:
    with task.session(task.questions[0]) as session:
        pool = pool_of(session, N=16)
        agreed, split = PoolState(0.0, 0.0), PoolState(0.0, 0.9)
        assert [pool.choose(agreed) for _ in range(3)][-1] == hyper.EXPAND
        pool.spent = int(0.8 * pool.budget)
        pool.living = pool.living[:3]
        assert [pool.choose(split) for _ in range(4)][-1] == hyper.REDUCE
        doubtful = PoolState(1.0, 0.0)
        assert [pool.choose(doubtful) for _ in range(6)][-1] == hyper.REFINE
        pool.spent = int(pool.budget)
        assert pool.choose(doubtful) == hyper.PLAIN


def test_warm_up_and_every_later_word_are_on_the_bill(task: GradedTask) -> None:
    for question in task.questions:
        with task.session(question) as session:
            pool = pool_of(session)
            pool.run()
            assert pool.spent == session._costs.meter["generated"]
            assert pool.spent <= 1.25 * pool.budget
            assert all(session.ended(path.seq) or path.length >= session.room for path in pool.over)
            session.offer(pool.over[0].seq.completion)


def test_expanding_doubles_paths_and_reducing_ends_the_least_sure(task: GradedTask) -> None:
    with task.session(task.questions[1]) as session:
        pool = pool_of(session, N=16)
        pool._step(hyper.PLAIN)
        count = len(pool.living)
        pool._expand()
        assert len(pool.living) == count + count // 3
        least = min(pool.living, key=lambda path: window_confidence(path.confidences))
        best = max(pool.living, key=lambda path: window_confidence(path.confidences))
        before = len(pool.living)
        pool._reduce()
        assert len(pool.living) == before
        assert least not in pool.living
        assert best not in pool.living
        assert sum(path.confidences == best.confidences for path in pool.living) >= 2
        session.offer(pool.over[0].seq.completion)


def test_refining_draws_unsure_words_from_several_passes(task: GradedTask) -> None:
    with task.session(task.questions[0]) as session:
        pool = pool_of(session)
        pool._step(hyper.PLAIN)
        assert session._costs.meter["refined"] == 0
        pool.how = replace(pool.how, above=0.0)
        pool._step(hyper.REFINE)
        assert session._costs.meter["refined"] > 0
        assert pool.spent == session._costs.meter["generated"]
        session.offer(pool.over[0].seq.completion)


def test_length_and_confidence_decide_what_a_plain_vote_does_not(task: GradedTask) -> None:
    short, long = (encode(f"{words}<eos>") for words in (
        "4 7 + 3 8 = 8 5 ; ", "4 7 + 3 8 = 8 5 ; 8 5 + 0 1 = 8 6 ; ",
    ))  # fmt: skip
    sure, unsure = (8.0,), (4.0,)

    def path(ids: tuple[int, ...], confidence: tuple[float, ...]) -> Path:
        return Path(Seq(list(ids), 0, 0), confidence * len(ids))

    paths = [path(short, sure), path(long, unsure)]
    with task.session(task.questions[0]) as session:
        hyper._offer(session, paths, POINT)
        assert session.best == long
        hyper._offer(session, paths, {**POINT, "length": 0.4})
        assert session.best == short
        hyper._offer(session, paths, {**POINT, "vote": "confidence"})
        assert session.best == short
        hyper._offer(session, [*paths, path(short, unsure)], {**POINT, "vote": "majority"})
        assert session.best == short


def test_coins_have_the_shares_of_the_controller(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {control: Counter[int]() for control in ("scores", "coins")}
    plain = hyper.Pool.choose

    def choose(self: hyper.Pool, state: PoolState) -> int:
        action = plain(self, state)
        taken[str(self.point["control"])][action] += 1
        return action

    monkeypatch.setattr(hyper.Pool, "choose", choose)
    task = task_of(6)
    for control in taken:
        for question in task.questions:
            hyper.solve(task, question, {**POINT, "control": control, "N": 8})
    for action in hyper.ACTIONS:
        ours, coins = (one[action] / one.total() for one in taken.values())
        assert ours == pytest.approx(coins, abs=0.15)


@pytest.mark.parametrize("name", ["hyper_coins", "hyper_no_refine", "hyper_majority", "roe"])
def test_variants_answer_and_pay_for_what_they_refine(task: GradedTask, name: str) -> None:
    task.meter.clear()
    completion = hyper.solve(task, task.questions[0], fixed_by(name))
    assert task.score(task.questions[0], completion).keys() == {"accuracy", "malformed"}
    refined, generated = task.meter["refined"], task.meter["generated"]
    if name == "roe":
        assert generated == 2 * refined
    if name == "hyper_no_refine":
        assert refined == 0


def test_a_dense_policy_is_refused_and_does_without_refinement() -> None:
    dense = task_of(1, policy="lm-s", trainings=1)
    for name in ("hyper", "roe"):
        point = POINT if name == "hyper" else fixed_by(name)
        with pytest.raises(CapabilityMissing, match="lm-s is dense") as refused:
            hyper.solve(dense, dense.questions[0], point)
        assert "policy=moe-s" in str(refused.value.hint)
        assert dense.meter["generated"] == 0
    why, remedy = chain.missing_abilities({"format": "splits", "trainings": 1})["experts"]
    assert "dense" in why
    assert "policy=moe-s" in remedy
    assert "experts" not in chain.missing_abilities({"format": "splits", "policy": EXPERTS})
    assert hyper.solve(dense, dense.questions[0], fixed_by("hyper_no_refine"))


def test_other_formats_have_no_policy_of_experts() -> None:
    forms: tuple[Format, ...] = ("orders", "tries")
    for form in forms:
        with pytest.raises(SelectionError, match="moe-s"):
            chain.load("embedded", 0, format=form, policy=EXPERTS, lengths="4", problems=1)


def test_deepconf_stops_paths_below_the_line_and_pays_for_them(task: GradedTask) -> None:
    costs = {}
    for eta in (0.1, 0.9):
        task.meter.clear()
        completion = deepconf.solve(task, task.questions[1], {"N": 16, "eta": eta})
        assert task.score(task.questions[1], completion).keys() == {"accuracy", "malformed"}
        costs[eta] = task.meter["generated"]
    assert costs[0.1] < costs[0.9]


def test_loads_are_balanced_where_all_experts_are_chosen_alike() -> None:
    assert float(train_experts.balance_loss(torch.eye(4) * 1e-3)) == pytest.approx(1, abs=1e-3)
    one = torch.zeros(4, 4)
    one[:, 2] = 50
    assert float(train_experts.balance_loss(one)) == pytest.approx(4, abs=1e-3)


def test_a_training_is_made_again_from_its_seed_and_starts_from_the_dense_policy() -> None:
    recipe = replace(recipes()[f"{EXPERTS}-s1"], steps=2)
    first, second = (
        train_experts.train(recipe, trained_models.start_of(recipe)).state_dict() for _ in range(2)
    )
    start = trained_models.start_of(recipe).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["blocks.0.gate_up.weight"], start["blocks.0.gate_up.weight"])
    dense = trained_models.restore(recipe.trunk).state_dict()
    assert torch.equal(start["blocks.1.qkv.weight"], dense["blocks.1.qkv.weight"])


def test_what_ships_uses_all_of_its_experts(task: GradedTask) -> None:
    model = task.models.policy.model
    chosen = []
    hooks = [
        block.router.register_forward_hook(
            lambda own, _, scores: chosen.append(scores.topk(2).indices.flatten())
        )
        for block in model.blocks
        if isinstance(block, RoutedBlock)
    ]
    try:
        hyper.solve(task, task.questions[0], {**POINT, "N": 8})
    finally:
        for hook in hooks:
            hook.remove()
    assert set(torch.cat(chosen).tolist()) == set(range(8))


def test_its_card_says_what_it_was_made_of() -> None:
    card = json.loads((trained_models.FOLDER / f"{EXPERTS}-s0.json").read_text())
    recipe = checkpoints.recipe(f"{EXPERTS}-s0")
    assert recipe.start == card["trunk"] == "lm-s-s0"
    assert (card["make"], card["steps"], card["seed"]) == ("upcycled", recipe.steps, 0)
    assert (card["shape"]["experts"], card["shape"]["chosen"]) == (8, 2)
