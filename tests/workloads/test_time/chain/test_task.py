"""The chain task: what a method can reach, what it pays, when it is stopped."""

import dataclasses
import itertools
import shutil
import time
from collections import Counter

import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.shared.language_model import search_session as session
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.vocabulary import encode
from adabench.workloads.test_time.chain import checkpoints
from adabench.workloads.test_time.chain.recipes import recipes
from adabench.workloads.test_time.chain.substrate import order_problems, trained_models
from adabench.workloads.test_time.chain.substrate.lengths import read_lengths
from adabench.workloads.test_time.chain.substrate.problems import split_of_text
from adabench.workloads.test_time.chain.substrate.trained_models import FOLDER, restore
from adabench.workloads.test_time.chain.task import load
from adabench.workloads.test_time.chain.truth.order_solutions import truth
from adabench.workloads.test_time.substrate.strategies import MECHANISMS

STATIC = ("greedy", "sample", "majority", "best_of_n", "judged_vote")


def chain(**conditions):
    return load("embedded", 0, **{"problems": 2, "trainings": 1, **conditions})


def method(name: str):
    return registry.load(registry.find(f"chain/{name}"))


def point(name: str, **knobs):
    card = method(name).CARD
    return {knob.name: knob.default for knob in card.knobs} | knobs


def solve(name: str, where, case, **knobs):
    where.meter.clear()
    answer = method(name).solve(where, case, point(name, **knobs))
    return answer, Counter(where.meter)


def test_a_question_holds_nothing_but_its_prompt():
    prompts = {"prompt", "bare"}
    assert {f.name for f in dataclasses.fields(Question)} == {"index", "group"} | prompts
    for question in chain(problems=4).cases():
        assert question.bare == ()
        assert split_of_text(_text(question)) == "test"


def _text(question: Question) -> str:
    """What a problem's split depends on."""
    problem = order_problems.problem_of(question.prompt)
    return f"{problem.first} {problem.factors}"


def _large(where) -> list[int]:
    return [order_problems.problem_of(case.prompt).large for case in where.cases()]


def test_numbers_of_large_factors_alternate_and_name_the_group():
    where = chain(problems=16)
    assert _large(where) == [*range(8)] * 2
    assert [question.group for question in where.cases()] == [f"k{k}" for k in range(8)] * 2
    few = chain(problems=3, large="2,7")
    assert [question.group for question in few.cases()] == ["k2", "k7", "k2"]
    assert _large(few) == [2, 7, 2]


def test_a_question_of_a_group_is_the_same_among_whatever_others():
    among, alone = chain(problems=16), chain(problems=2, large="6")
    sixes = [case.prompt for case in among.cases() if case.group == "k6"]
    assert sixes == [case.prompt for case in alone.cases()]


def test_questions_are_of_the_test_split_alone():
    assert {split_of_text(_text(case)) for case in chain(problems=160).cases()} == {"test"}


def test_a_search_may_go_as_deep_as_a_question():
    assert chain().domain.deepest > order_problems.LONGEST
    assert load("embedded", 0, format="splits", trainings=1).domain.deepest == 20
    deep = load("embedded", 0, format="splits", trainings=1, lengths="1..8")
    assert deep.domain.deepest == 3 * 8 + 2


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("4,6", (4, 6)),
        ("1..8", (1, 2, 3, 4, 5, 6, 7, 8)),
        ("2,4,6,8", (2, 4, 6, 8)),
        ("2..4, 8", (2, 3, 4, 8)),
        ("3..3", (3,)),
    ],
)
def test_lengths_are_read(text, lengths):
    assert read_lengths(text) == lengths


@pytest.mark.parametrize(
    "text",
    ["", "4,", "a", "8", "9", "1..9", "6..4", "1..", "-1", "4.0", "٤", "1" * 5000, "1..2..3"],
)
def test_numbers_of_large_factors_that_are_none_are_refused_with_a_remedy(text, monkeypatch):
    monkeypatch.setattr(trained_models, "restore", lambda *args: pytest.fail("weights are read"))
    with pytest.raises(SelectionError, match="large cannot be ") as refused:
        chain(large=text)
    assert "0..7" in refused.value.hint
    assert len(str(refused.value)) < 200
    if text != "8":
        with pytest.raises(SelectionError, match="lengths cannot be "):
            chain(format="splits", lengths=text)


def test_a_number_named_twice_is_refused():
    with pytest.raises(SelectionError, match="names 4 twice"):
        chain(large="4,2..5")


def test_seeds_draw_other_questions_and_the_same_seed_the_same():
    first, again = (list(chain().cases()) for _ in range(2))
    other = list(load("embedded", 1, problems=2, trainings=1).cases())
    assert first == again
    assert first != other


def test_sample_i_is_the_same_for_every_method():
    where = chain()
    case = next(iter(where.cases()))
    one, _ = solve("sample", where, case, temperature=where.domain.temperature)
    with where.session(case) as session:
        leaves = session.fork(session.open(), 16)
        session.decode(leaves, max_new=session.room)
    assert leaves[0].completion == one


@pytest.mark.parametrize("name", STATIC)
def test_the_same_question_twice_gives_the_same_answer_and_counts(name):
    where = chain()
    case = next(iter(where.cases()))
    (first, cost), (second, again) = (solve(name, where, case) for _ in range(2))
    assert first == second
    timed = {key for key in cost if key.endswith("_s")}
    assert {k: v for k, v in cost.items() if k not in timed} == {
        k: v for k, v in again.items() if k not in timed
    }


def test_the_judge_is_paid_for():
    where = chain()
    case = next(iter(where.cases()))
    _, counted = solve("majority", where, case)
    _, judged = solve("judged_vote", where, case)
    assert counted["judged"] == 0 < judged["judged"]
    assert judged["generated"] == counted["generated"]
    assert judged["flops_counted"] > 2 * counted["flops_counted"]
    assert judged["judged"] <= judged["generated"] + len(case.prompt)


def test_times_to_words_lie_within_the_case(monkeypatch):
    """Votes take a millisecond from look to look; words are noted on a clock that only goes forward.

    What is compared is the order of its readings, which no load changes.
    """
    where, looks = chain(), itertools.count()
    monkeypatch.setattr(session, "perf_counter", lambda: next(looks) / 1000)
    began = time.monotonic()
    _, cost = solve("majority", where, next(iter(where.cases())))
    latency = time.monotonic() - began
    assert 0 < cost["ttft_s"] < latency
    assert 0 < cost["tpot_s"] < cost["itl_s"] < latency
    assert cost["aux_s"] == pytest.approx(next(looks) / 2 / 1000)


def test_a_spent_budget_stops_the_method_and_scores_its_best_answer():
    free, tight = chain(), chain(budget=300)
    case = next(iter(free.cases()))
    _, unlimited = solve("majority", free, case, N=4)
    assert unlimited["generated"] > 300
    answer, cost = solve("majority", tight, case, N=4)
    assert cost["generated"] <= 300
    assert cost["spent"] == 1
    assert set(tight.score(case, answer)) == {"accuracy", "malformed"}


def test_a_budget_that_is_enough_changes_nothing():
    free, wide = chain(), chain(budget=100_000)
    case = next(iter(free.cases()))
    assert solve("majority", free, case)[0] == solve("majority", wide, case)[0]


def test_malformed_completions_are_wrong_and_counted():
    where = chain()
    case = next(iter(where.cases()))
    for text in ("", "1 2 3", "69 * 15 = 65 : 9 17 ? 11 ;"):
        assert where.judge(case, encode(text)) == {"accuracy": 0.0, "malformed": 1.0}


def test_the_truth_scores_and_a_wrong_chain_does_not():
    where = chain()
    case = next(iter(where.cases()))
    right = truth(where.grader.problems[0])
    good = encode(f"1 * 2 = {right} : ? ; <eos>")
    bad = encode(f"1 * 2 = {right % 96 + 1} : ? ; <eos>")
    assert where.judge(case, good)["accuracy"] == 1.0
    assert where.judge(case, bad) == {"accuracy": 0.0, "malformed": 0.0}


def test_a_judge_that_was_not_trained_is_a_missing_capability():
    where = chain(policy="lm-x")
    with pytest.raises(CapabilityMissing, match="no judge"):
        solve("judged_vote", where, next(iter(where.cases())))


def test_unknown_scale_and_missing_checkpoint_are_sentences(tmp_path):
    with pytest.raises(SelectionError, match="paper"):
        load("paper", 0)
    with pytest.raises(EnvironmentProblem, match="lm-s-s0") as missing:
        restore("lm-s-s0", tmp_path)
    assert "in about 600 s of one core: adabench train lm-s-s0" in missing.value.hint
    with pytest.raises(SelectionError, match="lm-z"):
        checkpoints.recipe("lm-z-s0")


def test_shipped_weights_are_small_and_say_how_they_were_made():
    for name in recipes():
        path = FOLDER / f"{name}.safetensors"
        if path.exists():
            assert path.stat().st_size < 2_600_000
            assert path.with_suffix(".json").exists()


@pytest.mark.slow
def test_the_smallest_language_model_can_be_trained_again(tmp_path):
    torch.set_num_threads(1)
    card = checkpoints.train("lm-s-s0", folder=tmp_path)
    assert 0.3 <= (card["dev"]["greedy_d4"] + card["dev"]["greedy_d6"]) / 2 <= 0.7


def test_a_model_that_is_not_shipped_is_read_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trained_models, "FOLDER", tmp_path / "chain" / "checkpoints")
    folder = tmp_path / "cache" / "checkpoints" / "chain"
    folder.mkdir(parents=True)
    shutil.copy(FOLDER / "lm-s-s0.safetensors", folder)
    restore.cache_clear()
    try:
        cached, shipped = restore("lm-s-s0").state_dict(), restore("lm-s-s0", FOLDER).state_dict()
        assert all(torch.equal(value, shipped[key]) for key, value in cached.items())
    finally:
        restore.cache_clear()


def test_the_pool_of_the_gates_is_what_methods_choose_among():
    """Strategies of a table, the number of votes, attempts side by side, and configurations of a pool of models."""
    (gates,) = registry.find("chain").card.gates
    chosen = {*MECHANISMS["search"], "parallel_attempts", "majority", "configuration"}
    known = registry.methods("chain")
    roles = {name: known[f"chain/{name}"].card.role for name in chosen if f"chain/{name}" in known}
    assert set(gates.pool) == {name for name, role in roles.items() if role == "static"}
