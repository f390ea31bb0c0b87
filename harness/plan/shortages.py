"""Which methods of a plan will be skipped: they need what the model of their task does not give.

A card names what its method needs (`Card.abilities`). A task whose conditions name a model may have a
function `missing_abilities(conditions)`: it returns, by name, why an ability is not there and what
would give it, and loads no weights. A run says this before it begins. That a method was skipped its
record says as well, in the method's own words (`harness/run/step.py`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from adabench.harness.contract import registry
from adabench.harness.contract.card import Ability
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.errors import MissingAbility

Absence = tuple[str, str]
"""Why an ability is not there, and what would give it; both are sentences."""
Absences = Callable[[Cell], Mapping[str, Absence]]
"""What is not there under a cell's conditions."""
Obstacle = Callable[[Cell], Absence | None]
"""Why a cell's model has no such point, if it has none."""
POINT = Ability("another setting")
"""What a method needs whose point the model cannot have."""


@dataclass(frozen=True)
class Shortage:
    """An ability that is missing, and the methods that need it."""

    ability: str
    why: str
    remedy: str
    methods: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Return what is missing to whom, and why."""
        need = "needs" if len(self.methods) == 1 else "need"
        return f"{', '.join(self.methods)} {need} {self.ability}. {self.why}"

    def __str__(self) -> str:
        """Return what a run says before it begins."""
        return f"will be skipped: {self.reason} {self.remedy}"


def find_shortages(
    turns: Iterable[Turn], absences: Absences, obstacle: Obstacle = lambda cell: None
) -> tuple[Shortage, ...]:
    """Return what the methods of a plan lack.

    Raises:
        MissingAbility: if no turn is left of the plan.
    """
    needy: defaultdict[tuple[str, Absence], dict[str, Ability]] = defaultdict(dict)
    able: set[str] = set()
    needs = cache(
        lambda address: registry.find(address).card.abilities
    )  # a find takes milliseconds
    for turn in turns:
        lacking = _lacking(turn.cell, needs, absences(turn.cell))
        if blocked := obstacle(turn.cell):
            lacking.append((POINT, blocked))
        for ability, absence in lacking:
            needy[ability.name, absence][turn.cell.address] = ability
        if not lacking:
            able.add(turn.cell.address)
    found = tuple(
        Shortage(name, why, remedy, tuple(_worded(methods, able)))
        for (name, (why, remedy)), methods in sorted(needy.items())
    )
    if found and not able:
        raise MissingAbility(
            f"No method of the selection can run: {' '.join(one.reason for one in found)}",
            " ".join(one.remedy for one in found),
        )
    return found


def _lacking(
    cell: Cell, needs: Callable[[str], tuple[Ability, ...]], absences: Mapping[str, Absence]
) -> list[tuple[Ability, Absence]]:
    """Return the abilities that a method needs at a point and that are not there."""
    if not absences:
        return []
    return [
        (ability, absences[ability.name])
        for ability in needs(cell.address)
        if ability.name in absences and ability.is_needed(cell.point)
    ]


def _worded(methods: Mapping[str, Ability], able: set[str]) -> Iterable[str]:
    """Return addresses; with one that can do without the ability, by which knobs."""
    for address, ability in sorted(methods.items()):
        some = (
            "at some settings" if address in able and (ability.unless or ability is POINT) else ""
        )
        but = f"not with {ability.without}" if ability.unless else ""
        words = ", ".join(filter(None, (some, but)))
        yield f"{address} ({words})" if words else address
