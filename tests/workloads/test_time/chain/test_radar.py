"""RADAR on the chain: really generated responses, blind routers, whole bills; and how each is faked."""

import ast
import inspect
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice

import numpy as np
import pytest
from safetensors.numpy import load_file

from adabench.harness.contract import registry
from adabench.harness.contract.card import Scalar
from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import SelectionError
from adabench.harness.store import used_artefacts
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Seq
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.test_time.chain import checkpoints
from adabench.workloads.test_time.chain.methods import radar_oracle
from adabench.workloads.test_time.chain.recipes import recipes
from adabench.workloads.test_time.chain.substrate import configuration_pool, trained_models
from adabench.workloads.test_time.chain.substrate import problems as problems_module
from adabench.workloads.test_time.chain.substrate.configuration_pool import (
    CONFIGURATIONS,
    FIRST,
    pool_of,
    read_responses,
    responses_file,
)
from adabench.workloads.test_time.chain.substrate.problems import (
    LONGEST,
    Problem,
    Split,
    split_of,
    stream,
)
from adabench.workloads.test_time.chain.substrate.trained_models import FOLDER, engine
from adabench.workloads.test_time.chain.task import load
from adabench.workloads.test_time.chain.training import train_responses
from adabench.workloads.test_time.chain.training.forms import SPLITS
from adabench.workloads.test_time.methods import random_pair
from adabench.workloads.test_time.substrate.configurations import prompt_state
from adabench.workloads.test_time.substrate.question_task import GradedTask
from adabench.workloads.test_time.substrate.search_models import Models

ROUTERS = ("radar", "knn_router")
Solved = tuple[tuple[int, ...], Counter[str]]
"""A completion and its costs."""


@pytest.fixture(scope="module")
def where() -> GradedTask:
    return load("embedded", 0, problems=8, lengths="1..8")


def solve(name: str, where: GradedTask, case: Question, **knobs: Scalar) -> Solved:
    method = registry.load(registry.find(f"chain/{name}"))
    point = {**method.CARD.defaults, **knobs}
    state = method.prepare(where, point, 0) if hasattr(method, "prepare") else where
    where.meter.clear()
    completion = method.solve(state, case, point)
    assert where.account(case, completion) == completion
    return completion, Counter({k: v for k, v in where.meter.items() if not k.endswith("_s")})


@pytest.fixture(scope="module")
def bills(where: GradedTask) -> Callable[[Question], dict[str, Solved]]:
    """What each configuration answers to a question, and what that costs."""

    @cache
    def of(case: Question) -> dict[str, Solved]:
        return {
            one.name: solve("configuration", where, case, configuration=one.name)
            for one in CONFIGURATIONS
        }

    return of


def cases(where: GradedTask, *places: int) -> list[Question]:
    return [question for i, question in enumerate(where.cases()) if i in places]


def shipped_problems() -> list[Problem]:
    return list(dict.fromkeys(SPLITS.problems("calibration", 0, recipes()[FIRST].problems)))


def test_the_shipped_prompts_are_of_the_calibration_split_and_no_other() -> None:
    found = load_file(FOLDER / f"{FIRST}.safetensors")
    problems = shipped_problems()
    for row, length, problem in zip(found["prompts"], found["lengths"], problems, strict=True):
        assert tuple(row[: int(length)]) == problem.prompt
        assert split_of(problem) == "calibration"
    tested = {
        question.prompt for question in load("embedded", 0, problems=200, lengths="1..8").cases()
    }
    assert not tested & {problem.prompt for problem in problems}


def test_nothing_but_the_prompt_and_what_was_answered_is_shipped() -> None:
    assert set(load_file(responses_file())) == {"prompts", "lengths", "right", "generated", "flops"}
    assert responses_file().stat().st_size < 100_000


def test_the_shipped_responses_are_what_the_models_answer() -> None:
    """Drawn again: not from the response model, not from coins, and at their whole price."""
    count = 3
    problems = shipped_problems()[:count]
    small, pool = replace(recipes()[FIRST], problems=count), pool_of(engine, recipes()[FIRST])
    again, _ = train_responses.collect(small, pool, lambda *_: None)
    shipped = load_file(responses_file())
    longest = again["prompts"].shape[1]
    assert np.array_equal(again["prompts"].numpy(), shipped["prompts"][:count, :longest])
    assert len(problems) == count
    for name in ("right", "generated", "flops"):
        assert np.array_equal(again[name].numpy(), shipped[name][:count])


def test_responses_are_collected_from_calibration_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def watched(split: Split, seed: int, lengths: Sequence[int]) -> Iterator[Problem]:
        drawn.append(split)
        return stream(split, seed, lengths)

    monkeypatch.setattr(problems_module, "stream", watched)
    small, pool = replace(recipes()[FIRST], problems=1), pool_of(engine, recipes()[FIRST])
    train_responses.collect(small, pool, lambda *_: None)
    assert drawn == ["calibration"]


def test_responses_are_written_with_their_card(tmp_path, monkeypatch) -> None:
    small = replace(recipes()[FIRST], problems=1)
    monkeypatch.setattr(checkpoints, "recipe", lambda name: small)
    card = checkpoints.train(FIRST, folder=tmp_path)
    assert set(card["dev"]) == {
        f"{what} {one.name}" for what in ("accuracy", "MFLOP") for one in CONFIGURATIONS
    }
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".json"}


def test_more_votes_cost_more_and_every_one_of_them() -> None:
    table = read_responses()
    names = [one.name for one in table.configurations]
    for model in ("lm-s", "lm-x", "lm-l"):
        one, four, sixteen = (names.index(f"{model}@{votes}") for votes in (1, 4, 16))
        words = table.generated
        assert (words[:, sixteen] > words[:, four]).all()
        assert words[:, sixteen].mean() > 3.5 * words[:, four].mean() > 3.5 * words[:, one].mean()
        assert (table.flops[:, sixteen] > table.flops[:, four]).all()


def test_a_configuration_costs_the_words_of_all_its_votes(where: GradedTask) -> None:
    (case,) = cases(where, 3)
    for one in CONFIGURATIONS:
        with where.session(case, pooled=True) as session:
            root = session.open(policy=one.role)
            leaves = [root] if one.votes == 1 else session.fork(root, one.votes)
            session.decode(leaves, temperature=0.0 if one.votes == 1 else None)
            words = sum(len(leaf.completion) for leaf in leaves)
            session.offer(leaves[0].completion)
        _, cost = solve("configuration", where, case, configuration=one.name)
        assert cost["generated"] == words
        assert cost["prefilled"] == len(case.prompt)


def test_prices_are_measured_and_not_read_off_a_name() -> None:
    """The same configuration costs more where questions are longer."""
    table = read_responses()
    short, long = table.lengths <= 10, table.lengths >= 25
    assert (table.flops[long].mean(axis=0) > 3 * table.flops[short].mean(axis=0)).all()
    assert table.prices.max() == 1.0
    assert table.prices == pytest.approx(table.flops.mean(axis=0) / table.flops.mean(axis=0).max())


@pytest.mark.parametrize("name", ROUTERS)
def test_a_router_pays_for_reading_the_prompt_and_for_what_it_chose(where, bills, name) -> None:
    for case in cases(where, 2, 5, 7):
        bare = bills(case)
        for w in (0.0, 0.5, 0.9):
            completion, cost = solve(name, where, case, w=w)
            by_words = [one for one, (words, _) in bare.items() if words == completion]
            is_own = cost["generated_middle"] + cost["generated_large"] == 0
            assert by_words
            reading = 0 if is_own else len(case.prompt)
            assert cost["prefilled"] == len(case.prompt) + reading
            flops = {bare[one][1]["flops_counted"] for one in by_words}
            if is_own:
                assert cost["flops_counted"] in flops
            else:
                assert cost["flops_counted_policy"] > 0
                extra = {cost["flops_counted"] - cost["flops_counted_policy"]}
                assert extra & flops


@pytest.mark.parametrize("name", ROUTERS)
def test_a_route_depends_on_the_prompt_alone(where, name) -> None:
    """Neither the group, which tells the length, nor the number, nor a grader is looked at."""
    blind = replace(where, grader=None, meter=Meter())
    for case in cases(where, 1, 6):
        other = Question(case.index, case.prompt, "d1" if case.group != "d1" else "d8")
        words, cost = solve(name, where, case, w=0.5)
        assert solve(name, where, other, w=0.5) == (words, cost)
        method = registry.load(registry.find(f"chain/{name}"))
        point = {**method.CARD.defaults, "w": 0.5}
        assert method.solve(method.prepare(blind, point, 0), case, point) == words


@pytest.mark.parametrize("name", ROUTERS)
def test_no_router_names_a_length_or_a_group(name) -> None:
    method = registry.load(registry.find(f"chain/{name}"))
    named = {
        node.attr
        for node in ast.walk(ast.parse(inspect.getsource(method)))
        if isinstance(node, ast.Attribute)
    }
    assert not named & {"lengths", "group", "index", "operations", "prompt"}


def test_an_embedding_is_the_same_in_a_session_as_in_the_table(where: GradedTask) -> None:
    table, problems = read_responses(), shipped_problems()
    for row in (0, 17):
        with where.session(Question(0, problems[row].prompt, ""), pooled=True) as session:
            root = session.open()
            assert np.array_equal(prompt_state(session.hidden(root, 0)), table.states[row])
            session.decode([root], max_new=1)
            session.offer(root.completion)


def test_the_ends_of_the_dial_are_the_cheapest_and_the_ablest(where, bills) -> None:
    for case in cases(where, 2, 7):
        words, cost = solve("radar", where, case, w=0.0)
        cheapest, bill = bills(case)["lm-s@1"]
        assert words == cheapest
        assert cost["flops_counted"] == bill["flops_counted"]
        assert solve("radar", where, case, w=1.0)[0] == bills(case)["lm-l@16"][0]


def test_each_seed_is_another_fit() -> None:
    task = load("embedded", 0, problems=1)
    method = registry.load(registry.find("chain/radar"))
    fits = [method.prepare(task, method.CARD.defaults, seed).model.abilities for seed in range(6)]
    assert len({tuple(one) for one in fits}) == 5
    assert np.array_equal(fits[0], fits[5])


def front() -> list[str]:
    """Configurations that are on the convex front of mean price and accuracy."""
    table = read_responses()
    points = sorted(
        zip(table.prices, table.right.mean(axis=0), CONFIGURATIONS, strict=True), key=lambda p: p[0]
    )
    found: list[tuple[float, float, str]] = []
    for price, accuracy, one in points:
        if found and accuracy <= found[-1][1]:
            continue
        while len(found) > 1 and _bends_up(found[-2], found[-1], (price, accuracy)):
            found.pop()
        found.append((float(price), float(accuracy), one.name))
    return [name for _, _, name in found]


def _bends_up(one, two, three) -> bool:
    return (two[1] - one[1]) * (three[0] - two[0]) <= (three[1] - two[1]) * (two[0] - one[0])


def test_three_configurations_of_two_models_are_on_the_front() -> None:
    """Else any router looks good: nothing in the pool is better and cheaper than all others."""
    names = front()
    assert len(names) >= 3
    assert len({name.partition("@")[0] for name in names}) >= 2


def test_an_oracle_uses_three_configurations_of_two_models() -> None:
    """The cheapest that is right, on shipped responses: each of three gets a twentieth of the questions."""
    table = read_responses()
    solved = table.right.any(axis=1)
    by_price = np.argsort(table.prices)
    first = by_price[np.argmax(table.right[:, by_price], axis=1)][solved]
    shares = Counter(CONFIGURATIONS[place].name for place in first)
    used = [name for name, count in shares.items() if count >= 0.05 * solved.sum()]
    assert len(used) >= 3
    assert len({name.partition("@")[0] for name in used}) >= 2


def test_the_oracle_never_chooses_by_the_draw_that_answers(where, monkeypatch) -> None:
    """What it looks into are samples behind those that any configuration answers with."""
    (case,) = cases(where, 4)
    keys: dict[bool, set[int]] = {True: set(), False: set()}
    original, is_aside = Session.decode, [True]

    def watched(self: Session, seqs: list[Seq], **how: object) -> object:
        if how.get("temperature") is None:
            keys[is_aside[0]] |= {seq.key for seq in seqs}
        return original(self, seqs, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Session, "decode", watched)
    shares = radar_oracle.shares_right(where, case, 4)
    is_aside[0] = False
    for one in CONFIGURATIONS:
        solve("configuration", where, case, configuration=one.name)
    assert len(keys[True]) == 3 * 4 * 16
    assert len(keys[False]) == 3 * 16
    assert not keys[True] & keys[False]
    assert all(share * 4 == pytest.approx(round(share * 4)) for share in shares)


def test_the_oracles_hindsight_is_not_on_its_bill(where, bills) -> None:
    (case,) = cases(where, 2)
    words, cost = solve("radar_oracle", where, case)
    known = bills(case).values()
    assert (words, cost["flops_counted"]) in [(own, bill["flops_counted"]) for own, bill in known]


def test_a_coin_knows_no_question_and_its_ends_are_the_pair(where: GradedTask) -> None:
    throws = [random_pair.thrown(0, index) for index in range(2000)]
    assert np.mean(np.array(throws) < 0.3) == pytest.approx(0.3, abs=0.04)
    assert random_pair.thrown(1, 0) != random_pair.thrown(0, 0)
    (case,) = cases(where, 2)
    for rate, name in ((0.0, "lm-s@1"), (1.0, "lm-l@16")):
        pair = solve("random_pair", where, case, rate=rate)
        assert pair == solve("configuration", where, case, configuration=name)


def test_shares_say_who_wrote_the_answer(where: GradedTask) -> None:
    (case,) = cases(where, 2)
    for name, middle, large in (("lm-s@4", 0, 0), ("lm-x@4", 1, 0), ("lm-l@1", 0, 1)):
        _, cost = solve("configuration", where, case, configuration=name)
        assert (cost["middle_share"], cost["large_share"]) == (middle, large)


def test_a_policy_without_a_pool_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """So does every training but the first by itself: responses were never gathered of others."""
    monkeypatch.setattr(configuration_pool, "models", lambda *_: Models(engine("lm-s-s0"), None))
    monkeypatch.setattr(trained_models, "_require_trainings", lambda *_: None)
    for conditions in ({"policy": "lm-l"}, {"layout": "single"}, {"trainings": 2}):
        other = load("embedded", 0, problems=1, **conditions)  # type: ignore[arg-type]
        for name in (*ROUTERS, "configuration", "random_pair", "radar_oracle"):
            with pytest.raises(
                CapabilityMissing, match="no larger policy stands beside"
            ) as missing:
                solve(name, other, next(other.cases()))
            assert "layout=several and trainings=1" in missing.value.hint


def test_a_configuration_that_is_not_there_is_named(where: GradedTask) -> None:
    with pytest.raises(SelectionError, match="no configuration 'lm-s@2'"):
        solve("configuration", where, next(where.cases()), configuration="lm-s@2")


def test_all_files_of_a_pool_are_noted(where: GradedTask) -> None:
    used_artefacts.forget()
    solve("configuration", where, next(where.cases()))
    assert set(used_artefacts.digests()) == {"lm-s-s0", "judge-s0", "lm-l-s0", FIRST}
    used_artefacts.forget()


def test_the_card_says_what_each_configuration_is_worth() -> None:
    dev = json.loads((FOLDER / f"{FIRST}.json").read_text(encoding="utf-8"))["dev"]
    table = read_responses()
    for place, one in enumerate(CONFIGURATIONS):
        assert dev[f"accuracy {one.name}"] == pytest.approx(table.right[:, place].mean(), abs=1e-4)
        assert dev[f"MFLOP {one.name}"] == pytest.approx(
            table.flops[:, place].mean() / 1e6, rel=1e-4
        )
    assert LONGEST == 8


def test_seeds_of_a_run_take_the_collections_that_are_there_in_turn(monkeypatch) -> None:
    there = {"radar-responses-s0", "radar-responses-s3"}
    monkeypatch.setattr(trained_models.checkpoints, "is_there", lambda name, _: name in there)
    names = [configuration_pool.collection_name(seed) for seed in range(4)]
    assert names == ["radar-responses-s0", "radar-responses-s3"] * 2
    there.clear()
    assert configuration_pool.collection_name(3) == "radar-responses-s0"


def test_collections_are_of_the_same_policies_and_of_other_questions() -> None:
    first, second = (recipes()[f"radar-responses-s{seed}"] for seed in (0, 1))
    assert replace(first, name=second.name, seed=second.seed) == second
    drawn = [set(islice(stream("calibration", seed, (6, 7, 8)), 50)) for seed in (0, 1)]
    assert not drawn[0] & drawn[1]
