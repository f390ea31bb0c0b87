"""Planted wrong searches must be caught, each for what is wrong with it."""

import pickle

import numpy as np

from adabench.workloads.algorithms.ray_paths.task import load
from adabench.workloads.algorithms.ray_paths.truth.all_paths import scored_task
from tests.workloads.algorithms.task_promises import CountedPromises

from .conftest import method

PACKAGE = "adabench.workloads.algorithms.ray_paths"
SMALL = {"scenes": 4, "scene": "street"}


class TestRayPaths(CountedPromises):
    name = "ray_paths"
    small = SMALL
    counted = ((("generative_sampler", "visibility_pruned", "hindsight"), SMALL),)
    online, oracle, refuses_oracle = "nearest", "hindsight", "not known in the process"
    caught = (
        ("peeks", "truth.all_paths.enumerate_paths on line 3"),
        ("knows_the_truth", "reaches for 'truth'"),
        ("by_name", "reaches for 'group'"),
    )
    caught_by_trials = (("by_name", "It finds other paths when street bears another name"),)
    forbidden = (
        "name = case.group",
        f"from {PACKAGE}.substrate.compiled_tracer import judge",
        f"from {PACKAGE}.substrate import tensor_tracer",
        f"from {PACKAGE}.methods.uniform import solve",
    )


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
