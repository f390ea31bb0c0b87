"""The tools: look-ups, types and a calculator over one world, with the faults one layer below them.

    server = ToolServer(world, plan)
    server.call(K1, (A7, B12, r5), attempt=0)  ->  (w1, A3, B9, w2, A8, B1)

What a method learns of a fault is the word that a call returned. `K1` and `K2` know the same, and `C1` and
`C2`; the second of each is the dearer one (`price`). Arguments are read from the words that a policy wrote;
what is malformed returns `none`, as what is not known does.
"""

import time

from adabench.workloads.agents.substrate.action_words import (
    ATTRIBUTES,
    C2,
    DOWN,
    FIRST_ATTRIBUTE,
    FIRST_RELATION,
    FIRST_TYPE,
    K2,
    LOOK_UPS,
    NONE,
    RELATIONS,
    ROW_1,
    ROW_2,
    SIGNS,
    TIMEOUT,
)
from adabench.workloads.agents.substrate.fault_plans import FaultPlan
from adabench.workloads.agents.substrate.notation import (
    apply,
    entity_of,
    number_of,
    number_words,
    words_of,
)
from adabench.workloads.agents.substrate.people_table import PeopleTable
from adabench.workloads.agents.substrate.worlds import World

DEADLINE_S = 0.002
"""How long a call that is late blocks."""
UNKNOWN = (NONE,)
_DEARER = frozenset((K2, C2))


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
            return (DOWN,)
        fault = self._plan.fault(tool, arguments, attempt)
        if fault is not None:
            if fault == TIMEOUT:
                time.sleep(self._deadline_s)  # what a caller loses by a tool that never answers
            return (fault,)
        return self._look_up(arguments) if tool in LOOK_UPS else _calculated(arguments)

    def _look_up(self, words: tuple[int, ...]) -> tuple[int, ...]:
        entity = entity_of(words[:2])
        if entity is not None and self._table is not None:
            entity = self._table.find(entity)
        if entity is None or not 2 <= len(words) <= 3:
            return UNKNOWN
        if len(words) == 2:
            return (FIRST_TYPE + self._world.kind(entity),)
        if FIRST_RELATION <= words[2] < FIRST_RELATION + RELATIONS:
            rows = self._world.relation(entity, words[2] - FIRST_RELATION)
            if len(rows) == 2:
                return (ROW_1, *words_of(rows[0]), ROW_2, *words_of(rows[1]))
            return words_of(rows[0]) if rows else UNKNOWN
        if FIRST_ATTRIBUTE <= words[2] < FIRST_ATTRIBUTE + ATTRIBUTES:
            number = self._world.number(entity, words[2] - FIRST_ATTRIBUTE)
            return UNKNOWN if number is None else number_words(number)
        return UNKNOWN


def _calculated(words: tuple[int, ...]) -> tuple[int, ...]:
    if len(words) != 3 or words[1] not in SIGNS:
        return UNKNOWN
    left, right = number_of(words[:1]), number_of(words[2:])
    if left is None or right is None:
        return UNKNOWN
    return number_words(apply(left, words[1], right))
