"""A self-test of energy on a GPU: a known load, by counter and by integral, and what is refused.

The load is a product of square matrices at three sizes: one that leaves most of the board idle, one
that fills it, one that keeps it at its power limit. Each goes through the energy pass that runs use
(`profilers/energy/energy_pass.py`). On a sound board counter and integral agree within 5 %, and the
joules of an operation fall from the first size to the last.
"""

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from adabench.harness.errors import DeviceUnavailable
from adabench.profilers.energy.attribution import sharing_note
from adabench.profilers.energy.energy_pass import EnergyMeters, PassResult, energy_pass, open_energy
from adabench.profilers.energy.nvml_meters import open_gpu
from adabench.profilers.nvml import Unmetered, find_board, look, open_nvml
from adabench.profilers.timing.disturbance import Watch

SIZES = (1024, 4096, 8192)
BUDGET_S = 40.0
"""For one size."""
OPERATIONS_PER_CALL = 2e12
"""A call repeats a small product so often that launching it costs nothing."""

Multiply = Callable[[int, int], Callable[[], object]]
"""Takes a size and a number of products; returns the call that does so many of them."""


@dataclass(frozen=True)
class GemmEnergy:
    """The energy of one product of two square matrices."""

    size: int
    j: float | None
    """By the counter, or by the best meter there is."""
    interval: tuple[float, float] | None
    """95 %, the instrument's own error included."""
    integral_j: float | None
    """By sampled power over the same windows."""
    apart: float | None
    """How far the integral lies from the counter, as a fraction."""
    pj_per_operation: float | None
    watts: float | None
    idle_w: float | None
    kind: str
    work_share: float | None
    blocks: int
    discarded: tuple[str, ...]
    flags: tuple[str, ...]
    reason: str
    """Why there are no joules."""


@dataclass(frozen=True)
class GpuSelfTest:
    """What the boards are, what a known load took, and what a run here would refuse."""

    boards: tuple[str, ...]
    gemms: tuple[GemmEnergy, ...]
    refusals: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Every size has joules, and nothing says that they are not to be believed."""
        return not self.refusals and all(gemm.j is not None for gemm in self.gemms)

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {**asdict(self), "passed": self.passed}


def self_test() -> GpuSelfTest:
    """Run the known load on torch's current device; takes about two minutes.

    Raises:
        DeviceUnavailable: if there is no GPU, or torch cannot use it.
    """
    try:
        nvml = open_nvml()
    except Unmetered as absent:
        raise DeviceUnavailable(f"There is no GPU to test: {absent}", absent.remedy) from absent
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        raise DeviceUnavailable(
            "There is no GPU to test: torch finds no CUDA device.",
            "Install a CUDA build of torch (pytorch.org/get-started).",
        )
    torch.cuda.init()
    meters = open_energy("cuda")
    assert meters is not None
    with closing(Watch()) as watch:
        return examine_gpu(nvml, meters, watch, _multiply(torch))


def examine_gpu(
    nvml: Any, meters: EnergyMeters, watch: Watch, multiply: Multiply, sizes: Sequence[int] = SIZES
) -> GpuSelfTest:
    """Measure all sizes and say what would be refused."""
    gemms = tuple(_measured(size, meters, watch, multiply) for size in sizes)
    refusals = tuple(dict.fromkeys((*_of_boards(nvml, meters), *_of_gemms(gemms))))
    return GpuSelfTest(tuple(_boards(nvml)), gemms, refusals)


def _measured(size: int, meters: EnergyMeters, watch: Watch, multiply: Multiply) -> GemmEnergy:
    operations = 2.0 * size**3
    products = max(1, round(OPERATIONS_PER_CALL / operations))
    call = multiply(size, products)
    for _ in range(3):
        call()
    return _gemm(size, products, energy_pass(call, meters, watch, BUDGET_S))


def _gemm(size: int, products: int, found: PassResult) -> GemmEnergy:
    """Read the energy of one product from that of a call, by the first meter of a board."""
    first = found.measurements[0]
    reading, each = first.reading, first.reading.j_per_unit
    j = None if each is None else each / products
    apart = reading.cross_check["rel"] if reading.cross_check else None
    ends = reading.interval
    return GemmEnergy(
        size=size,
        j=j,
        interval=None if ends is None else (ends[0] / products, ends[1] / products),
        integral_j=None if j is None or apart is None else j * (1 + apart),
        apart=apart,
        pj_per_operation=None if j is None else j / (2.0 * size**3) * 1e12,
        watts=_watts(reading.j, reading.window_s, reading.work_share),
        idle_w=reading.idle_w,
        kind=reading.kind,
        work_share=reading.work_share,
        blocks=len(first.blocks),
        discarded=first.discarded,
        flags=reading.flags,
        reason=reading.reason,
    )


def _watts(j: float | None, window_s: float | None, share: float | None) -> float | None:
    if j is None or not window_s:
        return None
    return j / window_s / (share or 1.0)


def _boards(nvml: Any) -> Iterator[str]:
    for index in range(nvml.nvmlDeviceGetCount()):
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        yield f"{nvml.nvmlDeviceGetName(handle)} ({nvml.nvmlDeviceGetUUID(handle)})"


def _of_boards(nvml: Any, meters: EnergyMeters) -> Iterator[str]:
    """Yield what stands against measuring on the boards in use."""
    for uuid in meters.in_use():
        meter = open_gpu(uuid, nvml).meter
        if meter.kind != "counter.nvml":
            reason = getattr(meter, "reason", "It has no energy counter, only sampled power.")
            yield f"{uuid}: {reason}"
            continue
        seen = look(nvml, find_board(nvml, uuid))
        if reason := sharing_note([seen]):
            yield f"{uuid}: joules are {reason}."
        if seen.slowed:
            yield f"{uuid}: heat or the power supply holds its clocks down."


def _of_gemms(gemms: Sequence[GemmEnergy]) -> Iterator[str]:
    for gemm in gemms:
        if gemm.j is None:
            yield f"No joules for {gemm.size}: {gemm.reason}."
        if "cross_check" in gemm.flags and gemm.apart is not None:
            yield (
                f"At {gemm.size} the integral of sampled power is {gemm.apart:+.0%} from the "
                "counter: absolute joules of this board are not to be believed."
            )
        if "exclusivity_unknown" in gemm.flags:
            yield "NVML lists no processes here: whether the board is ours alone is unknown."


def _multiply(torch: Any) -> Multiply:
    def multiply(size: int, products: int) -> Callable[[], object]:
        a, b = (torch.randn(size, size, dtype=torch.float16, device="cuda") for _ in range(2))
        into = torch.empty_like(a)

        def call() -> object:
            for _ in range(products):
                torch.mm(a, b, out=into)
            return into

        return call

    return multiply
