"""What a method's process holds of this task, and that its counts are those of the task itself."""

import pickle

import numpy as np

from adabench.workloads.algorithms.ray_paths.task import load
from adabench.workloads.algorithms.ray_paths.truth.all_paths import scored_task

from .conftest import method

SMALL = {"scenes": 4, "scene": "street"}


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


def test_counts_are_those_of_one_process(agrees_with_processes) -> None:
    methods = ["generative_sampler", "visibility_pruned", "hindsight"]
    agrees_with_processes("ray_paths", methods, **SMALL)
