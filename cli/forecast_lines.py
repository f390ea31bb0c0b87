"""How long a plan would take, in lines for a terminal: for `doctor` and for `run --dry-run`."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adabench.harness.doctor.forecast import Forecast

RUNS = Path("runs")
UNKNOWN = "unknown"


def duration(seconds: float) -> str:
    """Write a duration with the two units that matter."""
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def forecast_lines(found: "Forecast") -> list[str]:
    """Return the time of a plan and its parts as lines."""
    head = f"{found.cells} configurations, {found.turns} runs"
    if found.seconds is None:
        return [
            f"{head}: {UNKNOWN}, none of these methods was recorded on this machine in {RUNS}/",
            "-> adabench doctor SELECT --try 30 runs each of them once for up to 30 s",
        ]
    loading = "loading unknown" if found.load_s is None else f"{duration(found.load_s)} each"
    lines = [
        f"{head}, {found.cases} cases: about {duration(found.seconds)}",
        f"from {found.runs} recorded runs of this machine; {found.loads} loads of tasks, {loading}",
    ]
    lines += [
        f"{item.address:28} {item.turns} runs x {item.cases} cases: "
        f"{duration(item.seconds)}{_prepared(item.prepare_s)} ({item.basis})"
        for item in found.shares
        if item.seconds is not None
    ]
    if found.unknown:
        lines.append(f"not in it, never recorded here: {', '.join(found.unknown)}")
    return lines


def _prepared(seconds: float) -> str:
    return f" and {duration(seconds)} to prepare" if seconds else ""
