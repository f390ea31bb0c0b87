"""Which settings the gates of a task are measured on: every static method that runs there, and oracles."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card, Gap, Gates, Scalar
from adabench.harness.contract.registry import Entry
from adabench.harness.plan.grid import SOURCES, Selection, select_settings

FIRST_SEED = 800
"""Of development: seeds from here on are of no run of ours and of no pilot."""


def conditions_of(task: Card, gates: Gates) -> dict[str, Scalar]:
    """Return all conditions that gates are measured under."""
    return {**task.defaults, **gates.at, **gates.cases}


def seeds_of(gates: Gates) -> tuple[int, ...]:
    """Return the seeds whose cases gates are measured on."""
    if isinstance(gates.seeds, tuple):
        return gates.seeds
    return tuple(range(FIRST_SEED, FIRST_SEED + gates.seeds))


def statics_of(task: Entry, gates: Gates) -> list[Entry]:
    """Return every static method of a task that runs under the conditions of gates.

    What another package brings along has no say, and what lacks an extra, or what the named data do not hold,
    cannot be run.
    """
    lacks = _lacks(task, gates)
    return [
        method
        for method in registry.methods(task.name).values()
        if method.card.role == "static" and _runs_there(method.card, task.card, gates)
        if method.module.partition(".")[0] == task.module.partition(".")[0]
        if registry.availability(method)[0]
        if not any(
            one.name in lacks and one.is_needed(method.card.defaults)
            for one in method.card.abilities
        )
    ]


def _lacks(task: Entry, gates: Gates) -> frozenset[str]:
    """Return the abilities that methods do not get of the models or data that gates name."""
    if not SOURCES & gates.at.keys():
        return frozenset()
    own = getattr(registry.load(task), "missing_abilities", None)
    return frozenset(own(conditions_of(task.card, gates))) if own else frozenset()


def gaps_of(task: Entry, gates: Gates) -> list[Gap]:
    """Return, a use of an oracle each, what is measured between statics and oracles that run there and do not win by luck."""
    if "room" in gates.without:
        return []
    known = {method.name: method.card for method in registry.methods(task.name).values()}
    found: dict[str, Gap] = {}  # by the oracle and what it is asked
    for gap in task.card.gaps or _by_role(known):
        oracle = known.get(gap.oracle)
        if oracle is None or oracle.wins_by_luck or not gap.mixture:
            continue
        strict = replace(gates, anywhere=())
        if gap.oracle in (gates.oracles or known) and _runs_there(oracle, task.card, strict):
            name = f"{gap.oracle} {sorted(gap.oracle_at.items())}"
            before = found.get(name, replace(gap, methods=()))
            found[name] = replace(before, methods=(*before.methods, *gap.methods))
    return list(found.values())


def _by_role(known: Mapping[str, Card]) -> list[Gap]:
    """Return what a task with one backbone is measured between: all statics and each oracle, for all methods."""
    statics = tuple(name for name, card in known.items() if card.role == "static")
    return [Gap(statics, (), name) for name, card in known.items() if card.role == "oracle"]


def _runs_there(method: Card, task: Card, gates: Gates) -> bool:
    there = conditions_of(task, gates)
    free = {*gates.anywhere, *gates.cases}
    return all(there.get(name, at) == at or name in free for name, at in method.conditions.items())


def selections(task: Entry, gates: Gates) -> list[Selection]:
    """Return every setting of the statics, and each oracle at the point at which it counts.

    Where nothing is compared the default static alone is run.
    """
    fixed = conditions_of(task.card, gates)
    alone = {"room", "strategies"} <= gates.without.keys()
    statics = [one for one in statics_of(task, gates) if not alone or one.name == gates.default]
    found = [select_settings(task, method, fixed=fixed, star=not alone) for method in statics]
    for gap in gaps_of(task, gates):
        entry = registry.find(f"{task.name}/{gap.oracle}")
        found.append(select_settings(task, entry, fixed={**fixed, **gap.oracle_at}, star=False))
    return found


def digest(task: Entry) -> str:
    """Return a digest of what the gates of a task are measured on: the declaration, the margins and every setting."""
    parts: list[Mapping[str, object] | Sequence[object]] = []
    for gates in task.card.gates:
        parts.append(asdict(gates))
        parts.append([[gap.oracle, gap.room, list(gap.methods)] for gap in gaps_of(task, gates)])
        parts += [[one.method.address, list(one.settings)] for one in selections(task, gates)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
