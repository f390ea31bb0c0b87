"""The tools: look-ups, types and a calculator over one world, with the faults one layer below them.

    server = ToolServer(world, plan)
    server.call(K1, (A7, B12, r5), attempt=0)  ->  (w1, A3, B9, w2, A8, B1)

What a method learns of a fault is the word that a call returned. `K1` and `K2` know the same, and `C1` and `C2`; the
second of each is dearer (`price`). A malformed call returns `none`. With a table of people, which has no index, a
look-up reads all of its rows: everybody whom a question names stands in it, so answers do not depend on its size.
"""

import time
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.fault_plans import FaultPlan
from adabench.workloads.agents.substrate.notation import (
    apply,
    entity_of,
    number_of,
    number_words,
    words_of,
)
from adabench.workloads.agents.substrate.worlds import Entity, World

_OTHERS = 0x7AB1E


class PeopleTable:
    """People by their keys, in no order."""

    def __init__(self, others: int) -> None:
        known = tokens.NAMES * tokens.NUMBERS
        draws = np.random.default_rng(_OTHERS)
        self._keys: npt.NDArray[np.int64] = draws.integers(known, 1 << 40, known + others)
        self._keys[np.linspace(0, known + others - 1, known).astype(np.int64)] = np.arange(known)

    def find(self, entity: Entity) -> Entity | None:
        """Return who stands in the table under a key; all of it is read."""
        rows = np.flatnonzero(self._keys == entity.name * tokens.NUMBERS + entity.number)
        return Entity(*divmod(int(self._keys[rows[0]]), tokens.NUMBERS)) if len(rows) else None


@lru_cache(maxsize=2)
def people_table(others: int) -> PeopleTable | None:
    """Return a table with so many people beside those whom questions name; none for 0."""
    return PeopleTable(others) if others else None


DEADLINE_S = 0.002
"""How long a call that is late blocks."""
UNKNOWN = (tokens.NONE,)
_DEARER = frozenset((tokens.K2, tokens.C2))


def price(tool: int) -> int:
    """Return what a call costs, in calls of the cheaper tool."""
    return 2 if tool in _DEARER else 1


class ToolServer:
    """The tools of one question."""

    def __init__(
        self,
        world: World,
        plan: FaultPlan,
        *,
        deadline_s: float = DEADLINE_S,
        table: PeopleTable | None = None,
    ) -> None:
        self._world, self._plan, self._deadline_s, self._table = world, plan, deadline_s, table

    def call(self, tool: int, arguments: tuple[int, ...], attempt: int = 0) -> tuple[int, ...]:
        """Return what a tool returns, as words; `attempt` counts the same calls before this one."""
        if tool in self._plan.down:
            return (tokens.DOWN,)
        fault = self._plan.fault(tool, arguments, attempt)
        if fault is not None:
            if fault == tokens.TIMEOUT:
                time.sleep(self._deadline_s)  # what a caller loses by a tool that never answers
            return (fault,)
        return self._look_up(arguments) if tool in tokens.LOOK_UPS else _calculated(arguments)

    def _look_up(self, words: tuple[int, ...]) -> tuple[int, ...]:
        entity = entity_of(words[:2])
        if entity is not None and self._table is not None:
            entity = self._table.find(entity)
        if entity is None or not 2 <= len(words) <= 3:
            return UNKNOWN
        if len(words) == 2:
            return (tokens.FIRST_TYPE + self._world.kind(entity),)
        if tokens.FIRST_RELATION <= words[2] < tokens.FIRST_RELATION + tokens.RELATIONS:
            rows = self._world.relation(entity, words[2] - tokens.FIRST_RELATION)
            if len(rows) == 2:
                return (tokens.ROW_1, *words_of(rows[0]), tokens.ROW_2, *words_of(rows[1]))
            return words_of(rows[0]) if rows else UNKNOWN
        if tokens.FIRST_ATTRIBUTE <= words[2] < tokens.FIRST_ATTRIBUTE + tokens.ATTRIBUTES:
            number = self._world.number(entity, words[2] - tokens.FIRST_ATTRIBUTE)
            return UNKNOWN if number is None else number_words(number)
        return UNKNOWN


def _calculated(words: tuple[int, ...]) -> tuple[int, ...]:
    if len(words) != 3 or words[1] not in tokens.SIGNS:
        return UNKNOWN
    left, right = number_of(words[:1]), number_of(words[2:])
    if left is None or right is None:
        return UNKNOWN
    return number_words(apply(left, words[1], right))
