"""What a planner's process holds of this task, and that its counts are those of the task itself."""

import pickle

import numpy as np
import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.replanning.task import CHECK_CONDITIONS, load

from ..method_side import EMPTY, assert_same_counts, cell, opened_alone, pickled_substrate, records
from .conftest import planner

SMALL = {"samples": 120, "updates": 4, "scene": "crowd"}


def test_a_planner_gets_no_scene_and_no_future() -> None:
    task = load("embedded", 0, **CHECK_CONDITIONS)
    assert opened_alone(task) == EMPTY
    for case, scene in zip(task.cases(), task.scenes, strict=True):
        assert case.instance == scene.instance
        assert case.centres.shape == (1, *scene.centres.shape[1:])
        assert (case.centres[0] == scene.centres[0]).all()
        assert (task.environment(case) == scene.centres).all()


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
    apart = pickle.loads(pickled_substrate(task))
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
    told.enter(case, task.environment(case))
    assert task.judge(case, oracle.solve(told, case, {}))["path_quality"] == pytest.approx(1)


def test_counts_are_those_of_one_process() -> None:
    cells = [
        cell("replanning/fmtx", SMALL, share=0.5),
        cell("replanning/random_repair", SMALL),
        cell("replanning/hindsight", SMALL),
    ]
    found = records(*cells)
    for one in cells:
        assert_same_counts(one, [r for r in found if r.cell.address == one.address])


def test_a_task_with_scenes_is_never_stored() -> None:
    with pytest.raises(TypeError, match="not stored"):
        pickle.dumps(load("embedded", 0, **SMALL))
