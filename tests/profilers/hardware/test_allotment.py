"""What a process was given: confined for real where the system can, otherwise on fake machines."""

import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from adabench.profilers.hardware import fingerprint
from adabench.profilers.hardware.allotment import (
    Allotment,
    allotment,
    core_list,
    machine_cores,
    visible_boards,
)
from adabench.profilers.hardware.host import HERE, Machine

CODE = """
from adabench.profilers.hardware.allotment import allotment, machine_cores
print(allotment().cores, machine_cores())
"""


def machine(files: dict[str, str] | None = None, boards: tuple[str, ...] = ()) -> Machine:
    def read(path: str) -> str:
        try:
            return (files or {})[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    nvml = SimpleNamespace(
        nvmlDeviceGetCount=lambda: len(boards),
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda handle: boards[handle],
        nvmlDeviceGetUUID=lambda handle: f"GPU-{handle}{handle}{handle}",
    )
    return replace(HERE, read=read, nvml=lambda: nvml)


def test_a_confined_process_was_given_less_of_the_same_machine():
    core = min(os.sched_getaffinity(0))
    done = subprocess.run(
        ["taskset", "-c", str(core), sys.executable, "-P", "-c", CODE],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["1", str(machine_cores())]


def test_cores_are_listed_as_the_kernel_does():
    assert core_list("0-2,8\n".strip()) == [0, 1, 2, 8]
    assert core_list("") == []
    assert machine_cores(machine({"/sys/devices/system/cpu/online": "0-63\n"})) == 64


@pytest.mark.parametrize(
    ("limits", "quota"),
    [
        ({}, None),
        ({"": "200000 100000"}, 2.0),
        ({"/job_7": "max 100000", "/job_7/step_0": "max 100000"}, None),
        ({"/job_7": "50000 100000", "/job_7/step_0": "200000 100000"}, 0.5),
    ],
)
def test_the_least_limit_above_a_process_is_its_own(limits: dict[str, str], quota: float | None):
    files = {f"/sys/fs/cgroup{group}/cpu.max": f"{line}\n" for group, line in limits.items()}
    files["/proc/self/cgroup"] = "1:name=x:/\n0::/job_7/step_0\n"
    assert fingerprint.cpu_quota(machine(files)) == quota


@pytest.mark.parametrize(
    ("boards", "variables", "given"),
    [
        ((), {"CUDA_VISIBLE_DEVICES": "0"}, ()),
        (("A", "A"), {}, ("A", "A")),
        (("A", "A"), {"CUDA_VISIBLE_DEVICES": "1"}, ("A",)),
        (("A", "A"), {"CUDA_VISIBLE_DEVICES": ""}, ()),
        (("A", "A"), {"CUDA_VISIBLE_DEVICES": "0,-1,1"}, ("A",)),
        (("A", "A"), {"CUDA_VISIBLE_DEVICES": "GPU-111"}, ("A",)),
        (("A", "B"), {"CUDA_VISIBLE_DEVICES": "GPU-11"}, ("B",)),
        (("A", "B"), {"CUDA_VISIBLE_DEVICES": "1"}, None),
        (("A", "B"), {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, ("B",)),
    ],
)
def test_boards_that_were_given_are_those_that_cuda_would_show(
    boards: tuple[str, ...], variables: dict[str, str], given: Any
):
    assert visible_boards(machine(boards=boards), variables) == given


def test_a_shortage_is_said_and_more_than_enough_is_none():
    assert allotment().shortage(1, 0) == "" or allotment().cpu_quota is not None
    assert Allotment(8, 8.0, ("A",)).shortage(8, 1) == ""
    assert Allotment(8, None, None).shortage(8, 4) == ""  # not known: the job will say
    assert "may use 1 cores" in Allotment(1, None, ()).shortage(2, 0)
    assert "given 0.5 cores' time" in Allotment(8, 0.5, ()).shortage(1, 0)
    assert "may use 0 GPUs" in Allotment(8, None, ()).shortage(1, 1)
