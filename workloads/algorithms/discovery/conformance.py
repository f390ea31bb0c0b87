"""What every search must obey, ours or a plug-in's, tried on a small search.

    source      it imports nothing but contracts and substrate, walks at the desk alone, and leaves tries, counts,
                walk seeds and the best known values alone
    tries       it spends no more than its tries, evaluates something, and answers with what its search found

`check` yields a sentence per broken rule. It catches honest mistakes and the usual ways to fake a result; it proves
nothing: what a method imports from elsewhere is not read.
"""

from collections.abc import Iterator
from types import ModuleType

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.discovery.substrate.discovery_task import Found
from adabench.workloads.algorithms.discovery.substrate.sites import problem_at
from adabench.workloads.algorithms.discovery.substrate.walk_policy import parse
from adabench.workloads.algorithms.discovery.truth.scoring import scored_task, search_world
from adabench.workloads.shared.counting.method_trials import Trial, Trials, check_by
from adabench.workloads.shared.counting.source_rules import Rules

EFFORT = 0.002
OFF_LIMITS = frozenset((
    "_spend", "_stages", "counts", "walk", "walk_at", "walk_seeds", "known", "known_best", "HELD_OUT", "PROBLEMS",
    "sites", "transfer", "meter", "score", "judge", "account", "environment", "run_in", "_server", "_silent",
))  # fmt: skip
RULES = Rules(
    "adabench.workloads.algorithms.discovery",
    off_limits=OFF_LIMITS,
    strings=OFF_LIMITS,
    who="search",
)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    yield from check_by(RULES, Trials(method, card, scored_task, "tries", _agrees), tried)


def tried(method: Trials) -> Iterator[str]:
    """Yield one sentence for each rule that a search breaks when it runs."""
    trials = method.all([({}, (search_world("walk", 1, EFFORT),))])
    for trial in trials:
        most = problem_at("walk", EFFORT).tries
        if trial.values["tries"] > most:
            yield f"It spends {trial.values['tries']:,.0f} tries of {most:,}."
        if isinstance(trial.answer, Found) and trial.answer.said is None:
            parse(trial.answer.policy)


def _agrees(trial: Trial) -> bool:
    return trial.heard is None or trial.values["tries"] == trial.heard["tries"]
