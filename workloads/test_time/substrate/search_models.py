"""What a question is solved with: a policy, a judge, and the files that they were read from."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from adabench.workloads.shared.language_model.batched.session_models import SessionModels
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Costs, Engine
from adabench.workloads.shared.language_model.reward_model import Router, Scorer
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.test_time.substrate.configurations import ResponseTable
from adabench.workloads.test_time.substrate.strategies import Plan


@dataclass(frozen=True)
class Models:
    """What a question is solved with."""

    policy: Engine
    judge: Scorer | None
    """None where no judge is stronger than the policy."""
    names: tuple[str, ...] = ()
    """Of their checkpoints."""
    shipped: Path = Path()
    """Where those are, unless they are in the user's cache."""
    others: Mapping[str, Engine] = field(default_factory=dict)
    """Further policies by role: a draft, a target. Each is an engine of its own."""
    router: Router | None = None
    """Who foretells which of two policies writes a step better."""
    pair: "Models | None" = None
    """The policy as the draft of a target, for the sessions that ask for it."""
    pool: "Models | None" = None
    """The policy and larger ones, for the sessions that choose among them."""
    responses: Callable[[], ResponseTable] | None = None
    """What the configurations of a pool answered to questions for calibration."""
    plans: Mapping[str, Callable[[], Plan]] = field(default_factory=dict)
    """By mechanism: what reads the tables that were fitted to these models."""
    reviser: "Models | None" = None
    """A policy that reads earlier attempts at a question, with a judge of what it writes."""
    successors: "Mapping[str, Models]" = field(default_factory=dict)
    """Policies that were trained on from this one, by how."""
    successor_recipes: str = ""
    """What `adabench train` calls the recipes of a successor, {} in place of its name."""

    @property
    def parts(self) -> tuple[object, ...]:
        """Return all engines, judges and routers, those of other sessions included."""
        own = (self.policy, *self.others.values(), self.judge, self.router)
        further = (one.parts for one in self.further)
        return tuple(part for parts in (own, *further) for part in parts if part is not None)

    @property
    def further(self) -> "tuple[Models, ...]":
        """Return the models of other sessions."""
        others = (self.pair, self.pool, self.reviser, *self.successors.values())
        return tuple(one for one in others if one is not None)

    def of_session(self, models: SessionModels) -> "Models":
        """Return the same with the models of one of several sessions side by side."""
        return replace(
            self,
            policy=models.view(self.policy),
            judge=models.view(self.judge),
            others={role: models.view(one) for role, one in self.others.items()},
            router=models.view(self.router),
            pair=models.view(self.pair),
            pool=models.view(self.pool),
            reviser=models.view(self.reviser),
            successors={name: models.view(one) for name, one in self.successors.items()},
        )

    def note(self) -> None:
        """Note that they are handed out to the method of this process."""
        for name in self.names:
            checkpoints.note(name, self.shipped)


def warm_up(models: Models, word: int) -> None:
    """Run every kernel that a session runs once, in sessions of two words."""
    for other in models.further:
        warm_up(other, word)
    for policy in (models.policy, *models.others.values()):
        policy.reset(Costs())
        leaves = policy.fork(policy.open([word]), 2)
        with suppress(CapabilityMissing):  # a method that needs it says so
            policy.append(leaves[:1], [[word]])
            policy.decode(leaves, max_new=2)
        if models.judge is not None:
            models.judge.reset(Costs())
            with suppress(CapabilityMissing):
                models.judge.scores(leaves)
            models.judge.reset(Costs())
        policy.reset(Costs())
