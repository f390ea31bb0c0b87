"""The denoise task: masks that all arms share, even loads, and figures of trainings that were measured."""

from typing import Any

import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import MethodContractError
from adabench.workloads.moe.denoise import task as denoise
from adabench.workloads.moe.denoise.truth.learning_curves import reached

CURVE = [{"nats": 3.0, "cpu_s": 0.0}, {"nats": 2.0, "cpu_s": 10.0}, {"nats": 1.0, "cpu_s": 20.0}]


@pytest.fixture(scope="module")
def small() -> denoise.DenoiseTask:
    return denoise.load("embedded", 0, batches=1, passages=16)


def scored(task: denoise.DenoiseTask, name: str, **point: Any) -> dict[str, float]:
    """Return what a method scores on the one case."""
    entry = registry.find(f"denoise/{name}")
    method = registry.load(entry)
    setting = {knob.name: knob.default for knob in entry.card.knobs} | entry.card.fixed | point
    (case,) = task.cases()
    task.meter.clear()
    return dict(task.score(case, method.solve(task.bench, case, setting)))


@pytest.mark.parametrize("arm", ["linear_reverse", "linear", "cosine_reverse", "retrofit"])
def test_experts_that_choose_are_loaded_evenly(small: denoise.DenoiseTask, arm: str) -> None:
    found = scored(small, "expert_choice", arm=arm)
    assert found["max_load"] == 1.0
    assert 2.0 <= found["pairs"] <= 6.0
    assert found["accuracy"] > 0.2


@pytest.mark.parametrize("arm", ["token_choice", "token_bias"])
def test_token_choice_takes_four_and_is_not_even(small: denoise.DenoiseTask, arm: str) -> None:
    found = scored(small, "token_choice", arm=arm)
    assert found["pairs"] == 4.0
    assert found["max_load"] > 1.0


def test_controls_multiply_as_much_and_know_less(small: denoise.DenoiseTask) -> None:
    own = scored(small, "expert_choice")
    shuffled = scored(small, "expert_choice", order="shuffled")
    assert shuffled["pairs"] == own["pairs"]
    static = scored(small, "expert_choice", arm="static")
    lot = scored(small, "expert_choice", arm="static", order="lot")
    assert lot["pairs"] == static["pairs"]
    assert lot["nats"] > static["nats"]


def test_a_static_arm_runs_as_many_experts_as_are_asked_for(small: denoise.DenoiseTask) -> None:
    each = [scored(small, "expert_choice", arm="static", k=k)["pairs"] for k in (2, 4, 6)]
    assert each == [2.0, 4.0, 6.0]


def test_masks_are_of_the_seed_and_hide_what_is_scored(small: denoise.DenoiseTask) -> None:
    again = denoise.load("embedded", 0, batches=1, passages=16)
    assert (next(again.cases()).shown == next(small.cases()).shown).all()
    hidden = small.known[0].hidden
    assert (next(small.cases()).shown[hidden.numpy()] == 256).all()
    assert hidden.sum(1).min() >= 1


def test_an_answer_that_was_changed_is_refused(small: denoise.DenoiseTask) -> None:
    (case,) = small.cases()
    small.meter.clear()
    answer = small.bench.read(case, "static")
    answer.odds[0] = 0.0
    with pytest.raises(MethodContractError, match="not read by this bench"):
        small.score(case, answer)


@pytest.mark.parametrize(("goal", "seconds"), [(3.5, 0.0), (2.5, 5.0), (1.0, 20.0)])
def test_a_curve_is_read_between_its_points(goal: float, seconds: float) -> None:
    assert reached(CURVE, goal, "cpu_s") == pytest.approx(seconds)


def test_what_was_never_reached_has_no_figure(small: denoise.DenoiseTask) -> None:
    assert reached(CURVE, 0.5, "cpu_s") != reached(CURVE, 0.5, "cpu_s")  # nan
    found = scored(small, "token_choice")
    assert found["seconds_to_loss"] <= found["training_cpu_s"]
    assert "recovery_steps" not in found
