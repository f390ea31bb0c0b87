"""A task with provable oracles shows a friend, a foe and a control, or it is refused here.

A method that is only ever shown what suits it looks good; a suite without a losing case proves
nothing. What else all these tasks promise is held here, too.
"""

import inspect
import pickle
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from adabench.harness.errors import SelectionError

NEEDED = ("friendly", "hostile", "control")
MIP = {"suite": "grid"}
"""Its default is a smoke run of one instance, which decides nothing and says so."""


def kinds(task: str) -> dict[str, str]:
    """Return what each family of a task is there for, by the task's own word."""
    match task:
        case "paging" | "flow_time" | "stragglers" | "shortest_paths":
            place = {
                "paging": "traces",
                "flow_time": "job_streams",
                "stragglers": "delay_models",
                "shortest_paths": "graph_families",
            }[task]
            return dict(
                import_module(f"adabench.workloads.algorithms.{task}.substrate.{place}").KINDS
            )
        case "connectivity":
            families = import_module(
                "adabench.workloads.algorithms.connectivity.substrate.update_streams"
            ).FAMILIES
            return {name: f.standing.removeprefix("negative ") for name, f in families.items()}
        case "active_search":
            families = import_module(
                "adabench.workloads.algorithms.active_search.substrate.bandit_families"
            ).FAMILIES
            return {name: family.purpose for name, family in families.items()}
    place = {"replanning": "scenes", "ray_paths": "scenes", "mip": "instance_families"}[task]
    scene = import_module(f"adabench.workloads.algorithms.{task}.substrate.{place}")
    sides = dict(zip(NEEDED, (scene.FRIENDLY, scene.HOSTILE, scene.CONTROLS), strict=True))
    return {name: kind for kind, names in sides.items() for name in names}


def lacking(known: Mapping[str, str], groups: Collection[str]) -> list[str]:
    """Return which kinds a suite of these families does not have."""
    return [kind for kind in NEEDED if kind not in {known.get(group) for group in groups}]


def suite(task: str) -> set[str]:
    """Return the families that a default run meets, made small."""
    more = MIP if task == "mip" else {}
    return {case.group for case in small(task, **more).cases()}


TASKS = (
    "paging", "flow_time", "stragglers", "shortest_paths", "connectivity", "active_search",
    "replanning", "ray_paths", "mip",
)  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
def test_what_a_run_meets_has_a_friend_a_foe_and_a_control(task: str) -> None:
    if task == "mip":
        pytest.importorskip("pyscipopt")
        pytest.importorskip("highspy")
    known, met = kinds(task), suite(task)
    assert met <= set(known)
    assert lacking(known, met) == []
    for kind in NEEDED:
        assert lacking(known, {name for name in met if known[name] != kind}) == [kind]


def module(task: str) -> ModuleType:
    return import_module(f"adabench.workloads.algorithms.{task}.task")


def small(task: str, **conditions: Any) -> Any:
    return module(task).load("embedded", 0, **module(task).CHECK_CONDITIONS, **conditions)


@pytest.mark.parametrize("task", TASKS)
def test_defaults_of_load_are_those_of_the_card(task: str) -> None:
    parameters, defaults = (
        inspect.signature(module(task).load).parameters,
        module(task).CARD.defaults,
    )
    assert {name: parameters[name].default for name in defaults} == defaults


@pytest.mark.parametrize("task", TASKS)
def test_a_scale_it_does_not_have_is_refused(task: str) -> None:
    with pytest.raises(SelectionError, match=f"{task} has no scale 'cloud'"):
        module(task).load("cloud", 0)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_with_cases_is_never_stored(task: str) -> None:
    with pytest.raises(TypeError, match="not stored"):
        pickle.dumps(small(task))


@pytest.mark.parametrize("task", TASKS)
def test_a_substrate_lives_without_truth_cases_and_threads(task: str, lives_alone) -> None:
    lives_alone(task)


@pytest.mark.parametrize("task", TASKS)
def test_arrays_that_arrive_cannot_be_written(task: str) -> None:
    held = small(task)
    for case in held.cases():
        for array in arrays(pickle.loads(pickle.dumps(case, protocol=5))):
            with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
                array.setflags(write=True)


def arrays(value: Any) -> Iterator[NDArray[Any]]:
    """Yield the arrays of a case, and of what it holds."""
    if isinstance(value, np.ndarray):
        yield value
    elif is_dataclass(value):
        yield from arrays([getattr(value, one.name) for one in fields(value)])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from arrays(one)
