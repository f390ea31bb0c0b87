"""What a machine can measure, what it cannot, and what would help: examined, not guessed.

Each line is one thing a benchmark wants to know and the answer of this machine: `yes`, `partly`
(it works, and the numbers are worth less than they look) or `no`; the last two with a reason
and, where one exists, the command that mends it. Nothing is changed by looking, torch is not
imported, and all facts come through a `Machine`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from adabench.profilers.hardware.host import HERE, Machine
from adabench.profilers.nvml import Unmetered, in_mig, look

State = Literal["yes", "partly", "no"]

POWERCAP = "/sys/class/powercap"
CPUFREQ = "/sys/devices/system/cpu/cpu0/cpufreq"
PARANOID = "/proc/sys/kernel/perf_event_paranoid"
OWN_PROCESS = 2
"""The highest perf_event_paranoid at which a process may still count its own events."""


@dataclass(frozen=True)
class Ability:
    """One thing to be measured and whether it can be here."""

    what: str
    state: State
    keys: tuple[str, ...] = ()
    """The quantities that depend on it."""
    reason: str = ""
    remedy: str = ""


def abilities(machine: Machine = HERE) -> tuple[Ability, ...]:
    """Examine a machine: first what the processor side can do, then the GPUs."""
    return (
        Ability("time", "yes", ("wall_s", "cpu_s", "latency_s")),
        _file(
            machine,
            "waiting for a processor",
            "/proc/thread-self/schedstat",
            ("run_delay_s",),
            "Disturbed samples cannot be told from slow ones.",
            "On Linux, a kernel with CONFIG_SCHED_INFO and a mounted /proc tells it.",
        ),
        _file(
            machine,
            "pressure on the processors",
            "/proc/pressure/cpu",
            (),
            "The kernel does not tell how contended the machine is.",
            "Boot with psi=1.",
        ),
        _file(
            machine,
            "resident memory",
            "/proc/self/status",
            ("rss_peak_bytes",),
            "There is no /proc/self/status.",
            "Run on Linux with a mounted /proc.",
        ),
        _clock_rate(machine),
        _counters(machine),
        _rapl(machine),
        _flops(machine),
        *_gpus(machine),
    )


def _file(
    machine: Machine, what: str, path: str, keys: tuple[str, ...], reason: str, remedy: str
) -> Ability:
    if machine.line(path):
        return Ability(what, "yes", keys)
    return Ability(what, "no", keys, reason, remedy)


def _clock_rate(machine: Machine) -> Ability:
    what = "clock rate of the processor"
    governor = machine.line(f"{CPUFREQ}/scaling_governor")
    if governor is None:
        reason = "The kernel does not tell it (a virtual machine, or no frequency driver)."
        return Ability(what, "no", (), reason)
    if governor == "performance":
        return Ability(what, "yes")
    reason = f"The governor is {governor}: the clock follows the load, and times with it."
    return Ability(what, "partly", (), reason, "sudo cpupower frequency-set -g performance")


def _counters(machine: Machine) -> Ability:
    """Look for hardware events (cycles, cache misses), as perf counts them."""
    what = "processor events (perf)"
    level = machine.line(PARANOID)
    if level is None:
        return Ability(what, "no", (), "The kernel has no perf events.")
    if not machine.find("/sys/bus/event_source/devices/cpu*"):
        reason = "The processor's counters are not there (virtual machines often hide them)."
        return Ability(what, "no", (), reason)
    if int(level) > OWN_PROCESS:
        reason = f"perf_event_paranoid is {level}."
        return Ability(
            what, "no", (), reason, f"sudo sysctl kernel.perf_event_paranoid={OWN_PROCESS}"
        )
    return Ability(what, "yes")


def _rapl(machine: Machine) -> Ability:
    what, keys = "energy of the processor (RAPL)", ("energy_cpu_j",)
    zones = [
        zone
        for zone in machine.find(f"{POWERCAP}/intel-rapl:*")
        if zone.count(":") == 1 and (machine.line(f"{zone}/name") or "").startswith("package")
    ]
    if not zones:
        reason = "There is no RAPL counter (virtual machines and ARM have none)."
        remedy = "Run on the bare metal of an Intel or AMD machine."
        return Ability(what, "no", keys, reason, remedy)
    if any(machine.line(f"{zone}/energy_uj") is None for zone in zones):
        reason = "The RAPL counter is there and may not be read."
        return Ability(
            what, "no", keys, reason, f"sudo chmod o+r {POWERCAP}/intel-rapl:*/energy_uj"
        )
    return Ability(what, "yes", keys)


def _flops(machine: Machine) -> Ability:
    if machine.version("torch") is None:
        return Ability("floating-point operations", "no", ("flops",),
                       "torch is not installed.", "pip install adabench")  # fmt: skip
    return Ability("floating-point operations", "yes", ("flops",))


def _gpus(machine: Machine) -> Iterator[Ability]:
    keys = ("cuda_s", "device_peak_bytes", "energy_gpu_j")
    try:
        nvml, handles = machine.handles()
    except Unmetered as absent:
        yield Ability("GPU", "no", keys, str(absent), _access(machine, absent))
        return
    yield _device_time(machine)
    for place, handle in enumerate(handles):
        yield from _board(machine, f"GPU {place}", nvml, handle)


def _access(machine: Machine, absent: Unmetered) -> str:
    """Return what helps a process that sees no GPU: access, if the driver is there."""
    if machine.line("/proc/driver/nvidia/version") is None:
        return absent.remedy
    return (
        "The driver is loaded and this process may not use it: start the container with "
        "--gpus all, or give the user access to /dev/nvidiactl and /dev/nvidia0."
    )


def _device_time(machine: Machine) -> Ability:
    what, keys = "GPU time and memory", ("cuda_s", "device_peak_bytes")
    version = machine.version("torch")
    if version is None:
        return Ability(what, "no", keys, "torch is not installed.", "pip install torch")
    if version.endswith("+cpu"):
        reason = f"torch {version} is built for the CPU alone."
        remedy = "Install a CUDA build of torch (pytorch.org/get-started)."
        return Ability(what, "no", keys, reason, remedy)
    return Ability(what, "yes", keys)


def _board(machine: Machine, name: str, nvml: Any, handle: Any) -> Iterator[Ability]:
    split = in_mig(nvml, handle)
    if split:
        reason = "The board is in MIG mode, where energy is that of the board, not of the instance."
        remedy = "Measure on a whole GPU (sudo nvidia-smi -mig 0)."
        yield Ability(f"{name}: energy and power", "no", ("energy_gpu_j",), reason, remedy)
    else:
        energy, watts = nvml.nvmlDeviceGetTotalEnergyConsumption, nvml.nvmlDeviceGetPowerUsage
        yield _asked(f"{name}: energy counter", ("energy_gpu_j",), nvml, energy, handle)
        yield _asked(f"{name}: power", (), nvml, watts, handle)
    yield _alone(name, nvml, handle)
    yield _steady(name, nvml, handle)
    yield _kernels(machine, name)


def _asked(
    what: str, keys: tuple[str, ...], nvml: Any, question: Callable[[Any], Any], handle: Any
) -> Ability:
    try:
        question(handle)
    except nvml.NVMLError as problem:
        refused = "ermission" in str(problem)
        remedy = (
            "In a container set NVIDIA_DRIVER_CAPABILITIES=compute,utility; else run as a user "
            "with access to /dev/nvidiactl."
            if refused
            else "It takes a Volta or newer board."
        )
        return Ability(what, "no", keys, f"NVML refuses it: {problem}.", remedy)
    return Ability(what, "yes", keys)


def _alone(name: str, nvml: Any, handle: Any) -> Ability:
    what = f"{name}: nobody else on it"
    foreign = look(nvml, handle, working=False).foreign
    if foreign is None:
        return Ability(what, "no", (), "NVML does not tell which processes use the board.")
    if foreign:
        reason = f"{foreign} other processes use the board: its joules are not ours alone."
        return Ability(what, "partly", (), reason, "Stop them; nvidia-smi names them.")
    return Ability(what, "yes")


def _steady(name: str, nvml: Any, handle: Any) -> Ability:
    """Look for what makes clocks wander: slowdowns, and a driver that unloads when idle."""
    what = f"{name}: steady state"
    if look(nvml, handle).slowed:
        reason = "Heat or the power supply holds the clocks down right now."
        return Ability(
            what, "partly", (), reason, "Let the board cool; look at its fans and supply."
        )
    try:
        kept = bool(nvml.nvmlDeviceGetPersistenceMode(handle))
    except nvml.NVMLError:
        return Ability(what, "yes")
    if not kept:
        reason = "Persistence mode is off: the first window pays for waking the board."
        return Ability(what, "partly", (), reason, "sudo nvidia-smi -pm 1")
    return Ability(what, "yes")


def _kernels(machine: Machine, name: str) -> Ability:
    what = f"{name}: counters of kernels (ncu)"
    params = machine.line("/proc/driver/nvidia/params") or ""
    if "RmProfilingAdminOnly: 1" in params:
        remedy = (
            "Put 'options nvidia NVreg_RestrictProfilingToAdminUsers=0' into "
            "/etc/modprobe.d/nvidia.conf and reboot."
        )
        return Ability(what, "no", (), "The driver keeps them for root.", remedy)
    if "RmProfilingAdminOnly: 0" in params:
        return Ability(what, "yes")
    return Ability(what, "no", (), "The driver does not tell whether they may be read.")
