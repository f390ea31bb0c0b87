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
from adabench.workloads.shared.language_model.vocabulary import decode, encode
from adabench.workloads.test_time.chain import checkpoints
from adabench.workloads.test_time.chain.substrate import problems, trained_models
from adabench.workloads.test_time.chain.substrate.lengths import read_lengths
from adabench.workloads.test_time.chain.substrate.trained_models import FOLDER, restore
from adabench.workloads.test_time.chain.task import LENGTHS, load
from adabench.workloads.test_time.chain.truth.worked_solutions import truth

PROMPTS = [
    "<bos> 5 1 + 3 8 + 1 8 * 0 9 - 3 2 >",
    "<bos> 2 9 + 9 4 - 8 1 * 0 7 + 2 3 + 2 0 + 3 5 >",
]
"""Of seed 0 before `lengths` was a condition."""
STATIC = ("greedy", "sample", "majority", "best_of_n", "judged_vote")


def chain(**conditions):
    return load("embedded", 0, **{"problems": 2, **conditions})


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
        assert problems.split_of(_problem(question)) == "test"


def _problem(question: Question) -> problems.Problem:
    text = decode(question.prompt[1:-1]).split()
    first = int(text[0] + text[1])
    rest = [(text[i], int(text[i + 1] + text[i + 2])) for i in range(2, len(text), 3)]
    return problems.Problem(first, tuple(rest))


def test_lengths_alternate_and_name_the_group():
    groups = [question.group for question in chain(problems=4).cases()]
    assert groups == [f"d{LENGTHS[0]}", f"d{LENGTHS[1]}"] * 2


def test_default_lengths_draw_what_the_task_drew_before_they_were_a_condition():
    assert list(chain(problems=4).cases()) == list(chain(problems=4, lengths="4,6").cases())
    prompts = [decode(question.prompt) for question in chain(problems=2).cases()]
    assert prompts == PROMPTS


def test_lengths_are_the_questions_and_their_groups_in_turn():
    cases = list(chain(problems=16, lengths="1..8").cases())
    assert [case.group for case in cases] == [f"d{d}" for d in range(1, 9)] * 2
    assert [len(_problem(case).operations) for case in cases] == [*range(1, 9)] * 2
    assert len({case.prompt for case in cases}) == 16
    few = list(chain(problems=3, lengths="2,8").cases())
    assert [case.group for case in few] == ["d2", "d8", "d2"]


def test_a_question_of_a_length_is_the_same_among_whatever_other_lengths():
    among, alone = chain(problems=16, lengths="1..8"), chain(problems=2, lengths="6")
    sixes = [case.prompt for case in among.cases() if case.group == "d6"]
    assert sixes == [case.prompt for case in alone.cases()]


def test_questions_of_all_lengths_are_of_the_test_split_alone():
    cases = chain(problems=160, lengths="1..8").cases()
    assert {problems.split_of(_problem(case)) for case in cases} == {"test"}


def test_a_search_may_go_as_deep_as_the_longest_question():
    assert chain().domain.deepest == chain(lengths="2").domain.deepest == 20
    assert chain(lengths="1..8").domain.deepest == 3 * 8 + 2


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
    ["", "4,", "a", "0", "9", "1..9", "6..4", "1..", "-1", "4.0", "٤", "1" * 5000, "1..2..3"],
)
def test_lengths_that_are_none_are_refused_with_a_remedy(text, monkeypatch):
    monkeypatch.setattr(trained_models, "restore", lambda *args: pytest.fail("weights are read"))
    with pytest.raises(SelectionError, match="lengths cannot be ") as refused:
        chain(lengths=text)
    assert "1..8" in refused.value.hint
    assert len(str(refused.value)) < 200


def test_a_length_named_twice_is_refused():
    with pytest.raises(SelectionError, match="names 4 twice"):
        chain(lengths="4,2..5")


def test_seeds_draw_other_questions_and_the_same_seed_the_same():
    first, again = (list(chain().cases()) for _ in range(2))
    other = list(load("embedded", 1, problems=2).cases())
    assert first == again
    assert first != other


def test_sample_i_is_the_same_for_every_method():
    where = chain()
    case = next(iter(where.cases()))
    one, _ = solve("sample", where, case)
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
    free, tight = chain(), chain(budget=150)
    case = next(iter(free.cases()))
    _, unlimited = solve("majority", free, case, N=4)
    assert unlimited["generated"] > 150
    answer, cost = solve("majority", tight, case, N=4)
    assert cost["generated"] <= 150
    assert cost["spent"] == 1
    assert set(tight.score(case, answer)) == {"accuracy", "malformed"}


def test_a_budget_that_is_enough_changes_nothing():
    free, wide = chain(), chain(budget=100_000)
    case = next(iter(free.cases()))
    assert solve("majority", free, case)[0] == solve("majority", wide, case)[0]


def test_malformed_completions_are_wrong_and_counted():
    where = chain()
    case = next(iter(where.cases()))
    for text in ("", "1 2 3", "4 7 + 3 8 = 8 5 ;"):
        assert where.judge(case, encode(text)) == {"accuracy": 0.0, "malformed": 1.0}


def test_the_truth_scores_and_a_wrong_chain_does_not():
    where = chain()
    case = next(iter(where.cases()))
    right = truth(where.grader.problems[0])
    good = encode(f"0 0 + 0 1 = {problems.digits(right)} ; <eos>")
    bad = encode(f"0 0 + 0 1 = {problems.digits((right + 1) % 100)} ; <eos>")
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
    for name in checkpoints.recipes():
        path = FOLDER / f"{name}.safetensors"
        if path.exists():
            assert path.stat().st_size < 6_000_000
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
