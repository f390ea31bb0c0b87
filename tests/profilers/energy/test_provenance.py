import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adabench.profilers.energy.provenance import (
    STRENGTH,
    Overlap,
    Reading,
    label_of,
    overlap,
    sums,
    total,
    unavailable,
    weakest,
)

KINDS = ("measured.wall", "counter.nvml", "counter.rapl", "estimated.tdp", "imported.paper")
DISJOINT = ("gpu_board", "cpu_package", "dram")


def reading(j=10.0, kind="counter.nvml", scope="gpu_board", **more):
    return Reading(j, 0.5, kind, scope, **more)


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("measured.wall", "measured"),
        ("counter.rapl", "counter"),
        ("estimated.integrated", "estimated"),
        ("imported.paper", "estimated"),
        ("unavailable", "unavailable"),
    ],
)
def test_the_label_follows_from_the_kind(kind, label):
    assert label_of(kind) == label


def test_a_kind_of_no_known_label_is_refused():
    with pytest.raises(ValueError, match="no kind of energy"):
        reading(kind="guessed")


@pytest.mark.parametrize(
    "arguments",
    [
        (1.0, None, "counter.nvml", "gpu_board"),  # no uncertainty
        (1.0, 0.1, "unavailable", "gpu_board", "reason"),  # a number that claims to be none
        (None, None, "counter.nvml", "gpu_board", "reason"),  # none that claims to be one
        (None, None, "unavailable", "gpu_board"),  # no reason
        (-1.0, 0.1, "counter.nvml", "gpu_board"),
        (float("nan"), 0.1, "counter.nvml", "gpu_board"),
    ],
)
def test_a_number_and_its_provenance_come_together(arguments):
    with pytest.raises(ValueError, match=r"."):
        Reading(*arguments)


def test_what_is_unavailable_is_none_and_null_and_never_zero():
    absent = unavailable("gpu_board", "no driver")
    assert absent.j is None
    plain = json.loads(json.dumps(absent.to_json()))
    assert plain["j"] is None
    assert (plain["label"], plain["reason"]) == ("unavailable", "no driver")
    assert absent.per(4).j_per_unit is None


def test_json_carries_label_uncertainty_and_parts():
    whole = total([reading(), reading(kind="counter.rapl", scope="cpu_package")])
    plain = json.loads(json.dumps(whole.to_json()))
    assert (plain["j"], plain["label"]) == (20.0, "counter")
    assert plain["u_j"] == pytest.approx(0.5 * 2**0.5)
    assert [part["kind"] for part in plain["parts"]] == ["counter.nvml", "counter.rapl"]


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))
def test_a_sum_has_the_weakest_label_of_its_parts(kinds):
    parts = [reading(kind=kind, scope=scope) for kind, scope in zip(kinds, DISJOINT, strict=False)]
    whole = total(parts)
    assert STRENGTH.index(whole.label) == max(STRENGTH.index(part.label) for part in parts)
    assert whole.j == pytest.approx(10.0 * len(parts))
    assert whole.label == weakest([part.label for part in parts])


@given(st.integers(0, 2), st.permutations(DISJOINT))
def test_a_sum_with_a_missing_part_has_no_number(missing, scopes):
    parts = [reading(scope=scope) for scope in scopes]
    parts[missing] = unavailable(scopes[missing], "no counter")
    whole = total(parts)
    assert whole.j is None
    assert f"{scopes[missing]}: no counter" in whole.reason
    assert total([]).j is None


@pytest.mark.parametrize(
    ("one", "other"),
    [("node", "gpu_board"), ("psys", "cpu_package"), ("module", "dram"), ("dram", "dram")],
)
def test_what_overlaps_is_not_added(one, other):
    with pytest.raises(Overlap, match="count twice"):
        total([reading(scope=one), reading(scope=other)])


def test_what_is_apart_is_added():
    for pair in itertools.combinations(DISJOINT, 2):
        assert overlap([reading(scope=scope) for scope in pair]) is None


def test_two_boards_are_apart_and_one_board_or_two_modules_are_not():
    one, other = reading(device_uuid="GPU-1"), reading(device_uuid="GPU-2")
    assert total([one, other]).j == 20.0
    for pair in (
        (one, one),
        (one, reading()),  # nobody knows which board that was
        (
            reading(scope="module", device_uuid="GPU-1"),
            reading(scope="module", device_uuid="GPU-2"),
        ),
        (one, reading(scope="node", device_uuid="GPU-2")),
    ):
        with pytest.raises(Overlap, match="count twice"):
            total(pair)


def test_joules_under_one_key_are_added_and_a_missing_part_leaves_the_whole_open():
    one, other = reading(device_uuid="GPU-1"), reading(device_uuid="GPU-2")
    host = reading(kind="counter.rapl", scope="cpu_package")
    values, why = sums([("energy_gpu_j", one), ("energy_gpu_j", other), ("energy_cpu_j", host)])
    assert values == {"energy_gpu_j": 20.0, "energy_cpu_j": 10.0, "energy_j": 30.0}
    assert why == {}
    blind = unavailable("gpu_board", "MIG")
    values, why = sums([("energy_gpu_j", one), ("energy_gpu_j", blind), ("energy_cpu_j", host)])
    assert values == {"energy_cpu_j": 10.0}
    assert set(why) == {"energy_gpu_j", "energy_j"}
    assert "MIG" in why["energy_j"]


def test_energy_per_unit_has_its_uncertainty_and_no_division_by_nothing():
    each = reading().per(4)
    assert (each.j_per_unit, each.u_j_per_unit) == (2.5, 0.125)
    assert each.interval == pytest.approx((2.255, 2.745), abs=1e-3)
    with pytest.raises(ValueError, match="unit"):
        reading().per(0)


def test_a_flag_is_raised_once():
    assert reading().flagged("slowed").flagged("slowed", "aliasing").flags == ("slowed", "aliasing")
