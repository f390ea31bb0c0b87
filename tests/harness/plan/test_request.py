"""A task whose card cannot be read: refused where it is named, left out of patterns over all tasks."""

from dataclasses import replace

import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import MethodContractError, SelectionError
from adabench.harness.plan.request import select_methods

READS = ("<all cards>",)
"""For tests/suite/dependencies.py."""


@pytest.fixture(autouse=True)
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """`paging` as if its card named something that it does not know."""
    tasks = dict(registry.tasks())
    tasks["paging"] = replace(tasks["paging"], problem="the CARD of task.py cannot be read")
    find = registry.find
    monkeypatch.setattr(registry, "tasks", lambda: tasks)
    monkeypatch.setattr(
        registry, "find", lambda address: tasks["paging"] if address == "paging" else find(address)
    )


@pytest.mark.parametrize("pattern", ["paging", "paging/*", "paging/lru"])
def test_it_is_refused_where_it_is_named(pattern: str) -> None:
    with pytest.raises(MethodContractError, match="paging has no readable card: the CARD of task"):
        select_methods([pattern])


def test_a_pattern_over_all_tasks_leaves_it_out() -> None:
    assert {task.name for task, _ in select_methods(["*/*"])} == {*registry.tasks()} - {"paging"}
    with pytest.raises(SelectionError, match="No task matches 'pag"):
        select_methods(["pag*/*"])
