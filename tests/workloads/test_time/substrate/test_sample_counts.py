"""How many samples TTSPM, adaptive consistency and the oracle take, on a tiny random model."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType

import pytest
import torch
from scipy.stats import beta

from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.vocabulary import IDS, encode
from adabench.workloads.test_time.chain.substrate.domain import SPLITS
from adabench.workloads.test_time.chain.task import load
from adabench.workloads.test_time.methods import adaptive_consistency, fewest_samples, ttspm
from adabench.workloads.test_time.methods.adaptive_consistency import lead
from adabench.workloads.test_time.substrate.agreement_prior import agreement
from adabench.workloads.test_time.substrate.question_task import GradedTask
from adabench.workloads.test_time.substrate.saturation_law import Prior, saturation_point
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.substrate.voting import vote

SHAPE = Shape(1, 16, 2, 32)
USUAL = ("<eos>", "+", "*", "0", "1", "2", "3", "4")
QUESTIONS = tuple(Question(i, encode(f"<bos> 4 {i} + 3 8 >"), "d1") for i in range(10))
RIGHT = 1
Completion = tuple[int, ...]


def first_word(completion: Sequence[int]) -> int | None:
    """What a completion states: one of three answers by its first word, if it has another."""
    return completion[0] % 3 if len(completion) > 1 else None


class FirstWord:
    """The grader: an answer is right that is `RIGHT`."""

    def is_right(self, index: int, completion: Sequence[int]) -> bool:
        return first_word(completion) == RIGHT


@pytest.fixture(scope="module")
def task() -> GradedTask:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LanguageModel(SHAPE).eval().requires_grad_(False)
        weight = 0.4 * torch.randn(SHAPE.vocabulary, SHAPE.width)
        weight[:, 0] = -2.0
        weight[[IDS[word] for word in USUAL], 0] = 2.0
        model.embedding.weight.copy_(weight)
    models = Models(NativeEngine(model, "tiny"), None)
    domain = replace(SPLITS, answer=first_word)
    return GradedTask(3, domain, lambda: models, questions=QUESTIONS, grader=FirstWord())


def samples(task: GradedTask, question: Question, count: int) -> list[Completion]:
    with task.session(question) as session:
        leaves = session.fork(session.open(), count)
        session.decode(leaves)
    return [leaf.completion for leaf in leaves]


def solved(
    task: GradedTask, method: ModuleType, question: Question, **knobs: float
) -> tuple[Completion, int]:
    """Return the answer, and the words that were generated for it."""
    task.meter.clear()
    answer = method.solve(task, question, {**method.CARD.defaults, **knobs})
    return answer, task.meter["generated"]


def words(completions: Sequence[Completion]) -> int:
    return sum(map(len, completions))


def test_the_questions_differ_in_how_far_their_pilots_agree(task: GradedTask) -> None:
    pilots = [[first_word(one) for one in samples(task, q, 4)] for q in QUESTIONS]
    assert len({agreement(pilot) for pilot in pilots}) >= 3


@pytest.mark.parametrize("epsilon", [0.1, 0.01, 0.0001])
def test_ttspm_votes_over_n_star_samples_and_pays_for_each_once(
    task: GradedTask, epsilon: float
) -> None:
    prior = Prior(ttspm.CARD.defaults["alpha"], ttspm.CARD.defaults["beta"])
    counts = set()
    for question in QUESTIONS:
        drawn = samples(task, question, 64)
        agreed = agreement([first_word(one) for one in drawn[:4]])
        count = max(4, saturation_point(prior.mean(agreed, 4), epsilon))
        answer, paid = solved(task, ttspm, question, epsilon=epsilon)
        assert paid == words(drawn[:count]), (
            "the pilot is in the bill, and no sample is drawn twice"
        )
        assert answer == vote(drawn[:count], [1.0] * count, first_word)
        counts.add(count)
    assert len(counts) > 1 or epsilon == 0.1


def test_ttspm_takes_no_more_than_it_may(task: GradedTask) -> None:
    for most in (1, 3, 6):
        for question in QUESTIONS:
            _, paid = solved(task, ttspm, question, N=most, epsilon=1e-9)
            assert paid == words(samples(task, question, most))


def test_malformed_samples_agree_with_nothing() -> None:
    assert agreement([None, None, 3, None]) == 1
    assert agreement([None] * 4) == 0
    assert agreement([3, 4, 3, None]) == 2


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (4, 0), (7, 3), (20, 19)])
def test_the_lead_of_an_answer_is_the_tail_of_a_beta(first: int, second: int) -> None:
    assert lead(first, second) == pytest.approx(beta.sf(0.5, first + 1, second + 1))


def test_adaptive_consistency_stops_at_the_first_confident_vote(task: GradedTask) -> None:
    stops = set()
    for question in QUESTIONS:
        drawn = samples(task, question, 16)
        stop = 16
        for used in range(1, 17):
            stated = Counter(map(first_word, drawn[:used]))
            stated.pop(None, None)
            top = [count for _, count in stated.most_common(2)] + [0, 0]
            if beta.sf(0.5, top[0] + 1, top[1] + 1) > 0.95:
                stop = used
                break
        answer, paid = solved(task, adaptive_consistency, question)
        assert paid == words(drawn[:stop])
        assert answer == vote(drawn[:stop], [1.0] * stop, first_word)
        stops.add(stop)
    assert len(stops) > 1


@pytest.mark.parametrize("most", [1, 3, 6])
def test_a_vote_that_never_satisfies_takes_what_it_may(task: GradedTask, most: int) -> None:
    for question in QUESTIONS:
        _, paid = solved(task, adaptive_consistency, question, N=most, confidence=1.0)
        assert paid == words(samples(task, question, most))


def test_the_oracle_stops_at_the_first_vote_that_is_right(task: GradedTask) -> None:
    found = 0
    for question in QUESTIONS:
        drawn = samples(task, question, 16)
        votes = [vote(drawn[:n], [1.0] * n, first_word) for n in range(1, 17)]
        right = [n for n, one in enumerate(votes, 1) if first_word(one) == RIGHT]
        answer, paid = solved(task, fewest_samples, question)
        assert paid == words(drawn[: right[0] if right else 16])
        assert (first_word(answer) == RIGHT) == bool(right)
        found += bool(right)
    assert 0 < found < len(QUESTIONS)


def test_luck_counts_what_is_passed_on_the_way_and_not_held(task: GradedTask) -> None:
    luck = fewest_samples.luck(task, QUESTIONS, 16)
    late = 0
    for question in QUESTIONS:
        drawn = samples(task, question, 16)
        winners = [first_word(vote(drawn[:n], [1.0] * n, first_word)) for n in range(1, 17)]
        late += RIGHT in winners and winners[-1] != RIGHT
    assert luck["by_truth"] == pytest.approx(late / len(QUESTIONS))
    assert 0 <= luck["by_chance"] <= 1


def test_the_oracle_of_chain_wins_by_luck_as_its_card_says() -> None:
    task = load("embedded", 0, problems=24)
    luck = fewest_samples.luck(task, task.cases(), 16)
    assert fewest_samples.CARD.wins_by_luck == (luck["by_chance"] >= luck["by_truth"])
