"""Active search: which of ten arms is best, or which hypothesis holds, with twenty noisy queries.

A policy asks, sees the answer, asks again (`bandits.py`). After the last query the task names the
arm with the highest observed mean. Loss is the share of episodes in which a wrong arm is named.

    adabench run 'active_search/*' --set family=questions       noisy 20 Questions
    adabench run 'active_search/*' --set family=thresholds      where answers turn from no to yes
    adabench run 'active_search/*' --set family=jokes           a generated table of Jester's shape
    adabench run 'active_search/*' --set matrix=FILE.csv        a table of your own

Those are hunts (`hypothesis_search.py`): answers are yes or no, and the task names the most likely
hypothesis. Methods that are for arms alone say so and stay with arms.

    class MyPolicy:
        def choose(self, board): ...         # an arm for each of many episodes at once

    def solve(task, case, point):
        return task.play(case, MyPolicy())

**Difficulty.** C(theta) is the quantity of the lower bound (`complexity.py`): with unit noise about
C log(1 / d) queries are needed to be wrong with probability d. Five classes C <= r, r from 1 to
1000, take the place of a prior. The worst case within a class is searched for each policy anew,
with fresh starts and fresh episodes (`worst_case_bandit.py`), by the task and not by the method.

**What is scored.** `success` = 1 - `loss`. On `classes`: the mean over the five worst cases,
`loss_k` of each, and `worst_gap`, the largest excess over the loss of the specialist that was
trained for that class alone, searched and played in the same way (0 if no class is above). On hunts
`loss` is the average over hypotheses; of thresholds `loss_k` is the worst case in each class, of
questions `worst_loss` that of the hardest object. `success_limit` is a theorem: no policy with so
many queries exceeds it in the worst case (on `pair` there is none, and the limit is 1). On
`retrained` every trained policy of a method plays; `spread` is the largest loss less the smallest.

**The budget.** `T`, the number of queries. It is handed to all alike and everybody uses all of it:
`queries` is counted from the answers that were given; `search_queries`, of the search for the worst
case, are no cost of the policy. `choose_s` is its CPU time for a thousand final queries.

**Limitations.** The search gives a lower estimate of the worst loss; a stronger adversary may find
more (of questions it is exhaustive). Specialists are trained, for arms only: their losses are an
estimate of the envelope, and a gap can be negative. The real Jester is the user's to bring.
Hunts at another T than 20 have no policy of their own.
"""

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.algorithms.active_search.conformance import check
from adabench.workloads.algorithms.active_search.substrate.bandit_families import (
    FAMILIES,
    HYPOTHESIS_PROBLEMS,
    JOKES,
    generate,
    generate_hypotheses,
    generate_jokes,
)
from adabench.workloads.algorithms.active_search.substrate.replay import ActiveSearch, Answer
from adabench.workloads.algorithms.active_search.substrate.twenty_questions import read_matrix
from adabench.workloads.algorithms.active_search.truth.worst_case_judge import scored_task

CARD = Card(
    title="Best of ten arms with few noisy queries",
    paper="Learning to Actively Learn: A Robust Approach, arXiv 2010.15382, 2020",
    adapts="which arm is asked next, on all answers so far",
    budget="T",
    no_speedup="a query here is a count: nobody waits for an answer, so queries that were "
    "saved cannot become time",
    gaps=(
        Gap(
            mixture=("uniform",),
            methods=(
                "learned_policy",
                "lucb",
                "minimax",
                "prior_policy",
                "soft_gbs",
                "successive_halving",
                "uncertainty",
                "random_arm",
            ),
            oracle="specialist",
            coin="random_arm",
        ),
    ),
    knobs=(
        Knob("T", (10, 20), 20, open=True, low=2, high=200),
        Knob("episodes", (20000,), 20000, open=True, low=16, high=65536),
        Knob("family", ("suite",), "suite", open=True),
        Knob("matrix", ("",), "", open=True),
    ),
    cases="nested",
    recipes=25,
    metrics=(
        Metric("success", "", "higher", "quality", primary=True),
        Metric("queries", "queries", "lower", "work", primary=True),
        Metric("loss", "", "lower", "cost"),
        Metric("worst_gap", "", "lower", "cost"),
        Metric("worst_loss", "", "lower", "cost"),
        Metric("loss_0", "", "lower", "cost"),
        Metric("loss_1", "", "lower", "cost"),
        Metric("loss_2", "", "lower", "cost"),
        Metric("loss_3", "", "lower", "cost"),
        Metric("loss_4", "", "lower", "cost"),
        Metric("gap_0", "", "lower", "info", low=-1.0, high=1.0),
        Metric("gap_1", "", "lower", "info", low=-1.0, high=1.0),
        Metric("gap_2", "", "lower", "info", low=-1.0, high=1.0),
        Metric("gap_3", "", "lower", "info", low=-1.0, high=1.0),
        Metric("gap_4", "", "lower", "info", low=-1.0, high=1.0),
        Metric("spread", "", "lower", "cost"),
        Metric("spread_limit", "", "higher", "info"),
        Metric("success_se", "", "lower", "info"),
        Metric("success_limit", "", "higher", "info"),
        Metric("lower_bound", "", "lower", "info"),
        Metric("policies", "policies", "higher", "info"),
        Metric("episodes", "episodes", "higher", "info"),
        Metric("search_queries", "queries", "lower", "info"),
        Metric("choose_s", "s", "lower", "info"),
        Metric("instance", "hash", "higher", "info"),
    ),
)

CHECK_CONDITIONS = {"episodes": 64}
OUTCOMES = (Answer,)

__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load"]


def load(
    scale: str,
    seed: int,
    *,
    T: int = 20,
    episodes: int = 20000,
    family: str = "suite",
    matrix: str = "",
) -> ActiveSearch:
    """Return the task under the given conditions.

    Raises:
        SelectionError: if there is no such scale or family, or the matrix is no usable one.
    """
    if scale != "embedded":
        raise SelectionError(f"active_search has no scale {scale!r}.", "It runs at `embedded`.")
    if matrix:
        given = read_matrix(matrix)
        return scored_task((generate_hypotheses("questions", T, episodes, seed, given),))
    if family == JOKES:
        return scored_task((generate_jokes(T, episodes, seed),))
    for problem in HYPOTHESIS_PROBLEMS:
        if family == problem:
            clear = generate_hypotheses(problem, T, episodes, seed, None, clear=True)
            return scored_task((clear, generate_hypotheses(problem, T, episodes, seed, None)))
    if family != "suite" and family not in FAMILIES:
        raise SelectionError(
            f"There is no family {family!r}.",
            nearest(family, ("suite", *HYPOTHESIS_PROBLEMS, JOKES, *FAMILIES)),
        )
    names = tuple(FAMILIES) if family == "suite" else (family,)
    instances = tuple(generate(name, T, episodes, seed) for name in names)
    return scored_task(instances)
