"""Budgets of the test suite: what the tests of each room may take, by what CI measured last.

`tests/costs.toml` is written by `CI=true make test`, so a room that has grown fails here as soon as its
new costs are committed, and a task without costs fails until they are.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from checks.offence import Offence
from checks.tree import Tree

FILE = "tests/costs.toml"
HOW = "Write the costs anew with `CI=true make test`"


@dataclass(frozen=True)
class Budget:
    """What rooms may take together."""

    processor_s: float
    interpreters: int


A_TASK = Budget(13.0, 20)
"""A task's tests and the conformance of its methods."""
BUDGETS: Mapping[tuple[str, ...], Budget] = {
    ("cli",): Budget(120.0, 80),
    ("harness",): Budget(120.0, 140),
    ("reports", "docs"): Budget(120.0, 40),
    ("profilers", "kernels"): Budget(80.0, 60),
    ("shared",): Budget(120.0, 40),
}
OTHERS = Budget(60.0, 80)
"""All other rooms together: the checks, packaging, cheats, the suite itself."""

Cost = Mapping[str, float]


def offences(tree: Tree) -> Iterator[Offence]:
    """Yield the rooms whose tests take more than their budget, and tasks without costs."""
    if not (tree.root / "tests").is_dir():
        return
    try:
        document = tomllib.loads((tree.root / FILE).read_text(encoding="utf-8"))
        rooms: Mapping[str, Cost] = document["rooms"]
    except (OSError, LookupError, tomllib.TOMLDecodeError) as broken:
        yield Offence("test-costs", FILE, f"{FILE} cannot be read: {broken}. {HOW}.")
        return
    tasks = {f"task {source.parts[2]}" for source in tree.sources if _is_task(source.parts)}
    for task in sorted(tasks - rooms.keys()):
        yield Offence("test-costs", task, f"{FILE} has no costs of the {task}. {HOW}.")
    for task in sorted(tasks & rooms.keys()):
        yield from _over(task, [rooms[task]], A_TASK)
    for names, budget in BUDGETS.items():
        yield from _over(" and ".join(names), [rooms[n] for n in names if n in rooms], budget)
    budgeted = {name for names in BUDGETS for name in names}
    rest = [cost for room, cost in rooms.items() if room not in budgeted | tasks]
    yield from _over("all other rooms", rest, OTHERS)


def _is_task(parts: tuple[str, ...]) -> bool:
    return parts[0] == "workloads" and len(parts) == 4 and parts[3] == "task.py"


def _over(room: str, costs: list[Cost], budget: Budget) -> Iterator[Offence]:
    took_s = sum(cost["processor_s"] for cost in costs)
    started = int(sum(cost["interpreters"] for cost in costs))
    if took_s > budget.processor_s:
        yield Offence(
            "test-costs", f"{room}: processor",
            f"The tests of {room} take {took_s:.1f} processor seconds, and "
            f"{budget.processor_s:g} are allowed. Its dearest files stand in {FILE}: share what they set "
            f"up, or take smaller cases. {HOW}.", round(took_s),
        )  # fmt: skip
    if started > budget.interpreters:
        yield Offence(
            "test-costs", f"{room}: interpreters",
            f"The tests of {room} start {started} Python interpreters, and {budget.interpreters} are "
            "allowed. A test that is not about a fresh start can use the fixture `command`, or a fork "
            f"(tests/suite/warm_session.py). {HOW}.", started,
        )  # fmt: skip
