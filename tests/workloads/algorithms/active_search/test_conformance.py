"""Planted wrong methods must be caught, each for what is wrong with it."""

from dataclasses import fields

import numpy as np
import pytest

from adabench.harness.run.case_data import pickled_case, unpickled_case
from adabench.workloads.algorithms.active_search.substrate.bandit_families import (
    generate,
    generate_hypotheses,
    generate_jokes,
)
from adabench.workloads.algorithms.active_search.substrate.replay import Setting
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


@pytest.mark.parametrize(
    "instance",
    [
        generate("prior", 10, 32, 3),
        generate("classes", 20, 16, 0),
        generate_hypotheses("thresholds", 10, 32, 3, None),
        generate_hypotheses("questions", 10, 32, 3, None, clear=True),
        generate_jokes(10, 16, 2),
    ],
    ids=lambda instance: instance.case.group,
)
def test_the_random_part_of_a_case_arrives_to_the_bit(instance) -> None:
    data = pickled_case((instance.case, Setting(instance, tells_class=False)))
    case, there = unpickled_case(data.message(), data.file)  # which closes the file
    drawn, again = instance.drawn, there.instance.drawn
    assert there.instance.case is case
    for name in (one.name for one in fields(drawn)):
        one, other = getattr(drawn, name), getattr(again, name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            assert (one == other).all()
        else:
            assert [seed.generate_state(4).tolist() for seed in one] == [
                seed.generate_state(4).tolist() for seed in other
            ]
