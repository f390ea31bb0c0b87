"""What the suite costs, room by room: `tests/costs.toml`, and the budgets that `make rules` holds.

Processor seconds, not wall time: they hardly depend on who else uses the machine.
"""

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from tests.suite.dependencies import CONFORMANCE
from tests.suite.unit_plugin import Outcome

FILE = "tests/costs.toml"
SHOWN_S = 0.5
"""Units below it are not listed."""
HEADER = """\
# What the tests of each room took when all ran: processor seconds, interpreters started, tests.
# Written by `CI=true make test`; `make rules` holds the rooms to their budgets (checks/costs.py).
"""


def room_of(unit: str) -> str:
    """Return the room that a unit's costs belong to: a task, or a top folder."""
    file, _, address = unit.partition("[")
    if file == CONFORMANCE:
        return f"task {address.rstrip(']').partition('/')[0]}"
    parts = file.split("/")[1:]
    if parts[0] == "workloads" and len(parts) > 3 and parts[1] != "shared":
        return "shared" if parts[2] == "substrate" else f"task {parts[2]}"
    if parts[0] == "workloads":
        return "shared"
    return parts[0] if len(parts) > 1 else "repository"


def by_room(outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """Add up the units of each room."""
    rooms: dict[str, Outcome] = defaultdict(Outcome)
    for unit, outcome in outcomes.items():
        room = rooms[room_of(unit)]
        room.collected += outcome.collected
        room.processor_s += outcome.processor_s
        room.interpreters += outcome.interpreters
    return dict(rooms)


def write_costs(root: Path, outcomes: Mapping[str, Outcome]) -> None:
    """Write the costs of a run of everything."""
    lines = [HEADER, "[rooms]"]
    for room, cost in sorted(by_room(outcomes).items()):
        lines.append(
            f'"{room}" = {{ processor_s = {cost.processor_s:.1f}, '
            f"interpreters = {cost.interpreters}, tests = {cost.collected} }}"
        )
    lines += ["", f"# Units that took {SHOWN_S} s or more.", "[units]"]
    for unit, outcome in sorted(outcomes.items()):
        if outcome.processor_s >= SHOWN_S:
            lines.append(f'"{unit}" = {outcome.processor_s:.1f}')
    (root / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_unit_costs(root: Path) -> dict[str, float]:
    """Return the processor seconds of the units that are listed."""
    try:
        return dict(tomllib.loads((root / FILE).read_text(encoding="utf-8"))["units"])
    except (OSError, LookupError):
        return {}


def evened(costs_s: Mapping[str, float]) -> dict[str, float]:
    """Return costs of units, those of a task's addresses spread evenly over these.

    Methods are forked from one server, whose seconds are those of whoever is checked when it ends.
    """
    shared: dict[str, list[str]] = defaultdict(list)
    for unit in costs_s:
        if is_address(unit):
            shared[unit.partition("[")[2].partition("/")[0]].append(unit)
    means = {
        unit: sum(costs_s[one] for one in units) / len(units)
        for units in shared.values()
        for unit in units
    }
    return {**costs_s, **means}


def is_address(unit: str) -> bool:
    """Tell a method's address of the conformance suite from a file and from a task's."""
    return unit.startswith(f"{CONFORMANCE}[") and "/" in unit.partition("[")[2]
