"""What methods counted on the small cases of their task, as it was last recorded.

Each task has a `counts.json` beside its tests: for every method the counts and scores of its two small
cases. A change of a substrate or of a method that alters one of them is seen at once, meant or not.
`make counts` records them anew; the difference belongs into the same commit as its reason.

Whole numbers are the same on every machine. Weights and what is trained may round otherwise on another
processor or with other libraries, so there only methods of `algorithms` that prepare nothing are compared.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from adabench.harness.contract import registry
from adabench.harness.contract.registry import Entry
from tests.suite.passes import processor

HERE = Path(__file__).parent
LIBRARIES = ("numpy", "numba", "torch", "transformers")
EXACT_FAMILY, ROUNDED = "algorithms", ("mip", "active_search", "autoscale")
"""A family whose counts come from whole numbers; three of its tasks stand on solvers, learnt weights, least squares."""
TOLERANCE = 1e-9
"""Of a value: what a JSON file and an equal sum in another order may differ by."""

Counts = Sequence[Mapping[str, float]]
"""Of each small case: its counts and scores by name."""


@dataclass(frozen=True)
class RecordedCounts:
    """The file of one task."""

    path: Path
    machine: str
    methods: Mapping[str, Counts]

    def problems(self, entry: Entry, counts: Counts) -> Iterator[str]:
        """Say what a method counts otherwise than it did."""
        if not counts or not (self.machine == machine() or is_exact(entry)):
            return
        if entry.name not in self.methods:
            yield f"no counts of {entry.address} are recorded: make counts ARGS='-k {entry.address}'"
            return
        for case, (now, then) in enumerate(zip(counts, self.methods[entry.name], strict=True)):
            for name in sorted(now.keys() | then.keys()):
                if not _equal(now.get(name), then.get(name)):
                    yield f"{name} of case {case} was {then.get(name)} and is {now.get(name)}"


def read_counts(task: str) -> RecordedCounts:
    """Read what is recorded of a task; nothing if there is no file."""
    path = counts_file(task)
    document = json.loads(path.read_text()) if path.exists() else {"machine": "", "methods": {}}
    return RecordedCounts(path, document["machine"], document["methods"])


def write_counts(task: str, counts: Mapping[str, Counts]) -> None:
    """Record methods of a task; those that are not named stay as they are, if they are still there."""
    here = {entry.name for entry in registry.methods(task).values()}
    known = {**read_counts(task).methods, **counts}
    lines = [
        f"  {json.dumps(name)}: {json.dumps(known[name], sort_keys=True)}"
        for name in sorted(known.keys() & here)
    ]
    head = f'{{"machine": "{machine()}", "methods": {{\n'
    counts_file(task).write_text(head + ",\n".join(lines) + "\n}}\n")


def counts_file(task: str) -> Path:
    """Return where the counts of a task are recorded."""
    return HERE / "workloads" / registry.find(task).path.parent.parent.name / task / "counts.json"


def is_exact(entry: Entry) -> bool:
    """Tell whether a method counts the same on any machine."""
    family = entry.path.relative_to(registry.find(entry.task).path.parent.parent.parent).parts[0]
    whole = family == EXACT_FAMILY and entry.task not in ROUNDED
    return whole and "def prepare(" not in entry.path.read_text()


@cache
def machine() -> str:
    """Return a digest of what rounding depends on: processor and libraries."""
    versions = [f"{name}=={importlib.metadata.version(name)}" for name in LIBRARIES]
    return hashlib.sha256("\n".join((processor(), *versions)).encode()).hexdigest()[:16]


def _equal(now: float | None, then: float | None) -> bool:
    if now is None or then is None:
        return now is then
    return now == then or abs(now - then) <= TOLERANCE * abs(then)
