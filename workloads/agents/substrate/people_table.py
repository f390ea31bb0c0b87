"""A table of people without an index: whoever looks one up reads it through, and that takes its time.

    table = people_table(1_000_000)
    table.find(Entity(7, 12))  ->  Entity(7, 12)

Everybody whom a question can name stands in it, among so many others, so that answers do not depend on its
size. How slow a look-up is follows from the rows that it reads, and from nothing else.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from adabench.workloads.agents.substrate.action_words import NAMES, NUMBERS
from adabench.workloads.agents.substrate.worlds import Entity

_OTHERS = 0x7AB1E


class PeopleTable:
    """People by their keys, in no order."""

    def __init__(self, others: int) -> None:
        known = NAMES * NUMBERS
        draws = np.random.default_rng(_OTHERS)
        self._keys: npt.NDArray[np.int64] = draws.integers(known, 1 << 40, known + others)
        self._keys[np.linspace(0, known + others - 1, known).astype(np.int64)] = np.arange(known)

    def find(self, entity: Entity) -> Entity | None:
        """Return who stands in the table under a key; all of it is read."""
        rows = np.flatnonzero(self._keys == entity.name * NUMBERS + entity.number)
        return Entity(*divmod(int(self._keys[rows[0]]), NUMBERS)) if len(rows) else None


@lru_cache(maxsize=2)
def people_table(others: int) -> PeopleTable | None:
    """Return a table with so many people beside those whom questions name; none for 0."""
    return PeopleTable(others) if others else None
