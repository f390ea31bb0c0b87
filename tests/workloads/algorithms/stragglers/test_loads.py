"""Loads: the formulas to the last digit, and the chunks that are really cut."""

from fractions import Fraction

import numpy as np
import pytest

from adabench.workloads.algorithms.stragglers.methods.multiplexed_gc import Multiplexed
from adabench.workloads.algorithms.stragglers.substrate.parameter_search import (
    multiplexed_load,
    repeats,
)
from adabench.workloads.algorithms.stragglers.substrate.real.models import bounds, parts
from adabench.workloads.algorithms.stragglers.substrate.scheme import Group, Layout
from adabench.workloads.algorithms.stragglers.task import load


def test_the_published_loads_come_out() -> None:
    assert Layout((Group(1.0, 256, 15),)).cost[0] == 0.0625
    assert repeats(2, 3, 23) == 12
    assert Layout((Group(1.0, 256, repeats(2, 3, 23)),)).cost[0] == 13 / 256
    assert multiplexed_load(256, 1, 2, 27) == pytest.approx(0.0075431, abs=5e-8)
    assert multiplexed_load(256, 1, 2, 52) == pytest.approx(0.0076678, abs=5e-8)


@pytest.mark.parametrize("b", [1, 2, 3])
@pytest.mark.parametrize("w", [4, 5, 9])
@pytest.mark.parametrize("most", [1, 7, 30, 32])
def test_slots_of_the_layout_sum_to_the_formula(b: int, w: int, most: int) -> None:
    n = 32
    layout = Multiplexed(n, b, w, most).layout
    assert sum(group.share for group in layout.groups) == pytest.approx(1, abs=1e-12)
    assert np.ptp(layout.cost) < 1e-15  # all slots cost the same
    slots = w - 1 + b
    assert slots * layout.cost[0] == pytest.approx(multiplexed_load(n, b, w, most), rel=1e-12)


@pytest.mark.parametrize(("b", "w", "most"), [(1, 2, 2), (2, 3, 2), (1, 4, 3), (2, 5, 8)])
def test_chunks_that_are_cut_sum_to_the_load(b: int, w: int, most: int) -> None:
    n, layout = 8, Multiplexed(8, b, w, most).layout
    unit = n * (b + (w - 1) * (most + 1)) if most < n else n * (w - 1)
    samples = 3 * unit
    own = parts(layout, samples)
    load = Fraction(sum(own[m * n].samples for m in range(w - 1 + (b if most < n else 0))), samples)
    exact = (
        Fraction((most + 1) * (w - 1 + b), n * (b + (w - 1) * (most + 1)))
        if most < n
        else Fraction(1, n)
    )
    assert load == exact
    ends = np.concatenate([own_ends[:-1] for own_ends in bounds(layout, samples)])
    assert (np.diff(ends) > 0).all()
    assert ends[0] == 0
    assert bounds(layout, samples)[-1][-1] == samples


def test_the_load_of_a_run_is_the_formula(values) -> None:
    task = load("embedded", 0, delays="short", jobs=8, draws=1)
    run = {
        ("gradient_code", ("s", 15)): 0.0625,
        ("sequential_gc", ("params", "2,3,23")): 13 / 256,
        ("multiplexed_gc", ("params", "1,2,27")): multiplexed_load(256, 1, 2, 27),
        ("multiplexed_gc", ("params", "1,2,52")): multiplexed_load(256, 1, 2, 52),
        ("uncoded", ("x", 0)): 1 / 256,
    }
    for (name, (knob, value)), expected in run.items():
        seen = values(name, task, **{knob: value})["short"]["load"]
        assert seen == pytest.approx(expected, rel=1e-12), name


def test_the_load_falls_to_the_uncoded_one_as_the_window_grows() -> None:
    loads = [multiplexed_load(256, 1, w, 256) * 256 for w in (2, 4, 8, 16, 41)]
    assert loads == sorted(loads, reverse=True)
    assert loads[0] == 2
    assert loads[-1] == pytest.approx(1.025)
