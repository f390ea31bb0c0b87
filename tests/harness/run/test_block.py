"""A loaded block: how many of its methods may live at once."""

from types import SimpleNamespace
from typing import Any

import pytest

from adabench.harness.run.block import (  # fmt: skip
    MOST_ALIVE,
    MOST_ON_DEVICE,
    LoadedBlock,
    first_methods,
)


def block(scale: str, task: Any) -> LoadedBlock:
    entry: Any = SimpleNamespace(card=None, address="t")
    return LoadedBlock("name", entry, task, [], scale, ())


@pytest.mark.parametrize(("asked", "most"), [({}, MOST_ON_DEVICE), ({"most_on_device": 2}, 2),
                                             ({"most_on_device": 99}, MOST_ON_DEVICE)])  # fmt: skip
def test_few_methods_live_on_a_device_at_once(asked: dict[str, int], most: int) -> None:
    assert block("gpu", SimpleNamespace(**asked)).most_alive == most


def test_beside_a_device_they_are_many() -> None:
    assert block("embedded", SimpleNamespace(most_on_device=2)).most_alive == MOST_ALIVE


def test_the_first_tasks_of_a_run_are_named_once_and_unknown_names_are_left_to_their_turns() -> (
    None
):
    names = "paging/lru", "paging/fifo", "no/such", "ledger/mor", "chain/greedy", "roots/fixed"
    turns: Any = [
        SimpleNamespace(cell=SimpleNamespace(task=n.partition("/")[0], address=n)) for n in names
    ]
    assert [entry.address for entry in first_methods(turns)] == [
        "paging/lru", "ledger/mor", "chain/greedy",
    ]  # fmt: skip
