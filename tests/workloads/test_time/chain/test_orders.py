"""The format `orders`: its words, what its teachers believe, its decoders, and what ships."""

import json
from dataclasses import asdict, fields
from itertools import islice, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.language_model.vocabulary import EOS, decode, encode
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.test_time.chain.methods import held_orders, surest
from adabench.workloads.test_time.chain.recipes import MISTAKEN, Recipe, recipes
from adabench.workloads.test_time.chain.substrate.order_problems import (
    FACTORS,
    LARGE,
    LONGEST,
    MODULUS,
    SMALL,
    Product,
    answer,
    draw,
    problem_of,
    questions,
    read_steps,
    room,
    slips,
    stream,
)
from adabench.workloads.test_time.chain.substrate.trained_models import (
    FOLDER,
    TrainingMissing,
    engine,
)
from adabench.workloads.test_time.chain.task import load, missing_abilities
from adabench.workloads.test_time.chain.training.order_figures import table_share
from adabench.workloads.test_time.chain.training.train_judge import passes
from adabench.workloads.test_time.chain.truth.order_solutions import (
    OrderAnswers,
    belief,
    holds_wrong_product,
    product,
    trace,
    truth,
)

KNOWN = (0.0, 0.0)
"""Of a teacher who misremembers nothing."""
PROBLEM = Product(69, (9, 17, 15))
SOLVED = "69 * 15 = 65 : 9 17 ? ; 65 * 17 = 38 : 9 ? ? ; 38 * 9 = 51 : ? ? ? ;"

problems = st.builds(
    lambda seed, length: draw(np.random.default_rng(seed), length),
    st.integers(0, 10_000),
    st.integers(1, LONGEST),
)


def ids(text: str) -> tuple[int, ...]:
    return (*encode(text), EOS)


def test_a_problem_and_its_solution_in_words():
    assert decode(PROBLEM.prompt) == "<bos> 69 : 9 17 15 >"
    assert problem_of(PROBLEM.prompt) == PROBLEM
    assert answer(ids(SOLVED)) == truth(PROBLEM) == 69 * 9 * 17 * 15 % 97
    assert len(ids(SOLVED)) == room(PROBLEM.prompt)


@given(problems, st.integers(0, 1000))
def test_every_order_of_a_teacher_who_knows_all_ends_at_the_answer(problem, seed):
    completion = trace(problem, np.random.default_rng(seed), KNOWN)
    assert answer(completion) == truth(problem) != 0
    assert len(completion) == room(problem.prompt)
    assert not holds_wrong_product(completion)
    assert not slips(problem, read_steps(completion))


def test_all_orders_are_taken():
    generator = np.random.default_rng(0)
    seen = {
        tuple(step.factor for step in read_steps(trace(PROBLEM, generator, KNOWN)))
        for _ in range(200)
    }
    assert seen == set(permutations(PROBLEM.factors))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "69 * 15 = 65 : 9 17 ? ;",  # two factors are left
        SOLVED.replace("9 ? ?", "9 17 ?"),  # the second step uses nothing up
        SOLVED.replace("9 17 ?", "9 ?"),  # a slot too few
        SOLVED.replace("*", "+"),
        SOLVED.replace("= 65", "= 98"),  # no number of the field
        SOLVED.replace("= 65", "= ?"),
        SOLVED + " 51",
        f"{SOLVED} {SOLVED}",
    ],
)
def test_what_is_of_another_form_is_malformed(text):
    assert answer(ids(text)) is None
    assert not holds_wrong_product(ids(text))


def test_without_an_end_it_is_malformed():
    assert answer(encode(SOLVED)) is None
    assert answer(()) is None


@pytest.mark.parametrize(
    ("text", "wrong", "slipped"),
    [
        (SOLVED, False, False),
        (SOLVED.replace("38", "39"), True, False),  # a wrong product that is gone on from
        (
            SOLVED.replace("38 * 9 = 51", "37 * 9 = 42"),
            False,
            True,
        ),  # another value, rightly multiplied
        (SOLVED.replace("9 17 ?", "8 17 ?"), False, True),  # a slot that is not the question's
        (SOLVED.replace("69 * 15 = 65", "69 * 14 = 93").replace("65 *", "93 *"), True, True),
    ],
)
def test_a_wrong_product_is_told_apart_from_a_slip(text, wrong, slipped):
    assert holds_wrong_product(ids(text)) == wrong
    assert slips(PROBLEM, read_steps(ids(text))) == slipped


def test_shares_of_the_table_are_misremembered_and_they_are_nested():
    facts = [(value, factor) for value in range(1, MODULUS) for factor in FACTORS]
    missed = {
        model: {fact for fact in facts if belief(*fact, MISTAKEN[model]) != product(*fact)}
        for model in ("lm-s", "lm-x", "judge")
    }
    assert missed["judge"] < missed["lm-x"] < missed["lm-s"]
    for model, found in missed.items():
        for kind, share in zip((SMALL, LARGE), MISTAKEN[model], strict=True):
            own = sum(factor in kind for _, factor in found) / (len(kind) * (MODULUS - 1))
            assert own == pytest.approx(share, abs=0.035)
    for fact in missed["judge"]:
        assert belief(*fact, MISTAKEN["judge"]) == belief(*fact, MISTAKEN["lm-s"]) != 0


@given(problems, st.integers(0, 1000))
def test_a_teacher_goes_on_from_what_it_believes(problem, seed):
    completion = trace(problem, np.random.default_rng(seed), MISTAKEN["lm-s"])
    found = read_steps(completion)
    assert not slips(problem, found)
    for step in found:
        assert step.result == belief(step.value, step.factor, MISTAKEN["lm-s"])
    if answer(completion) != truth(problem):
        assert holds_wrong_product(completion)


@pytest.mark.parametrize("large", [0, 3, LONGEST])
def test_questions_have_the_large_factors_that_are_asked_for(large):
    for problem in questions("test", 3, 20, [large]):
        assert problem.large == large
        assert len(set(problem.factors)) == LONGEST


def test_splits_are_apart():
    drawn = {
        split: set(islice(stream(split, 4, (1,)), 300)) for split in ("train", "prm", "dev", "test")
    }
    assert not drawn["train"] & (drawn["prm"] | drawn["dev"] | drawn["test"])
    assert not drawn["dev"] & drawn["test"]


def chain(**conditions):
    return load("embedded", 0, **{"problems": 8, "trainings": 1, **conditions})


def test_the_number_of_large_factors_is_the_group():
    assert [question.group for question in chain().cases()] == [f"k{k}" for k in range(8)]
    assert {question.group for question in chain(large="2,5").cases()} == {"k2", "k5"}
    assert [q.prompt for q in chain().cases()] == [q.prompt for q in chain().cases()]


@pytest.mark.parametrize(
    ("conditions", "says"),
    [
        ({"large": "8"}, "large cannot be '8'"),
        ({"large": "1,1"}, "large '1,1' names 1 twice"),
        ({"policy": "lm-m"}, "no policy 'lm-m'"),
    ],
)
def test_what_there_is_not_is_refused(conditions, says):
    with pytest.raises(SelectionError, match=says):
        chain(**conditions)


@pytest.fixture
def without_last(monkeypatch):
    """A folder in which the last training of everything is missing."""
    there = checkpoints.is_there

    def is_there(name, folder):
        return not name.endswith("-s4") and there(name, folder)

    monkeypatch.setattr(checkpoints, "is_there", is_there)


def test_a_training_that_is_missing_is_named(without_last):
    with pytest.raises(TrainingMissing, match="lm-s-orders-s4, judge-orders-s4, which are"):
        chain(trainings=5)
    assert chain(trainings=1).models.names == ("lm-s-orders-s0", "judge-orders-s0")


def test_what_is_missing_beside_policy_and_judge_is_said(without_last):
    absent = missing_abilities({"trainings": 5})
    others = {"efforts", "experts", "merges"}  # of other formats
    assert absent.keys() == {"draft", "pool", "revisions", "successors", *others}
    assert "chain/arbitrage-router-orders-s*" in absent["draft"][1]
    assert missing_abilities({"trainings": 1}).keys() == {"successors", *others}
    assert missing_abilities({"policy": "lm-x"}).keys() == {"scores", *absent}


def test_what_the_other_format_has_not_is_said():
    absent = missing_abilities({"format": "splits", "trainings": 1})
    others = {"efforts", "experts", "merges", "orders"}
    assert absent.keys() == {"scores", "draft", "pool", "revisions", *others}
    with pytest.raises(SelectionError, match="no policy 'lm-x' of the format splits"):
        missing_abilities({"format": "splits", "policy": "lm-x"})


def test_the_policy_believes_what_its_teacher_did():
    name = "lm-s-orders-s0"
    assert table_share(engine(name), recipes()[name].mistaken) == 1.0


@pytest.mark.parametrize(
    ("order", "key"), [("small", lambda f: f), ("large", lambda f: -f), ("stated", lambda f: 0)]
)
def test_held_orders_are_held_and_products_are_the_policys(order, key):
    task = chain()
    for question in islice(task.cases(), 3):
        completion = held_orders.solve(task, question, {"order": order, "N": 1})
        problem, found = problem_of(question.prompt), read_steps(completion)
        assert [step.factor for step in found] == sorted(problem.factors, key=key)
        assert not slips(problem, found)
        assert all(s.result == belief(s.value, s.factor, MISTAKEN["lm-s"]) for s in found)
        assert task.score(question, completion)["malformed"] == 0


def test_orders_at_random_differ_and_vote():
    task = chain(large="3")
    question = next(task.cases())
    task.meter.clear()
    completion = held_orders.solve(task, question, {"order": "random", "N": 4})
    assert task.score(question, completion).keys() == {"accuracy", "malformed"}
    assert task.meter["generated"] == 4 * room(question.prompt)
    orders = {tuple(held_orders.places(PROBLEM, "random", key)) for key in range(20)}
    assert len(orders) > 3


def test_the_surest_product_is_taken_and_all_that_was_tried_is_paid_for():
    task = chain(large="3")
    question = next(task.cases())
    task.meter.clear()
    completion = surest.solve(task, question, {})
    problem, found = problem_of(question.prompt), read_steps(completion)
    assert not slips(problem, found)
    tried = sum(range(1, LONGEST + 1))
    rest = room(question.prompt) - 5 * LONGEST
    assert task.meter["generated"] == 5 * tried + rest
    assert task.score(question, completion)["malformed"] == 0


@pytest.mark.parametrize("method", [held_orders, surest])
def test_questions_that_have_an_order_are_refused(method):
    task = load("embedded", 0, format="splits", trainings=1, problems=1)
    with pytest.raises(CapabilityMissing, match="have an order already"):
        method.solve(task, next(task.cases()), {"order": "random", "N": 1})


def test_a_step_is_right_by_itself():
    grader = OrderAnswers((PROBLEM,))
    assert grader.is_right(0, ids(SOLVED))
    assert grader.is_right_step(encode("69 * 15 = 65 : 9 17 ? ;"))
    assert not grader.is_right_step(encode("69 * 15 = 66 : 9 17 ? ;"))
    assert not grader.is_right_step(encode("69 * 15"))


def test_what_stands_on_a_policy_is_of_its_training_and_larger_policies_are_everybodys():
    own = {plan.name: plan for plan in recipes().values() if plan.format == "orders"}
    assert len(own) == 5 * 9
    judge, router = own["judge-orders-s2"], own["arbitrage-router-orders-s2"]
    responses = own["radar-responses-orders-s2"]
    assert (judge.trunk, judge.policy) == ("lm-s-orders-s2", "lm-s-orders-s2")
    assert (router.trunk, router.policy, router.target) == (
        judge.name, judge.policy, "lm-l-orders-s0",
    )  # fmt: skip
    assert (responses.policy, responses.trunk) == (judge.policy, "lm-x-orders-s0")


@pytest.mark.parametrize("name", ["lm-s-orders-s0", "judge-orders-s0"])
def test_a_card_says_the_recipe_and_what_the_file_is_worth(name):
    said = json.loads((FOLDER / f"{name}.json").read_text())
    plan = json.loads(json.dumps(asdict(recipes()[name])))
    later = {field.name: field.default for field in fields(Recipe) if field.name not in said}
    assert {**said, **later}.items() >= plan.items()
    dev = said["dev"]
    if name.startswith("judge"):
        assert passes(dev)
    else:
        assert dev["table"] == 1.0
        assert dev["malformed"] <= 0.02
        assert dev["arithmetic"] >= 0.94
