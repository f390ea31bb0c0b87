"""The picture of a service: its load under two plain capacities."""

import pytest

from adabench.harness.contract.drawing import check_picture
from adabench.workloads.algorithms.autoscale.drawing import picture
from adabench.workloads.algorithms.autoscale.task import load


@pytest.mark.parametrize(
    "conditions", [{"days": 2, "trace": "bursts"}, {"days": 1, "trace": "calm"}]
)
def test_a_day_is_drawn_and_what_exceeds_capacity_is_marked(conditions) -> None:
    drawn = check_picture(picture("embedded", 3, conditions))
    task = load("embedded", 3, **conditions)
    (case,) = task.cases()
    assert drawn.instance == case.instance
    for panel in drawn.panels:
        lines = {mark.label: mark.places for mark in panel.marks}
        seen, over = lines["load"], {*lines["load above capacity"]}
        capacity = dict(lines["capacity by six lags"])
        assert over == {place for place in seen if place[1] > capacity[place[0]]}
        assert len(seen) == case.day
    assert case.group in drawn.words
