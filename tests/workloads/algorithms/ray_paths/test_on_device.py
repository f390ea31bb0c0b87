"""Scale `gpu`: the same candidates and the same paths, wherever tensors are."""

import numpy as np
import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.errors import DeviceUnavailable
from adabench.workloads.algorithms.ray_paths.substrate.replay import RayPaths, Tracing
from adabench.workloads.algorithms.ray_paths.substrate.trained_flows import DeviceFlows, network_on
from adabench.workloads.algorithms.ray_paths.task import load
from adabench.workloads.algorithms.ray_paths.truth.all_paths import scored_task

NO_GPU = not torch.cuda.is_available()


def answers(name: str, task: RayPaths) -> list[Tracing]:
    method = registry.load(registry.find(f"ray_paths/{name}"))
    return [method.solve(task, case, method.CARD.defaults) for case in task.cases()]


def same_paths(name: str, order: int, device: str) -> None:
    host = load("embedded", 1, K=order, scenes=4, scene="street")
    other = scored_task(host.known, device=device)
    for here, there in zip(answers(name, host), answers(name, other), strict=True):
        assert np.array_equal(here.sampled, there.sampled)
        assert np.array_equal(here.traced, there.traced)
        for ours, theirs in zip(here.paths, there.paths, strict=True):
            assert {*map(tuple, ours)} == {*map(tuple, theirs)}
    assert sum(len(paths) for one in answers(name, other) for paths in one.paths) > 0


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", ["generative_sampler", "taught_sampler", "dense_exhaustive"])
def test_what_runs_on_a_device_finds_what_the_host_finds(name, order):
    same_paths(name, order, "cpu:0")  # a device by name: all that scale gpu does but the copies


def test_flows_come_back_to_the_host_and_the_weights_are_the_shipped_ones():
    network = network_on(2, 0, "cpu:0")
    assert isinstance(network, DeviceFlows)
    for one, other in zip(network.parameters(), network_on(2, 0, "cpu").parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.skipif(not NO_GPU, reason="there is a GPU")
def test_without_a_gpu_its_scale_says_so():
    with pytest.raises(DeviceUnavailable, match="no CUDA device"):
        load("gpu", 0)


@pytest.mark.gpu
@pytest.mark.skipif(NO_GPU, reason="no CUDA device is visible")
@pytest.mark.parametrize("name", ["generative_sampler", "taught_sampler", "dense_exhaustive"])
def test_a_gpu_finds_what_the_host_finds(name):
    same_paths(name, 2, "cuda")
