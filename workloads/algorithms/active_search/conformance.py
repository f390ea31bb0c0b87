"""What every policy must obey, ours or a plug-in's, tried on small instances.

source      it names nothing of the task that a policy has no business with (oracles excepted)
contract    it plays a case once, leaves it as it was, and answers with that
horizon     it asks exactly the queries that it is handed
blind       with the same answers it asks the same, whatever family or class it is played on
(oracles excepted)
"""

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import numpy as np

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Instance, generate
from adabench.workloads.algorithms.active_search.truth.worst_case_judge import scored_task
from adabench.workloads.shared.counting.method_trials import Trial, Trials, check_by
from adabench.workloads.shared.counting.source_rules import Rules

EPISODES, QUERIES = 32, 12
OFF_LIMITS = frozenset((
    "group", "instance", "gaps", "drawn", "draws", "noise", "generate", "search", "envelope",
    "truth", "generate_hypotheses", "generate_jokes", "hypothesis_draws", "judge",
    "play_knowing", "meter", "score", "environment",
    "oracle_environment", "of", "played", "worst_case_adversary", "hidden", "seed", "run",
    "FAMILIES", "CLASSES",
))  # fmt: skip
"""Attributes, imported names and strings that no honest policy needs."""
RULES = Rules(
    "adabench.workloads.algorithms.active_search",
    off_limits=OFF_LIMITS,
    strings=OFF_LIMITS,
)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""

    def agrees(trial: Trial) -> bool:
        return trial.values["queries"] == QUERIES

    trials = Trials(method, card, scored_task, "number of queries", agrees)
    yield from check_by(RULES, trials, tried)


def tried(method: Trials) -> Iterator[str]:
    """Yield one sentence for each rule that a method breaks when it runs."""
    seen = [method.attempt(({"T": QUERIES}, [one]))[0].heard for one in _disguised()]
    for asked in seen:
        if len(asked) != QUERIES:
            yield f"It was asked for {QUERIES} queries and chose {len(asked)} times."
            return
    if method.card.role != "oracle" and not np.array_equal(np.stack(seen[0]), np.stack(seen[1])):
        yield "It asks other queries when the case bears another name: it knows the class."


def _disguised() -> tuple[Instance, Instance]:
    """Return one instance under the names of two families."""
    plain = generate("leader", QUERIES, EPISODES, seed=3)
    other = replace(plain, case=replace(plain.case, group="easy", instance=1.0))
    return plain, other
