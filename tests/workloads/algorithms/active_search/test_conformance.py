"""Planted wrong methods must be caught, each for what is wrong with it."""

from tests.workloads.algorithms.task_promises import CountedPromises

PACKAGE = "adabench.workloads.algorithms.active_search"
SMALL = {"family": "classes", "episodes": 32}


class TestActiveSearch(CountedPromises):
    name = "active_search"
    small = SMALL
    alone = ({}, {"family": "questions"})
    counted = (
        (("lucb", "learned_policy", "specialist"), {}),
        (("soft_gbs", "prior_policy"), {"family": "thresholds"}),
    )
    online, oracle, refuses_oracle = "uniform", "specialist", "told the class"
    caught = (
        ("knows_the_class", "reaches for 'group'"),
        ("clears_the_meter", "reaches for 'meter'"),
    )
    caught_by_trials = (
        ("knows_the_class", "it knows the class"),
        ("best_of_two", "more than once"),
        ("clears_the_meter", "wrote into the meter"),
    )
    forbidden = (
        f"from {PACKAGE}.methods.uniform import solve",
        f"from {PACKAGE}.substrate.worst_case_bandit import search",
        f"from {PACKAGE}.substrate.bandit_families import generate",
        f"from {PACKAGE} import conformance",
        "from . import adversary",
        "task.play_knowing(case, policies)",
        "import gc",
        "getattr(task, name)",
    )
