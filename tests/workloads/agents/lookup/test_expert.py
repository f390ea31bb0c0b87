"""The expert: its traces are what the harness would have made of them, and fail as often as they must."""

from collections import Counter
from itertools import islice, pairwise

import pytest

from adabench.workloads.agents.lookup.training.expert import HEAVY, write_trace
from adabench.workloads.agents.lookup.training.trace_mixture import draw_trace, traces
from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.substrate.action_steps import (
    attempts_before,
    is_due,
    stated,
    steps,
    tool_words,
    unused_row,
)
from adabench.workloads.agents.substrate.fault_plans import FaultPlan
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.tool_server import ToolServer
from adabench.workloads.agents.substrate.worlds import CLEAN, Entity, is_held_out
from adabench.workloads.agents.truth.problems import draw_problem

MANY = list(islice(traces(3), 800))


def episode(size=3, seed=0, mode=words.ACT, rules=None, down=(), **options):
    problem = draw_problem("kb", size, seed, "held-out", rules)
    server = ToolServer(problem.world, FaultPlan(seed, frozenset(down)), deadline_s=0.0)
    return problem, write_trace(problem, server, Draws(seed), mode, **options)


def test_every_word_that_the_expert_did_not_write_is_a_tools_or_a_role():
    for trace in MANY:
        given = [w for w, weight in zip(trace.words, trace.weights, strict=True) if not weight]
        roles = (words.CRITIC, words.REFLECT)
        whole = trace.words[-1] == words.EOS
        if whole:
            assert tuple(w for w in given if w not in roles) == tool_words(trace.words)


def test_where_a_tool_is_due_follows_what_it_returned():
    """What the harness reads off the words before a result: that it is due, and which try it is."""
    found = 0
    for trace in MANY:
        made: Counter[tuple[int, ...]] = Counter()
        for place in (i for i, word in enumerate(trace.words[:-1]) if word == words.EQUALS):
            before = trace.words[: place + 1]
            assert is_due(before) == (not trace.weights[place + 1])
            *_, last = steps(before)
            if is_due(before) and last.goes_back:
                result = trace.words[place + 1 : trace.words.index(words.END_STEP, place)]
                assert tuple(result) == unused_row(before)
                found += 1
            elif is_due(before):
                key = last.call.tool, *last.call.arguments
                assert attempts_before(before) == made[key]
                made[key] += 1
    assert found > 20


def test_a_call_that_failed_for_once_is_tried_again_and_counted():
    seen = 0
    for trace in MANY:
        chain = list(steps(trace.words))
        for one, after in pairwise(chain):
            if one.result == (words.TRANSIENT,):
                assert after.call == one.call
                seen += 1
    assert seen > 20


def test_a_tool_that_is_down_is_left_for_its_twin_and_not_called_again():
    _, trace = episode(size=4, rules=CLEAN, down=(words.K1,))
    calls = [step.call.tool for step in steps(trace.words) if step.call]
    assert calls == [words.K1, *[words.K2] * 4]


def test_failure_is_declared_where_nothing_works():
    for mode in (words.ACT, words.CHECK):
        _, trace = episode(mode=mode, down=(words.K1, words.K2))
        assert words.decode(trace.words[-4:]) == "ans fail ; <eos>"
        assert stated(trace.words) == (words.FAIL,)


def test_with_nothing_to_choose_the_expert_is_always_right():
    for seed in range(40):
        problem, trace = episode(size=2 + seed % 3, seed=seed, rules=CLEAN)
        assert stated(trace.words) == problem.answer


@pytest.mark.parametrize(("mode", "low", "high"), [(words.ACT, 0.46, 0.68), (words.CHECK, 0.88, 1)])
def test_what_chance_leaves_at_three_hops(mode, low, high):
    """A fair coin at 0.35 of the hops leaves 0.825 each; going back finds nearly all."""
    right = 0
    for seed in range(300):
        problem, trace = episode(seed=seed, mode=mode)
        right += stated(trace.words) == problem.answer
    assert low <= right / 300 <= high


def test_a_hint_is_obeyed_and_weighs_more():
    seen = 0
    for seed in range(200):
        problem = draw_problem("kb", 3, seed, "train")
        for hop in problem.ambiguous_hops[:1]:
            for row in (0, 1):
                server = ToolServer(problem.world, FaultPlan(seed), deadline_s=0.0)
                hinted = problem.hinted([(hop, row)])
                trace = write_trace(hinted, server, Draws(seed), words.ACT)
                mark = words.ROWS[row]
                places = [i for i, w in enumerate(trace.weights) if w == HEAVY]
                assert [trace.words[i] for i in places] == [mark]
                seen += 1
    assert seen > 100


def test_the_critic_is_told_the_truth_and_reflections_name_the_latest_free_choice():
    verdicts = set()
    for seed in range(120):
        problem, trace = episode(seed=seed, judged=True, reflects=True)
        text = words.decode(trace.words)
        right = stated(trace.words) == problem.answer
        verdicts.add(right)
        assert (" ok <eos>" in text) == right
        if not right:
            chosen = [step.choice for step in steps(trace.words) if step.choice is not None]
            last = text.split(" R ")[1].split()
            assert (last == ["none", ";", "<eos>"]) == (not chosen)
            if chosen:
                other = words.ROWS[1 - words.ROWS.index(chosen[-1])]
                assert last[1] == words.decode([other])
    assert verdicts == {True, False}


def test_traces_are_the_same_for_a_seed_and_fit_the_context():
    assert draw_trace(7) == draw_trace(7)
    assert max(len(trace.prompt) + len(trace.words) for trace in MANY) <= 200
    assert all(len(t.words) == len(t.weights) for t in MANY)


def test_no_training_trace_has_a_held_out_entity():
    for trace in MANY:
        ids = [*trace.prompt, *trace.words]
        for a, b in pairwise(ids):
            name, number = a - words.FIRST_NAME, b - words.FIRST_NUMBER
            if 0 <= name < words.NAMES and 0 <= number < words.NUMBERS:
                assert not is_held_out(Entity(name, number))
