"""What a server serves: a model behind an engine, how it writes, the tools that it calls.

small_policy(name)      a policy of the family, with the tools of `tool_server.py`
named_model(...)        any model that `--model` names, with tools in text (`text_tools.py`)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from adabench.workloads.agents.substrate.agent_task import Policy, Scene
from adabench.workloads.agents.substrate.policies import planner as load_planner
from adabench.workloads.agents.substrate.policies import policy as load_policy
from adabench.workloads.agents.substrate.policy_recipes import plan_name
from adabench.workloads.agents.substrate.serving.branches import CachedBranches, TextBranches
from adabench.workloads.agents.substrate.serving.script import Script
from adabench.workloads.agents.substrate.serving.stream_clock import StreamClock
from adabench.workloads.agents.substrate.serving.text_script import TextScript
from adabench.workloads.agents.substrate.serving.text_tools import TextTools
from adabench.workloads.agents.substrate.serving.word_script import PlanScript, WordScript
from adabench.workloads.agents.substrate.tool_server import ToolServer, people_table
from adabench.workloads.agents.substrate.value_head import ValueHead
from adabench.workloads.shared.language_model.contract import (
    CapabilityMissing,
    Costs,
    Engine,
    Floats,
)
from adabench.workloads.shared.sources.codec_source import open_codec
from adabench.workloads.shared.sources.model_spec import ModelSpec

if TYPE_CHECKING:
    from adabench.workloads.shared.language_model.backends.server_abilities import ServerAbilities


@dataclass(frozen=True)
class ServedModel:
    """A model, its script, and what opens tools for a request."""

    engine: Engine
    script: Script
    branches: Callable[[bool], Any]
    """From whether what was read stays, to what holds branches."""
    tools: Callable[[Scene, int], Any]
    """From a scene, and how many people a table has that look-ups read through, to tools."""
    policy: Policy | None = None
    """Where it is one of ours: its file, and its head."""
    clock: Callable[[Sequence[Costs]], StreamClock] = lambda machines: StreamClock()
    """From what its machines count to what tells the time."""
    others: tuple["ServedModel", ...] = ()
    """What is served beside it, on machines of their own."""

    def begin(self) -> tuple[Costs, ...]:
        """Forget every branch, and return what the machines count from here on."""
        machines = tuple(Costs() for _ in (self, *self.others))
        for model, costs in zip((self, *self.others), machines, strict=True):
            model.engine.reset(costs)
        return machines

    def note(self) -> None:
        """Note that it is handed out to the method of this process."""
        for model in (self, *self.others):
            if model.policy is not None:
                model.policy.note()

    def head(self) -> ValueHead:
        """Return the head that values its states.

        Raises:
            CapabilityMissing: if a model has none.
        """
        if self.policy is None:
            raise CapabilityMissing(
                f"values: no head was trained for {self.engine.name}.",
                "Choose a method without one, or a policy of ours.",
            )
        return self.policy.noted_head()

    def values(self, costs: Costs, states: Sequence[Floats]) -> list[float]:
        """Return the head's value of each state, and count it."""
        head = self.head()
        costs.meter["flops"] += len(states) * head.flops
        return head.values(np.array(states))

    def warm(self) -> None:
        """Run some words of a policy of ours; another model is loaded, and that is all."""
        for model in (self, *self.others):
            if model.policy is not None:
                model.policy.warm()


def small_policy(name: str) -> ServedModel:
    """Return a policy of the family that passes its gates.

    Raises:
        EnvironmentProblem: if it misses a gate, or was not trained yet.
    """
    return _served(load_policy(name), WordScript())


def small_planner(name: str) -> ServedModel:
    """Return the planner that stands beside a policy of the family, if it passes its gates.

    Raises:
        EnvironmentProblem: if it misses a gate, or was not trained yet.
    """
    return _served(load_planner(plan_name(name)), PlanScript())


def _served(policy: Policy, script: Script) -> ServedModel:
    return ServedModel(
        policy.engine,
        script,
        lambda reuse: CachedBranches(policy.engine, reuse=reuse),  # type: ignore[arg-type]
        lambda scene, entries: ToolServer(
            scene.world, scene.faults, deadline_s=0.0, table=people_table(entries)
        ),
        policy,
    )


def named_model(
    spec: ModelSpec, device: str | None, dtype: str | None, found: "ServerAbilities | None"
) -> ServedModel:
    """Open a model that was named.

    Raises:
        SelectionError: if it names what cannot run here.
        EnvironmentProblem: if a package, a device, a network or a server is missing.
    """
    from adabench.workloads.shared.sources.model_source import open_model

    engine = open_model(spec, device, dtype, found=found).engine
    return ServedModel(
        engine,
        TextScript(open_codec(spec)),
        lambda reuse: TextBranches(engine, reuse=reuse),
        lambda scene, entries: TextTools(scene.world, scene.faults),
    )
