"""A judge's measures, on hand-made scores; its labels, on a policy that is known; what ships."""

import json
import shutil
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
from adabench.workloads.test_time.chain import checkpoints
from adabench.workloads.test_time.chain.recipes import ORDERS, TRAININGS, recipes
from adabench.workloads.test_time.chain.substrate.order_problems import (
    LONGEST,
    MODULUS,
    TEMPERATURE,
    Product,
    answer,
    questions,
    room,
)
from adabench.workloads.test_time.chain.substrate.trained_models import FOLDER, engine
from adabench.workloads.test_time.chain.substrate.trained_models import judge as shipped_judge
from adabench.workloads.test_time.chain.training import order_training, train_judge
from adabench.workloads.test_time.chain.truth.order_solutions import truth

SHORT = (Product(69, (9, 17, 15)), Product(5, (14, 2, 18)))
"""Problems that a policy learned beside those of seven factors, and that are solved in a third of the words."""
JUDGES = tuple(f"judge{ORDERS}-s{seed}" for seed in TRAININGS)
TINY = Shape(layers=1, width=16, heads=2, hidden=32)


def model(seed: int = 0) -> LanguageModel:
    torch.manual_seed(seed)
    return LanguageModel(TINY).eval().requires_grad_(False)


def judge(seed: int = 1) -> Judge:
    trunk = model(seed)
    torch.manual_seed(seed)
    return Judge(NativeEngine(trunk, "judge", role="judge"), Head(TINY.width).eval())


def card(name: str) -> dict[str, float]:
    return json.loads((FOLDER / f"{name}.json").read_text())["dev"]


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
    problems = questions("prm", 0, 4)
    lessons = train_judge.collect(policy, problems, seed=0)
    assert len(lessons) == len(problems) * train_judge.SOLUTIONS
    assert any(STEP_END in lesson.completion for lesson in lessons)
    for lesson in lessons:
        stopped = lesson.completion[-1:] == (EOS,)
        assert len(lesson.shares) == lesson.completion.count(STEP_END) + stopped
        assert all(0 <= share <= 1 for share in lesson.shares)


def test_every_label_holds_the_solutions_own_outcome(monkeypatch):
    """With roll-outs that are always right, a wrong solution still lowers its labels."""
    known = {problem.prompt: truth(problem) for problem in SHORT}
    monkeypatch.setattr(train_judge, "_shares", lambda *args: [1.0] * len(args[2]))
    outcomes = set()
    for lesson in train_judge.collect(engine("lm-s-orders-s0"), SHORT, seed=0):
        own = float(answer(lesson.completion) == known[lesson.prompt])
        outcomes.add(own)
        steps = lesson.shares[: lesson.completion.count(STEP_END)]
        wanted = (train_judge.ROLL_OUTS + own) / (train_judge.ROLL_OUTS + 1)
        assert steps == pytest.approx([wanted] * len(steps))
        assert lesson.shares[len(steps) :] in ((), (own,))
    assert outcomes == {0.0, 1.0}


def test_a_label_is_the_share_of_roll_outs_from_there_that_end_right():
    """A wrong product is gone on from: behind it few are right, behind a right one of small factors most."""
    (problem,) = questions("prm", 0, 1, [0])
    policy, (first, *left) = engine("lm-s-orders-s0"), problem.factors
    right = problem.first * first % MODULUS
    steps = [
        encode(f"{problem.first} * {first} = {stated} : ? {' '.join(map(str, left))} ;")
        for stated in (right, right % (MODULUS - 1) + 1)
    ]
    seqs = [policy.open(problem.prompt, key) for key in range(2)]
    policy.append(seqs, steps)
    assert train_judge._shares(policy, seqs, (0, 1), [problem] * 2) == [1.0, 0.0]


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

    def __init__(self, place: int, rest: float) -> None:
        self.place, self.rest = place, rest

    def reset(self, costs: Costs) -> None:
        """Hold nothing."""

    def scores(self, seqs):
        return [(0.9, 1.0 if i == self.place else self.rest) for i in range(len(seqs))]


@pytest.mark.parametrize(
    ("right", "place", "rest", "found", "good"),
    [
        (7, 0, 0.0, (1.0, 1.0, 1.0), False),
        (7, 11, 0.0, (1.0, 0.0, 0.0), False),
        (5, 11, 0.0, (0.0, 1.0, 1.0), True),
        (5, 11, 0.5, (0.0, 1.0, 0.0), False),
    ],
)
def test_a_judge_passes_where_its_vote_is_better_than_the_vote_of_the_same_samples(
    monkeypatch, right, place, rest, found, good
):
    """Of twelve samples the last states 5 and all others 7; one score of 1 does not outvote eleven of 0.5."""
    policy, stated = NativeEngine(model(), "tiny"), dict[tuple[int, ...], int]()

    def say(completion: tuple[int, ...]) -> int:
        return stated.setdefault(completion, 5 if len(stated) == 11 else 7)

    monkeypatch.setattr(train_judge, "answer", say)
    monkeypatch.setattr(train_judge, "truth", lambda problem: right)
    dev = train_judge.report(policy, Favourite(place, rest), questions("dev", 1, 1), n=12)
    assert len(stated) == 12
    assert (dev["majority"], dev["best_by_judge"], dev["judged_vote"]) == found
    assert train_judge.passes(dev) == good


def test_samples_have_room_for_all_steps_and_are_drawn_at_the_tasks_temperature(monkeypatch):
    policy, drawn = NativeEngine(model(), "tiny"), list[dict[str, object]]()
    decode = policy.decode

    def watched(seqs, **options):
        drawn.extend([options] if seqs else [])
        return decode(seqs, **options)

    monkeypatch.setattr(policy, "decode", watched)
    problem = questions("dev", 1, 1)[0]
    train_judge._judged(policy, Favourite(0, 0.0), problem, 0, 2)
    train_judge.collect(policy, [problem], seed=0)
    assert {options["temperature"] for options in drawn} == {TEMPERATURE}
    assert {options["max_new"] for options in drawn} == {room(problem.prompt)}
    assert room(problem.prompt) == 14 * LONGEST + 1


def test_a_judge_grows_out_of_its_policy_and_comes_out_the_same(monkeypatch):
    monkeypatch.setattr(train_judge, "HEAD_STEPS", 2)
    small, deep = Shape(2, 16, 2, 32), Shape(4, 16, 2, 32)
    policy = LanguageModel(small).eval().requires_grad_(False)
    before = {key: value.clone() for key, value in policy.state_dict().items()}
    plan = replace(recipes()[JUDGES[1]], shape=deep, steps=2, batch=2, problems=4)
    drawn: list[str] = []
    for module, draw in ((train_judge, questions), (order_training, order_training.stream)):

        def watched(split, *rest, _draw=draw):
            drawn.append(split)
            return _draw(split, *rest)

        monkeypatch.setattr(module, draw.__name__, watched)
    (trunk, head), again = (
        train_judge.train(one, policy, NativeEngine(policy, "lm-s"), lambda done, steps: None)
        for one in (plan, plan)
    )
    assert drawn == ["train", "prm"] * 2, "its trunk of the one, its head of the other"
    assert trunk.shape == deep
    assert head.inner.in_features == 16 + FEATURES
    assert all(torch.equal(value, before[key]) for key, value in policy.state_dict().items())
    for made, other in zip((trunk, head), again, strict=True):
        weights = other.state_dict()
        assert all(torch.equal(value, weights[key]) for key, value in made.state_dict().items())


@pytest.mark.slow
def test_a_judge_of_a_further_training_can_be_made_and_passes(tmp_path):
    torch.set_num_threads(1)
    shutil.copy(FOLDER / f"{recipes()[JUDGES[1]].policy}.safetensors", tmp_path)
    made = checkpoints.train(JUDGES[1], folder=tmp_path)
    assert train_judge.passes(made["dev"])
    assert made["dev"]["auc_within"] > 0.8


@pytest.mark.parametrize("name", JUDGES)
def test_judges_choose_better_than_chance(name):
    asked = questions("test", 8, 16, [1, 2, 3, 4])
    found = train_judge.report(engine(recipes()[name].policy), shipped_judge(name), asked)
    assert found["auc_within"] > 0.7, found
    assert found["judged_vote"] > found["chance"] + 0.1, found


@pytest.mark.parametrize("name", JUDGES)
def test_by_their_cards_judges_vote_better_than_heads_and_know_right_from_wrong(name):
    dev = card(name)
    assert train_judge.passes(dev)
    assert dev["judged_vote"] > dev["chance"] + 0.2
    assert dev["auc_within"] > 0.8


def test_the_best_of_many_by_score_alone_is_better_than_any():
    """Less so than votes: judge and policy believe the same wrong products, with confidence."""
    gains = [card(name)["best_by_judge"] - card(name)["chance"] for name in JUDGES]
    assert min(gains) > 0
    assert np.mean(gains) > 0.1
