"""Estimates: models of energy, for machines without an instrument.

`TdpModel` multiplies the processor seconds of this process and its descendants by a typical power
per core. It
knows no memory, no idle power and no GPU, and is good to about a factor of 1.5 either way: its
key is `energy_est_j`, its label `estimated`, and claims and gates refuse it.
"""

from adabench.profilers.energy.meter import Counts, NoValue
from adabench.profilers.nvml import Witness
from adabench.profilers.timing.clock import CpuReading, read_cpu
from adabench.profilers.timing.cuda import context

WATTS_PER_CORE = 5.0
"""Between the 3 to 4 W of a server core and the 8 W of a desktop core, at their rated power."""
UNCERTAINTY_EST = 0.5
"""Relative uncertainty of the model `estimated.tdp`."""


class TdpModel:
    """Processor seconds times a typical power per core."""

    key = "energy_est_j"
    kind = "estimated.tdp"
    scope = "cpu_package"
    u_rel = UNCERTAINTY_EST
    min_window_s = 0.0
    max_window_s = float("inf")
    lag_s = 0.0
    stepping = False

    def __init__(self, watts_per_core: float = WATTS_PER_CORE) -> None:
        self._watts_per_core = watts_per_core

    def counts(self) -> Counts:
        """Return the processor time of the process and its descendants in nanoseconds."""
        return read_cpu()

    def joules(self, before: Counts, after: Counts) -> float:
        """Return the estimate.

        Raises:
            NoValue: with a CUDA context, where the processor is the small part.
        """
        if context() is not None:
            raise NoValue("a GPU is in use, and the model knows processors only")
        return CpuReading(*before).until(CpuReading(*after)) / 1e9 * self._watts_per_core

    def witness(self) -> Witness | None:
        """Return None."""
        return None
