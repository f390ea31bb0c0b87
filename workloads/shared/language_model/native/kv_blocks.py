"""Caches keys and values in blocks with reference counts, in a tree of prefixes.

A block holds `BLOCK` consecutive positions. A fork copies the table and counts up; whoever writes into a shared block takes a copy. A full
block is known by the block before it and its words, so that a prompt whose beginning is alive shares it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from adabench.workloads.shared.compiled.simd import zeros
from adabench.workloads.shared.language_model.contract import Floats
from adabench.workloads.shared.language_model.model import Shape

Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

BLOCK = 4
FIRST_BLOCKS = 512


@dataclass
class Table:
    """The blocks of one sequence, and how many of its positions are stored."""

    blocks: list[int] = field(default_factory=list)
    stored: int = 0


@dataclass
class Arrays:
    """Where blocks lie."""

    keys: Floats
    """[layers, blocks, BLOCK, width], like the values."""
    values: Floats
    states: Floats
    """[blocks, BLOCK, width]"""


class Blocks:
    """A pool that grows by doubling; `keys`, `values` [layers, blocks, BLOCK, width]."""

    def __init__(self, shape: Shape, block: int = BLOCK) -> None:
        self.block = block
        keys = zeros(shape.layers, FIRST_BLOCKS, block, shape.width)
        states = zeros(FIRST_BLOCKS, block, shape.width)
        self.arrays = Arrays(keys, zeros(*keys.shape), states)
        self.users: list[int] = []
        self.filled: list[int] = []
        """Positions stored in each block."""
        self._free: list[int] = []
        self.clear()

    @property
    def keys(self) -> Floats:
        """Return the keys of all blocks."""
        return self.arrays.keys

    @property
    def values(self) -> Floats:
        """Return the values of all blocks."""
        return self.arrays.values

    @property
    def states(self) -> Floats:
        """Return the final states of all blocks."""
        return self.arrays.states

    def clear(self) -> None:
        """Free every block; the room stays."""
        many = len(self.states)
        self.users[:] = self.filled[:] = [0] * many
        self._free[:] = range(many - 1, -1, -1)
        self._forget_names()

    def _forget_names(self) -> None:
        self._known: dict[tuple[int, tuple[int, ...]], int] = {}
        self._names: dict[int, tuple[int, tuple[int, ...]]] = {}
        self.tokens = 0
        """Positions stored, each counted once."""

    @property
    def used(self) -> int:
        """Return how many blocks somebody holds."""
        return len(self.users) - len(self._free)

    @property
    def memory_bytes(self) -> int:
        """Return the bytes of the blocks that somebody holds."""
        layers, _, block, width = self.keys.shape
        return self.used * block * width * (2 * layers + 1) * self.keys.itemsize

    def take(self, count: int) -> list[int]:
        """Return `count` blocks that nobody else holds."""
        while len(self._free) < count:
            self._grow()
        taken = [self._free.pop() for _ in range(count)]
        for block in taken:
            self.users[block] = 1
        return taken

    def drop(self, blocks: Sequence[int]) -> None:
        """Count down; free what nobody holds any more."""
        for block in reversed(blocks):
            self.users[block] -= 1
            if self.users[block] == 0:
                self._forget(block)

    def share(self, table: Table) -> Table:
        """Return a second table over the same blocks."""
        for block in table.blocks:
            self.users[block] += 1
        return Table(list(table.blocks), table.stored)

    def fill(self, block: int, positions: int) -> None:
        """Note how many positions of a block are stored."""
        self.tokens += positions - self.filled[block]
        self.filled[block] = positions

    def own_last(self, table: Table) -> None:
        """Copy the last block if it is partly filled and shared: it is about to be written."""
        if table.stored % self.block == 0 or self.users[table.blocks[-1]] == 1:
            return
        old, (new,) = table.blocks[-1], self.take(1)
        for array in (self.keys, self.values):
            array[:, new] = array[:, old]
        self.states[new] = self.states[old]
        self.fill(new, self.filled[old])
        self.users[old] -= 1
        table.blocks[-1] = new

    def extend(self, table: Table, before: int, ids: Sequence[int]) -> None:
        """Note that a table has grown from `before` positions; name the blocks that are full.

        A full block is found again by its words and the block before it.
        """
        size = self.block
        for index in range(before // size, len(table.blocks)):
            block, start = table.blocks[index], index * size
            self.fill(block, min(size, table.stored - start))
            if table.stored - start >= size and block not in self._names:
                previous = table.blocks[index - 1] if index else -1
                name = (previous, tuple(ids[start : start + size]))
                if name not in self._known:
                    self._known[name] = block
                    self._names[block] = name

    def find(self, ids: Sequence[int]) -> Table:
        """Return a table over the longest stored prefix of ids, in whole blocks."""
        found = Table()
        for start in range(0, len(ids) - self.block + 1, self.block):
            before = found.blocks[-1] if found.blocks else -1
            block = self._known.get((before, tuple(ids[start : start + self.block])))
            if block is None:
                break
            self.users[block] += 1
            found.blocks.append(block)
            found.stored += self.block
        return found

    def _forget(self, block: int) -> None:
        self.fill(block, 0)
        name = self._names.pop(block, None)
        if name is not None:
            del self._known[name]
        self._free.append(block)

    def _grow(self) -> None:
        old = len(self.users)
        arrays = self.arrays
        arrays.keys, arrays.values = _doubled(self.keys, 1), _doubled(self.values, 1)
        arrays.states = _doubled(self.states, 0)
        self.users += [0] * old
        self.filled += [0] * old
        self._free[:0] = range(2 * old - 1, old - 1, -1)


def _doubled(array: Floats, axis: int) -> Floats:
    """Return a copy with as much room again along an axis."""
    shape = list(array.shape)
    shape[axis] *= 2
    grown = zeros(*shape)
    grown[tuple(slice(n) for n in array.shape)] = array
    return grown


def stack_tables(tables: Sequence[Table], extra: int) -> Ints:
    """Return the blocks of tables [sequences, most blocks], with room for `extra` more each."""
    width = max((len(table.blocks) for table in tables), default=0) + extra
    rows = np.zeros((len(tables), width), np.int64)
    for row, table in enumerate(tables):
        rows[row, : len(table.blocks)] = table.blocks
    return rows
