"""Bytes of training under hooks, and ratios of reading by a clock that is handed in."""

import math
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
import torch

from adabench.workloads.moe.adapters.substrate import footprint, tuning_kinds
from adabench.workloads.moe.adapters.substrate.adapter import NOTHING, Adapter
from adabench.workloads.moe.adapters.substrate.base_model import SITES
from adabench.workloads.moe.adapters.substrate.low_rank import fresh_lora
from tests.workloads.moe.adapters.benches import generator, untrained
from tests.workloads.moe.adapters.test_tuning_kinds import examples, fresh

KINDS = sorted(tuning_kinds.KINDS)
BASE_BYTES = 4 * untrained().parameters


def measured(adapter: Adapter) -> dict[str, float]:
    return footprint.training_bytes(untrained(), adapter, examples())


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_and_optimiser_scale_with_what_is_trained(kind: str) -> None:
    adapter = fresh(kind, untrained())
    found = measured(adapter)
    assert found["gradient_bytes"] == 4 * adapter.trained_parameters
    # Two moments, and a count of steps in single precision for each tensor.
    assert found["optimizer_bytes"] == 8 * adapter.trained_parameters + 4 * len(adapter.trained)


def test_weights_are_those_that_a_pass_needs() -> None:
    base = untrained()
    assert footprint.weight_bytes(base, NOTHING) == BASE_BYTES
    assert footprint.weight_bytes(base, fresh("full", base)) == BASE_BYTES
    lora = fresh("dora", base)
    assert footprint.weight_bytes(base, lora) == BASE_BYTES + 4 * lora.trained_parameters
    assert footprint.weight_bytes(base, fresh("bitfit", base)) == BASE_BYTES
    mask = fresh("random-mask", base)
    assert footprint.weight_bytes(base, mask) == BASE_BYTES + 4 * 878 + 4


def test_gradients_of_frozen_weights_are_on_the_bill() -> None:
    """Who leaves `requires_grad` on pays for gradients that nobody uses."""
    base = untrained()
    for weight in base.weights.values():
        weight.requires_grad_()
    found = footprint.training_bytes(base, fresh_lora(4, generator()), examples())
    assert found["gradient_bytes"] > BASE_BYTES


def test_activations_of_what_trains_no_matrix_are_fewer() -> None:
    """Frozen linears whose input needs no gradient of a weight keep no input."""
    found = {kind: measured(fresh(kind, untrained()))["activation_bytes"] for kind in KINDS}
    assert found["bitfit"] < found["full"]
    assert found["ia3"] < found["full"]
    assert found["prompt"] > found["prefix"]


def test_activations_are_no_weights() -> None:
    """Longer sequences keep more, beside as many weights."""
    whole = examples()
    few = replace(whole, tokens=whole.tokens[:, :7], answers=whole.answers[:, :2])
    adapter = fresh("dora", untrained())
    short = footprint.training_bytes(untrained(), adapter, few)
    long = measured(adapter)
    assert short["activation_bytes"] < long["activation_bytes"]
    assert short["weight_bytes"] == long["weight_bytes"]


def test_all_bytes_are_the_sum() -> None:
    found = measured(fresh("ia3", untrained()))
    total = found.pop("training_bytes")
    assert total == sum(found.values())


def test_nothing_trained_takes_weights_alone() -> None:
    found = measured(NOTHING)
    assert found["training_bytes"] == found["weight_bytes"] == BASE_BYTES


def test_a_hook_of_one_measurement_is_gone_after_it() -> None:
    measured(fresh("ia3", untrained()))
    value = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.AdamW([value])
    value.sum().backward()
    before = measured(fresh("norms", untrained()))["optimizer_bytes"]
    optimiser.step()
    assert before == measured(fresh("norms", untrained()))["optimizer_bytes"]


def test_the_merged_arm_is_the_merged_base() -> None:
    """By a clock that counts up: every arm is asked for twice a lap, in the same order."""
    ticks = count()
    base, adapter = untrained(), fresh("ia3", untrained())
    found = footprint.reading(base, adapter, examples().tokens, lambda: float(next(ticks)))
    names = ("reading_base_s", "reading_s", "reading_merged_s")
    assert found == {**dict.fromkeys(names, 1.0), "reading_overhead_s": 0.0}
    assert next(ticks) == 2 * 3 * footprint.LAPS


def test_no_more_laps_are_read_than_are_asked_for() -> None:
    ticks = count()
    base, adapter = untrained(), fresh("ia3", untrained())
    footprint.reading(base, adapter, examples().tokens, lambda: float(next(ticks)), 4)
    assert next(ticks) == 2 * 3 * 4


def test_what_cannot_be_merged_has_no_merged_time() -> None:
    ticks = count()
    base = untrained()
    found = footprint.reading(
        base, fresh("prefix", base), examples().tokens, lambda: float(next(ticks))
    )
    assert found == {"reading_base_s": 1.0, "reading_s": 1.0, "reading_overhead_s": 0.0}


def test_what_reads_longer_than_the_base_has_fewer_laps() -> None:
    """By a clock on which the base's lap takes a second, and that with the adapter twenty."""
    base, own = untrained(), fresh("prefix", untrained())
    spent, laps = [0.0], [0]

    def rule(*call: Any) -> torch.Tensor:
        if call[1] == "embedded":
            laps[0], spent[0] = laps[0] + 1, spent[0] + 19.0
        return own.state(*call)

    def clock() -> float:
        spent[0] += 0.5
        return spent[0]

    found = footprint.reading(base, replace(own, state=rule), examples().tokens, clock)
    assert found["reading_base_s"] == 0.5
    assert found["reading_s"] == 19.5
    most_s = footprint.LONGEST * footprint.FEWER * found["reading_base_s"]
    assert laps[0] == math.ceil(most_s / found["reading_s"]) < footprint.FEWER


def test_the_merged_laps_call_no_adapter() -> None:
    """Beside the base it is called at each of its own laps, and once to be compared; never by a merged one."""
    base, own, calls = untrained(), fresh("dora", untrained()), count()

    def rule(*call: Any) -> torch.Tensor:
        next(calls)
        return own.linear(*call)

    footprint.reading(base, replace(own, linear=rule), examples().tokens, lambda: 0.0)
    assert next(calls) == len(SITES) * (footprint.LAPS + 1)
