"""Draws what `doctor` found, as plain text."""

from adabench.harness.doctor import Examination, Package


def page(found: Examination) -> str:
    """Lay out an examination for a terminal."""
    return "\n\n".join(
        [
            _section("Machine", _machine(found)),
            _section("Instruments", _instruments(found)),
            _section("Timer", _timer(found)),
            _section("Packages", _packages(found.packages)),
            _section("Prepared states", _cache(found)),
            _section("Advice", list(found.advice) or ["nothing to mend"]),
        ]
    )


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _machine(found: Examination) -> list[str]:
    shown = ("cpu_model", "cores", "memory_bytes", "gpus", "driver", "system", "python",
             "adabench", "torch", "numpy", "numba")  # fmt: skip
    return [f"{name:12} {found.machine[name]}" for name in shown if found.machine.get(name)]


def _instruments(found: Examination) -> list[str]:
    lines = []
    for item in found.instruments:
        keys = ", ".join(item.keys)
        lines.append(f"{item.label:12} {item.name:22} {keys if item.available else item.reason}")
        if item.remedy:
            lines.append(f"{'':35} -> {item.remedy}")
    return lines


def _timer(found: Examination) -> list[str]:
    timer = found.timer
    disturbed = "unknown" if timer.disturbed is None else f"{timer.disturbed:.1%}"
    return [
        f"resolution {timer.resolution_s * 1e9:.0f} ns, two readings {timer.pair_s * 1e9:.0f} ns",
        (
            f"a loop of 100 us: median {timer.median_s * 1e6:.1f} us, 95 % below "
            f"{timer.p95_s * 1e6:.1f} us over {timer.samples} samples"
        ),
        f"spread {timer.spread:.1%}, samples that had to wait for a processor: {disturbed}",
    ]


def _packages(packages: tuple[Package, ...]) -> list[str]:
    groups: dict[str, list[Package]] = {}
    for package in packages:
        groups.setdefault(package.extra or "core", []).append(package)
    return [_group(name, members) for name, members in groups.items()]


def _group(name: str, members: list[Package]) -> str:
    words = [f"{package.name} {package.version or 'missing'}" for package in members]
    remedy = next((package.remedy for package in members if package.remedy), "")
    return f"{name:12} {', '.join(words)}" + (f"  -> {remedy}" if remedy else "")


def _cache(found: Examination) -> list[str]:
    place = found.cache
    state = "writable" if place.writable else f"not writable: {place.remedy}"
    return [
        f"{place.folder}: {place.prepared} states, {place.prepared_bytes / 1e6:.1f} MB, {state}"
    ]
