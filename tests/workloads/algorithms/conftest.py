"""What these tasks' tests share: methods, runs of them, a substrate that is alone, counts of two ways."""

import pickle
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.protocols import case_environment
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.run.execute import execute
from tests.workloads.algorithms.task_promises import counts_of
from tests.workloads.lone_substrate import seen_alone

LEAST_BYTES = 64
"""Shorter arrays may be equal by chance."""
TABLES = ("caught", "caught_by_trials", "forbidden", "bad", "long")
"""Of the classes in task_promises.py and reader_promises.py."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Fill the tables of tests that a class inherits."""
    for table in TABLES:
        if metafunc.cls is not None and table in metafunc.fixturenames:
            rows = getattr(metafunc.cls, table)
            metafunc.parametrize(
                table, rows, ids=lambda row: row if isinstance(row, str) else row[0]
            )


def _row_id(row: str | tuple[str | bytes, ...]) -> str:
    """Name a row of a table by its first word, and by what is said of it."""
    return row if isinstance(row, str) else f"{str(row[0])[:40]}-{row[1]!s}"


@pytest.fixture(scope="module")
def methods(request: pytest.FixtureRequest) -> dict[str, ModuleType]:
    """Every method of the task in whose room the test lies, by name."""
    found = registry.methods(request.path.parent.name).values()
    return {entry.name: registry.load(entry) for entry in found}


@pytest.fixture(scope="module")
def run(methods: dict[str, ModuleType]) -> Callable[..., list[dict[str, float]]]:
    """A function that runs a method over a task: the values of each case."""

    def values_of(name: str, task: Any, **knobs: Any) -> list[dict[str, float]]:
        return [values for _, values in _solved(methods[name], task, knobs)]

    return values_of


@pytest.fixture(scope="module")
def values(methods: dict[str, ModuleType]) -> Callable[..., dict[str, dict[str, float]]]:
    """The same by group."""
    return lambda name, task, **knobs: dict(_solved(methods[name], task, knobs))


def _solved(
    method: Any, task: Any, knobs: Mapping[str, Any], seed: int = 0
) -> list[tuple[str, dict[str, float]]]:
    """Return group and values of each case, by the composition that needs no process."""
    found, point = [], {**method.CARD.defaults, **knobs}
    state = method.prepare(task, point, seed) if hasattr(method, "prepare") else task
    for case in task.cases():
        task.meter.clear()
        answer = method.solve(state, case, point)
        counts = {name: float(value) for name, value in task.meter.items()}
        found.append((case.group, {**counts, **task.score(case, answer)}))
    return found


def _load(name: str, seed: int = 0, **conditions: Any) -> Any:
    module = registry.load(registry.find(name))
    return module.load("embedded", seed, **{**module.CHECK_CONDITIONS, **conditions})


@pytest.fixture(scope="session")
def lives_alone() -> Callable[..., None]:
    """A function that asserts that a substrate lives without truth, cases and threads."""

    def check(name: str, **conditions: Any) -> None:
        task = _load(name, **conditions)
        substrate = task.substrate()
        data = pickle.dumps(substrate, protocol=5)
        held = {array for case in task.cases() for array in _arrays(task, case)}
        shown = _buffers(task.training()) if hasattr(task, "training") else []
        assert not any(array in data for array in held - {*shown})
        found = seen_alone([data], "warm" if hasattr(substrate, "warm") else "")
        assert (found["truth"], found["threads"]) == ([], 1)
        assert [one["meter"] for one in found["substrates"]] == [{}]

    return check


def _arrays(task: Any, case: Any) -> list[bytes]:
    """Return what the arrays of a case hold, and those of what the substrate runs it against."""
    return _buffers((case, case_environment(task, case, oracle=True)))


def _buffers(value: Any) -> list[bytes]:
    """Return what the arrays of a value hold."""
    found: list[bytes] = []
    pickle.dumps(value, protocol=5, buffer_callback=lambda b: found.append(bytes(b.raw())))
    return [array for array in found if len(array) >= LEAST_BYTES]


@pytest.fixture(scope="session")
def in_processes() -> Callable[..., dict[str, list[Record]]]:
    """A function that runs methods of a task in processes; their records, by method."""

    def run(
        name: str, methods: Sequence[str], seed: int = 0, **conditions: Any
    ) -> dict[str, list[Record]]:
        module, entry = registry.load(registry.find(name)), registry.find(name)
        chosen = {**entry.card.defaults, **module.CHECK_CONDITIONS, **conditions}
        points = {method: registry.find(f"{name}/{method}").card.defaults for method in methods}
        found: dict[str, list[Record]] = {method: [] for method in methods}
        turns = [
            Turn(Cell(name, method, point, chosen, "embedded", seed), 0)
            for method, point in points.items()
        ]
        for record in execute(turns):
            assert record.status == "ok", record.note
            if record.phase == "solve":
                found[record.cell.method].append(record)
        return found

    return run


@pytest.fixture(scope="session")
def agrees_with_processes(in_processes: Any) -> Callable[..., None]:
    """A function that asserts that methods count the same in processes and in this one."""

    def check(name: str, methods: Sequence[str], seed: int = 0, **conditions: Any) -> None:
        seen = in_processes(name, methods, seed, **conditions)
        for method, records in seen.items():
            module = registry.load(registry.find(f"{name}/{method}"))
            own = _solved(module, _load(name, seed, **conditions), {}, seed)
            assert [record.group for record in records] == [group for group, _ in own]
            for record, (_, values) in zip(records, own, strict=True):
                counted = counts_of(values)
                assert {k: record.values.get(k) for k in counted} == counted, method

    return check
