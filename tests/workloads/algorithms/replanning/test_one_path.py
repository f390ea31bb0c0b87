"""What a planner's process holds of this task, and that its counts are those of the task itself."""

import pickle

import numpy as np
import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.replanning.task import CHECK_CONDITIONS, load
from tests.workloads.algorithms.task_promises import TaskPromises

from .conftest import planner

SMALL = {"samples": 120, "updates": 4, "scene": "crowd"}


class TestReplanning(TaskPromises):
    name = "replanning"
    small = SMALL
    counted = ((("fmtx", "random_repair", "hindsight"), SMALL),)


def test_a_planner_gets_no_scene_and_no_future(lives_alone) -> None:
    lives_alone("replanning")
    task = load("embedded", 0, **CHECK_CONDITIONS)
    for case in task.cases():
        scene = task.of(case).scene
        assert case.instance == scene.instance
        assert case.centres.shape == (1, *scene.centres.shape[1:])
        assert (case.centres[0] == scene.centres[0]).all()
        assert (task.environment(case).scene.centres == scene.centres).all()


def test_a_scene_is_entered_before_it_is_driven_and_the_best_way_is_for_oracles() -> None:
    task = load("embedded", 0, **SMALL)
    [case] = task.cases()
    fmtx, oracle = planner("fmtx"), planner("hindsight")
    apart = pickle.loads(pickle.dumps(task.substrate(), protocol=5))
    with pytest.raises(MethodContractError, match="not a case of this task"):
        fmtx.solve(apart, case, fmtx.CARD.defaults)
    apart.enter(case, task.environment(case))
    here, there = (one.account(case, fmtx.solve(one, case, fmtx.CARD.defaults))
                   for one in (task, apart))  # fmt: skip
    assert (here.work == there.work).all()
    assert np.array_equal(here.g, there.g)
    with pytest.raises(MethodContractError, match="best ways are not known"):
        oracle.solve(apart, case, {})
    told = pickle.loads(pickle.dumps(task.oracle_substrate()))
    told.enter(case, task.oracle_environment(case))
    assert task.judge(case, oracle.solve(told, case, {}))["path_quality"] == pytest.approx(1)
