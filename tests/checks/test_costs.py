"""Budgets of the suite: a room over its own is named, with what to do."""

from collections.abc import Callable, Mapping

import pytest

from checks import costs
from checks.tree import Tree

Product = Callable[[Mapping[str, str]], Tree]
CHEAP = "{ processor_s = 2.0, interpreters = 1, tests = 9 }"


def sentences(product: Product, rooms: Mapping[str, str]) -> list[str]:
    lines = ["[rooms]", *(f'"{room}" = {cost}' for room, cost in rooms.items())]
    return [one.says for one in costs.offences(product({costs.FILE: "\n".join(lines)}))]


def test_rooms_within_their_budgets_are_let_be(product: Product) -> None:
    rooms = {"task paging": CHEAP, "cli": CHEAP, "harness": CHEAP, "checks": CHEAP}
    assert sentences(product, rooms) == []


@pytest.mark.parametrize(
    ("room", "seconds"),
    [
        ("task paging", 13.1),
        ("cli", 121.0),
        ("harness", 120.1),
        ("kernels", 80.1),
        ("checks", 61.0),
    ],
)
def test_a_room_over_its_budget_is_named(product: Product, room: str, seconds: float) -> None:
    dear = f"{{ processor_s = {seconds}, interpreters = 1, tests = 3 }}"
    [sentence] = sentences(product, {"task paging": CHEAP, room: dear})
    assert f"{seconds} processor seconds" in sentence
    assert "CI=true make test" in sentence


def test_rooms_with_one_budget_are_added_up(product: Product) -> None:
    half = "{ processor_s = 61.0, interpreters = 1, tests = 3 }"
    [sentence] = sentences(product, {"task paging": CHEAP, "reports": half, "docs": half})
    assert sentence.startswith("The tests of reports and docs take 122.0 processor seconds")


def test_interpreters_are_counted_too(product: Product) -> None:
    many = "{ processor_s = 1.0, interpreters = 21, tests = 3 }"
    [sentence] = sentences(product, {"task paging": many})
    assert "start 21 Python interpreters, and 20 are allowed" in sentence


def test_a_task_without_costs_is_named(product: Product) -> None:
    [sentence] = sentences(product, {"cli": CHEAP})
    assert sentence.startswith("tests/costs.toml has no costs of the task paging.")


def test_costs_that_cannot_be_read_are_said(product: Product) -> None:
    [found] = costs.offences(product({costs.FILE: "[rooms"}))
    assert "cannot be read" in found.says


def test_a_product_without_tests_has_no_costs(product: Product) -> None:
    assert list(costs.offences(product({}))) == []
