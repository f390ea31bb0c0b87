"""Methods in processes of their own: delays are entered, real workers end with their run."""

import math
import pickle

import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.stragglers.task import load


def alone(task, case, *, oracle=False):
    """Return a substrate, and a case that was entered into it, as both come out of bytes."""
    substrate = pickle.loads(pickle.dumps(task.substrate()))
    environment = (task.oracle_environment if oracle else task.environment)(case)
    case, environment = pickle.loads(pickle.dumps((case, environment)))
    substrate.enter(case, environment)
    return substrate, case


def test_delays_are_told_to_oracles_alone(methods) -> None:
    task = load("embedded", 0, n=8, jobs=4, probe=20, delays="short", draws=1)
    (case,) = task.cases()
    substrate, there = alone(task, case)
    with pytest.raises(MethodContractError, match="test cases are not here"):
        substrate.cases()
    assert not there.probe.flags.writeable
    with pytest.raises(MethodContractError, match="told delays beforehand"):
        methods["hindsight"].solve(substrate, there, {})
    substrate, there = alone(task, case, oracle=True)
    answer = methods["hindsight"].solve(substrate, there, {})
    own = methods["hindsight"].solve(task, case, {})
    assert task.judge(case, substrate.account(there, answer)) == task.score(case, own)


def test_a_real_case_is_another_one_each_time() -> None:
    assert load("embedded", 0, level="real", delays="short").laps_differ
    assert not load("embedded", 0, delays="short").laps_differ


@pytest.mark.slow
def test_real_workers_compute_in_the_process_of_a_method(in_processes) -> None:
    real = {"level": "real", "delays": "independent", "jobs": 6}
    for records in in_processes("stragglers", ("gradient_code", "hindsight"), **real).values():
        (record,) = records
        assert record.values["gradient_error"] < record.values["tolerance"]
        assert record.values["workers"] == 8
        assert math.isfinite(record.values["time"])
