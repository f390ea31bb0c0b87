"""Methods in processes of their own: means are entered, specialists stay behind."""

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
