"""What a selected method is measured between: its statics, its oracle, its random router, the task's controls.

A number that says how much of a gap was closed, or that a claim tells a method from chance, needs them
on the same cases. So whoever selects an adaptive method gets them along, unless it is to run alone. A
static or a control that is made for other conditions than those of the method stays away.
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
        base = {**dict(method.card.conditions), **fixed}
        free = {*swept, task.card.budget}
        known = registry.methods(task.name)
        mixture = {
            name
            for gap in gaps
            for name in gap.mixture
            if _fits(task, known.get(f"{task.name}/{name}"), base, free)
        }
        others = {name for gap in gaps for name in (gap.oracle, gap.coin)}
        others |= _controls(task, method, base, free)
        base = {name: value for name, value in base.items() if name not in swept}
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
    return {
        entry.name
        for entry in registry.methods(task.name).values()
        if entry.card.controls(method.name) and _fits(task, entry, fixed, free)
    }


def _fits(
    task: Entry, companion: Entry | None, fixed: Mapping[str, Scalar], free: set[str]
) -> bool:
    """Tell whether a method is made for conditions at which another one runs.

    Raises:
        SelectionError: if a value is not one that a condition takes.
    """
    if companion is None:
        return False
    conditions = {
        knob.name: check_value(knob, fixed.get(knob.name, knob.default)) for knob in task.card.knobs
    }
    return all(
        name in free or conditions.get(name, value) == value
        for name, value in companion.card.conditions.items()
    )
