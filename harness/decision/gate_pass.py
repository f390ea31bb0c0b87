"""Measures the gates of a task: every static setting and the oracles, counted on development cases."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace

import numpy as np

from adabench.harness.analysis import gate_table
from adabench.harness.analysis.gate_table import Arm, GateTable
from adabench.harness.contract import registry
from adabench.harness.contract.card import Card, Gap, Gates, Metric
from adabench.harness.contract.gates_file import FILE, GateFigures
from adabench.harness.contract.protocols import KIND
from adabench.harness.contract.record import Record
from adabench.harness.contract.registry import Entry
from adabench.harness.contract.task_gates import GATES, GateName, GateRow, StaticOutcomes
from adabench.harness.decision.decision import run_turns
from adabench.harness.errors import EnvironmentProblem, MethodContractError
from adabench.harness.files.whole_file import write_whole
from adabench.harness.plan import gate_settings
from adabench.harness.plan.grid import plan
from adabench.harness.run.settings import Limits, Settings

NO_ORACLE = "no oracle here is known to decide by the truth and not by luck"
Say = Callable[[str], None]
Unit = tuple[int, int]
"""Seed and case."""


def measure(task: Entry, settings: Settings, cores: int, say: Say) -> GateFigures:
    """Run what the gates of a task need, and return their figures.

    Raises:
        EnvironmentProblem: if a static method or an oracle cannot run here.
        MethodContractError: if one fails.
    """
    rows: list[GateRow] = []
    trained: dict[str, str] = {}
    for gates in task.card.gates:
        records = _records(task, gates, replace(settings, kinds=True), cores, say)
        trained |= {name: digest for one in records for name, digest in one.trained.items()}
        rows += rows_of(task, gates, records)
    return GateFigures(gate_settings.digest(task), dict(sorted(trained.items())), tuple(rows))


def write(task: Entry, figures: GateFigures) -> None:
    """Write figures beside their task."""
    plain = asdict(figures)
    text = json.dumps({"command": f"adabench check {task.name} --gates", **plain}, indent=1)
    write_whole(task.path.parent / FILE, f"{text}\n".encode())


def _records(task: Entry, gates: Gates, settings: Settings, cores: int, say: Say) -> list[Record]:
    turns = plan(
        gate_settings.selections(task, gates), seeds=gate_settings.seeds_of(gates), counts=True
    )
    found: list[Record] = []
    last = ""
    with closing(run_turns(turns, settings, Limits(), cores)) as records:
        for record in records:
            if record.status == "skipped":
                raise EnvironmentProblem(f"{record.cell.address} cannot run here: {record.note}")
            if record.status != "ok":
                raise MethodContractError(f"{record.cell.address} failed: {record.note}")
            if record.cell.address != last:
                last = record.cell.address
                say(f"{last}, seed {record.cell.seed}")
            found.append(record)
    return found


def rows_of(task: Entry, gates: Gates, records: Iterable[Record]) -> list[GateRow]:
    """Return what the records of development cases show for each gate."""
    there = gate_settings.conditions_of(task.card, gates)
    at = {name: value for name, value in there.items() if name not in gates.cases}
    solved = [record for record in records if record.phase == "solve"]
    gaps = gate_settings.gaps_of(task, gates)
    oracles = [gap.oracle for gap in gaps]
    table = table_of(task.card, gates, solved)
    rows = []
    for gate in GATES:
        if gate in gates.without:
            rows.append(gate_table.not_applying(gate, gates.without[gate], at))
        elif gate == "room" and not gaps:
            rows.append(gate_table.not_applying(gate, NO_ORACLE, at))
        elif gate == "room":
            rows += [gate_table.room(gap, table, _place(table, gap), oracles, at) for gap in gaps]
        else:
            rows.append(_other(gate, task, gates, table.without(oracles), solved, at))
    return rows


def _place(table: GateTable, gap: Gap) -> int:
    """Return which arm of a table the oracle of a gap is."""
    return next(
        i
        for i, arm in enumerate(table.arms)
        if arm.method == gap.oracle and gap.oracle_at.items() <= dict(arm.point).items()
    )


def _other(
    gate: GateName, task: Entry, gates: Gates, table: GateTable, records: Sequence[Record],
    at: Mapping[str, str | int | float | bool],
) -> GateRow:  # fmt: skip
    if gate == "strategies":
        return gate_table.strategies(gates, _stored(task) or table, at)
    usual = registry.find(f"{task.name}/{gates.default}").card.defaults
    own = [r for r in records if r.cell.method == gates.default and dict(r.cell.point) == usual]
    if gate == "failures":
        kinds = Counter(_kind(record) for record in own)
        return gate_table.failures(gates, kinds, table.n, at)
    quality, _ = axes_of(task.card)
    values = np.array([record.values[quality.name] for record in own])
    return gate_table.saturation(gates, values, table.n, at)


def _stored(task: Entry) -> GateTable | None:
    """Return what a task has in store of development cases; None where it has nothing."""
    own = getattr(registry.load(registry.find(task.name)), "development", None)
    if own is None:
        return None
    found: StaticOutcomes = own()
    arms = [Arm(name, {}) for name in found.names]
    return GateTable(
        arms, found.quality, 0 * found.quality, found.work, found.group, len(found.group)
    )


def axes_of(card: Card) -> tuple[Metric, Metric]:
    """Return the primary quality and work of a task."""
    primary = {metric.role: metric for metric in card.metrics if metric.primary}
    return primary["quality"], primary["work"]


def table_of(card: Card, gates: Gates, records: Sequence[Record]) -> GateTable:
    """Return the table of some records; a set of cases is as many rows as it has parts (`groups`)."""
    quality, work = axes_of(card)
    sign = 1.0 if quality.better == "higher" else -1.0
    arms: dict[str, Arm] = {}
    cells: dict[str, dict[Unit, Record]] = defaultdict(dict)
    for record in records:
        arm = Arm(record.cell.method, record.cell.point)
        arms.setdefault(arm.name, arm)
        cells[arm.name][record.cell.seed, record.case] = record
    shared = sorted(set.intersection(*(set(own) for own in cells.values())))
    names = gates.groups or (quality.name,)
    columns = [[cells[name][unit] for unit in shared] for name in arms]
    values = np.array(
        [[sign * one.values[name] for name in names for one in own] for own in columns]
    )
    luck = np.array([[one.values.get(f"{KIND}{gate_table.LUCK}", 0.0) for _ in names for one in own]
                     for own in columns])  # fmt: skip
    costs = np.array([[one.values[work.name] for _ in names for one in own] for own in columns])
    labels = [cells[next(iter(arms))][unit].group for unit in shared]
    kinds = sorted(set(labels))
    group = [
        place if gates.groups else kinds.index(label)
        for place, _ in enumerate(names)
        for label in labels
    ]
    first = columns[0]
    n = int(sum(one.values[gates.count] for one in first)) if gates.count else len(shared)
    return GateTable(list(arms.values()), values.T, luck.T, costs.T, np.array(group, np.int64), n)


def _kind(record: Record) -> str:
    found = [name.removeprefix(KIND) for name in record.values if name.startswith(KIND)]
    return found[0] if found else ""
