"""ParaThinker on `chain`: paths that meet inside the model, what they cost, what is learned of them, and how it could be faked."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adabench.harness.errors import MethodContractError, SelectionError
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Costs
from adabench.workloads.shared.language_model.pooled.thought_engine import ThoughtEngine
from adabench.workloads.shared.language_model.pooled.thought_model import (
    PATHS,
    SUMMARY,
    THINK,
    segments_of,
)
from adabench.workloads.shared.language_model.vocabulary import EOS, encode
from adabench.workloads.test_time.chain import checkpoints
from adabench.workloads.test_time.chain import task as chain
from adabench.workloads.test_time.chain.methods import parathinker
from adabench.workloads.test_time.chain.recipes import PATHS as BASE
from adabench.workloads.test_time.chain.recipes import TRAININGS, recipes
from adabench.workloads.test_time.chain.substrate import paths, trained_models
from adabench.workloads.test_time.chain.substrate.tries import questions
from adabench.workloads.test_time.chain.training import train_paths
from adabench.workloads.test_time.chain.truth.order_solutions import truth
from adabench.workloads.test_time.substrate.question_task import GradedTask

POINT: dict[str, Any] = {**parathinker.CARD.fixed, **parathinker.CARD.defaults}
PATH = train_paths.PATH
PROMPT = 8
"""Words of a question of four factors."""


def point_of(name: str, **over: Any) -> dict[str, Any]:
    """Return the default point of a variant."""
    (variant,) = (one for one in parathinker.CARD.variants if one.name == name)
    own = {knob.name: knob.default for knob in variant.knobs or ()}
    return {**POINT, **own, **variant.fixed, **over}


@pytest.fixture(scope="module")
def task() -> GradedTask:
    return chain.load("embedded", 900, format="paths", lengths="4", large="0..4", problems=10)


@pytest.fixture(scope="module")
def policy() -> ThoughtEngine:
    return trained_models.thought_engine(f"{BASE}-s0")


@pytest.fixture(scope="module")
def written() -> list[train_paths.Written]:
    return train_paths.collect(trained_models.engine("lm-s-orders-s0"), 24, 5)


def solved(task: GradedTask, at: int, point: dict[str, Any]) -> dict[str, float]:
    """Return what solving a question costs; its completion is held against what was drawn."""
    before = dict(task.meter)
    completion = parathinker.solve(task, task.questions[at], point)
    task.account(task.questions[at], completion)
    return {name: value - before.get(name, 0) for name, value in task.meter.items()}


def test_a_path_a_summary_and_paths_read_again_state_what_they_end_in() -> None:
    steps = "69 * 15 = 65 : 9 ? ; 65 * 9 = 3 : ? ? ; <eos>"
    assert paths.answer(encode(f"<think3> {steps}")) == paths.answer(encode(steps)) == 3
    assert paths.answer(encode("<summary> ans 33 <eos>")) == 33
    assert paths.answer(encode("ans 33 <eos>")) == 33
    for wrong in ("<summary> ans 33", "<summary> 33 <eos>", "ans + <eos>", "<think1> ans 33 <eos>",
                  "<summary> ans 33 ; <eos>", ""):  # fmt: skip
        assert paths.answer(encode(wrong)) is None


def test_rows_hold_paths_that_the_policy_wrote_and_a_right_one_that_the_summary_sees(
    written: list[train_paths.Written],
) -> None:
    generator = np.random.default_rng(0)
    extra = 0
    for one in (written[i % len(written)] for i in range(200)):
        assert one.right
        assert one.wrong
        ids, targets, seen = train_paths.packed_row(one, generator)
        assert len(ids) == len(targets) == PROMPT + paths.TRAINED * PATH + paths.SUMMARY_WORDS
        bodies = [targets[PROMPT + i * PATH :][:PATH] for i in range(paths.TRAINED)]
        right = [tuple(body) in one.right for body in bodies]
        assert all(tuple(body) in one.right + one.wrong for body in bodies)
        assert any(right[:seen])
        assert not all(right)
        assert ids[-paths.SUMMARY_WORDS] == SUMMARY
        assert paths.answer(targets[-paths.SUMMARY_WORDS :]) == one.answer
        words = [ids[PROMPT + i * PATH] for i in range(paths.TRAINED)]
        assert words[0] == THINK[0]
        assert len(set(words)) == len(words)
        extra += bool({*THINK[paths.TRAINED :]} & set(words))
    assert 0.2 < extra / 200 < 0.4


def test_places_begin_anew_with_each_path_and_paths_do_not_see_one_another() -> None:
    turns, masks, behind = train_paths.packed_frame(PROMPT, PATH)
    starts = [PROMPT + i * PATH for i in range(paths.TRAINED)]
    assert {int(turns[start]) for start in starts} == {PROMPT}
    assert int(turns[-paths.SUMMARY_WORDS]) == PROMPT + PATH == 1 + int(turns[behind].max())
    first, second, summary = starts[0], starts[1], len(turns) - 1
    for seen, mask in enumerate(masks, 1):
        assert not mask.triu(1).any()
        assert mask[second, :PROMPT].all()
        assert not mask[second + PATH - 1, first:second].any()
        reads = [bool(mask[summary, start]) for start in starts]
        assert reads == [i < seen for i in range(paths.TRAINED)]
        assert mask[summary, :PROMPT].all()


def test_a_summary_says_in_a_session_what_it_says_in_a_row_of_its_training(
    policy: ThoughtEngine,
) -> None:
    problem = questions("dev", 1, 1, (4,), (3,))[0]
    policy.reset(Costs())
    some = train_paths.write_paths(policy, problem, 3, THINK[: paths.TRAINED])
    merged = policy.merge(some)
    policy.append([merged], [[SUMMARY]])
    scores = policy.score([merged], [encode("ans 33 <eos>")])[0]
    turns, masks, _ = train_paths.packed_frame(PROMPT, PATH)
    ids = [*problem.prompt, *(word for path in some for word in path.completion[:-1])]
    ids += [SUMMARY, *encode("ans 33")]
    assert len(ids) == len(turns), "all paths were whole"
    parts = (torch.tensor(ids), turns, torch.tensor(segments_of(ids)), masks[-1])
    with torch.no_grad():
        logs = policy.thinker.packed(*(part[None] for part in parts))[0].log_softmax(-1)
    wanted = [float(logs[i - 3, word]) for i, word in enumerate(encode("ans 33 <eos>"))]
    np.testing.assert_allclose(scores, wanted, atol=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=8))
def test_what_is_merged_holds_the_prompt_once_and_every_path_and_runs_one_word(
    lengths: list[int],
) -> None:
    engine = trained_models.thought_engine(f"{BASE}-s0")
    engine.reset(costs := Costs())
    prompt = questions("dev", 2, 1, (4,), (2,))[0].prompt
    some = engine.fork(engine.open(prompt, 4), len(lengths))
    engine.append(some, [[THINK[i]] for i in range(len(some))])
    engine.decode(some, stop=frozenset(), max_new=lengths)
    own = sum(len(path.completion) - path.finished for path in some)
    before = costs.meter["prefilled"]
    merged = engine.merge(some)
    assert engine.held().tokens == len(merged.ids) == len(prompt) + own
    engine.append([merged], [[SUMMARY]])
    assert costs.meter["prefilled"] == before + 1


@pytest.mark.parametrize("width", [1, 3, 8])
def test_all_words_are_counted_and_serial_ones_are_those_of_one_path(
    task: GradedTask, width: int
) -> None:
    costs = solved(task, 0, {**POINT, "P": width})
    assert costs["generated"] == width * PATH + paths.SUMMARY_WORDS
    assert costs["serial_steps"] == PATH + paths.SUMMARY_WORDS
    assert costs["prefilled"] == PROMPT + width + 1
    assert costs["discarded"] == width * PATH


def test_the_summary_is_the_models_and_no_vote(
    task: GradedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a vote was taken")

    monkeypatch.setattr(parathinker, "vote", refuse)
    found = [parathinker.solve(task, question, POINT) for question in task.questions]
    assert all(completion[0] == SUMMARY for completion in found)
    assert all(paths.answer(completion) is not None for completion in found)
    with pytest.raises(AssertionError, match="a vote was taken"):
        parathinker.solve(task, task.questions[0], point_of("paths_majority"))


def test_a_summary_that_was_glued_together_is_refused(task: GradedTask) -> None:
    with task.session(task.questions[0]) as session:
        some = session.fork(session.open(), 2)
        session.append(some, [[THINK[0]], [THINK[1]]])
        session.decode(some, max_new=PATH)
        merged = session.merge(some)
        session.append([merged], [encode("<summary> ans 33")])
        session.decode([merged], max_new=1)
        session.offer(merged.completion)
    with pytest.raises(MethodContractError, match="has to draw itself"):
        task.account(task.questions[0], session.best)


def test_paths_of_other_questions_say_no_more_than_one_path(policy: ThoughtEngine) -> None:
    problems = questions("dev", 3, 24, (4,), range(5))
    right = {"one": 0, "others": 0}
    for i, problem in enumerate(problems):
        policy.reset(Costs())
        own = train_paths.write_paths(policy, problem, i, THINK[:1])
        other = problems[(i + 5) % len(problems)]
        foreign = train_paths.write_paths(policy, other, i, THINK)
        right["one"] += train_paths.sum_up(policy, own) == truth(problem)
        behind = [policy.open(problem.prompt, i), *foreign]
        right["others"] += train_paths.sum_up(policy, behind) == truth(problem)
    assert right["others"] <= right["one"] + 0.02 * len(problems)
    assert right["others"] <= 2, "nothing but a guess"


def test_a_session_merges_no_path_of_another_question(task: GradedTask) -> None:
    with task.session(task.questions[0]) as session:
        own = session.fork(session.open(), 1)
        foreign = session.fork(session.open(task.questions[1].prompt), 1)
        with pytest.raises(MethodContractError, match="Only paths of this question"):
            session.merge([*own, *foreign])


def test_words_before_paths_are_their_own_one_and_the_same_or_in_any_order(
    task: GradedTask,
) -> None:
    def words(at: int, think: str) -> tuple[int, ...]:
        with task.session(task.questions[at]) as session:
            some = parathinker._write(session, task.questions[at], {**POINT, "think": think})
        assert len({path.completion[1:] for path in some}) > 1, "draws differ"
        return tuple(path.completion[0] for path in some)

    assert words(0, "own") == words(1, "own") == THINK
    assert words(0, "same") == THINK[:1] * PATHS
    mixed = words(0, "mixed"), words(1, "mixed")
    assert mixed[0] != mixed[1]
    assert [sorted(one) for one in mixed] == [sorted(THINK)] * 2


def test_the_same_paths_are_answered_with_by_coin_and_by_majority(task: GradedTask) -> None:
    with task.session(task.questions[2]) as session:
        some = parathinker._write(session, task.questions[2], POINT)
    bodies = [path.completion for path in some]
    stated = [paths.answer(body) for body in bodies]
    coin = parathinker.solve(task, task.questions[2], point_of("path_coin"))
    most = parathinker.solve(task, task.questions[2], point_of("paths_majority"))
    assert {coin, most} <= set(bodies)
    assert stated.count(paths.answer(most)) == max(map(stated.count, stated))
    unread = solved(task, 2, point_of("paths_unread"))
    assert unread["generated"] == PATHS * PATH + paths.SUMMARY_WORDS


def test_paths_that_are_read_again_are_run_again(task: GradedTask) -> None:
    costs = solved(task, 1, point_of("paths_reread"))
    assert costs["prefilled"] >= 4 * PATH + PROMPT
    assert costs["generated"] == 4 * (PATH + 1) + paths.SUMMARY_WORDS
    body = tuple(range(100, 100 + PATH))
    read, mark = paths.REREAD.read((1,) * PROMPT, [body] * 8)
    assert mark == (SUMMARY,)
    assert len(read) == PROMPT + 6 * PATH <= paths.REREAD.context


def test_a_path_begins_as_one_that_dissents_did_in_words_of_the_policy(task: GradedTask) -> None:
    for at in range(3):
        costs = solved(task, at, point_of("paths_begun", begin=2))
        assert costs["injected_draft"] == 2 * 11
        assert costs["generated"] == PATHS * PATH + PATH - 2 * 11
    with task.session(task.questions[0]) as session:
        (path,) = session.fork(session.open(), 1)
        session.append([path], [THINK[:1]])
        with pytest.raises(MethodContractError, match="These words are no draft"):
            session.append([path], [encode("1 * 2 = 2 : ? 3 4 5 ;")], as_="draft")


def test_serial_and_larger_policies_pay_for_their_words(task: GradedTask) -> None:
    serial = solved(task, 3, point_of("paths_serial"))
    assert serial["serial_steps"] == serial["generated"] > PATH
    larger = solved(task, 3, point_of("paths_larger"))
    assert larger["generated"] == PATH
    ours = solved(task, 3, {**POINT, "P": 1})
    assert larger["flops_counted"] > 4 * ours["flops_counted"]


def test_other_formats_merge_nothing_and_the_format_has_one_policy() -> None:
    others: list[dict[str, Any]] = [{}, {"format": "splits", "trainings": 1}, {"format": "tries"}]
    for conditions in others:
        why, remedy = chain.missing_abilities(conditions)["merges"]
        assert "sums up paths" in why
        assert "format=paths" in remedy
    lacking = chain.missing_abilities({"format": "paths"})
    assert "merges" not in lacking
    assert {"scores", "draft", "pool", "revisions", "successors"} <= lacking.keys()
    with pytest.raises(SelectionError, match="of the format paths"):
        chain.load("embedded", 0, format="paths", policy="lm-x", lengths="4")
    orders = chain.load("embedded", 0, problems=1, trainings=1)
    with pytest.raises(CapabilityMissing, match="merge"):
        parathinker.solve(orders, orders.questions[0], POINT)


def test_a_training_is_made_again_from_its_seed_and_starts_as_the_policy_of_orders(
    written: list[train_paths.Written], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_paths, "collect", lambda *_: written)
    recipe = replace(recipes()[f"{BASE}-s1"], steps=2, batch=2)
    engine = trained_models.engine(recipe.trunk)
    first, second = (
        train_paths.train(recipe, trained_models.start_of(recipe), engine).state_dict()
        for _ in range(2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert first["thoughts"].abs().max() > 0
    start = trained_models.start_of(recipe)
    ids = torch.tensor([questions("dev", 1, 1, (4,), (2,))[0].prompt])
    dense = trained_models.restore(recipe.trunk)
    with torch.no_grad():
        torch.testing.assert_close(start.states(ids), dense.states(ids))


@pytest.mark.parametrize("seed", TRAININGS)
def test_what_ships_writes_whole_paths_and_reads_them(seed: int) -> None:
    card = json.loads((trained_models.FOLDER / f"{BASE}-s{seed}.json").read_text())
    recipe = checkpoints.recipe(f"{BASE}-s{seed}")
    assert recipe.start == card["trunk"] == f"lm-s-orders-s{seed}"
    assert (card["make"], card["steps"], card["seed"]) == ("side_by_side", recipe.steps, seed)
    dev = card["dev"]
    assert dev["malformed"] < 0.05
    assert dev["of_other_paths"] <= dev["summary_1"] + 0.02
    assert dev["summary_1"] < dev["any_8"]


def test_a_word_begins_a_segment_and_the_summary_is_of_that_of_the_prompt() -> None:
    assert segments_of([*encode("1 2"), THINK[2], *encode("3"), SUMMARY, EOS]) == [0, 0, 3, 3, 0, 0]
