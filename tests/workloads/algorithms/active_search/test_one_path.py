"""Methods in processes of their own: means are entered, specialists stay behind."""

import pickle
from dataclasses import fields

import numpy as np
import pytest

from adabench.harness.errors import MethodContractError
from adabench.harness.run.case_data import pickled_case, unpickled_case
from adabench.workloads.algorithms.active_search.substrate.bandit_families import (
    generate,
    generate_hypotheses,
    generate_jokes,
)
from adabench.workloads.algorithms.active_search.substrate.replay import Setting
from adabench.workloads.algorithms.active_search.task import load


def alone(task, case, *, oracle=False):
    """Return a substrate, and a case that was entered into it, as both come out of bytes."""
    substrate = pickle.loads(pickle.dumps(task.substrate()))
    environment = (task.oracle_environment if oracle else task.environment)(case)
    case, environment = pickle.loads(pickle.dumps((case, environment)))
    substrate.enter(case, environment)
    return substrate, case


@pytest.mark.parametrize("family", ["suite", "questions"])
def test_its_substrate_lives_alone(family, lives_alone) -> None:
    lives_alone("active_search", family=family)


def test_counts_are_those_of_one_process(agrees_with_processes) -> None:
    agrees_with_processes("active_search", ("lucb", "learned_policy", "specialist"))


def test_counts_of_hunts_are_those_of_one_process(agrees_with_processes) -> None:
    agrees_with_processes("active_search", ("soft_gbs", "prior_policy"), family="thresholds")


@pytest.mark.parametrize(
    "instance",
    [
        generate("prior", 10, 32, 3),
        generate("classes", 20, 16, 0),
        generate_hypotheses("thresholds", 10, 32, 3, None),
        generate_hypotheses("questions", 10, 32, 3, None, clear=True),
        generate_jokes(10, 16, 2),
    ],
    ids=lambda instance: instance.case.group,
)
def test_the_random_part_of_a_case_arrives_to_the_bit(instance) -> None:
    data = pickled_case((instance.case, Setting(instance, tells_class=False)))
    case, there = unpickled_case(data.message(), data.file)  # which closes the file
    drawn, again = instance.drawn, there.instance.drawn
    assert there.instance.case is case
    for name in (one.name for one in fields(drawn)):
        one, other = getattr(drawn, name), getattr(again, name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            assert (one == other).all()
        else:
            assert [seed.generate_state(4).tolist() for seed in one] == [
                seed.generate_state(4).tolist() for seed in other
            ]


def test_losses_are_worth_nothing_where_they_are_made(methods) -> None:
    task = load("embedded", 0, episodes=32, family="classes")
    (case,) = task.cases()
    substrate, there = alone(task, case)
    point = methods["uniform"].CARD.defaults
    answer = methods["uniform"].solve(substrate, there, point)
    with pytest.raises(MethodContractError, match="not known here"):
        substrate.score(there, answer)
    own = methods["uniform"].solve(task, case, point)
    assert task.judge(case, substrate.account(there, answer)) == task.score(case, own)


def test_the_class_is_told_to_oracles_alone(methods) -> None:
    task = load("embedded", 0, episodes=16, family="easy")
    (case,) = task.cases()
    substrate, there = alone(task, case)
    with pytest.raises(MethodContractError, match="told the class"):
        methods["specialist"].solve(substrate, there, {})
    substrate, there = alone(task, case, oracle=True)
    assert methods["specialist"].solve(substrate, there, {}).losses
