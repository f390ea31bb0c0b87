"""One pool of keys, values and final states, and who refers to which of its positions.

Positions are handed out at the end of the used part, so that a call's new rows lie together; they
are counted by reference and those of nobody are dead. `pack` moves the living to the front when
too many are dead, and writes the new places into every table.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from adabench.workloads.shared.language_model.model import Shape

Ints = npt.NDArray[np.int64]
FIRST = 256
DEAD = 1 / 16
"""Share of dead positions above which packing costs less than reading them on."""


def _none() -> Ints:
    return np.zeros(0, np.int64)


@dataclass(eq=False)
class Places:
    """The positions of one sequence in the pool, in order."""

    places: Ints = field(default_factory=_none)
    beside: int = 0
    """By how many words it is longer than the longest of those that it was merged of: these stand side by side."""
    segment: int = 0
    """Of its latest word, in a model that tells segments apart."""

    @property
    def turn(self) -> int:
        """Return the rotary place of its next word."""
        return len(self.places) - self.beside


class Pool:
    """Keys and values [layers, heads, positions, head width], states [positions, width], notes [positions, n].

    Notes are whole numbers that an engine keeps of each position.
    """

    def __init__(
        self, shape: Shape, device: torch.device, dtype: torch.dtype, notes: int = 0
    ) -> None:
        self._sizes = (shape.layers, shape.heads, FIRST, shape.head_width)
        self.keys = torch.empty(self._sizes, device=device, dtype=dtype)
        self.values = torch.empty_like(self.keys)
        self.states = torch.empty((FIRST, shape.width), device=device, dtype=dtype)
        self.notes = torch.zeros((FIRST, notes), device=device, dtype=torch.int64)
        numbers = (2 * shape.layers + 1) * shape.width
        self.position_bytes = numbers * self.keys.element_size() + notes * self.notes.element_size()
        self._references = np.zeros(FIRST, np.int64)
        self._tables: set[Places] = set()
        self.used = 0

    @property
    def living(self) -> int:
        """Return the positions that somebody refers to."""
        return int(np.count_nonzero(self._references[: self.used]))

    def clear(self) -> None:
        """Forget every table; the memory stays."""
        self._references[:] = 0
        self._tables.clear()
        self.used = 0

    def table(self) -> Places:
        """Return an empty table."""
        table = Places()
        self._tables.add(table)
        return table

    def share(self, table: Places) -> Places:
        """Return another table of the same positions."""
        copy = self.table()
        copy.places, copy.beside, copy.segment = table.places, table.beside, table.segment
        self._references[copy.places] += 1
        return copy

    def unite(self, tables: Sequence[Places]) -> tuple[Places, Ints]:
        """Return a table of all positions of others, each once, and where these stand in the others' sum.

        Its next word stands behind the furthest of them.
        """
        every = np.concatenate([table.places for table in tables])
        first = np.sort(np.unique(every, return_index=True)[1])
        one = self.table()
        self.grow(one, every[first])
        one.beside = len(first) - max(table.turn for table in tables)
        return one, first

    def grow(self, table: Places, places: Ints) -> None:
        """Add positions to a table."""
        table.places = np.concatenate((table.places, places))
        self._references[places] += 1

    def drop(self, table: Places) -> None:
        """Let go of a table."""
        if table in self._tables:
            self._tables.remove(table)
            self._references[table.places] -= 1

    def advance(self, rows: int) -> None:
        """Take the next `rows` positions into use."""
        self.used += rows

    def index(self, places: Ints) -> Tensor:
        """Return positions as an index on the pool's device."""
        return torch.from_numpy(np.ascontiguousarray(places)).to(self.keys.device)

    def pack(self, more: int) -> None:
        """Make room for `more` positions; move the living together if too many are dead."""
        if self.used - self.living > DEAD * self.used:
            self._compact()
        if self.used + more > self.states.shape[0]:
            self._enlarge(max(self.used + more, 2 * self.states.shape[0]))

    def _compact(self) -> None:
        living = np.flatnonzero(self._references[: self.used])
        moved, count = self.index(living), len(living)
        for layer in range(len(self.keys)):  # a layer at a time: the copy is a layer large
            for part in (self.keys[layer], self.values[layer]):
                part[:, :count] = part[:, moved]
        for rows in (self.states, self.notes):
            rows[:count] = rows[moved]
        now = np.full(self.used, -1, np.int64)
        now[living] = np.arange(count)
        for table in self._tables:
            table.places = now[table.places]
        self._references[:count] = self._references[living]
        self._references[count:] = 0
        self.used = count

    def _enlarge(self, size: int) -> None:
        layers, heads, _, width = self._sizes
        for name in ("keys", "values"):
            old = getattr(self, name)
            new = old.new_empty((layers, heads, size, width))
            new[:, :, : self.used] = old[:, :, : self.used]
            setattr(self, name, new)
        for name in ("states", "notes"):
            old = getattr(self, name)
            new = old.new_empty((size, old.shape[1]))
            new[: self.used] = old[: self.used]
            setattr(self, name, new)
        self._references = np.concatenate(
            (self._references, np.zeros(size - len(self._references), np.int64))
        )
