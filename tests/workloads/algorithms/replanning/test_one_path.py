"""What a planner's process holds of this task, and that its counts are those of the task itself."""

import pickle

import numpy as np
import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.replanning.task import CHECK_CONDITIONS, load

from .conftest import planner

SMALL = {"samples": 120, "updates": 4, "scene": "crowd"}


def test_a_planner_gets_no_scene_and_no_future(lives_alone) -> None:
    lives_alone("replanning")
    task = load("embedded", 0, **CHECK_CONDITIONS)
    for case in task.cases():
        scene = task.of(case).scene
        assert case.instance == scene.instance
        assert case.centres.shape == (1, *scene.centres.shape[1:])
        assert (case.centres[0] == scene.centres[0]).all()
        assert (task.environment(case).scene.centres == scene.centres).all()


def test_what_arrives_cannot_be_written() -> None:
    [case] = load("embedded", 0, **SMALL).cases()
    arrived = pickle.loads(pickle.dumps(case, protocol=5))
    for array in (arrived.points, arrived.centres, arrived.radius, arrived.walls):
        with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
            array.setflags(write=True)


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


def test_counts_are_those_of_one_process(agrees_with_processes) -> None:
    agrees_with_processes("replanning", ["fmtx", "random_repair", "hindsight"], **SMALL)


def test_a_task_with_scenes_is_never_stored() -> None:
    with pytest.raises(TypeError, match="not stored"):
        pickle.dumps(load("embedded", 0, **SMALL))
