"""A loaded block: how many of its methods may live at once."""

from types import SimpleNamespace
from typing import Any

import pytest

from adabench.harness.run.block import MOST_ALIVE, MOST_ON_DEVICE, LoadedBlock


def block(scale: str, task: Any) -> LoadedBlock:
    entry: Any = SimpleNamespace(card=None, address="t")
    return LoadedBlock("name", entry, task, [], scale, ())


@pytest.mark.parametrize(("asked", "most"), [({}, MOST_ON_DEVICE), ({"most_on_device": 2}, 2),
                                             ({"most_on_device": 99}, MOST_ON_DEVICE)])  # fmt: skip
def test_few_methods_live_on_a_device_at_once(asked: dict[str, int], most: int) -> None:
    assert block("gpu", SimpleNamespace(**asked)).most_alive == most


def test_beside_a_device_they_are_many() -> None:
    assert block("embedded", SimpleNamespace(most_on_device=2)).most_alive == MOST_ALIVE
