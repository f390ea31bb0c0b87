"""What solving cost: records in memory by lm-eval task, and in run folders that our commands read."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from adabench.harness.contract.record import Record
from adabench.harness.store import run_folder
from adabench.profilers.energy.energy_probe import energy_label
from adabench.workloads.shared.lm_eval_bridge.subject import journal

JOULES = "_j"
"""How names of energies end."""


class CostJournals:
    """The records of one model, and their journals under a folder, if there is one."""

    def __init__(self, out: Path | None) -> None:
        self.out = out
        self.records: dict[str, list[Record]] = defaultdict(list)
        self._journals: dict[str, run_folder.Run] = {}
        """Of this call, closed when it ends."""
        self._opened = ExitStack()
        self._begun: set[str] = set()
        """Tasks whose journals were opened before."""

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Close the journals when all requests of a call have been answered."""
        with ExitStack() as opened:
            self._opened = opened
            try:
                yield
            finally:
                self._journals.clear()

    def add(self, task_name: str | None, record: Record, more: Mapping[str, float]) -> None:
        """Keep what a case cost, in memory and in the journal of its lm-eval task."""
        task = task_name or "lm_eval"
        whole = replace(record, case=len(self.records[task]), values={**record.values, **more})
        self.records[task].append(whole)
        if self.out is not None:
            self._journal(self.out / task, task, whole).append(whole)

    def summary(self) -> dict[str, Any]:
        """Return means over cases, and how joules came about."""
        means = {task: _means(records) for task, records in self.records.items()}
        joules = {name for found in means.values() for name in found if name.endswith(JOULES)}
        return {
            "per_case": means,
            "energy_labels": {name: energy_label(name) for name in sorted(joules)},
        }

    def _journal(self, folder: Path, task: str, record: Record) -> run_folder.Run:
        if task not in self._journals:
            again = task in self._begun
            asked = {"lm_eval_task": task}
            run = run_folder.resume(folder) if again else journal(folder, record.cell, asked)
            self._journals[task] = self._opened.enter_context(run)
            self._begun.add(task)
        return self._journals[task]


def _means(records: Sequence[Record]) -> dict[str, float]:
    """Return means over cases of what every one of them has."""
    names = set.intersection(*(set(record.values) for record in records))
    return {
        name: sum(record.values[name] for record in records) / len(records)
        for name in sorted(names)
    }
