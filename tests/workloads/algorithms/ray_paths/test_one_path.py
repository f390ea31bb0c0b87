"""What a method's process holds of this task, and that its counts are those of the task itself."""

import pickle

import numpy as np
import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.ray_paths.task import load
from adabench.workloads.algorithms.ray_paths.truth.all_paths import scored_task
from tests.workloads.algorithms.task_promises import TaskPromises

from .conftest import method

SMALL = {"scenes": 4, "scene": "street"}


class TestRayPaths(TaskPromises):
    name = "ray_paths"
    small = SMALL
    counted = ((("generative_sampler", "visibility_pruned", "hindsight"), SMALL),)


def test_a_method_gets_a_tracer_and_no_scene(lives_alone) -> None:
    lives_alone("ray_paths")


def test_the_device_goes_along() -> None:
    task = load("embedded", 0, **SMALL)
    other = scored_task(task.known, device="cpu:0")
    (case,) = task.cases()
    apart = pickle.loads(pickle.dumps(other.substrate(), protocol=5))
    assert apart.device == "cpu:0"
    assert (task.shape(case), apart.shape(case)) == ("", "street")
    apart.enter(case, task.environment(case))
    sampler = method("generative_sampler")
    here, there = (sampler.solve(one, case, sampler.CARD.defaults) for one in (task, apart))
    assert np.array_equal(here.sampled, there.sampled)
    assert task.judge(case, apart.account(case, there))["hit_rate"] > 0


def test_paths_are_told_to_oracles_alone() -> None:
    task = load("embedded", 0, **SMALL)
    (case,) = task.cases()
    apart, oracle = pickle.loads(pickle.dumps(task.substrate(), protocol=5)), method("hindsight")
    apart.enter(case, task.environment(case))
    with pytest.raises(MethodContractError, match="not known in the process"):
        oracle.solve(apart, case, {})
    apart.enter(case, task.oracle_environment(case))
    assert task.judge(case, oracle.solve(apart, case, {}))["hit_rate"] == 1
    apart.enter(case, task.environment(case))
    with pytest.raises(MethodContractError, match="not known in the process"):
        apart.truth(case)
