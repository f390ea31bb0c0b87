"""A task with provable oracles shows a friend, a foe and a control, or it is refused here.

A method that is only ever shown what suits it looks good; a suite without a losing case proves
nothing.
"""

from collections.abc import Collection, Mapping
from importlib import import_module

import pytest

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
    module = import_module(f"adabench.workloads.algorithms.{task}.task")
    more = MIP if task == "mip" else {}
    task_ = module.load("embedded", 0, **module.CHECK_CONDITIONS, **more)
    return {case.group for case in task_.cases()}


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
