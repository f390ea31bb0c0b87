"""What every policy must obey, ours or a plug-in's, tried on small instances.

    source      it names nothing of the task that a policy has no business with (oracles excepted)
    contract    it plays a case once and answers with that
    horizon     it asks exactly the queries that it is handed
    blind       with the same answers it asks the same, whatever family or class it is played on
                (oracles excepted)

`check` yields a sentence per broken rule and nothing for a sound policy. It catches honest mistakes
and the usual ways to fake a result; it proves nothing.
"""

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import numpy as np

from adabench.harness.contract.card import Card
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Instance, generate
from adabench.workloads.algorithms.active_search.substrate.bandits import Ints
from adabench.workloads.algorithms.active_search.truth.worst_case_judge import scored_task
from adabench.workloads.shared.counting.conformance_kit import prepared_state, source_problems
from adabench.workloads.shared.counting.source_rules import Rules

EPISODES, QUERIES = 32, 12
OFF_LIMITS = frozenset((
    "group", "instance", "gaps", "drawn", "draws", "noise", "generate", "search", "envelope",
    "truth", "generate_hypotheses", "generate_jokes", "hypothesis_draws", "judge",
    "play_knowing", "meter", "score", "environment",
    "oracle_environment", "played", "WorstCaseAdversary", "hidden", "seed", "run",
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
    broken = list(source_problems(RULES, method, card))
    yield from broken
    if broken:
        return
    try:
        seen = [record_queries(method, card, one) for one in _disguised()]
    except MethodContractError as breach:
        yield breach.message
        return
    for asked in seen:
        if len(asked) != QUERIES:
            yield f"It was asked for {QUERIES} queries and chose {len(asked)} times."
            return
    if card.role != "oracle" and not np.array_equal(np.stack(seen[0]), np.stack(seen[1])):
        yield "It asks other queries when the case bears another name: it knows the class."


def _disguised() -> tuple[Instance, Instance]:
    """Return one instance under the names of two families."""
    plain = generate("leader", QUERIES, EPISODES, seed=3)
    other = replace(plain, case=replace(plain.case, group="easy", instance=1.0))
    return plain, other


def record_queries(method: ModuleType, card: Card, instance: Instance) -> list[Ints]:
    """Run a method on one instance and return what it asked, query by query.

    Raises:
        MethodContractError: if it breaks the contract.
    """
    asked: list[Ints] = []
    task = scored_task((instance,), ear=asked)
    (case,) = task.cases()
    state = prepared_state(method, task, card.defaults)
    answer = method.solve(state, case, card.defaults)
    values = {**task.meter, **task.score(case, answer)}
    if values["queries"] != QUERIES:
        raise MethodContractError(f"It asked {values['queries']} queries of {QUERIES}.")
    return asked
