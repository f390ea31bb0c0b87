"""Tasks and methods as frames, and whether they keep the contract."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from adabench.harness.contract import registry
from adabench.harness.contract.card import Metric
from adabench.harness.contract.catalogue import find_entries
from adabench.harness.contract.registry import Entry
from adabench.harness.notebook.run_arguments import patterns
from adabench.harness.run.conformance import ConformanceCheck, Finding

if TYPE_CHECKING:
    import pandas as pd


def methods(select: str | Iterable[str] = "*") -> "pd.DataFrame":
    """Return the methods that match: role, paper, knobs, and whether they can run here.

    Raises:
        SelectionError: for a pattern that matches nothing.
    """
    import pandas as pd

    entries = [entry for entry in find_entries(patterns(select)) if "/" in entry.address]
    return pd.DataFrame([_method(entry) for entry in entries])


def tasks() -> "pd.DataFrame":
    """Return the tasks: what they measure, their conditions and scales, how many methods they have."""
    import pandas as pd

    return pd.DataFrame([_task(entry) for entry in registry.tasks().values()])


def _method(entry: Entry) -> dict[str, object]:
    available, reason = registry.availability(entry)
    card = entry.card
    return {
        "address": entry.address,
        "task": entry.task,
        "method": entry.name,
        "role": card.role,
        "title": card.title,
        "paper": card.paper,
        "fidelity": card.fidelity,
        "knobs": _knobs(entry),
        "claims": len(card.claims),
        "available": available,
        "reason": reason,
    }


def _task(entry: Entry) -> dict[str, object]:
    card = entry.card
    return {
        "task": entry.address,
        "title": card.title,
        "quality": _primary(card.metrics, "quality"),
        "work": _primary(card.metrics, "work"),
        "metrics": ", ".join(metric.name for metric in card.metrics),
        "conditions": _knobs(entry),
        "scales": ", ".join(card.scales),
        "methods": len(registry.methods(entry.address)),
    }


def _primary(metrics: Sequence[Metric], role: str) -> str:
    return next((metric.name for metric in metrics if metric.primary and metric.role == role), "")


def _knobs(entry: Entry) -> str:
    """Return knobs with their values, the default first: `k=1|2|4`."""
    return ", ".join(
        f"{knob.name}={'|'.join(map(str, dict.fromkeys([knob.default, *knob.values])))}"
        for knob in entry.card.knobs
    )


@dataclass(frozen=True, repr=False)
class ConformanceReport:
    """What `adabench.check` returns: rules of the contract, kept or broken. True if all hold."""

    findings: tuple[Finding, ...]

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The rules that are broken, each with its problem."""
        return tuple(one for one in self.findings if one.problem and not one.skipped)

    def frame(self) -> "pd.DataFrame":
        """Return one row a rule."""
        import pandas as pd

        return pd.DataFrame([asdict(one) for one in self.findings])

    def __bool__(self) -> bool:
        return not any(one.problem for one in self.findings)

    def __repr__(self) -> str:
        wrong = [one for one in self.findings if one.problem]
        lines = [
            f"{one.address}: {one.rule}: {'skipped: ' if one.skipped else ''}{one.problem}"
            for one in wrong
        ]
        held = f"{len(self.findings) - len(wrong)} of {len(self.findings)} rules hold"
        return "\n".join([f"<adabench check: {held}>", *lines])

    def _repr_html_(self) -> str:
        """Draw the rules for a notebook."""
        return str(self.frame().to_html(index=False))


def check(select: str | Iterable[str]) -> ConformanceReport:
    """Hold tasks and methods to the contract, as `adabench check` does.

    Raises:
        SelectionError: for a pattern that matches nothing.
    """
    with ConformanceCheck() as checks:
        entries = find_entries(patterns(select))
        return ConformanceReport(tuple(one for e in entries for one in checks.check(e.address)))
