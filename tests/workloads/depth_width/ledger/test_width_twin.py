"""The timing twin: decisions and answers are the trained model's, the work is the wide one's."""

import pickle
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from adabench.harness.contract import registry
from adabench.harness.errors import MethodContractError, SelectionError
from adabench.workloads.depth_width.ledger.substrate import width_twin
from adabench.workloads.depth_width.ledger.task import Ledger, load
from adabench.workloads.depth_width.substrate.answers.rule_works import rule_apart
from adabench.workloads.depth_width.substrate.units.unit_reader import UnitReader

ARMS = (
    "vanilla",
    "mor",
    "early_exit",
    "informed_routing",
    "random_units",
    "acm",
    "static_width",
)
WIDER = 128
THE_SAME = ("accuracy", "executions", "kv_entries", "depth_operand", "loss_predictable")

Solve = Callable[[], Any]


def staged(name: str, width: int, **knobs: Any) -> tuple[Ledger, Any, Any, Solve]:
    """A task of few sequences, the prepared state, the case, and the bound solve."""
    conditions = {key: knobs.pop(key) for key in ("mode",) if key in knobs}
    task = load("embedded", 0, batches=1, sequences=4, width=width, **conditions)
    assert isinstance(task, Ledger)
    entry = registry.find(f"ledger/{name}")
    method, point = registry.load(entry), entry.card.defaults | knobs
    state = method.prepare(task, point, 0)
    (case,) = task.cases()
    return task, state, case, partial(method.solve, state, case, point)


def scored(name: str, width: int, **knobs: Any) -> dict[str, float]:
    task, _, case, solve = staged(name, width, **knobs)
    task.rehearse(solve)
    return dict(task.score(case, solve()))


@pytest.mark.parametrize("name", ARMS)
def test_answers_and_decisions_are_those_of_the_trained_model(name: str) -> None:
    small, wide = scored(name, 64), scored(name, WIDER)
    for metric in THE_SAME:
        assert wide[metric] == small[metric], metric
    assert wide["flops_counted"] > 2.5 * small["flops_counted"]
    assert wide["parameters_bytes"] > 3 * small["parameters_bytes"]


@pytest.mark.parametrize("name", ["mor", "informed_routing"])
def test_decoding_is_replayed_too(name: str) -> None:
    small, wide = (scored(name, width, mode="decode16") for width in (64, WIDER))
    assert all(wide[metric] == small[metric] for metric in THE_SAME)


def test_token_choice_and_its_weights_are_replayed() -> None:
    assert (
        scored("mor", WIDER, router="token")["accuracy"]
        == (scored("mor", 64, router="token")["accuracy"])
    )


@pytest.mark.parametrize("name", ["mor", "informed_routing", "acm"])
def test_the_products_are_executed_at_the_twins_width(name: str) -> None:
    task, _, case, solve = staged(name, WIDER)
    task.rehearse(solve)
    vectors = {
        torch.ops.aten.mv: lambda rows, vector, **_: 2 * rows[0] * rows[1],
        torch.ops.aten.dot: lambda one, other, **_: 2 * one[0],
    }
    counter = FlopCounterMode(display=False, custom_mapping=vectors)
    with sdpa_kernel(SDPBackend.MATH), counter:
        answer = solve()
    task.score(case, answer)
    assert sum(work.flops for _, work in answer.works) == counter.get_total_flops()


def test_hooks_see_the_kept_rows_alone_go_through_the_wide_layers() -> None:
    task, reader, case, solve = staged("informed_routing", WIDER)
    task.rehearse(solve)
    rows: Counter[int] = Counter()
    for layer in reader.fitted.model.layers:
        layer.up.register_forward_hook(
            lambda _, given, __: rows.update({given[0].shape[1]: len(given[0])})
        )
    answer = solve()
    kept = sum(len(flat) for _, work in answer.works for unit, flat in work.runs if unit % 2)
    assert rows == {WIDER: kept}
    task.score(case, answer)


def test_between_cases_the_trained_model_is_back() -> None:
    task, reader, case, solve = staged("informed_routing", WIDER)
    model, parts = reader.fitted.model, reader.fitted.parts
    assert model.shape.width == 64
    for _ in range(2):
        task.rehearse(solve)
        assert (model.shape.width, parts.rank) == (WIDER, 16)
        task.score(case, solve())
        assert (model.shape.width, parts.rank) == (64, 8)


def test_a_failed_case_leaves_nothing_behind() -> None:
    task, reader, case, solve = staged("informed_routing", WIDER)
    task.rehearse(solve)  # and then the method fails
    with pytest.raises(ZeroDivisionError):
        task.rehearse(lambda: 1 // 0)
    assert reader.fitted.model.shape.width == 64
    task.rehearse(solve)
    task.score(case, solve())


def test_a_solve_may_be_repeated_as_often_as_a_clock_wants() -> None:
    task, _, case, solve = staged("mor", WIDER)
    task.rehearse(solve)
    first, second = solve(), solve()
    assert torch.equal(first.logits, second.logits)
    task.score(case, second)


def test_a_solve_that_does_not_repeat_itself_is_refused() -> None:
    task, state, case, _ = staged("random_units", WIDER)
    coins = torch.Generator().manual_seed(0)
    method = registry.load(registry.find("ledger/random_units"))

    def solve() -> Any:
        rule = method.tossed(state.reader.fitted.parts, (0.5,) * 12, coins)
        return state.reader.read(case, rule)

    task.rehearse(solve)
    with pytest.raises(MethodContractError, match="does not repeat itself"):
        task.score(case, solve())
    exits, held, batch, _ = staged("early_exit", WIDER)
    levels, module = iter((0.99, 0.3)), registry.load(registry.find("ledger/early_exit"))
    leave = lambda: module.solve(held, batch, {"confidence": next(levels)})
    exits.rehearse(leave)
    with pytest.raises(MethodContractError, match="does not repeat itself"):
        leave()
    width_twin.finish()


def test_a_state_survives_the_cache() -> None:
    task, state, case, _ = staged("informed_routing", WIDER)
    fitted = pickle.loads(pickle.dumps(state.fitted))
    again = task._answers.bind(UnitReader(fitted, state.mode), read=rule_apart)
    entry = registry.find("ledger/informed_routing")
    solve = partial(registry.load(entry).solve, again, case, entry.card.defaults)
    task.rehearse(solve)
    assert again.fitted.model.shape.width == WIDER
    assert state.fitted.model.shape.width == 64
    assert task.score(case, solve())["accuracy"] == scored("informed_routing", 64)["accuracy"]


def test_a_model_without_a_twin_has_no_time_at_another_width() -> None:
    task, _, case, solve = staged("informed_routing", WIDER)
    answer = solve()  # nothing was rehearsed: this is the trained model's
    with pytest.raises(MethodContractError, match="no twin"):
        task.score(case, answer)


@pytest.mark.parametrize("wish", [{"width": 100}, {"width": 128, "scale": "gpu"}])
def test_a_width_that_cannot_be_is_refused(wish: dict[str, Any]) -> None:
    with pytest.raises(SelectionError, match="no width"):
        load(wish.pop("scale", "embedded"), 0, **wish)
