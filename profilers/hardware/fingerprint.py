"""What a machine is: the facts that must agree before two of its numbers are compared.

A fingerprint tells the machine's kind, not whose it is: no host name, no user, no path, and of
a GPU's UUID only its class (`GPU`, or `MIG` for an instance). It is taken in a tenth of a
second and imports neither torch nor numpy.

Compared exactly, with one exception: `memory_bytes`. The kernel keeps a part of the memory to
itself, more or less of it by its version, so two sizes agree within `MEMORY`. What a machine
does not tell is None, which agrees with None alone. Power limits are watts, clocks MHz.
"""

import platform
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple

from adabench.profilers.hardware.host import HERE, Machine
from adabench.profilers.nvml import Unmetered, in_mig

MEMORY = 0.02
"""Relative difference of main memory that a kernel's version explains."""


class Difference(NamedTuple):
    """A key on which two machines differ, with both values."""

    key: str
    then: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.key} ({_word(self.then)} then, {_word(self.now)} now)"


@dataclass(frozen=True)
class Gpu:
    """One board as NVML sees it."""

    name: str
    uuid_class: str | None = None
    """`GPU`, or `MIG` for an instance."""
    mig: bool | None = None
    """Split into instances; None where the board refuses the question."""
    memory_bytes: int | None = None
    power_limit_w: float | None = None
    """The limit that is enforced now."""
    default_power_limit_w: float | None = None
    sm_mhz_max: int | None = None
    memory_mhz_max: int | None = None


@dataclass(frozen=True)
class Fingerprint:
    """A machine and the software that decides its speed."""

    system: str
    machine: str
    cpu_model: str
    virtual: bool | None
    cores: int
    """That this process may use."""
    cpu_quota: float | None
    """Processor seconds per second that a container is given; None without a limit."""
    memory_bytes: int | None
    governor: str | None
    python_minor: str
    torch: str | None
    cuda: str | None
    """That torch was built for."""
    driver: str | None
    gpus: tuple[Gpu, ...] = ()
    kernel: str | None = field(default=None, metadata={"compared": False})

    def to_json(self) -> dict[str, Any]:
        """Return plain data without what is unknown."""
        whole: dict[str, Any] = _known(asdict(self))
        return whole


def fingerprint(machine: Machine = HERE) -> Fingerprint:
    """Describe a machine."""
    uname = machine.uname()
    cpu_model, virtual = cpu(machine)
    found, driver = gpus(machine)
    return Fingerprint(
        uname.system,
        uname.machine,
        cpu_model,
        virtual,
        machine.cores(),
        cpu_quota(machine),
        machine.memory_bytes(),
        machine.line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        ".".join(platform.python_version_tuple()[:2]),
        machine.version("torch"),
        machine.cuda(),
        driver,
        found,
        uname.release,
    )


def from_json(data: Mapping[str, Any]) -> Fingerprint:
    """Rebuild a fingerprint; what is absent is unknown, keys of a later version are left out.

    Raises:
        TypeError: if it is not one.
    """
    own: dict[str, Any] = {item.name: data.get(item.name) for item in fields(Fingerprint)}
    boards = data.get("gpus", [])
    names = {item.name for item in fields(Gpu)}
    own["gpus"] = tuple(Gpu(**{k: v for k, v in board.items() if k in names}) for board in boards)
    return Fingerprint(**own)


def differences(then: Fingerprint, now: Fingerprint) -> list[Difference]:
    """Return the keys on which two machines differ; GPUs as `gpu0.name`."""
    old, new = dict(_facts(then)), dict(_facts(now))
    keys = [*old, *(key for key in new if key not in old)]
    return [
        Difference(key, old.get(key), new.get(key))
        for key in keys
        if not _agree(key, old.get(key), new.get(key))
    ]


def cpu(machine: Machine) -> tuple[str, bool | None]:
    """Return the processor's model and whether it is a virtual machine's (None: unknown)."""
    text = machine.line("/proc/cpuinfo")
    if text is None:
        return machine.uname().machine, None
    pairs = dict(line.partition(":")[::2] for line in reversed(text.splitlines()))
    found = {key.strip(): value.strip() for key, value in pairs.items()}
    flags = found.get("flags")
    virtual = None if flags is None else "hypervisor" in flags.split()
    return found.get("model name") or machine.uname().machine, virtual


def cpu_quota(machine: Machine) -> float | None:
    """Return the cores' worth of time that this process may use, if it is limited (cgroup v2).

    A limit holds for everything below the group it is set on, so the least of them counts.
    """
    groups = (machine.line("/proc/self/cgroup") or "").splitlines()
    own = next((line[3:] for line in groups if line.startswith("0::/")), "/")
    parts = [part for part in own.split("/") if part not in ("", "..")]
    paths = ["/".join(("/sys/fs/cgroup", *parts[:depth])) for depth in range(len(parts) + 1)]
    limits = [_quota(machine.line(f"{path}/cpu.max")) for path in paths]
    return min((limit for limit in limits if limit is not None), default=None)


def _quota(line: str | None) -> float | None:
    quota, _, period = (line or "max").partition(" ")
    return None if quota == "max" or not period else int(quota) / int(period)


def gpus(machine: Machine) -> tuple[tuple[Gpu, ...], str | None]:
    """Return the boards and the driver's version; none where NVML is silent."""
    try:
        nvml, handles = machine.handles()
        return tuple(_gpu(nvml, handle) for handle in handles), nvml.nvmlSystemGetDriverVersion()
    except Unmetered:
        return (), None


def _gpu(nvml: Any, handle: Any) -> Gpu:
    return Gpu(
        nvml.nvmlDeviceGetName(handle),
        _asked(nvml, lambda: nvml.nvmlDeviceGetUUID(handle).partition("-")[0]),
        in_mig(nvml, handle),
        _asked(nvml, lambda: int(nvml.nvmlDeviceGetMemoryInfo(handle).total)),
        _asked(nvml, lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1e3),
        _asked(nvml, lambda: nvml.nvmlDeviceGetPowerManagementDefaultLimit(handle) / 1e3),
        _asked(nvml, lambda: int(nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_SM))),
        _asked(nvml, lambda: int(nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_MEM))),
    )


def _asked(nvml: Any, question: Any) -> Any:
    """Return the answer, or None where the board or the binding refuses the question."""
    with suppress(nvml.NVMLError, AttributeError):
        return question()
    return None


def _facts(found: Fingerprint) -> Iterator[tuple[str, Any]]:
    """Spread a fingerprint into compared keys."""
    for item in fields(found):
        if item.name != "gpus" and item.metadata.get("compared", True):
            yield item.name, getattr(found, item.name)
    for place, board in enumerate(found.gpus):
        for name, value in asdict(board).items():
            yield f"gpu{place}.{name}", value


def _agree(key: str, then: Any, now: Any) -> bool:
    if key == "memory_bytes" and then and now:
        return bool(abs(then - now) <= MEMORY * max(then, now))
    return bool(then == now)


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _known(inner) for key, inner in value.items() if inner is not None}
    return [_known(inner) for inner in value] if isinstance(value, list | tuple) else value


def _word(value: Any) -> str:
    return "none" if value is None else str(value)
