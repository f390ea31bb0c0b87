"""Bare and worked answers of a question in words: what each writes, what choosing costs, and its oracle."""

import math
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Scalar
from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.text import task as text
from adabench.workloads.test_time.text.substrate.answer_modes import BareAnswer, ModeShares, answer
from adabench.workloads.test_time.text.substrate.prompts import WORD_PROBLEMS, bare_examples
from adabench.workloads.test_time.text.substrate.text_task import GradedText
from adabench.workloads.test_time.text.truth.grading import Answers

pytest.importorskip("transformers", reason="the extra `real` is not installed")


@cache
def loaded() -> GradedText:
    return text.load("embedded", 0, model="builtin", problems=6)


def solve(name: str, question: Question, **point: Scalar) -> tuple[tuple[int, ...], Counter[str]]:
    where, entry = loaded(), registry.find(f"text/{name}")
    where.meter.clear()
    found = registry.load(entry).solve(where, question, {**entry.card.defaults, **point})
    assert where.account(question, found) == found
    return found, Counter(where.meter)


@cache
def alone(name: str, question: Question, **point: Scalar) -> tuple[tuple[int, ...], Counter[str]]:
    """What one mode writes and costs, solved once for the tests that hold others against it."""
    return solve(name, question, **point)


def counts(cost: Counter[str]) -> dict[str, float]:
    return {name: value for name, value in cost.items() if not name.endswith("_s")}


@cache
def doubts() -> list[float]:
    """Entropies of the bare answers."""
    found: list[float] = []

    def note(bare: BareAnswer) -> bool:
        bare.difficulty()
        found.append(bare.entropy)
        return False

    for question in loaded().questions:
        with loaded().session(question) as session:
            answer(session, note, effort=1)
    return found


def own_words(prompt: tuple[int, ...], bare: bool = False) -> int:
    models = loaded().load_models
    (prefix,) = models.bare_prefixes if bare else models.prefixes
    assert prompt[: len(prefix)] == prefix
    return len(prompt) - len(prefix)


def test_both_prompts_ask_the_same_and_the_bare_one_shows_no_work():
    codec = loaded().domain.codec
    for question in loaded().questions:
        worked, bare = map(codec.decode, (question.prompt, question.bare))
        assert worked.rpartition("Problem: ")[2] == bare.rpartition("Problem: ")[2]
        assert "Step 1" in worked
        assert "Step" not in bare
        assert bare.count("Answer: ") == worked.count("Answer: ")
    assert bare_examples(WORD_PROBLEMS)[0][1] == "Answer: 16"


def test_a_bare_answer_is_a_line_behind_the_bare_prompt_and_no_other_is_read():
    marks = loaded().domain.step_marks
    for question in loaded().questions:
        found, cost = alone("sys1", question)
        assert not marks & set(found[:-1])
        assert cost["generated"] == len(found)
        assert cost["prefilled"] == own_words(question.bare, bare=True)
        assert cost["sys2_share"] == 0


def test_a_worked_answer_is_what_greedy_decoding_writes_and_costs():
    for question in loaded().questions:
        worked, cost = alone("sys2", question)
        greedy, plain = solve("greedy", question)
        assert worked == greedy
        assert counts(cost) == {**counts(plain), "sys2_share": cost["sys2_share"]}
        assert "sys2_share" not in plain


def test_several_worked_answers_are_the_samples_of_a_vote():
    for question in loaded().questions[:2]:
        voted, cost = solve("sys2", question, effort=3)
        majority, plain = solve("majority", question, N=3)
        assert voted == majority
        assert cost["generated"] == plain["generated"]


def test_a_choice_at_either_end_is_one_mode_throughout_and_doubt_is_paid_for():
    for question, entropy in zip(loaded().questions, doubts(), strict=True):
        assert entropy > 0
        worked, cost = solve("scale", question, tau=0.0)
        plain, only = alone("sys2", question)
        bare, least = alone("sys1", question)
        assert worked == plain
        for name in ("generated", "prefilled", "cached", "flops_counted"):
            assert cost[name] == only[name] + least[name]
        assert solve("scale", question, tau=1.0)[0] == bare


def test_the_dial_cuts_at_one_less_the_exponential_of_the_largest_entropy():
    for question, entropy in zip(loaded().questions, doubts(), strict=True):
        difficulty = 1 - math.exp(-entropy)
        worked, bare = alone("sys2", question)[0], alone("sys1", question)[0]
        assert worked != bare
        for tau, chosen in ((difficulty - 1e-6, worked), (difficulty + 1e-6, bare)):
            assert solve("scale", question, tau=tau)[0] == chosen


def test_doubt_is_the_largest_of_the_words_that_were_drawn():
    question = loaded().questions[0]
    with loaded().session(question) as session:
        root = session.open(session.bare)
        (chunk,) = session.step([root], temperature=0.0, watch=1)
    assert doubts()[0] == max(chunk.entropies)


@pytest.mark.parametrize(
    ("lines", "share"), [([5, 6], 0.0), ([5, 6, 0], 0.0), ([5, 0, 6], 1.0), ([], 0.0)]
)
def test_the_share_of_system_2_is_read_off_the_lines(lines, share):
    assert ModeShares(frozenset({0}))((), lines) == {"sys2_share": share}


def test_coins_are_the_runs_and_cost_nothing():
    modes = Counter[str]()
    for question in loaded().questions:
        found, cost = solve("scale_coins", question)
        modes_alone = {mode: alone(mode, question) for mode in ("sys1", "sys2")}
        (mode,) = (mode for mode in modes_alone if modes_alone[mode][0] == found)
        assert counts(cost) == counts(modes_alone[mode][1])
        modes[mode] += 1
    assert len(modes) == 2


def test_the_oracle_works_out_what_a_bare_answer_gets_wrong_and_pays_for_one_mode(monkeypatch):
    where, right, asked = loaded(), {1, 4}, []

    def is_right(self: Answers, index: int, completion: tuple[int, ...]) -> bool:
        asked.append((index, completion))
        return index in right

    monkeypatch.setattr(Answers, "is_right", is_right)
    for question in where.questions:
        found, cost = solve("scale_oracle", question)
        wanted, plain = alone("sys1" if question.index in right else "sys2", question)
        assert found == wanted
        assert counts(cost) == counts(plain)
        assert asked.pop() == (question.index, alone("sys1", question)[0])


def test_a_choice_is_the_same_whoever_grades():
    blind = loaded().substrate()
    method = registry.load(registry.find("text/scale"))
    question = loaded().questions[0]
    for tau in (0.2, 0.9):
        found = method.solve(blind, question, {"tau": tau, "effort": 1})
        assert found == solve("scale", question, tau=tau)[0]


def test_only_the_tasks_own_bare_prompt_gives_an_answer():
    """A prompt that a method made up, handed in as the bare one, makes another case of it."""
    where, question = loaded(), loaded().questions[0]
    hint = (*question.bare, *where.domain.codec.encode("Answer: 7"))
    for forged in (replace(question, bare=hint), replace(question, bare=question.bare[:-1])):
        where.meter.clear()
        with where.session(forged) as session:
            root = session.open(session.bare)
            session.decode([root], temperature=0.0)
        with pytest.raises(MethodContractError):
            where.account(question, root.completion)
    where.meter.clear()
    with where.session(question) as session:
        root = session.open(hint)
        session.decode([root], temperature=0.0)
    with pytest.raises(MethodContractError):
        where.account(question, root.completion)


def test_a_question_without_a_bare_prompt_says_so():
    question = replace(loaded().questions[0], bare=())
    for name in ("sys1", "scale"):
        with pytest.raises(CapabilityMissing, match="no prompt that asks for one"):
            registry.load(registry.find(f"text/{name}")).solve(
                loaded(), question, {"tau": 0.5, "effort": 1}
            )
