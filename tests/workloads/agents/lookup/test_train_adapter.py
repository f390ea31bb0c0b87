"""What an adapter learns from: scores of episodes, of the training stream alone."""

import numpy as np
import pytest

from adabench.workloads.agents.lookup.training import train_adapter
from adabench.workloads.agents.lookup.training.train_adapter import bill, process, scores
from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.substrate.notation import words_of
from adabench.workloads.agents.substrate.policy_recipes import AdapterRecipe, adapter_recipes
from adabench.workloads.agents.substrate.strategy_adapter import StrategyAdapter
from adabench.workloads.agents.truth.problems import draw_problem

from .scripted_policy import random_policy

FACTS = draw_problem("kb", 2, 5, "train")
NAMES = [words.decode(words_of(entity)) for entity in FACTS.trail]
FIRST, SECOND = (words.decode([words.FIRST_RELATION + one]) for one in FACTS.relations)


def episode(middle, last):
    """Return an episode that goes on with `middle` and answers `last`."""
    return words.encode(
        f"act H1 K1 {NAMES[0]} {FIRST} = {middle} ; H2 K2 {middle} {SECOND} = {last} ; ans {last} ;"
    )


def test_process_is_the_share_of_hops_that_an_episode_got_right():
    wrong = "A0 B0"
    assert wrong not in NAMES
    assert process(FACTS, episode(NAMES[1], NAMES[2])) == 1
    assert process(FACTS, episode(NAMES[1], wrong)) == 0.5
    assert process(FACTS, episode(wrong, wrong)) == 0
    assert process(FACTS, words.encode(f"dir ans {NAMES[2]} ;")) == 0.5
    sums = draw_problem("arith", 2, 3, "train")
    (_, number), (_, other) = sums.operations
    signs = [words.WORDS[sign] for sign, _ in sums.operations]
    start, middle, last = sums.values
    chain = f"cot H1 me {start} {signs[0]} {number} = {middle} ; H2 me {middle} {signs[1]} {other} = {last} ;"
    assert process(sums, words.encode(f"{chain} ans {last} ;")) == 1
    assert process(sums, words.encode(f"{chain} ans {(last + 1) % 10} ;")) == 0.5


def test_scores_weigh_right_process_and_cost():
    right, direct = episode(NAMES[1], NAMES[2]), words.encode("dir ans A0 B0 ;")
    assert (
        bill(FACTS, right) == len(FACTS.prompt) + len(right) + 20 * 3
    )  # the second tool is twice as dear
    best, worst = scores(FACTS, [right, direct])
    assert best == pytest.approx(0.6 + 0.2)  # the dearest
    assert worst == pytest.approx(0.2 * (1 - bill(FACTS, direct) / bill(FACTS, right)))


def test_what_is_learned_comes_from_the_training_stream_alone(monkeypatch):
    drawn = []
    plain = train_adapter.draw_problem

    def spied(family, size, key, split):
        drawn.append((split, key))
        return plain(family, size, key, split)

    monkeypatch.setattr(train_adapter, "draw_problem", spied)
    learned = []
    fit = train_adapter.fit

    def seen_by(plan, seen, held):
        learned.extend(one.kind for one in seen)
        return fit(plan, seen, held)

    monkeypatch.setattr(train_adapter, "fit", seen_by)
    monkeypatch.setattr(train_adapter, "HELD_OUT", 8)
    plan = AdapterRecipe("prism-s0", 0, ("random",), questions=8, steps=2)
    found, dev = train_adapter.train(plan, {"random": random_policy().engine})
    splits = [split for split, _ in drawn]
    assert splits == ["train"] * 8 + ["held-out"] * 8
    assert len({key for _, key in drawn}) == 16
    assert len(learned) == 8
    assert found["random.others"].shape == (8, 4)
    assert dev["lead"] == pytest.approx(dev["by_odds"] - dev["by_others"], abs=1e-3)


def test_a_head_learns_what_a_state_tells():
    draws = np.random.default_rng(0)
    states = draws.normal(size=(200, 8)).astype(np.float32)
    best = (states[:, 0] > 0).astype(int)
    kinds = train_adapter.KINDS
    seen = [
        train_adapter.Sample(kinds[i % 8], state, tuple(np.eye(4)[one] * 0.6), (False,) * 4)
        for i, (state, one) in enumerate(zip(states, best, strict=True))
    ]
    own = train_adapter.fit(AdapterRecipe("x", 0, (), steps=100), seen, seen[:8])
    adapter = StrategyAdapter(*(own[part].numpy() for part in train_adapter.PARTS))
    chosen = [int(np.argmax(adapter.odds(state))) for state in states]
    assert np.mean(np.array(chosen) == best) > 0.9
    assert own["table"].shape == (8, 4)
    for uniform in (0.0, 0.5, 0.999999):
        assert sum(adapter.odds_of_another(uniform)) == pytest.approx(1, abs=1e-5)


def test_every_recipe_has_a_stream_of_its_own():
    seeds = [recipe.seed for recipe in adapter_recipes().values()]
    assert len(set(seeds)) == len(seeds) == 5
