"""The board keeps its order and its places together, whatever is done to it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from adabench.workloads.algorithms.paging.substrate.marking import (
    HEADER,
    board_size,
    doubt,
    drop,
    holds,
    mark,
    start_phase,
)

SLOTS, PAGES = 5, 12
moves = st.lists(st.tuples(st.sampled_from(["mark", "drop", "phase", "doubt"]),
                           st.integers(0, PAGES - 1)), max_size=60)  # fmt: skip


@settings(deadline=None)  # the first call compiles
@given(moves)
def test_parts_and_places_agree_with_plain_sets(moves: list[tuple[str, int]]) -> None:
    notes = np.zeros(board_size(SLOTS, PAGES), np.int64)
    doubted: set[int] = set()
    plain: set[int] = set()
    marked: set[int] = set()
    for move, page in moves:
        members = doubted | plain | marked
        if move == "mark" and (page in members or len(members) < SLOTS):
            mark(notes, 0, SLOTS, page)
            doubted, plain, marked = doubted - {page}, plain - {page}, marked | {page}
        elif move == "drop" and page in members:
            drop(notes, 0, SLOTS, page)
            doubted, plain, marked = doubted - {page}, plain - {page}, marked - {page}
        elif move == "phase":
            start_phase(notes, 0, SLOTS)
            doubted, plain, marked = set(), members, set()
        elif move == "doubt" and page in plain:
            doubt(notes, 0, SLOTS, int(notes[HEADER + SLOTS + 2 * page]) - 1)
            doubted, plain = doubted | {page}, plain - {page}
        order = [int(p) for p in notes[HEADER : HEADER + int(notes[2])]]
        cut, border = int(notes[0]), int(notes[1])
        assert (set(order[:cut]), set(order[cut:border]), set(order[border:])) == (
            doubted,
            plain,
            marked,
        )
        assert [int(notes[HEADER + SLOTS + 2 * p]) for p in order] == list(range(1, len(order) + 1))
        assert all(holds(notes, 0, SLOTS, p) == (p in order) for p in range(PAGES))
