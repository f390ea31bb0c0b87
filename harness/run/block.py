"""A block of a run: a loaded task under one seed and one set of conditions, ready to be handed out.

The task itself stays here, with truth and scores. What leaves is its substrate, pickled once; each
case, when it is to be solved; and the whole task for oracles alone, which are meant to know.
"""

import importlib.util
import os
import pickle
import re
import threading
import weakref
from collections.abc import Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.contract.protocols import case_environment, runs_in_processes
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import AdabenchError, MethodContractError, SelectionError
from adabench.harness.provenance.import_graph import Source
from adabench.harness.provenance.source_digests import own, sources_of
from adabench.harness.run.case_data import CaseData, pickled_case
from adabench.harness.run.guards.method_needs import method_needs
from adabench.harness.run.guards.truth_guard import is_truth
from adabench.harness.run.interventions.permuted_signal import partners
from adabench.harness.run.settings import Settings

_IMPORT = re.compile(r"^\s*(?:from|import)\s+([A-Za-z_]\w*)", re.MULTILINE)
HEAVY = frozenset((
    "networkit", "networkx", "numba", "numpy", "pandas", "pyscipopt", "highspy", "scipy",
    "sklearn", "safetensors", "torch", "transformers",
))  # fmt: skip
"""Libraries whose import takes so long that a server does it once for all methods."""

IMPORT_EARLY = 3
"""Tasks whose servers import before the first measurement; each may hold some 200 MB (torch)."""
MOST_ALIVE, MOST_ON_DEVICE = 48, 4
"""Processes of methods that live at once: the largest task has some forty methods, and one that is started
anew for each of its settings warms up anew. Each on a device holds a context of its own there."""
OF_CLOCKS = ("_s", "_j")
"""Ends of the names of times and energies."""


@dataclass
class LoadedBlock:
    """A task as the parent holds it, and its parts as they travel."""

    name: str
    entry: Entry
    task: Any
    cases: list[Any]
    scale: str
    outcomes: tuple[type, ...]
    conditions: Mapping[str, Any] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    """Held by who asks the task something, where several threads do."""
    _data: dict[tuple[int, bool], CaseData] = field(default_factory=dict)

    @property
    def on_device(self) -> bool:
        """Whether its methods use an accelerator."""
        return self.scale == "gpu" or bool(getattr(self.task, "on_device", False))

    @property
    def most_alive(self) -> int:
        """How many of its methods may live at once; on a device, as few as the task asks for."""
        if self.on_device:
            return min(MOST_ON_DEVICE, getattr(self.task, "most_on_device", MOST_ON_DEVICE))
        return MOST_ALIVE

    @property
    def outcome_names(self) -> list[list[str]]:
        """The module and name of each class that may stand in an outcome."""
        return [[kind.__module__, kind.__qualname__] for kind in self.outcomes]

    @property
    def unseen(self) -> frozenset[str]:
        """The metrics that nothing can see under its conditions: the work of a server, say."""
        return frozenset(getattr(self.task, "unseen", ()))

    @cached_property
    def by_clock(self) -> frozenset[str]:
        """The metrics that take a clock or a meter of energy to see, or follow from what does."""
        return frozenset(
            metric.name for metric in self.entry.card.metrics
            if metric.clocked or metric.name.endswith(OF_CLOCKS)
        )  # fmt: skip

    @cached_property
    def metric_names(self) -> frozenset[str]:
        """The names that the task's card declares."""
        return frozenset(metric.name for metric in self.entry.card.metrics)

    @cached_property
    def substrate(self) -> bytes:
        """What methods get, pickled.

        Raises:
            MethodContractError: if the task has none.
        """
        make = getattr(self.task, "substrate", None)
        if make is None:
            raise MethodContractError(
                f"{self.entry.address} has no substrate() to give to methods.",
                "Return what methods call, with a meter and without truth and test cases.",
            )
        with self.lock:
            return pickle.dumps(make(), protocol=5)

    @cached_property
    def oracle(self) -> bytes:
        """What oracles get, pickled: the task itself, unless it gives them something of their own."""
        make = getattr(self.task, "oracle_substrate", None)
        with self.lock:
            return pickle.dumps(self.task if make is None else make(), protocol=5)

    def case_message(
        self, index: int, method: Entry, known: Container[int]
    ) -> tuple[dict[str, Any], list[int]]:
        """Name a case, and send it unless it is `known`: solved once, for a failure may change it.

        A large one goes as an open file, which costs no copy.
        """
        message, files = self._case_message(index, method, known)
        if method.permuted:
            partner, more = self._case_message(self._partners[index], method, known)
            message["partner"] = {**partner, "after": len(files)}
            files = [*files, *more]
        return message, files

    def sent_with(self, index: int, method: Entry) -> tuple[int, ...]:
        """Return the cases that go with the message of one."""
        return (index, self._partners[index]) if method.permuted else (index,)

    @cached_property
    def _partners(self) -> list[int]:
        """By case: whose signal it gets where signals are permuted."""
        if len(self.cases) < 2:
            raise SelectionError(
                f"{self.entry.address} has one case under these conditions, and no other one's signal to give it.",
                "Ask for more cases.",
            )
        return partners(len(self.cases), self.name)

    def _case_message(
        self, index: int, method: Entry, known: Container[int]
    ) -> tuple[dict[str, Any], list[int]]:
        if index in known:
            return {"index": index, "case": None, "sizes": []}, []
        data = self.case_data(index, oracle=method.card.role == "oracle")
        return {"index": index, **data.message()}, [] if data.file is None else [data.file]

    def case_data(self, index: int, *, oracle: bool) -> CaseData:
        """Return one case and what the substrate runs it against, pickled once."""
        with self.lock:
            if (index, oracle) not in self._data:
                case = self.cases[index]
                found = pickled_case((case, case_environment(self.task, case, oracle=oracle)))
                if found.file is not None:
                    weakref.finalize(self, os.close, found.file)
                self._data[index, oracle] = found
            return self._data[index, oracle]


def needs_before_fork(method: Entry) -> dict[str, Any]:
    """Return what a server should read before it forks a method: its source, libraries, parts."""
    source = Source(method.module, method.path)
    return {"module": source.module, "path": str(source.path), "modules": _imports_of(source)}


def start_order(
    method: Entry,
    block: LoadedBlock | None,
    settings: Settings,
    rules_of: Entry | None = None,
    writes: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return what a new process is to know of its method, which may write into some folders."""
    on_device = block is not None and block.on_device
    oracle = block is not None and method.card.role == "oracle"
    needs = method_needs(
        registry.find(method.task), method, {} if block is None else block.conditions,
        settings.meters, truth=oracle or rules_of is not None, on_device=on_device,
        in_processes=block is not None and runs_in_processes(block.task),
    )  # fmt: skip
    return {
        "address": method.address,
        "entry": pickle.dumps(method),
        "rules_of": pickle.dumps(rules_of) if rules_of else None,
        **needs_before_fork(method),
        "oracle": block.oracle if block is not None and oracle else None,
        "settings": settings.to_json(),
        "device": "cuda" if on_device else None,
        "outcomes": block.outcome_names if block is not None else [],
        "needs": replace(needs, write=(*needs.write, *writes)).to_json(),
    }


def first_methods(turns: Iterable[Turn]) -> list[Entry]:
    """Return the first method of each of the first tasks of a run: their servers import early.

    All of them do so while the first task loads and nothing is measured. A name that is not known is
    left out: its turn will say so.
    """
    first: dict[str, Entry] = {}
    for turn in turns:
        if len(first) == IMPORT_EARLY:
            break
        if turn.cell.task not in first:
            with suppress(AdabenchError):
                first[turn.cell.task] = registry.find(turn.cell.address)
    return list(first.values())


@cache
def _imports_of(method: Source) -> list[str]:
    names: set[str] = set()
    for source in own(sources_of(method)):
        text = source.path.read_text(encoding="utf-8")
        names |= HEAVY & set(_IMPORT.findall(text))
        if ".substrate." in source.module and not is_truth(source.module):
            names.add(source.module)
    if "numba" in names:
        names.add("scipy.linalg")  # numba imports it with the first kernel: 0.13 s a process
    return sorted(name for name in names if importlib.util.find_spec(name.partition(".")[0]))


def block_name(cell: Cell) -> str:
    """Return what tells one block from another: task, scale, seed and conditions."""
    return repr((cell.task, cell.scale, cell.seed, sorted(cell.conditions.items())))


def load_block(cell: Cell) -> LoadedBlock:
    """Load a cell's task.

    Raises:
        SelectionError: if the conditions make no sense.
    """
    entry = registry.find(cell.task)
    module = registry.load(entry)
    task = module.load(cell.scale, cell.seed, **cell.conditions)
    outcomes = tuple(getattr(module, "OUTCOMES", ()))
    cases = list(task.cases())
    return LoadedBlock(
        block_name(cell), entry, task, cases, cell.scale, outcomes, dict(cell.conditions)
    )
