"""The task object: plays a policy on a case, counts its queries, and scores what came of it.

`task.py` says what is measured and why; `worst_case_adversary.py` searches for worst cases.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.active_search.substrate import (
    trained_policies,
    worst_case_adversary,
)
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Case
from adabench.workloads.algorithms.active_search.substrate.bandits import Ints, Policy
from adabench.workloads.algorithms.active_search.substrate.worst_case_adversary import (
    Answer,
    AnyInstance,
    Policies,
)
from adabench.workloads.shared.counting.answer_ledger import Wording
from adabench.workloads.shared.counting.counted_task import CountedTask, Run

__all__ = ["ActiveSearch", "Answer", "Setting"]

WORDING = Wording(
    "play",
    foreign="The answer is not the task's own run of this case.",
    twice="It plays a case more than once and answers with one.",
)


class Setting(NamedTuple):
    """What a case is played on."""

    instance: AnyInstance
    tells_class: bool = True
    """Whether a policy may be told the class."""


class Order(NamedTuple):
    """The policies for each class (-1: the prior), and whether they were told it."""

    policies_of: Callable[[int], Policies]
    knowing: bool


class ActiveSearch(CountedTask[Case, Setting, Order, Answer, Answer, Answer]):
    """The task: its cases and the counting bandits."""

    wording = WORDING

    @staticmethod
    def case_of(world: Setting) -> Case:
        """Return the case."""
        return world.instance.case

    @staticmethod
    def run_in(world: Setting, order: Order, *, listened: bool) -> Run[Answer, Answer]:
        """Play the policies of each class, in the worst cases that are found for them.

        A listener hears the queries of final episodes.

        Raises:
            MethodContractError: if it asks to be told a class that only oracles are told.
        """
        instance, policies_of = world.instance, order.policies_of
        if order.knowing and not world.tells_class:
            raise MethodContractError(
                f"It asks to be told the class of {instance.case.group}.",
                "That is for oracles: say role='oracle' in the card.",
            )

        def noted(k: int) -> Policies:
            policies = policies_of(k)
            trained_policies.note(policies, instance.seed)
            return policies

        heard: list[Ints] | None = [] if listened else None
        answer, counts = worst_case_adversary.played(instance, noted, heard)
        return Run(answer, replace(answer), counts, heard)

    @staticmethod
    def revealed(world: Setting, *, oracle: bool) -> Setting:
        """Return what the bandits answer by; an oracle's policy may be told the class."""
        return world._replace(tells_class=oracle)

    def play(self, case: Case, *policies: Policy) -> Answer:
        """Play a policy on a case; of several (one a training seed) the run's seed picks.

        The family `retrained` plays all of them.
        """
        return self.count(case, Order(lambda k: policies, knowing=False))

    def play_knowing(self, case: Case, policies_of: Callable[[int], Policies]) -> Answer:
        """Play, for each class, a policy that was told the class (-1: the prior). For oracles."""
        return self.count(case, Order(policies_of, knowing=True))

    def warm(self) -> None:
        """Load the kernels that every method's play runs."""
        worst_case_adversary.warm()
