"""Searches at the shape of a large model: run here at a small one, on the CPU."""

import pickle
import statistics
from functools import partial
from types import ModuleType

import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.errors import DeviceUnavailable, SelectionError
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.language_model.model import Shape
from adabench.workloads.test_time.chain.methods import lookahead
from adabench.workloads.test_time.chain.substrate import gpu_mechanics
from adabench.workloads.test_time.chain.task import CARD, load, of_mechanics
from adabench.workloads.test_time.methods import (
    arbitrage,
    beam,
    pass_at_n,
    random_escalation,
    rebase,
    target_only,
)
from adabench.workloads.test_time.substrate.question_task import GradedTask

ets = registry.load(registry.find("chain/ets"))
SMALL = Shape(layers=2, width=32, heads=4, hidden=48, context=200)


def task(seed: int = 0) -> GradedTask:
    made = gpu_mechanics.models("lm-s", seed, "cpu", torch.float32, shape=SMALL)
    return of_mechanics(lambda: made, seed, 2, length=40)


def costs(where: GradedTask, method: ModuleType, **knobs: float | str) -> dict[str, float]:
    point = {knob.name: knob.default for knob in method.CARD.knobs} | knobs
    where.meter.clear()
    for question in where.cases():
        completion = method.solve(where, question, point)
        assert where.score(question, completion) == {}, "random weights decide no quality"
    return dict(where.meter)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_the_scale_says_so() -> None:
    with pytest.raises(DeviceUnavailable, match="not testable here"):
        load("gpu", 0)


def test_a_policy_without_a_shape_suggests_one() -> None:
    with pytest.raises(SelectionError, match="no shape"):
        gpu_mechanics.models("1.3c", 0, "cpu")


def test_shapes_are_those_that_the_documentation_names() -> None:
    billions = {
        name: (shape.parameters + 2 * shape.vocabulary * shape.width) / 1e9
        for name, shape in gpu_mechanics.SHAPES.items()
    }
    assert billions["lm-s"] == pytest.approx(6.74, abs=0.01)  # Llama-2-7B, norms left out
    assert billions["1.3b"] == pytest.approx(1.35, abs=0.02)
    # Llama-3.2-1B and Llama-3.1-8B have 0.97 and 6.98 beside words, with fewer heads of keys.
    assert billions["1b"] == pytest.approx(1.21, abs=0.02)
    assert billions["8b"] == pytest.approx(8.05, abs=0.05)
    assert "gpu" in CARD.scales


def test_a_search_runs_to_the_pace_and_pruning_holds_less() -> None:
    where = task()
    plain = costs(where, rebase, N=16)
    pruned = costs(where, ets, N=16, lambda_c=4.0)
    assert plain["serial_steps"] == 2 * gpu_mechanics.ROOM
    assert pruned["kv_after"] < plain["kv_after"]
    assert pruned["kv_before"] < plain["kv_before"]
    assert pruned["idle_flops"] < plain["idle_flops"], "less of the pool is read, too"
    assert statistics.fmean((plain["judged"], pruned["judged"])) > 0


def test_a_search_that_looks_ahead_decodes_and_judges_what_it_sees() -> None:
    where = task()
    plain = costs(where, beam, N=4)
    ahead = costs(where, lookahead, N=8, k=1)
    assert ahead["generated"] > 1.5 * plain["generated"]
    assert ahead["judged"] > 1.5 * plain["judged"]


def test_without_a_price_the_search_is_rebase_to_the_word() -> None:
    where = task(1)
    point = {knob.name: knob.default for knob in ets.CARD.knobs} | {"N": 8, "lambda_c": 0.0}
    for question in where.cases():
        ours = ets.solve(where, question, point)
        theirs = rebase.solve(
            where, question, {k.name: k.default for k in rebase.CARD.knobs} | {"N": 8}
        )
        assert ours == theirs


def test_an_oracle_has_nothing_to_look_up() -> None:
    where = task()
    point = {knob.name: knob.default for knob in pass_at_n.CARD.knobs}
    with pytest.raises(CapabilityMissing, match="no answer"):
        pass_at_n.solve(where, next(where.cases()), point)


def test_what_methods_get_loads_its_models_where_they_run() -> None:
    where = of_mechanics(partial(gpu_mechanics.models, "lm-s", 0), 0, 2)
    made = pickle.loads(pickle.dumps(where.substrate()))
    made.warm()
    assert made.on_device
    assert "models" not in vars(made), "a server holds no device"
    assert not {"questions", "cases"} & {*dir(made)}


def paired(device: str = "cpu", dtype: torch.dtype = torch.float32) -> GradedTask:
    larger = Shape(layers=3, width=48, heads=4, hidden=64, context=200)
    made = gpu_mechanics.models("1b", 0, device, dtype, shape=SMALL, target=larger)
    return of_mechanics(lambda: made, 0, 2, length=40)


def test_a_target_of_a_large_shape_reads_late_and_only_what_it_did_not_write() -> None:
    where, words = paired(), gpu_mechanics.PACE.words
    never = costs(where, random_escalation, rate=0.0)
    assert never["generated_target"] == never["prefilled_target"] == never["discarded"] == 0
    always = costs(where, random_escalation, rate=1.0)
    assert always["generated_target"] == 2 * gpu_mechanics.ROOM
    assert always["prefilled_target"] == 2 * 40, "the questions, and nothing that it wrote itself"
    some = costs(where, random_escalation, rate=0.5)
    assert 0 < some["generated_target"] < always["generated_target"]
    # The questions that it was called for, and whole steps of the draft.
    assert any((some["prefilled_target"] - 40 * asked) % words == 0 for asked in (1, 2))
    assert 40 <= some["prefilled_target"] < 2 * (40 + gpu_mechanics.ROOM)
    alone = costs(where, target_only)
    assert alone["generated_target"] == always["generated_target"]
    assert alone["discarded"] == 0 < always["discarded"]


def test_a_router_of_a_large_shape_reads_each_step_once_and_the_reward_is_not_asked() -> None:
    where = paired()
    drafted = costs(where, arbitrage, tau=1.1)
    assert drafted["generated_target"] == 0
    # Every word but the end, of the question and of the answer.
    assert drafted["judged"] == 2 * (40 + gpu_mechanics.ROOM - 1)
    spread = [costs(where, arbitrage, tau=tau)["generated_target"] for tau in (0.0, 0.5, 1.1)]
    assert spread[0] >= spread[1] >= spread[2]
    assert spread[0] > spread[2]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_steps_are_handed_over_between_1b_and_8b_on_the_device() -> None:
    made = gpu_mechanics.models("1b", 0)
    where = of_mechanics(lambda: made, 0, 1)
    some, alone = costs(where, random_escalation, rate=0.5), costs(where, target_only)
    assert 0 < some["generated_target"] < alone["generated_target"]
    assert some["prefilled_target"] >= gpu_mechanics.PROMPT


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_tree_of_256_leaves_on_the_device() -> None:
    made = gpu_mechanics.models("1.3b", 0)
    where = of_mechanics(lambda: made, 0, 1)
    plain, pruned = costs(where, rebase, N=256), costs(where, ets, N=256, lambda_c=4.0)
    assert pruned["kv_before"] < plain["kv_before"]
