"""Meters of Zeus: energy counters that we do not read ourselves.

`--energy-meter zeus:gpu` reads AMD boards, with Zeus's check that their counter moves as their power says;
`--energy-meter zeus:cpu` reads the processor package where RAPL may be read through Zeus's daemon alone. NVIDIA
boards, Grace modules among them, have a path of our own (`profilers/energy/nvml_meters.py`).

Zeus (`pip install 'adabench[zeus]'`) is imported when one of its meters is asked for. All boards that
it sees are read together: hide those that do not work (HIP_VISIBLE_DEVICES).
"""

import importlib
from collections.abc import Callable
from typing import Any

from adabench.profilers.energy.meter import CounterReset, Counts, NoValue
from adabench.profilers.nvml import Unmetered, Witness

NAMES = ("gpu", "cpu")


class ZeusCounter:
    """Counters of one kind, in millijoules, read between ticks and therefore over long windows."""

    u_rel = 0.05
    max_window_s = float("inf")
    stepping = False

    def __init__(
        self, key: str, kind: str, scope: str, read_mj: Callable[[], list[float]], *, lag_s: float
    ) -> None:
        self.key, self.kind, self.scope, self.lag_s = key, kind, scope, lag_s
        self.min_window_s = max(0.05, 50 * lag_s)
        self._read_mj = read_mj
        self._problem: type[Exception] = importlib.import_module("zeus.exception").ZeusBaseError

    def counts(self) -> Counts:
        """Return the counter of each device.

        Raises:
            NoValue: if a device does not answer any more.
        """
        try:
            return tuple(round(count) for count in self._read_mj())
        except self._problem as problem:
            raise NoValue(f"{self.kind} can no longer be read: {problem}") from problem

    def joules(self, before: Counts, after: Counts) -> float:
        """Return the sum over devices.

        Raises:
            CounterReset: if a counter ran backwards.
        """
        spent = [later - earlier for earlier, later in zip(before, after, strict=True)]
        if min(spent) < 0:
            raise CounterReset(f"A counter of {self.kind} ran backwards within a window.")
        return sum(spent) / 1e3

    def witness(self) -> Witness | None:
        """Return None: Zeus does not tell who else uses a device."""
        return None


def open_zeus(name: str) -> ZeusCounter:
    """Open the counters of AMD boards (`gpu`) or of the processor (`cpu`).

    Raises:
        Unmetered: if Zeus is not installed, or finds no such counter.
    """
    if name not in NAMES:
        raise Unmetered(f"Zeus has no meter {name!r} here.", "It takes zeus:gpu or zeus:cpu.")
    device, errors = _import("zeus.device"), _import("zeus.exception")
    try:
        return _gpus(device.get_gpus()) if name == "gpu" else _cpus(device.get_cpus())
    except errors.ZeusBaseError as problem:
        raise Unmetered(
            f"Zeus finds no counter: {problem}", "ml.energy/zeus says what it takes."
        ) from problem


def _gpus(gpus: Any) -> ZeusCounter:
    indices = range(len(gpus))
    if type(gpus).__name__ != "AMDGPUs":
        raise Unmetered(
            "zeus:gpu reads AMD boards, and these are none.",
            "Leave --energy-meter zeus:gpu out: NVIDIA boards are read anyway.",
        )
    if not all(gpus.supports_get_total_energy_consumption(index) for index in indices):
        raise Unmetered("The energy counter of a GPU does not move as its power says.")
    return ZeusCounter(
        "energy_gpu_j", "counter.amdsmi", "gpu_board",
        lambda: [gpus.get_total_energy_consumption(index) for index in indices], lag_s=0.1,
    )  # fmt: skip


def _cpus(cpus: Any) -> ZeusCounter:
    return ZeusCounter(
        "energy_cpu_j", "counter.rapl", "cpu_package",
        lambda: [cpus.get_total_energy_consumption(i).cpu_mj for i in range(len(cpus))], lag_s=1e-3,
    )  # fmt: skip


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        raise Unmetered("Zeus is not installed.", "pip install 'adabench[zeus]'") from missing
