"""A team: three policies of the family, each on a machine of its own, with tools at one desk or at several."""

from functools import partial

from adabench.workloads.agents.substrate.agent_task import Scene
from adabench.workloads.agents.substrate.policy_recipes import ADAPTIVE, FLAT, mode_name
from adabench.workloads.agents.substrate.serving.branches import CachedBranches, TeamBranches
from adabench.workloads.agents.substrate.serving.served_model import ServedModel, small_policy
from adabench.workloads.agents.substrate.serving.stream_clock import WorkClock
from adabench.workloads.agents.substrate.shards import SharedTools
from adabench.workloads.agents.substrate.tool_server import ToolServer

BESIDE = (ADAPTIVE, FLAT)
"""Roles of the policies beside the first one."""


def team(name: str, desks: int) -> ServedModel:
    """Return a policy and the two that went on from it, as one that is served.

    Raises:
        EnvironmentProblem: if one misses a gate, or was not trained yet.
    """
    first, *others = [small_policy(one) for one in (name, *(mode_name(name, r) for r in BESIDE))]
    return ServedModel(
        first.engine,
        first.script,
        partial(_branches, first, tuple(others)),
        partial(_tools, desks),
        first.policy,
        WorkClock,
        tuple(others),
    )


def _branches(first: ServedModel, others: tuple[ServedModel, ...], reuse: bool) -> TeamBranches:
    machines: dict[str, CachedBranches] = {"": first.branches(reuse)}
    named = zip(BESIDE, others, strict=True)
    return TeamBranches(machines | {role: model.branches(reuse) for role, model in named})


def _tools(desks: int, scene: Scene, entries: int) -> SharedTools:
    server = ToolServer(scene.world, scene.faults, deadline_s=0.0)
    return SharedTools(server, desks, scene.broken)
