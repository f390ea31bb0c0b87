"""A judge's measures, on hand-made scores; its labels, on a policy that is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from adabench.workloads.shared.counting.ranking import auc
from adabench.workloads.shared.language_model.contract import Costs
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.reward_model import FEATURES, Head, Judge
from adabench.workloads.shared.language_model.vocabulary import EOS, STEP_END, encode
from adabench.workloads.test_time.chain.substrate.problems import answer, stream
from adabench.workloads.test_time.chain.training import train_judge
from adabench.workloads.test_time.chain.training.forms import SPLITS
from adabench.workloads.test_time.chain.truth.worked_solutions import truth

TINY = Shape(layers=1, width=16, heads=2, hidden=32)


def model(seed: int = 0) -> LanguageModel:
    torch.manual_seed(seed)
    return LanguageModel(TINY).eval().requires_grad_(False)


def judge(seed: int = 1) -> Judge:
    trunk = model(seed)
    torch.manual_seed(seed)
    return Judge(NativeEngine(trunk, "judge", role="judge"), Head(TINY.width).eval())


def test_auc_counts_ties_as_half():
    scores, right = np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])
    assert auc(scores, right) == pytest.approx((1 + 1 + 0.5 + 1) / 4)


def test_a_judge_that_only_knows_how_hard_a_problem_is_has_no_auc_within():
    easy, hard = np.array([True] * 9 + [False]), np.array([False] * 9 + [True])
    scores = np.stack([np.full(10, 0.9), np.full(10, 0.1)])
    right = np.stack([easy, hard])
    assert auc(scores.ravel(), right.ravel()) == pytest.approx(0.9)
    assert train_judge.auc_within_problems(scores, right) == pytest.approx(0.5)


def test_within_weighs_problems_by_their_pairs():
    scores = np.array([[0.9, 0.1, 0.1, 0.1], [0.1, 0.9, 0.2, 0.2]])
    right = np.array([[True, False, False, False], [True, False, True, True]])
    # 3 pairs at 1.0; three right ones against one better wrong one at 0.0.
    assert train_judge.auc_within_problems(scores, right) == pytest.approx(0.5)


def test_calibration_error_of_an_honest_and_of_a_boasting_score():
    chance = np.random.Generator(np.random.PCG64(0))
    scores = chance.random(20_000)
    right = chance.random(20_000) < scores
    assert train_judge.calibration_error(scores, right) < 0.02
    assert train_judge.calibration_error(np.clip(scores + 0.3, 0, 1), right) > 0.2


def test_labels_are_shares_of_right_roll_outs_and_reach_every_step_and_the_stop():
    policy = NativeEngine(model(), "tiny")
    problems = [next(stream("prm", seed, (1,))) for seed in range(4)]
    lessons = train_judge.collect(policy, problems, seed=0)
    assert len(lessons) == len(problems) * train_judge.SOLUTIONS
    for lesson in lessons:
        stopped = lesson.completion[-1:] == (EOS,)
        assert len(lesson.shares) == lesson.completion.count(STEP_END) + stopped
        assert all(0 <= share <= 1 for share in lesson.shares)


def test_every_label_holds_the_solutions_own_outcome(monkeypatch):
    """With roll-outs that are always right, a wrong solution still lowers its labels."""
    policy = NativeEngine(model(), "tiny")
    problem = next(stream("prm", 0, (1,)))
    monkeypatch.setattr(train_judge, "_shares", lambda *args: [1.0] * len(args[2]))
    for lesson in train_judge.collect(policy, [problem], seed=0):
        own = float(answer(lesson.completion) == truth(problem))
        steps = lesson.shares[: lesson.completion.count(STEP_END)]
        wanted = (train_judge.ROLL_OUTS + own) / (train_judge.ROLL_OUTS + 1)
        assert steps == pytest.approx([wanted] * len(steps))
        assert lesson.shares[len(steps) :] in ((), (own,))


def test_scores_equal_the_trained_modules_in_torch():
    torch.manual_seed(3)
    trunk, head = model(3), Head(TINY.width).eval()
    owner = Judge(NativeEngine(trunk, "judge", role="judge"), head)
    policy = NativeEngine(model(), "tiny")
    text = encode("4 7 + 3 8 = 8 5 ; 8 5 * 1 2 = 2 0 ;")
    seq = policy.open(encode("<bos> 4 7 + 3 8 * 1 2 >"))
    policy.append([seq], [text])
    seq.ids.append(EOS)
    (scores,) = owner.scores([seq])
    with torch.inference_mode():
        states = trunk.states(torch.tensor([seq.ids]))[0]
        chances = torch.log_softmax(states @ trunk.embedding.weight.T, -1)
    words = [float(chances[i - 1, seq.ids[i]]) for i in range(seq.start, len(seq.ids))]
    steps = [sum(words[:9]) / 9, sum(words[9:18]) / 9]
    rows = [
        [steps[0], steps[0], steps[0], 0, 0, 0.1, 0, 0],
        [sum(steps) / 2, min(steps), steps[1], 0, 0, 0.2, 0, 0],
        [sum(steps) / 2, min(steps), steps[1], 1, words[18], 0.2, 0, 0],
    ]
    places = [seq.start + 8, seq.start + 17, seq.start + 17]
    with torch.inference_mode():
        wanted = torch.sigmoid(head(states[places], torch.tensor(rows)))
    assert scores == pytest.approx(wanted.tolist(), abs=1e-5)


def test_children_are_not_read_again_and_score_as_if_they_were():
    policy, owner = NativeEngine(model(), "tiny"), judge()
    costs = Costs()
    owner.engine.reset(costs)
    seq = policy.open(encode("<bos> 4 7 + 3 8 * 1 2 >"))
    policy.append([seq], [encode("4 7 + 3 8 = 8 5 ;")])
    owner.scores([seq])
    before = costs.meter["judged"]
    children = policy.fork(seq, 3)
    owner.follow(seq, children)
    policy.append(children, [encode("8 5 * 1 2 = 2 0 ;")] * 3)
    scores = owner.scores(children)
    assert costs.meter["judged"] - before == 3 * 9
    fresh = judge()
    assert fresh.scores(children)[0] == scores[0] == scores[1]


def test_a_closing_eos_is_not_read():
    policy, owner = NativeEngine(model(), "tiny"), judge()
    owner.engine.reset(costs := Costs())
    seq = policy.open(encode("<bos> 4 7 + 3 8 >"))
    policy.append([seq], [encode("4 7 + 3 8 = 8 5 ;")])
    seq.ids.append(EOS)
    owner.scores([seq])
    assert costs.meter["judged"] == len(seq.ids) - 1


def test_a_judge_is_charged_for_trunk_head_and_unembedding():
    policy, owner = NativeEngine(model(), "tiny"), judge()
    owner.engine.reset(costs := Costs())
    seq = policy.open(encode("<bos> 4 7 + 3 8 >"))
    policy.append([seq], [encode("4 7 + 3 8 = 8 5 ;")])
    owner.scores([seq])
    trunk_alone = NativeEngine(model(1), "again")
    trunk_alone.open(seq.ids)
    width, words = TINY.width, 9
    extra = 2 * width * (width + FEATURES + 1) + words * 2 * width * TINY.vocabulary
    assert costs.meter["flops"] == trunk_alone.costs.meter["flops"] + extra


def test_a_judge_does_not_see_what_comes_later():
    """The score of a step is the same whatever is written after it."""
    policy, owner = NativeEngine(model(), "tiny"), judge()
    prompt, first = encode("<bos> 4 7 + 3 8 * 1 2 >"), encode("4 7 + 3 8 = 8 5 ;")
    scores = []
    for rest in ("8 5 * 1 2 = 2 0 ;", "1 1 + 1 1 = 9 9 ;"):
        seq = policy.open(prompt)
        policy.append([seq], [first + encode(rest)])
        scores.append(owner.scores([seq])[0])
    assert scores[0][0] == scores[1][0]
    assert scores[0][1] != scores[1][1]


class Favourite:
    """A judge that scores one sample above the others."""

    def __init__(self, place: int) -> None:
        self.place = place

    def reset(self, costs: Costs) -> None:
        """Hold nothing."""

    def scores(self, seqs):
        return [(0.9, float(i == self.place)) for i in range(len(seqs))]


@pytest.mark.parametrize(
    ("right", "place", "majority", "best", "good"),
    [(7, 0, 1.0, 1.0, False), (7, 11, 1.0, 0.0, False), (5, 11, 0.0, 1.0, True)],
)
def test_a_judge_passes_where_it_chooses_better_than_the_vote_of_the_same_samples(
    right, place, majority, best, good
):
    """Of twelve samples the last states 5 and all others 7."""
    policy, stated = NativeEngine(model(), "tiny"), dict[tuple[int, ...], int]()

    def say(completion: tuple[int, ...]) -> int:
        return stated.setdefault(completion, 5 if len(stated) == 11 else 7)

    form = replace(SPLITS, answer=say, truth=lambda problem: right)
    problems = [next(stream("dev", 1, (1,)))]
    found = train_judge.report(policy, Favourite(place), problems, n=12, form=form)
    assert len(stated) == 12
    assert (found["majority"], found["best_by_judge"]) == (majority, best)
    assert train_judge.passes(found) == good
    # In the format `orders` its vote has to win, not its favourite: one score against eleven ballots.
    assert found["judged_vote"] == best
    assert train_judge.passes(found | {"judged_vote": 0.0}, "orders") is False
    assert train_judge.passes(found | {"judged_vote": 2.0}, "orders") is True
