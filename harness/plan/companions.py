"""What a selected method is measured between: its statics, its oracle, its random router, the task's controls.

A number that says how much of a gap was closed, or that a claim tells a method from chance, needs them
on the same cases. So whoever selects an adaptive method gets them along, unless it is to run alone. A
control that is made for other conditions than those of the method stays away.
Of the mixture every setting is run, for a mixture of one is none; of the others the default.
"""

from collections.abc import Iterator, Mapping, Sequence

from adabench.harness.contract import registry
from adabench.harness.contract.card import Gap, Scalar
from adabench.harness.contract.registry import Entry
from adabench.harness.plan.grid import Selection, Sweep, check_value, select_settings

Pair = tuple[Entry, Entry]


def companions(
    pairs: Sequence[Pair], fixed: Mapping[str, Scalar], swept: Sweep, *, star: bool
) -> Iterator[Selection]:
    """Yield what goes along with the adaptive methods among some (task, method) pairs.

    Raises:
        SelectionError: if a value is not one that a knob takes.
    """
    chosen = {method.address for _, method in pairs}
    for task, method in pairs:
        if method.card.role != "adaptive":
            continue
        gaps = _gaps_of(task, method)
        mixture = {name for gap in gaps for name in gap.mixture}
        base = {**dict(method.card.conditions), **fixed}
        others = {name for gap in gaps for name in (gap.oracle, gap.coin)}
        others |= _controls(task, method, base, {*swept, task.card.budget})
        base = {name: value for name, value in base.items() if name not in swept}
        known = registry.methods(task.name)
        for address in sorted(f"{task.name}/{name}" for name in mixture | others if name):
            companion = known.get(address)
            if address in chosen or companion is None or not registry.availability(companion)[0]:
                continue
            chosen.add(address)
            plain = select_settings(task, companion, fixed=base, swept=swept, star=star)
            yield plain
            if companion.name in mixture and (swept or not star):
                for conditions in {str(own): own for _, own in plain.settings}.values():
                    yield select_settings(task, companion, fixed={**base, **conditions})


def _gaps_of(task: Entry, method: Entry) -> list[Gap]:
    """Return the gaps that a task's card names for a method; without any, what the roles say."""
    if task.card.gaps:
        return [gap for gap in task.card.gaps if method.name in gap.methods]
    cards = {entry.name: entry.card for entry in registry.methods(task.name).values()}
    statics = tuple(name for name, card in cards.items() if card.role == "static")
    oracles = [name for name, card in cards.items() if card.role == "oracle"]
    exact = [name for name in oracles if cards[name].oracle == "exact"]
    return [Gap(statics, (method.name,), (exact or oracles or [""])[0])]


def _controls(task: Entry, method: Entry, fixed: Mapping[str, Scalar], free: set[str]) -> set[str]:
    """Return a method's controls but those that are made for other conditions, of which some are free.

    Raises:
        SelectionError: if a value is not one that a condition takes.
    """
    conditions = {
        knob.name: check_value(knob, fixed.get(knob.name, knob.default)) for knob in task.card.knobs
    }
    return {
        entry.name
        for entry in registry.methods(task.name).values()
        if entry.card.controls(method.name)
        and all(
            name in free or conditions.get(name, value) == value
            for name, value in entry.card.conditions.items()
        )
    }
