"""Methods in processes of their own: predictions are entered, the truth stays, slopes come back."""

import pickle

import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.connectivity.task import load


def alone(task, case, *, oracle=False):
    """Return a substrate, and a case that was entered into it, as both come out of bytes."""
    substrate = pickle.loads(pickle.dumps(task.substrate()))
    environment = (task.oracle_environment if oracle else task.environment)(case)
    case, environment = pickle.loads(pickle.dumps((case, environment)))
    substrate.enter(case, environment)
    return substrate, case


def test_a_slope_is_measured_beside_the_method_and_judged_without_it(methods) -> None:
    task = load("embedded", 0, n=100, noise=100.0, updates="random")
    (case,) = task.cases()
    substrate, there = alone(task, case)
    method = methods["predicted_updates"]
    answer = method.solve(substrate, there, method.CARD.defaults)
    counted = dict(substrate.meter)
    outcome = substrate.account(there, answer)
    assert sorted(outcome.unions) == [0.0, 1.0, 10.0]
    assert substrate.meter == counted
    values = task.judge(case, outcome)
    assert "slope" in values
    assert values == task.score(case, method.solve(task, case, method.CARD.defaults))


def test_learned_lifetimes_come_of_the_beginnings_alone(methods) -> None:
    method = methods["learned_lifetimes"]
    task = load("embedded", 3, n=100)
    substrate, _ = alone(task, task.cases()[0])
    with pytest.raises(MethodContractError, match="test cases are not here"):
        substrate.cases()
    learned = method.pack(method.prepare(task, {}, 0))
    apart = method.pack(method.prepare(substrate, {}, 0))
    assert learned.keys() == apart.keys() == {case.instance for case in task.cases()}
    assert all((learned[instance] == apart[instance]).all() for instance in learned)
    again = method.unpack(substrate, {}, learned)
    assert again.task is substrate
