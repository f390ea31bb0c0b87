"""Paths through three layers: a mode, a policy, a check. Each is a workflow (`agents/substrate/workflow.py`).

mode     dir | cot | act | chk
policy   s | apo | flat           three trainings of the family's small policy, on a machine each
check    none      one greedy episode
critic    the policy's critic; where it is not sure one more episode, drawn at temperature 1
vote      the greedy episode and two drawn ones; the answer of most
"""

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import NamedTuple

from adabench.workloads.agents.substrate.agent_session import MODE_NAMES
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, MakeAgent
from adabench.workloads.agents.substrate.workflow import Operator, Template, chain, execute

POLICIES = ("s", "apo", "flat")
CHECKS = ("none", "critic", "vote")
LAYERS = (MODE_NAMES, POLICIES, CHECKS)
FIRST = POLICIES[0]
"""The policy that reads every prompt, and has no name on the server."""


class Path(NamedTuple):
    """One node of each layer."""

    mode: str
    policy: str
    check: str

    @property
    def places(self) -> tuple[int, int, int]:
        """Return the place of each node in its layer."""
        modes, policies, checks = LAYERS
        return modes.index(self.mode), policies.index(self.policy), checks.index(self.check)


PATHS = tuple(Path(*nodes) for nodes in product(*LAYERS))


@cache
def template(path: Path) -> Template:
    """Return the workflow of a path."""
    policy = machine(path.policy)
    first = Operator("solve", path.mode, policy)
    drawn = Operator("solve", path.mode, policy, heat=1.0)
    if path.check == "none":
        return chain((first,))
    if path.check == "critic":
        other = Operator("escalate", path.mode, policy, heat=1.0)
        return chain((first, Operator("verify", policy=policy), other))
    return Template((first, drawn, drawn, Operator("vote")), ((0, 3), (1, 3), (2, 3)))


def machine(policy: str) -> str:
    """Return the name of a policy on the server."""
    return "" if policy == FIRST else policy


def answering(paths: Iterator[Path]) -> MakeAgent:
    """Return what makes agents that answer by the next path each."""

    def agent(desk: Desk) -> Agent:
        branch = yield from execute(desk, template(next(paths)))
        if branch is not None:
            desk.offer(branch)

    return agent
