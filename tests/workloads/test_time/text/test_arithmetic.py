"""Sums have the steps and numbers of their level, right solutions, and splits that never meet."""

import itertools
import re

import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.test_time.text.truth import arithmetic
from adabench.workloads.test_time.text.truth.arithmetic import (
    KINDS,
    Level,
    read_levels,
    rows,
    split_of,
    worked_examples,
)


def test_levels_are_ranges_and_lists_in_turn():
    assert read_levels("small-2..4") == (Level("small", 2), Level("small", 3), Level("small", 4))
    assert read_levels("plus-1+digit-2") == (Level("plus", 1), Level("digit", 2))
    assert read_levels("") == (Level("digit", 2),)
    assert read_levels("small-2+small-2..3") == (Level("small", 2), Level("small", 3))
    assert [row.level for row in rows(read_levels("small-2..3"), 0, 5)] == [
        "small-2", "small-3", "small-2", "small-3", "small-2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["smal-2", "small", "small-0", "small-3..2", "small-2..10", "-2", "x"]
)
def test_what_is_no_level_is_refused(text: str) -> None:
    with pytest.raises(SelectionError, match="is no level of arithmetic") as problem:
        read_levels(text)
    assert problem.value.hint


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_those_of_the_solution_line_by_line(kind: str) -> None:
    for problem, solution in worked_examples(Level(kind, 4), 5):
        *steps, last = solution.splitlines()
        assert len(steps) == 4
        value = int(problem.split()[0])
        for number, step in enumerate(steps, 1):
            found = re.fullmatch(r"Step (\d+): (\d+) ([-+*]) (\d+) = (\d+)", step)
            assert found is not None
            assert (int(found[1]), int(found[2])) == (number, value)
            value = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}[found[3]](
                value, int(found[4])
            )
            assert value == int(found[5]) >= 0
        assert last == f"Answer: {value}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_question_and_its_answer_agree(kind: str) -> None:
    for row in rows((Level(kind, 3),), 3, 20):
        first, *rest = row.question.split()
        value = int(first)
        for sign, number in zip(rest[::2], rest[1::2], strict=True):
            value = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}[sign](value, int(number))
        assert int(row.answer) == value


def test_seeds_draw_other_questions_and_the_same_again():
    level = (Level("digit", 3),)
    assert rows(level, 1, 30) == rows(level, 1, 30)
    assert len({row.question for row in rows(level, 1, 30)}) == 30
    assert {r.question for r in rows(level, 1, 30)} != {r.question for r in rows(level, 2, 30)}


def test_splits_do_not_meet():
    level = Level("plus", 1)
    drawn = {
        split: {r.question for r in rows((level,), 0, 60, split)}
        for split in ("worked", "train", "test")
    }
    assert not drawn["train"] & drawn["test"]
    assert not drawn["worked"] & (drawn["train"] | drawn["test"])
    assert {split_of(s) for s in itertools.islice(arithmetic._stream(level, "test", 0), 20)} == {
        "test"
    }


def test_questions_come_again_where_there_are_no_others():
    drawn = rows((Level("small", 1),), 0, 60)
    assert len(drawn) == 60
    assert len({row.question for row in drawn}) < 36
