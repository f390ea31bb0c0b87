"""Plans as they are read: whole calls only, placeholders that are settled or not, and what was observed."""

import pytest

from adabench.workloads.agents.substrate.action_words import encode
from adabench.workloads.agents.substrate.plan_steps import (
    observed,
    planned_calls,
    resolved,
    waits_for,
)
from adabench.workloads.agents.substrate.tool_server import PeopleTable, people_table
from adabench.workloads.agents.substrate.worlds import Entity

WHOLE = "plan H1 K1 A7 B12 r5 ; H2 K1 w2 H1 r2 ; H3 C1 H2 + 3 ; join"


def calls(text):
    return planned_calls(encode(text))


def test_a_plan_is_read_call_by_call_as_it_is_written():
    assert [call.marker for call in calls(WHOLE)] == list(encode("H1 H2 H3"))
    assert calls(WHOLE)[1].arguments == encode("w2 H1 r2")
    words = WHOLE.split()
    counts = [len(calls(" ".join(words[:end]))) for end in range(1, len(words) + 1)]
    assert counts == sorted(counts)
    assert (counts[5], counts[6], counts[-2]) == (0, 1, 3)
    assert calls("H1 K1 A7 B12 r5 ;") == []


def test_the_latest_plan_counts_and_what_is_no_call_is_left_out():
    later = f"{WHOLE} H1 K1 = err ; plan H1 K2 A7 B12 r5 ; A7 B12 ; join H1 K2 = A1 B1 ;"
    assert [call.tool for call in calls(later)] == list(encode("K2"))


@pytest.mark.parametrize(
    ("result", "arguments"),
    [
        ("A3 B9", "A3 B9 r2"),
        ("w1 A3 B9 w2 A8 B1", "A8 B1 r2"),
        ("none", None),
        ("err", None),
        ("late", None),
        ("down", None),
        ("", None),
    ],
)
def test_a_placeholder_stands_for_a_result_and_its_row_for_one_of_two(result, arguments):
    second = calls(WHOLE)[1]
    found = resolved(second, {encode("H1")[0]: encode(result)})
    assert (found.arguments if found else None) == (encode(arguments) if arguments else None)
    assert list(waits_for(second)) == list(encode("H1"))


def test_two_rows_without_a_choice_settle_nothing():
    (call,) = calls("plan H2 K1 H1 r2 ;")
    assert resolved(call, {encode("H1")[0]: encode("w1 A3 B9 w2 A8 B1")}) is None


def test_an_executor_restates_marker_and_tool():
    first, second, _ = calls(WHOLE)
    made = [(first, encode("A3 B9")), (second, encode("late"))]
    assert observed(made) == encode("H1 K1 = A3 B9 ; H2 K1 = late ;")
    assert observed([]) == encode("none ;")


def test_everybody_stands_in_a_table_once_whatever_its_size():
    for others in (1, 5000):
        table = PeopleTable(others)
        for entity in (Entity(0, 0), Entity(7, 12), Entity(39, 39)):
            assert table.find(entity) == entity
        assert len(table._keys) == 1600 + others
        assert len(set(table._keys[table._keys < 1600].tolist())) == 1600
    assert people_table(0) is None
