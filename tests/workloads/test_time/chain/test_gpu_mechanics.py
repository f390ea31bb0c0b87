"""Searches at the shape of a large model: run here at a small one, on the CPU."""

import pickle
import statistics
from functools import partial
from types import ModuleType

import pytest
import torch

from adabench.harness.errors import DeviceUnavailable, SelectionError
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.language_model.model import Shape
from adabench.workloads.test_time.chain.methods import lookahead
from adabench.workloads.test_time.chain.substrate import gpu_mechanics
from adabench.workloads.test_time.chain.task import CARD, load, of_mechanics
from adabench.workloads.test_time.methods import beam, ets, pass_at_n, rebase
from adabench.workloads.test_time.substrate.question_task import GradedTask

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


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_tree_of_256_leaves_on_the_device() -> None:
    made = gpu_mechanics.models("1.3b", 0)
    where = of_mechanics(lambda: made, 0, 1)
    plain, pruned = costs(where, rebase, N=256), costs(where, ets, N=256, lambda_c=4.0)
    assert pruned["kv_before"] < plain["kv_before"]
