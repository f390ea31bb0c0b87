"""Serving of several adapters in one pass: it says what each says alone, and every way is timed whole."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import count

import pytest
import torch

from adabench.harness.errors import MethodContractError
from adabench.workloads.moe.adapters.substrate import serving
from adabench.workloads.moe.adapters.substrate.adapter import Adapter, BaseRule, Weights, forward
from adabench.workloads.moe.adapters.substrate.base_model import Base
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.weight_decomposition import dora
from tests.workloads.moe.adapters.benches import stirred, untrained
from tests.workloads.moe.adapters.test_tuning_kinds import examples, fresh, moved


def several() -> list[Weights]:
    first = fresh("dora", untrained()).weights
    return [stirred(first, seed) for seed in range(3)]


def test_each_request_is_answered_by_the_adapter_of_its_task() -> None:
    base, own = untrained(), several()
    assert dora(own[0]).together is not None
    joint = dora(own[0]).together(own, base)
    tokens = torch.from_numpy(examples().tokens)[:6]
    tasks = torch.tensor([0, 0, 1, 2, 2, 2])
    said = forward(Pass(base, tokens, tasks, Work()), joint)
    for task, weights in enumerate(own):
        rows = tasks == task
        wanted = forward(Pass(base, tokens[rows], tasks[rows], Work()), dora(dict(weights)))
        torch.testing.assert_close(said[rows], wanted, atol=1e-4, rtol=1e-5)


def test_what_the_factors_of_tasks_cost_is_on_the_meter() -> None:
    base, own = untrained(), several()
    together = dora(own[0]).together
    assert together is not None
    tokens, work, alone = torch.from_numpy(examples().tokens)[:4], Work(), Work()
    forward(Pass(base, tokens, torch.tensor([0, 1, 1, 2]), work), together(own, base))
    forward(Pass(base, tokens, torch.zeros(4, dtype=torch.long), alone), Adapter())
    factors = sum(value.numel() for name, value in own[0].items() if name[0] in "ab")
    assert work.flops == alone.flops + 2 * tokens.numel() * factors


def test_all_ways_answer_all_requests_and_swaps_are_merged_each_time() -> None:
    """By a clock that counts up, and a merge that counts: eight merges at each lap of swapping."""
    base, merges, ticks = untrained(), count(), count()
    adapter = moved("dora", base)
    own = adapter.together
    assert own is not None

    def together(several: Sequence[Weights], onto: Base) -> Adapter:
        joint = own(several, onto)
        assert joint.merge is not None
        return replace(joint, merge=partial(counted, joint.merge))

    def counted(merge: BaseRule, weights: Weights, onto: Base) -> Base:
        next(merges)
        return merge(weights, onto)

    found = serving.seconds(
        base, replace(adapter, together=together), examples().tokens, lambda: float(next(ticks))
    )
    for requests in serving.REQUESTS:
        assert found.pop(f"serving_beside_{requests}_s") == 1.0
        assert found.pop(f"serving_in_memory_{requests}_s") == 1.0
        assert found.pop(f"serving_saved_{requests}_s") == 0.0
    assert not found
    laps = len(serving.REQUESTS) * serving.LAPS
    assert next(merges) == serving.TASKS * (laps + 1)
    assert next(ticks) == 2 * 3 * laps


def test_requests_come_mixed_and_as_many_of_each_task() -> None:
    asked = serving.requests(examples().tokens, 64)
    assert asked.tasks.bincount().tolist() == [8] * serving.TASKS
    assert asked.tasks[:3].tolist() == [0, 1, 2]


def test_one_pass_that_says_something_else_is_refused() -> None:
    base = untrained()
    adapter = moved("dora", base)
    own = adapter.together
    assert own is not None
    wrong = replace(adapter, together=lambda several, base: own([several[0]] * 8, base))
    with pytest.raises(MethodContractError, match="Served together"):
        serving.seconds(base, wrong, examples().tokens, lambda: 0.0)


@pytest.mark.parametrize("kind", ["prefix", "bottleneck-16", "bitfit"])
def test_what_is_not_stacked_has_no_speedup(kind: str) -> None:
    base = untrained()
    assert serving.seconds(base, fresh(kind, base), examples().tokens, lambda: 0.0) == {}
