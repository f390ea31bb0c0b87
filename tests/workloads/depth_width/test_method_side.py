"""The family's tasks as the process of a method sees them, held against the tasks that score."""

import dataclasses
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.contract.protocols import rehearse
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.run.execute import Bench
from adabench.harness.run.method_handle import ServerHandle
from adabench.harness.run.record_values import TIMED
from adabench.harness.run.settings import Settings
from adabench.workloads.depth_width.classify import task as classify
from adabench.workloads.depth_width.classify.substrate.queries import Keys
from adabench.workloads.depth_width.ledger import task as ledger
from adabench.workloads.depth_width.ledger_affine import task as ledger_affine
from adabench.workloads.depth_width.ledger_cot import task as ledger_cot
from adabench.workloads.depth_width.ledger_cot.substrate import traces
from adabench.workloads.depth_width.ledger_qa import task as ledger_qa
from adabench.workloads.depth_width.substrate import questions, stream
from tests.workloads.lone_substrate import assert_knows_nothing

HIDDEN = {
    "classify": classify.Classify | Keys,
    "ledger": ledger.Ledger | stream.Labels | stream.Corpus,
    "ledger_affine": ledger_affine.LedgerAffine | stream.Labels | stream.Corpus,
    "ledger_cot": ledger_cot.LedgerCot | traces.Keys | traces.Reckoned,
    "ledger_qa": ledger_qa.LedgerQa | questions.Keys | questions.Asked,
}
"""By task: what no method may reach."""
OPEN = ("ledger/hindsight", "ledger/hindsight_units")
SMALL_SEARCHES: dict[str, dict[str, Any]] = {"ledger_qa/static_path": {"length": 1}}
"""Knobs of methods that try many settings before they are ready: one is enough to see what they hold."""
METHODS = [
    (name, SMALL_SEARCHES.get(name, {}))
    for task in HIDDEN
    for name, entry in sorted(registry.methods(task).items())
    if name not in OPEN and (entry.card.role != "oracle" or task == "ledger")
]
CELLS: list[tuple[str, dict[str, Any]]] = [
    ("ledger/mor", {}),
    ("ledger/random_exit", {"mode": "decode1"}),
    ("ledger/informed_routing", {"width": 128}),
    ("ledger/duo_segments", {}),
    ("ledger/hindsight", {}),
    ("ledger_affine/versatile_ffn", {}),
    ("ledger_affine/random_loops", {"mode": "decode16"}),
    ("ledger_affine/loops_hindsight", {}),
    ("ledger_cot/system_1_5", {}),
    ("ledger_cot/prepared_shortcuts", {}),
    ("ledger_cot/step_oracle", {}),
    ("ledger_qa/dr_llm", {}),
    ("ledger_qa/random_paths", {"mode": "decode1"}),
    ("ledger_qa/path_oracle", {}),
    ("classify/hecto", {}),
    ("classify/random_gate", {}),
    ("classify/right_expert", {}),
]
Values = Callable[..., list[Mapping[str, float]]]
SMALL = 500
"""Bytes of a substrate at most: the tokens of a single sequence are more."""


def loaded(name: str, **conditions: Any) -> Any:
    module = registry.load(registry.find(name))
    return module.load("embedded", 0, **{**module.CHECK_CONDITIONS, **conditions})


def solved_here(cell: Cell) -> Iterator[Mapping[str, float]]:
    """Solve and score all cases of a cell in this process, with the task itself."""
    task, method = loaded(cell.task, **cell.conditions), registry.load(registry.find(cell.address))
    state = method.prepare(task, cell.point, cell.seed)
    for case in task.cases():

        def solve(case: Any = case) -> Any:
            return method.solve(state, case, cell.point)

        rehearse(task, solve)
        yield task.score(case, solve())


def test_what_methods_get_has_neither_cases_nor_truth() -> None:
    """In one new process for all: what any of them imports would be seen."""
    sent = []
    for name in HIDDEN:
        task = loaded(name)
        sent.append(pickle.dumps(task.substrate(), protocol=5))
        assert len(sent[-1]) < SMALL < min(len(pickle.dumps(case)) for case in task.cases()), name
    assert_knows_nothing(sent, "calibration")


def reachable(root: object) -> Iterator[object]:
    """Everything that a method can get at from what it holds, attributes and closures alike."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        thing = stack.pop()
        if id(thing) in seen or isinstance(thing, str | int | float | type):
            continue
        seen.add(id(thing))
        yield thing
        if isinstance(thing, dict):
            stack += [*thing.keys(), *thing.values()]
        elif isinstance(thing, list | tuple | set):
            stack += list(thing)
        elif not isinstance(thing, torch.Tensor | np.ndarray):
            stack += list(getattr(thing, "__dict__", {}).values())
            cells = getattr(thing, "__closure__", None) or ()
            stack += [cell.cell_contents for cell in cells]


@pytest.mark.parametrize(("address", "knobs"), [*METHODS, ("ledger/mor", {"rule": "capacity"})])
def test_truth_is_out_of_reach(address: str, knobs: dict[str, Any]) -> None:
    entry = registry.find(address)
    task, hidden = loaded(entry.task), HIDDEN[entry.task]
    assert any(isinstance(thing, hidden) for thing in reachable(task) if thing is not task)
    state = registry.load(entry).prepare(task, entry.card.defaults | knobs, 0)
    for root in (state, *task.cases(), task.calibration()):
        assert not any(isinstance(thing, hidden) for thing in reachable(root))


def cell_of(address: str, conditions: Mapping[str, Any], **knobs: Any) -> Cell:
    entry = registry.find(address)
    few = registry.load(registry.find(entry.task)).CHECK_CONDITIONS
    chosen = {**few, **({"batches": 1} if "batches" in few else {}), **conditions}
    return Cell(entry.task, entry.name, {**entry.card.defaults, **knobs}, chosen, "embedded", 0)


@pytest.fixture(scope="module")
def values() -> Iterator[Values]:
    """Run a cell as a run does; return what its preparation and its cases gave.

    Servers stay: each imports torch. A method has a process of its own every time.
    """
    servers: dict[str, ServerHandle] = {}

    def run(cell: Cell, folder: Path | None = None) -> list[Mapping[str, float]]:
        settings = Settings(window_s=0.0, retakes=0, cache_folder=folder)
        with closing(Bench(settings, servers=servers, shared=True)) as bench:
            steps = (step.news() for step in bench.steps(Turn(cell, 0)))
            found = [record for record in steps if record is not None]
        assert [record.note for record in found if record.status != "ok"] == []
        return [record.values for record in found]

    yield run
    for server in servers.values():
        server.close()


@pytest.mark.parametrize(("address", "conditions"), CELLS)
def test_a_process_of_its_own_counts_what_this_one_does(
    address: str, conditions: dict[str, Any], values: Values
) -> None:
    cell = cell_of(address, conditions)
    _, *solved = values(cell)
    for got, wanted in zip(solved, solved_here(cell), strict=True):
        plain = {name: value for name, value in wanted.items() if not name.endswith(TIMED)}
        assert plain
        assert {name: got[name] for name in plain} == plain


def test_where_nothing_is_scored_no_logits_leave_a_process() -> None:
    """At scale `gpu` the logits of a batch are 3 GB."""
    plain = loaded("ledger", sequences=2, batches=1)
    task, substrate = dataclasses.replace(plain, scale="gpu"), plain.substrate()
    (case,) = task.cases()
    answer = substrate.reader("vanilla-2").read(case)
    object.__setattr__(substrate, "scale", "gpu")  # its models need a device
    tally = substrate.account(case, answer)
    assert tally.logits.numel() == 0
    values, again = task.judge(case, tally), plain.reader("vanilla-2").read(case)
    assert values == {
        name: value for name, value in plain.score(case, again).items() if name in values
    }
    assert values["executions"] == 2
    assert "accuracy" not in values


@pytest.mark.parametrize(
    ("address", "knobs"),
    [
        ("ledger/hindsight_units", {}),
        ("ledger_qa/path_oracle", {"simulations": 5}),
        ("ledger_qa/static_path", {"length": 1}),
    ],
)
def test_a_search_is_paid_for_once(
    address: str, knobs: dict[str, Any], tmp_path: Path, values: Values
) -> None:
    cell = cell_of(address, {}, **knobs)
    first, *solved = values(cell, tmp_path)
    (file,) = tmp_path.iterdir()
    again, *others = values(cell, tmp_path)
    assert again == first  # what it cost when it ran, to the nanosecond
    assert [file] == list(tmp_path.iterdir())
    for one, other in zip(solved, others, strict=True):
        assert one["executions"] == other["executions"]
        assert one["accuracy"] == other["accuracy"]
