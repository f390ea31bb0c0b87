"""The cache shares what is shared, copies what is written, frees what nobody holds, and counts it."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adabench.workloads.shared.language_model.contract import CacheSize, Seq
from adabench.workloads.shared.language_model.model import Shape
from adabench.workloads.shared.language_model.native.kv_blocks import Blocks, Table

from .trees import CALLS, PROMPTS, TINY, Tree, engine, model

NOBODY = CacheSize(0, 0, 0)
LONG = Shape(layers=2, width=32, heads=1, hidden=32, vocabulary=24, context=600)
MODEL = model(TINY)


def test_blocks_are_counted_and_freed():
    blocks = Blocks(TINY, 4)
    table = Table(blocks.take(3), 10)
    blocks.extend(table, 0, list(range(10)))
    twin = blocks.share(table)
    assert (blocks.tokens, blocks.used) == (10, 3)
    blocks.drop(table.blocks)
    assert (blocks.tokens, blocks.used) == (10, 3)
    blocks.drop(twin.blocks)
    assert (blocks.tokens, blocks.used, blocks.memory_bytes) == (0, 0, 0)


def test_only_a_partly_filled_shared_block_is_copied():
    blocks = Blocks(TINY, 4)
    table = Table(blocks.take(2), 6)
    blocks.extend(table, 0, list(range(6)))
    blocks.own_last(table)
    assert blocks.used == 2  # nobody shares it
    twin = blocks.share(table)
    blocks.keys[:, table.blocks[1]] = 3
    blocks.own_last(twin)
    assert twin.blocks[0] == table.blocks[0]
    assert twin.blocks[1] != table.blocks[1]
    assert (blocks.keys[:, twin.blocks[1]] == 3).all()
    assert blocks.tokens == 8
    full = Table(table.blocks[:1], 4)
    blocks.own_last(blocks.share(full))
    assert blocks.used == 3


def test_growing_keeps_what_is_stored():
    blocks = Blocks(TINY, 4)
    before = len(blocks.users)
    taken = blocks.take(before)
    blocks.keys[1, taken], blocks.values[0, taken], blocks.states[taken] = 1, 2, 3
    more = blocks.take(before // 2)
    assert len(set(taken + more)) == before + before // 2
    assert (blocks.keys[1, taken] == 1).all()
    assert (blocks.values[0, taken] == 2).all()
    assert (blocks.states[taken] == 3).all()
    assert (blocks.keys[:, more] == 0).all()
    assert blocks.keys.ctypes.data % 64 == 0


def test_children_who_write_after_a_partly_filled_block_do_not_see_each_other():
    shared = engine(MODEL)
    root = shared.open(PROMPTS[0])
    parts = [[3, 4, 5], [9, 8, 7]]
    children = shared.fork(root, 2)
    shared.append(children, parts)
    for child, part in zip(children, parts, strict=True):
        alone = engine(MODEL)
        fresh = alone.open([*PROMPTS[0], *part])
        assert (shared.hidden(child, 0) == alone.hidden(fresh, 0)).all()
    assert (shared.hidden(children[0], 7) != shared.hidden(children[1], 7)).any()


def test_a_stored_beginning_is_not_run_again():
    one = engine(MODEL)
    first = one.open(PROMPTS[0])
    ran = one.costs.meter["prefilled"]
    again = one.open(PROMPTS[2])
    assert one.costs.meter["prefilled"] - ran == len(PROMPTS[2]) - 4  # one whole block is alive
    one.close(first)
    one.close(again)
    assert one.held() == NOBODY
    one.open(PROMPTS[0])
    assert one.costs.meter["prefilled"] == 2 * ran + len(PROMPTS[2]) - 4


def recounted(tree: Tree) -> None:
    """Hold every count of the pool against the tables of those who live."""
    blocks = tree.engine.blocks
    tables = [seq.cache for seq in tree.alive]
    users = Counter(block for table in tables for block in table.blocks)
    assert {b: n for b, n in enumerate(blocks.users) if n} == dict(users)
    filled = {
        block: min(blocks.block, table.stored - index * blocks.block)
        for table in tables
        for index, block in enumerate(table.blocks)
    }
    held = tree.engine.held()
    assert held.tokens == sum(filled.values())
    assert held.blocks == len(users)
    assert held.memory_bytes == held.blocks * blocks.block * 4 * (
        2 * TINY.layers * TINY.width + TINY.width
    )


class Lineage:
    """Every position that was ever run has a number; a fork shares its parent's.

    `known` are the positions that an `open` finds by the one before and the word.
    """

    def __init__(self) -> None:
        self.of: dict[Seq, list[int]] = {}
        self.known: dict[tuple[int, int], int] = {}
        self.next = 0

    def see(self, alive: list[Seq]) -> int:
        """Number what is new; return how many positions are alive."""
        for seq in [old for old in self.of if old not in alive]:
            del self.of[seq]
        self._forget()
        for seq in alive:
            if seq not in self.of:
                self.of[seq] = self._found(seq) if seq.parent is None else []
                if seq.parent is not None:
                    self.of[seq] = list(self.parents[seq.parent][: len(seq.ids)])
            numbers = self.of[seq]
            for word in seq.ids[len(numbers) : len(seq.ids) - seq.finished]:
                before = numbers[-1] if numbers else -1
                numbers.append(self.next)
                self.known.setdefault((before, word), self.next)
                self.next += 1
        self.parents = {**self.of}
        return len({number for numbers in self.of.values() for number in numbers})

    def _found(self, seq: Seq) -> list[int]:
        numbers: list[int] = []
        for word in seq.ids:
            number = self.known.get((numbers[-1] if numbers else -1, word))
            if number is None:
                break
            numbers.append(number)
        return numbers

    def _forget(self) -> None:
        left = {number for numbers in self.of.values() for number in numbers}
        self.known = {name: number for name, number in self.known.items() if number in left}


@settings(max_examples=60, deadline=None)
@given(calls=CALLS, block=st.sampled_from([1, 4, 16]))
def test_what_is_held_is_what_the_histories_say(calls, block):
    tree, lineage = Tree(engine(MODEL, block=block)), Lineage()
    lineage.see(tree.alive)
    for call in calls:
        tree.play(*call)
        unique = lineage.see(tree.alive)
        recounted(tree)
        held = tree.engine.held().tokens
        if block == 1:
            assert held == unique
        else:
            # Texts that an `open` could share only in part, and copies of last blocks.
            assert held <= unique + (block - 1) * len(tree.alive)
    for seq in tree.alive:
        tree.engine.close(seq)
    assert tree.engine.held() == NOBODY


@pytest.mark.parametrize("prefix", [512, 509])
def test_a_wide_tree_holds_little_more_than_its_positions(prefix):
    wide = engine(model(LONG))
    root = wide.open([1 + i % 20 if i % 20 != 1 else 1 for i in range(prefix)], 5)
    leaves = wide.fork(root, 64)
    for _ in range(8):
        # <eos> has no chance to end a leaf: every word of it is forced.
        wide.append(leaves, [[3 + (i + leaf) % 20 for i in range(8)] for leaf in range(64)])
    unique = prefix + 64 * 64
    held = wide.held()
    assert unique <= held.tokens <= 1.1 * unique
    assert held.blocks * wide.blocks.block <= 1.1 * unique
    position_bytes = 4 * LONG.width * (2 * LONG.layers + 1)
    assert wide.costs.meter["kv_peak_bytes"] == held.memory_bytes <= 1.1 * unique * position_bytes
    arrays = (wide.blocks.keys, wide.blocks.values, wide.blocks.states)
    # The pool grows by doubling.
    assert held.memory_bytes <= sum(array.nbytes for array in arrays) <= 2 * held.memory_bytes
    # Without sharing it would be seven times as much.
    assert 64 * (prefix + 64) > 7 * held.tokens
    for leaf in [root, *leaves]:
        wide.close(leaf)
    assert wide.held() == NOBODY
