"""Learning by reward: advantages, losses and means by hand, real staleness, and what cannot be followed."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.contract import Costs
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.vocabulary import BOS, EOS
from adabench.workloads.shared.training import reward_curve
from adabench.workloads.shared.training.policy_gradient import (
    Batch,
    Group,
    Objective,
    advantages,
    batch_of,
    log_probabilities,
    padded,
    surrogate,
)
from adabench.workloads.shared.training.reinforce import (
    Drawn,
    Outcome,
    Plan,
    Pool,
    roll_outs,
    train,
)
from adabench.workloads.shared.training.reward_curve import CurvePoint

SHAPE = Shape(layers=1, width=16, heads=2, hidden=32, vocabulary=16, context=32)
PROMPTS = tuple((BOS, word) for word in range(4, 12))
PLAN = Plan(Objective(), seed=3, words=600, room=3, rate=3e-3, prompts=4, samples=8, evaluations=3)


@pytest.fixture(scope="module")
def start() -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(SHAPE).eval().requires_grad_(False)


def repeats(place: int, group: Sequence[tuple[int, ...]]) -> list[float]:
    """Reward completions that begin with a word of the prompts' kind."""
    return [float(4 <= words[0] < 8) for words in group]


def answers(engine: NativeEngine) -> Any:
    engine.reset(Costs())
    seqs = [engine.open(prompt, 7) for prompt in PROMPTS]
    engine.decode(seqs, max_new=1, temperature=1.0)
    return np.array([4 <= seq.completion[0] < 8 for seq in seqs])


def trained(start: LanguageModel, plan: Plan = PLAN, reward: Any = repeats) -> Outcome:
    return train(start, PROMPTS, reward, answers, plan)


def weights(outcome: Outcome) -> bytes:
    return b"".join(value.numpy().tobytes() for value in outcome.model.state_dict().values())


def test_advantages_are_rewards_less_the_mean_of_their_group_over_a_deviation() -> None:
    rewards = np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
    grouped = advantages(rewards, "group")
    assert grouped[0] == pytest.approx(np.array([0.75, -0.25, -0.25, -0.25]) / math.sqrt(0.1875))
    assert grouped[1] == pytest.approx([1.0, 1.0, -1.0, -1.0])
    batch = advantages(rewards, "batch")
    deviation = math.sqrt((0.75**2 + 3 * 0.25**2 + 4 * 0.5**2) / 8)
    assert batch[0] == pytest.approx(np.array([0.75, -0.25, -0.25, -0.25]) / deviation)
    assert batch[1] == pytest.approx(np.array([0.5, 0.5, -0.5, -0.5]) / deviation)
    assert not advantages(np.ones((2, 4)), "group").any()


def test_rewards_are_held_against_the_first_of_their_group_or_those_of_another() -> None:
    rewards = np.array([[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0]])
    assert advantages(rewards, "none", 2).tolist() == [[0.5, -0.5, 0.5, 0.5], [0, 0, 1, 0]]
    other = advantages(rewards, "none", 2, shifted=True)
    assert other.tolist() == [[1, 0, 1, 1], [-0.5, -0.5, 0.5, -0.5]]


def test_words_that_were_given_are_read_and_neither_learned_nor_weighed() -> None:
    group = Group((BOS, 4), ((5, 6, 7), (5, 7)), np.array([1.0, 0.0]), begins=(1, 1))
    batch = batch_of((group,), Objective())
    assert batch is not None
    assert batch.is_own.sum(1).tolist() == [2, 1]
    assert batch.targets[batch.is_own].tolist() == [6, 7, 7]
    assert batch.weights.tolist() == pytest.approx([1 / 4, 1 / 2])


def test_all_sequences_of_a_completion_have_its_advantage_and_together_its_weight() -> None:
    parts = ((((1,), (5, 6)), ((1, 5, 6, 9), (7,)), ((2,), (8, 8, 8, 8))), (((1,), (5,)),))
    group = Group((1,), ((5, 6, 9, 7), (5,)), np.array([1.0, 0.0]), parts=parts)
    batch = batch_of([group], Objective(deviation="none"))
    assert batch is not None
    assert batch.is_own.sum(1).tolist() == [2, 1, 4, 1]
    assert batch.advantages.tolist() == [0.5, 0.5, 0.5, -0.5]
    each = (batch.weights * batch.is_own.sum(1)).tolist()
    assert each == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])


def test_a_plan_may_draw_its_groups_in_a_way_of_its_own(start: LanguageModel) -> None:
    seen = list[int]()

    def drawn(engine: NativeEngine, prompts: Any, key: int, plan: Plan) -> list[Drawn]:
        found = [Drawn(one, (0,) * plan.samples) for one in roll_outs(engine, prompts, key, plan)]
        seen.append(len(found))
        return found

    outcome = trained(start, replace(PLAN, draw=drawn))
    assert set(seen) == {PLAN.prompts}
    assert weights(outcome) == weights(trained(start))


GROUPS = (
    Group((BOS, 4), ((5,), (5, 6, 7)), np.array([1.0, 0.0])),
    Group((BOS, 5), ((6, 6), (7, 7)), np.array([0.0, 1.0])),
    Group((BOS, 6), ((6, 6), (7, 7)), np.array([1.0, 1.0])),
)


@pytest.mark.parametrize(
    ("aggregation", "filtered", "expected"),
    [
        ("sample", False, [1 / 6, 1 / 18, 1 / 12, 1 / 12]),
        ("sample", True, [1 / 4, 1 / 12, 1 / 8, 1 / 8]),
        ("prompt", False, [1 / 12] * 4),
        ("prompt", True, [1 / 8] * 4),
        ("token", False, [1 / 12] * 4),
        ("token", True, [1 / 8] * 4),
    ],
)
def test_each_word_weighs_what_its_mean_gives_it(
    aggregation: Any, filtered: bool, expected: list[float]
) -> None:
    batch = batch_of(GROUPS, Objective(aggregation=aggregation, filtered=filtered))
    assert batch is not None
    assert batch.weights.tolist() == pytest.approx(expected)
    assert batch.advantages.tolist() == pytest.approx([1.0, -1.0, -1.0, 1.0])
    assert batch.is_own.sum(1).tolist() == [1, 3, 2, 2]


def test_means_over_groups_and_over_words_differ_where_groups_have_other_lengths() -> None:
    longer = Group((BOS, 5), ((6,) * 4, (7,) * 4), np.array([0.0, 1.0]))
    for aggregation, expected in (
        ("prompt", [1 / 8, 1 / 8, 1 / 16, 1 / 16]),
        ("token", [1 / 12] * 4),
    ):
        batch = batch_of((GROUPS[0], longer), Objective(aggregation=aggregation))
        assert batch is not None
        assert batch.weights.tolist() == pytest.approx(expected)


def test_groups_of_equal_rewards_count_in_the_deviation_of_a_batch_unless_they_are_filtered() -> (
    None
):
    for filtered, deviation in ((False, math.sqrt(4 * 0.25 / 6)), (True, 0.5)):
        batch = batch_of(GROUPS, Objective(deviation="batch", filtered=filtered))
        assert batch is not None
        assert float(batch.advantages[0]) == pytest.approx(0.5 / deviation)
    assert batch_of(GROUPS[2:], Objective()) is None


@pytest.mark.parametrize(
    ("loss", "factors"),
    [
        ("grpo", [1.2, -1.5, 0.5, -0.8]),
        ("dapo", [1.28, -1.5, 0.5, -0.8]),
        ("cispo", [1.5 * -1.0, 1.5 * 1.0, 0.5 * -1.0, 0.5 * 1.0]),
    ],
)
def test_losses_by_hand(loss: Any, factors: list[float]) -> None:
    """Four completions of one word: rho is 1.5 and .5, each with an advantage of 1 and of -1; log pi is -1."""
    ids, targets, is_own = padded([((BOS,), (4,))] * 4)
    worth = torch.tensor([1.0, -1.0, 1.0, -1.0])
    batch = Batch(ids, targets, is_own, worth, torch.full((4,), 0.25))
    now = torch.full((4,), -1.0)
    before = now - torch.tensor([1.5, 1.5, 0.5, 0.5]).log()
    found = surrogate(batch, now, before, Objective(loss=loss))
    assert float(found) == pytest.approx(-sum(factors) / 4)


def test_no_word_loses_its_gradient_by_cispo_and_clipped_ones_do_by_grpo() -> None:
    ids, targets, is_own = padded([((BOS,), (4,))] * 2)
    batch = Batch(ids, targets, is_own, torch.tensor([1.0, 1.0]), torch.ones(2))
    expected = {"grpo": [0.0, 1.0], "dapo": [0.0, 1.0], "cispo": [4.0, 1.0]}
    for loss, slope in expected.items():
        now = torch.tensor([-1.0, -1.0], requires_grad=True)
        before = torch.tensor([-1.0 - math.log(6.0), -1.0])
        surrogate(batch, now, before, Objective(loss=loss)).backward()
        assert now.grad is not None
        assert (-now.grad).tolist() == pytest.approx(slope)


def test_a_prompt_is_drawn_once_a_round_and_not_again_once_it_is_solved() -> None:
    pool = Pool(PROMPTS, 0, retire_at=0.9)
    first = [place for _ in range(2) for place in pool.draw(4)]
    assert sorted(first) == list(range(8))
    for place in range(8):
        pool.note(place, np.array([1.0, float(place < 6)]))
    assert sorted(pool.draw(4)) == [6, 7]
    for _ in range(9):
        pool.note(6, np.ones(2))
        pool.note(7, np.ones(2))
    assert pool.draw(4) == []


def test_a_reward_is_learned_and_the_curve_says_at_what_cost(start: LanguageModel) -> None:
    told = list[tuple[int, int]]()
    plan = replace(PLAN, words=3000, rate=2e-2)
    outcome = train(start, PROMPTS, repeats, answers, plan, lambda *now: told.append(now))
    first, *_, last = outcome.curve
    assert (first.words, first.updates, first.flops, first.cpu_s) == (0, 0, 0, 0.0)
    assert last.words >= 3000 > last.words - 4 * 8 * 3
    assert last.reward > 0.6
    assert 4 <= len(outcome.curve) <= 5
    assert [p.flops for p in outcome.curve] == sorted({p.flops for p in outcome.curve})
    assert told[-1] == (3000, 3000)
    assert outcome.remarks == ()
    assert not torch.equal(outcome.model.embedding.weight, start.embedding.weight)
    assert not any(p.requires_grad for p in outcome.model.parameters())


@pytest.mark.parametrize("staleness", [0, 3])
def test_the_same_plan_gives_the_same_bytes_and_another_seed_others(
    start: LanguageModel, staleness: int
) -> None:
    plan = replace(PLAN, staleness=staleness)
    first, again, other = (trained(start, replace(plan, seed=seed)) for seed in (3, 3, 4))
    assert weights(first) == weights(again) != weights(other)
    for one, two in zip(first.curve, again.curve, strict=True):
        assert replace(one, cpu_s=0.0, bits=()) == replace(two, cpu_s=0.0, bits=())
        assert (one.bits == two.bits).all()


def test_a_ratio_is_one_on_policy_and_moves_with_the_age_of_the_version(
    start: LanguageModel,
) -> None:
    drift = {
        age: [p.drift for p in trained(start, replace(PLAN, words=2000, staleness=age)).curve]
        for age in (0, 1, 8)
    }
    assert set(drift[0]) == {0.0}
    assert 0 < drift[1][-1] < drift[8][-1]
    assert drift[8][-1] > 0.01


def test_on_policy_all_losses_have_one_gradient(start: LanguageModel) -> None:
    found = {
        weights(trained(start, replace(PLAN, objective=Objective(loss=loss))))
        for loss in ("grpo", "dapo")
    }
    assert len(found) == 1
    ratio = trained(start, replace(PLAN, objective=Objective(loss="cispo")))
    for one, two in zip(ratio.model.parameters(), trained(start).model.parameters(), strict=True):
        assert torch.allclose(one, two, atol=1e-5)


def test_the_trainer_reads_words_as_the_engine_wrote_them(start: LanguageModel) -> None:
    """Two implementations in single precision: the engine's log-probabilities are of temperature 1."""
    engine = NativeEngine(start, "policy")
    seqs = engine.fork(engine.open(PROMPTS[0], 5), 6)
    chunks = engine.decode(seqs, max_new=6, temperature=1.0)
    ids, targets, is_own = padded([(PROMPTS[0], chunk.ids) for chunk in chunks])
    batch = Batch(ids, targets, is_own, torch.zeros(6), torch.zeros(6))
    written = [value for chunk in chunks for value in chunk.logprobs]
    assert log_probabilities(start, batch, 1.0).tolist() == pytest.approx(written, abs=1e-4)
    colder = log_probabilities(start, batch, 0.5)
    assert not torch.allclose(colder, log_probabilities(start, batch, 1.0))


def test_completions_end_and_do_not_depend_on_what_is_drawn_beside_them(
    start: LanguageModel,
) -> None:
    engine = NativeEngine(start, "policy")
    both = roll_outs(engine, PROMPTS[:2], 9, PLAN)
    alone = roll_outs(engine, PROMPTS[:1], 9, PLAN)
    assert both[0] == alone[0]
    assert len(both[0]) == PLAN.samples
    assert all(words[-1] == EOS or len(words) == PLAN.room for words in both[0])


def test_a_constant_reward_makes_no_update_and_says_so(start: LanguageModel) -> None:
    outcome = trained(start, reward=lambda place, group: [1.0] * len(group))
    for one, two in zip(outcome.model.parameters(), start.parameters(), strict=True):
        assert torch.equal(one, two)
    assert outcome.curve[-1].updates == 0
    assert outcome.curve[-1].words >= PLAN.words
    assert "no update was made" in outcome.remarks[0]


def test_a_refilled_update_draws_until_enough_groups_differ_and_pays_for_all(
    start: LanguageModel,
) -> None:
    """Half of the prompts have constant rewards: about twice as much is drawn, and none of them is learned from."""

    def halved(place: int, group: Sequence[tuple[int, ...]]) -> list[float]:
        return [float(place % 2 and k % 2) for k in range(len(group))]

    plain, refilled = (
        trained(start, replace(PLAN, objective=Objective(filtered=True, refilled=again)), halved)
        for again in (False, True)
    )
    each = [one.curve[-1].samples / one.curve[-1].updates for one in (plain, refilled)]
    assert each[0] == PLAN.prompts * PLAN.samples
    assert 1.5 * each[0] < each[1] < 4 * each[0]
    assert refilled.curve[-1].share == pytest.approx(0.5, abs=0.2)
    assert weights(refilled) != weights(plain)


def test_an_update_that_cannot_be_refilled_ends(start: LanguageModel) -> None:
    plan = replace(PLAN, objective=Objective(filtered=True, refilled=True))
    outcome = trained(start, plan, lambda place, group: [1.0] * len(group))
    assert outcome.curve[-1].words >= plan.words
    assert outcome.curve[-1].updates == 0


def test_a_training_ends_when_every_prompt_is_solved_and_says_so(start: LanguageModel) -> None:
    plan = replace(PLAN, words=5000, objective=Objective(retire_at=0.9))
    outcome = trained(start, plan, lambda place, group: [1.0] * len(group))
    assert outcome.curve[-1].words < 5000
    assert "was retired after" in outcome.remarks[-1]


@pytest.mark.parametrize(
    ("plan", "prompts", "says"),
    [
        (PLAN, 1, "A pool of 1 cannot fill updates of 4"),
        (replace(PLAN, prompts=1), 1, "A pool of 1"),
        (replace(PLAN, samples=1), 8, "A group of one completion has no other"),
        (replace(PLAN, staleness=9), 8, "staleness cannot be 9"),
        (
            replace(PLAN, staleness=8),
            8,
            "ring of 9 versions is longer than the training, of about 7",
        ),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(
    start: LanguageModel, plan: Plan, prompts: int, says: str
) -> None:
    with pytest.raises(SelectionError, match=says) as refused:
        train(start, PROMPTS[:prompts], repeats, answers, plan)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("rewards", "says"),
    [
        ([0.0] * 7 + [math.nan], "The reward of completion 7 is nan"),
        ([math.inf] + [0.0] * 7, "The reward of completion 0 is inf"),
        ([1.0], "1 rewards for 8 completions"),
    ],
)
def test_a_reward_that_is_none_is_refused(
    start: LanguageModel, rewards: list[float], says: str
) -> None:
    with pytest.raises(SelectionError, match=says):
        trained(start, reward=lambda place, group: rewards)


def curve(tmp_path: Path) -> tuple[Path, list[CurvePoint]]:
    bits = np.arange(20) % 3 == 0
    points = [
        CurvePoint(1000 * k, 80 * k, 10 * k, 10**9 * k, 0.5 * k, 0.25, 0.5, 0.75, np.roll(bits, k))
        for k in range(3)
    ]
    path = tmp_path / f"one{reward_curve.SUFFIX}"
    reward_curve.write(path, points)
    return path, points


def test_a_curve_is_read_as_it_was_written(tmp_path: Path) -> None:
    path, points = curve(tmp_path)
    for one, two in zip(reward_curve.read(path), points, strict=True):
        assert replace(one, bits=()) == replace(two, bits=())
        assert (one.bits == two.bits).all()
        assert one.accuracy == pytest.approx(7 / 20, abs=0.051)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"questions": 20', '"questions": 200'),
        lambda text: text.replace('"words"', '"steps"'),
        lambda text: "[1, 2]",
        lambda text: "",
    ],
)
def test_a_file_that_is_no_whole_curve_is_refused(tmp_path: Path, spoil: Any) -> None:
    path, _ = curve(tmp_path)
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(SelectionError, match="holds no whole curve"):
        reward_curve.read(path)


def test_a_curve_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="holds no whole curve"):
        reward_curve.read(tmp_path / "none.curve.json")
