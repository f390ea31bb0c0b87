"""RADAR on the chain: really generated responses, blind routers, whole bills; and how each is faked."""

import ast
import inspect
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

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
from adabench.workloads.test_time.chain.recipes import TRAININGS, recipes
from adabench.workloads.test_time.chain.substrate import (
    configuration_pool,
    order_problems,
    trained_models,
)
from adabench.workloads.test_time.chain.substrate.configuration_pool import (
    CONFIGURATIONS,
    FIRST,
    pool_of,
    read_responses,
    responses_file,
)
from adabench.workloads.test_time.chain.substrate.order_problems import Product, questions, stream
from adabench.workloads.test_time.chain.substrate.problems import Split, split_of_text
from adabench.workloads.test_time.chain.substrate.trained_models import engine
from adabench.workloads.test_time.chain.task import load
from adabench.workloads.test_time.chain.training import train_responses
from adabench.workloads.test_time.methods import random_pair
from adabench.workloads.test_time.substrate.configurations import prompt_state
from adabench.workloads.test_time.substrate.question_task import GradedTask
from adabench.workloads.test_time.substrate.search_models import Models

ROUTERS = ("radar", "knn_router")
COLLECTIONS = [f"radar-responses-orders-s{seed}" for seed in TRAININGS]
Solved = tuple[tuple[int, ...], Counter[str]]
"""A completion and its costs."""


@pytest.fixture(scope="module")
def where() -> GradedTask:
    return load("embedded", 0, problems=8, trainings=1)


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


@cache
def shipped_problems(name: str = FIRST) -> list[Product]:
    plan = recipes()[name]
    return list(dict.fromkeys(questions("calibration", plan.seed, plan.problems)))


def test_the_shipped_prompts_are_of_the_calibration_split_and_no_other() -> None:
    asked = load("embedded", 0, problems=200, trainings=1).cases()
    tested = {question.prompt for question in asked}
    for name in COLLECTIONS:
        found, problems = load_file(responses_file(name)), shipped_problems(name)
        for row, length, problem in zip(found["prompts"], found["lengths"], problems, strict=True):
            assert tuple(row[: int(length)]) == problem.prompt
            assert split_of_text(f"{problem.first} {problem.factors}") == "calibration"
        assert not tested & {problem.prompt for problem in problems}


def test_nothing_but_the_prompt_and_what_was_answered_is_shipped() -> None:
    assert set(load_file(responses_file())) == {"prompts", "lengths", "right", "generated", "flops"}
    assert responses_file().stat().st_size < 100_000


def test_the_shipped_responses_are_what_the_models_answer() -> None:
    """Drawn again: not from the response model, not from coins, and at their whole price."""
    count = 3
    small, pool = replace(recipes()[FIRST], problems=count), pool_of(engine, recipes()[FIRST])
    again, _ = train_responses.collect(small, pool, lambda *_: None)
    shipped = load_file(responses_file())
    for name in ("prompts", "right", "generated", "flops"):
        assert np.array_equal(again[name].numpy(), shipped[name][:count])


def test_responses_to_calibration_alone_are_written_with_their_card(tmp_path, monkeypatch) -> None:
    drawn: list[str] = []

    def watched(split: Split, seed: int, **how: int) -> Iterator[Product]:
        drawn.append(split)
        return stream(split, seed, **how)

    small = replace(recipes()[FIRST], problems=1)
    monkeypatch.setattr(order_problems, "stream", watched)
    monkeypatch.setattr(checkpoints, "recipe", lambda name: small)
    card = checkpoints.train(FIRST, folder=tmp_path)
    assert set(card["dev"]) == {
        f"{what} {one.name}" for what in ("accuracy", "MFLOP") for one in CONFIGURATIONS
    }
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".json"}
    assert set(drawn) == {"calibration"}


def test_more_votes_cost_more_and_every_one_of_them() -> None:
    table = read_responses()
    names = [one.name for one in table.configurations]
    for model in ("lm-s", "lm-x", "lm-l"):
        one, four, sixteen = (names.index(f"{model}@{votes}") for votes in (1, 4, 16))
        words = table.generated
        assert (words[:, sixteen] > words[:, four]).all()
        assert words[:, sixteen].mean() > 3.5 * words[:, four].mean() > 3.5 * words[:, one].mean()
        assert (table.flops[:, sixteen] > table.flops[:, four]).all()


def test_a_configuration_costs_the_words_of_all_its_votes(where, bills) -> None:
    (case,) = cases(where, 2)
    for one in CONFIGURATIONS:
        with where.session(case, pooled=True) as session:
            root = session.open(policy=one.role)
            leaves = [root] if one.votes == 1 else session.fork(root, one.votes)
            session.decode(leaves, temperature=0.0 if one.votes == 1 else None)
            words = sum(len(leaf.completion) for leaf in leaves)
            session.offer(leaves[0].completion)
        _, cost = bills(case)[one.name]
        assert cost["generated"] == words
        assert cost["prefilled"] == len(case.prompt)


def test_prices_are_measured_and_not_read_off_a_name(where: GradedTask) -> None:
    """The same configuration costs more where questions are longer; all that were asked are of one length."""
    table = read_responses()
    short = Question(0, Product(5, (3, 11)).prompt, "")
    for name in ("lm-s@1", "lm-x@4", "lm-l@1"):
        _, cost = solve("configuration", where, short, configuration=name)
        own = table.flops[:, table.configurations.index(table.named(name))]
        assert own.min() > 3 * cost["flops_counted"] > 0
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
    """Neither the group, which tells how many factors are large, nor the number, nor a grader is looked at."""
    blind = replace(where, grader=None, meter=Meter())
    for case in cases(where, 1, 6):
        other = Question(case.index, case.prompt, "k7" if case.group != "k7" else "k0")
        words, cost = solve(name, where, case, w=0.5)
        assert solve(name, where, other, w=0.5) == (words, cost)
        method = registry.load(registry.find(f"chain/{name}"))
        point = {**method.CARD.defaults, "w": 0.5}
        assert method.solve(method.prepare(blind, point, 0), case, point) == words


@pytest.mark.parametrize("name", ROUTERS)
def test_no_router_names_large_factors_or_a_group(name) -> None:
    method = registry.load(registry.find(f"chain/{name}"))
    named = {
        node.attr
        for node in ast.walk(ast.parse(inspect.getsource(method)))
        if isinstance(node, ast.Attribute)
    }
    assert not named & {"levels", "large", "factors", "group", "index", "prompt"}


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
    task = load("embedded", 0, problems=1, trainings=1)
    method = registry.load(registry.find("chain/radar"))
    fits = [method.prepare(task, method.CARD.defaults, seed).model.abilities for seed in range(6)]
    assert len({tuple(one) for one in fits}) == 5
    assert np.array_equal(fits[0], fits[5])


def shipped(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Right answers [questions, configurations] of a collection, and mean FLOPs [configurations]."""
    found = load_file(responses_file(name))
    return found["right"], found["flops"].astype(np.float64).mean(axis=0)


def front(name: str) -> list[str]:
    """Configurations that are on the convex front of mean price and accuracy."""
    right, prices = shipped(name)
    points = sorted(
        zip(prices, right.mean(axis=0), CONFIGURATIONS, strict=True), key=lambda p: p[0]
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


@pytest.mark.parametrize("name", COLLECTIONS)
def test_three_configurations_of_two_models_are_on_the_front(name) -> None:
    """Else any router looks good: nothing in the pool is better and cheaper than all others."""
    names = front(name)
    assert len(names) >= 3
    assert len({name.partition("@")[0] for name in names}) >= 2


@pytest.mark.parametrize("name", COLLECTIONS)
def test_an_oracle_uses_three_configurations_of_two_models(name) -> None:
    """The cheapest that is right, on shipped responses: each of three gets a twentieth of the questions."""
    right, prices = shipped(name)
    solved, by_price = right.any(axis=1), np.argsort(prices)
    first = by_price[np.argmax(right[:, by_price], axis=1)][solved]
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
    shares = radar_oracle.shares_right(where, case, 2)
    is_aside[0] = False
    for one in CONFIGURATIONS:
        solve("configuration", where, case, configuration=one.name)
    assert len(keys[True]) == 3 * 2 * 16
    assert len(keys[False]) == 3 * 16
    assert not keys[True] & keys[False]
    assert all(share * 2 == pytest.approx(round(share * 2)) for share in shares)


def test_the_oracles_hindsight_is_not_on_its_bill(where, bills) -> None:
    (case,) = cases(where, 2)
    words, cost = solve("radar_oracle", where, case)
    known = bills(case).values()
    assert (words, cost["flops_counted"]) in [(own, bill["flops_counted"]) for own, bill in known]


def test_a_coin_knows_no_question_and_its_ends_are_the_pair(where, bills) -> None:
    throws = [random_pair.thrown(0, index) for index in range(2000)]
    assert np.mean(np.array(throws) < 0.3) == pytest.approx(0.3, abs=0.04)
    assert random_pair.thrown(1, 0) != random_pair.thrown(0, 0)
    (case,) = cases(where, 2)
    for rate, name in ((0.0, "lm-s@1"), (1.0, "lm-l@16")):
        assert solve("random_pair", where, case, rate=rate) == bills(case)[name]


def test_shares_say_who_wrote_the_answer(where, bills) -> None:
    (case,) = cases(where, 2)
    for name, middle, large in (("lm-s@4", 0, 0), ("lm-x@4", 1, 0), ("lm-l@1", 0, 1)):
        _, cost = bills(case)[name]
        assert (cost["middle_share"], cost["large_share"]) == (middle, large)


def test_a_policy_without_a_pool_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """So does every training, where one of them was asked nothing."""
    is_there, second = trained_models.checkpoints.is_there, "radar-responses-orders-s1"
    monkeypatch.setattr(
        trained_models.checkpoints,
        "is_there",
        lambda name, folder: name != second and is_there(name, folder),
    )
    assert configuration_pool.has_pool("lm-s", trainings=1)
    for conditions in (
        {"policy": "lm-l", "trainings": 1}, {"format": "splits", "trainings": 1}, {"trainings": 2},
    ):  # fmt: skip
        other = load("embedded", 0, problems=1, **conditions)  # type: ignore[arg-type]
        for name in (*ROUTERS, "configuration", "random_pair", "radar_oracle"):
            with pytest.raises(CapabilityMissing, match="no larger policy stands") as missing:
                solve(name, other, next(other.cases()))
            assert "the smallest policy of a pool" in missing.value.hint


def test_a_configuration_that_is_not_there_is_named(where: GradedTask) -> None:
    with pytest.raises(SelectionError, match="no configuration 'lm-s@2'"):
        solve("configuration", where, next(where.cases()), configuration="lm-s@2")


def test_all_files_of_a_pool_are_noted(where: GradedTask) -> None:
    used_artefacts.forget()
    solve("configuration", where, next(where.cases()))
    assert set(used_artefacts.digests()) == {
        "lm-s-orders-s0", "lm-x-orders-s0", "lm-l-orders-s0", FIRST,
    }  # fmt: skip
    used_artefacts.forget()


@pytest.mark.parametrize("name", COLLECTIONS)
def test_the_card_says_what_each_configuration_is_worth(name) -> None:
    dev = json.loads(responses_file(name).with_suffix(".json").read_text(encoding="utf-8"))["dev"]
    right, flops = shipped(name)
    for place, one in enumerate(CONFIGURATIONS):
        assert dev[f"accuracy {one.name}"] == pytest.approx(right[:, place].mean(), abs=1e-4)
        assert dev[f"MFLOP {one.name}"] == pytest.approx(flops[place] / 1e6, rel=1e-4)


def test_seeds_of_a_run_take_the_collections_that_are_there_in_turn(monkeypatch) -> None:
    there = {"radar-responses-orders-s0", "radar-responses-orders-s3"}
    monkeypatch.setattr(trained_models.checkpoints, "is_there", lambda name, _: name in there)
    names = [configuration_pool.collection_name(seed) for seed in range(4)]
    assert names == ["radar-responses-orders-s0", "radar-responses-orders-s3"] * 2
    there.clear()
    assert configuration_pool.collection_name(3) == "radar-responses-orders-s0"


def test_a_training_has_a_pool_and_responses_of_its_own(monkeypatch) -> None:
    """Beside the same larger policies, and on other questions."""
    monkeypatch.setattr(configuration_pool, "models", lambda *_: Models(None, None))
    for part in ("engine", "read_responses"):
        monkeypatch.setattr(configuration_pool, part, str)  # the name is enough
    monkeypatch.setattr(trained_models.checkpoints, "is_there", lambda *_: True)
    for seed, own in ((1, 1), (5, 2), (6, 0)):
        pool = configuration_pool.pooled_models("lm-s", seed, 3).pool
        responses = f"radar-responses-orders-s{own}"
        assert pool.names == (pool.policy, "lm-x-orders-s0", "lm-l-orders-s0", responses)
        assert (pool.policy, pool.responses()) == (f"lm-s-orders-s{own}", responses)
    drawn = [set(shipped_problems(name)) for name in COLLECTIONS[:2]]
    assert not drawn[0] & drawn[1]
