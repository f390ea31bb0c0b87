"""Methods in processes of their own: nothing of a stream is there before it is entered."""

import pickle

import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.flow_time.task import load


def test_its_substrate_lives_alone(lives_alone) -> None:
    lives_alone("flow_time")


def test_counts_are_those_of_one_process(agrees_with_processes) -> None:
    agrees_with_processes("flow_time", ("random_job", "srpt"))


def test_a_case_is_run_once_it_was_entered(methods) -> None:
    task = load("embedded", 0, jobs=50, trace="exp")
    (case,) = task.cases()
    alone = pickle.loads(pickle.dumps(task.substrate()))
    with pytest.raises(MethodContractError, match="test cases are not here"):
        alone.cases()
    case, stream = pickle.loads(pickle.dumps((case, task.environment(case))))
    with pytest.raises(MethodContractError, match="not a case of this task"):
        methods["fifo"].solve(alone, case, {})
    alone.enter(case, stream)
    answer = methods["fifo"].solve(alone, case, {})
    with pytest.raises(MethodContractError, match="not known here"):
        alone.score(case, answer)
    (own,) = task.cases()
    assert task.judge(own, alone.account(case, answer)) == task.score(
        own, methods["fifo"].solve(task, own, {})
    )


def test_true_sizes_are_told_to_oracles_alone(methods) -> None:
    task = load("embedded", 0, jobs=50, trace="exp")
    (case,) = task.cases()
    alone = task.substrate()
    alone.enter(case, task.environment(case))
    with pytest.raises(MethodContractError, match="asks for true sizes"):
        methods["srpt"].solve(alone, case, {})
    alone.enter(case, task.oracle_environment(case))
    assert methods["srpt"].solve(alone, case, {}).sees == "totals"
