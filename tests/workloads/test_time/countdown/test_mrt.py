"""MRT and its rivals: prefixes of the policy's own, equal words, caps, and which policy answers."""

import json
from dataclasses import replace

import numpy as np
import pytest

from adabench.harness.contract.card import Point
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Costs, mix
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.training.reinforce import Plan
from adabench.workloads.test_time.countdown.methods import cut, mrt
from adabench.workloads.test_time.countdown.recipes import FOLDER, MORE, SUCCESSORS, recipes
from adabench.workloads.test_time.countdown.substrate import number_problems as form
from adabench.workloads.test_time.countdown.substrate.forced_answer import CAPS, IN_TURN, cap_of
from adabench.workloads.test_time.countdown.substrate.trained_models import engine
from adabench.workloads.test_time.countdown.task import CARD, load
from adabench.workloads.test_time.countdown.training import train_by_reward
from adabench.workloads.test_time.countdown.training.search_traces import words_of
from adabench.workloads.test_time.countdown.truth.true_steps import questions, stream

SHIPPED = int(CARD.defaults["trainings"])
PLAN = Plan(train_by_reward.PROGRESS, 0, 1000, form.ROOM)


def test_roll_outs_begin_with_a_prefix_and_four_of_each_eight_answer_now() -> None:
    policy = engine("cd-s0")
    costs = Costs()
    policy.reset(costs)
    prompts = [one.prompt for one in questions("dev", 1, 12, (3, 4))]
    drawn = train_by_reward.from_prefixes(policy, prompts, 5, PLAN)
    assert len(drawn) == len(prompts)
    lengths = set()
    for completions, begins, _ in drawn:
        prefix = completions[-1][: begins[-1]]
        lengths.add(len(prefix))
        assert not prefix or prefix[-1] == form.BACK
        for at, (words, begin) in enumerate(zip(completions, begins, strict=True)):
            assert words[: len(prefix)] == prefix
            assert len(words) <= form.ROOM + 1
            if at < train_by_reward.TERMINATED:
                assert (words[begin - 1], begin) == (form.ANSWER, len(prefix) + 1)
                assert len(words) - begin <= form.LAST_WORDS
            else:
                assert begin == len(prefix)
    assert len(lengths) > 2
    own = sum(
        len(words) - begin
        for group, begins, _ in drawn
        for words, begin in zip(group, begins, strict=True)
    )
    assert own < costs.meter["generated"]  # prefixes are counted too


def test_a_prefix_ends_behind_an_episode_and_leaves_room_to_answer() -> None:
    attempt = (*range(14), form.BACK)
    generator = np.random.default_rng(0)
    found = {len(train_by_reward._prefix(attempt * 12, generator)) for _ in range(300)}
    assert found == {15 * many for many in range(9)}
    assert train_by_reward._prefix(attempt[:-1], generator) == ()


def test_a_short_right_answer_is_worth_more_and_a_wrong_one_nothing() -> None:
    problem, solution = next(stream("train", 3, (3,)))
    right = (*words_of(solution), form.EOS)
    reward = train_by_reward.worth((problem,), shorter=True)
    ((short, wrong),) = [reward(0, [right, right[:-1]])]
    assert (short, wrong) == (1 - len(right) / (2 * form.ROOM), 0)
    assert train_by_reward.worth((problem,))(0, [right]) == [1]


@pytest.mark.parametrize("numbers", ["3", "3,4"])
def test_caps_in_turn_meet_all_sizes_alike(numbers: str) -> None:
    task = load("embedded", 0, numbers=numbers, problems=120)
    met = [(question.group, cap_of(question, IN_TURN)) for question in task.cases()]
    assert {cap for _, cap in met} == set(CAPS)
    assert len({met.count(one) for one in met}) == 1
    assert cap_of(Question(7, (), ""), 33) == 33


@pytest.mark.parametrize("recipe", SUCCESSORS)
def test_a_policy_that_went_on_answers_otherwise_than_its_start(recipe: str) -> None:
    task = load("embedded", 0, problems=12)
    point: Point = {"recipe": recipe, "cap": 96}
    found = [mrt.solve(task.substrate(), question, point) for question in task.cases()]
    assert found != [cut.solve(task.substrate(), question, point) for question in task.cases()]
    alone = engine(f"cd-{recipe}-s0")
    alone.reset(Costs())
    (question, *_), (first, *_) = list(task.cases()), found
    (leaf,) = alone.fork(alone.open(question.prompt, mix(0, question.index)), 1)
    alone.decode([leaf], max_new=12, temperature=1.0, stop=frozenset({form.STEP_END}))
    assert first[: len(leaf.completion)] == leaf.completion


def test_a_policy_that_was_not_trained_is_missed_with_a_sentence() -> None:
    task = load("embedded", 0, problems=1)
    (question,) = task.cases()
    with pytest.raises(CapabilityMissing, match="nobody was not trained on") as missing:
        mrt.solve(task.substrate(), question, {"recipe": "nobody", "cap": 96})
    assert "adabench train 'countdown/cd-nobody-s*'" in missing.value.hint


def test_shipped_trainings_generated_equal_words_within_one_percent() -> None:
    rewarded = [how for how in SUCCESSORS if how != MORE]
    names = [f"cd-{how}-s{seed}" for how in rewarded for seed in range(SHIPPED)]
    cards = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in names}
    words = [card["words"] for card in cards.values()]
    assert min(words) >= train_by_reward.WORDS
    assert max(words) <= 1.01 * min(words)
    assert not any(card["remarks"] for card in cards.values())


def test_files_of_all_policies_take_four_megabytes_at_most() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 4e6


@pytest.mark.slow
def test_a_training_gives_the_same_weights_twice() -> None:
    recipe = replace(recipes()["cd-mrt-s0"])
    start = engine("cd-s0").model
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_by_reward, "WORDS", 20_000)
        both = [train_by_reward.train(recipe, start, lambda *_: None).model for _ in range(2)]
    first, second = (one.state_dict() for one in both)
    assert all(bool((first[key] == second[key]).all()) for key in first)
