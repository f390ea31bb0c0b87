"""The experts task: what rules leave out is not multiplied, what is held is what is counted, and texts stay hidden."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.errors import EnvironmentProblem, MethodContractError, SelectionError
from adabench.workloads.moe.experts import task as experts
from adabench.workloads.moe.experts.methods.merged import clusters
from adabench.workloads.moe.experts.recipes import SHAPES
from adabench.workloads.moe.experts.substrate.trained_models import trained

BYTES = {"batches": 2, "passages": 4}


@pytest.fixture(scope="module")
def small() -> experts.ExpertsTask:
    return experts.load("embedded", 0, **BYTES)


def scored(task: experts.ExpertsTask, name: str, **point: Any) -> list[dict[str, float]]:
    """Return what a method scores on each case."""
    entry = registry.find(f"experts/{name}")
    method = registry.load(entry)
    setting = {knob.name: knob.default for knob in entry.card.knobs} | entry.card.fixed | point
    state = method.prepare(task.bench, setting, 0) if hasattr(method, "prepare") else task.bench
    found = []
    for case in task.cases():
        task.meter.clear()
        found.append(dict(task.score(case, method.solve(state, case, setting))))
    return found


def mean(rows: list[dict[str, float]], metric: str) -> float:
    return sum(row[metric] for row in rows) / len(rows)


def test_two_experts_a_byte_are_counted_as_two(small: experts.ExpertsTask) -> None:
    shape = SHAPES["moe"]
    for row in scored(small, "full_topk", k=2):
        assert row["pairs"] == 2.0
        assert row["expert_flops"] == 2.0 * shape.layers * shape.pair_flops
        assert 0.0 < row["likelihood"] < 1.0
        assert row["max_load"] > 1.0


def test_what_is_skipped_is_not_multiplied_and_a_lot_skips_as_much(
    small: experts.ExpertsTask,
) -> None:
    whole, rule = scored(small, "full_topk", k=2), scored(small, "skip_ratio", tau=0.7)
    lot = scored(small, "skip_ratio", tau=0.7, by="lot")
    assert mean(rule, "pairs") < 0.9 * mean(whole, "pairs")
    share = mean(rule, "expert_flops") / mean(rule, "pairs")
    assert share == pytest.approx(mean(whole, "expert_flops") / mean(whole, "pairs"))
    assert mean(lot, "pairs") == pytest.approx(mean(rule, "pairs"), rel=0.08)
    nothing = scored(small, "skip_ratio", tau=1.0)
    assert [row["nats"] for row in nothing] == pytest.approx([row["nats"] for row in whole])


def test_top_p_runs_more_experts_where_more_is_asked_for(small: experts.ExpertsTask) -> None:
    few, many = (scored(small, "top_p", p=p) for p in (0.3, 0.7))
    assert 1.0 <= mean(few, "pairs") < mean(many, "pairs") <= 4.0


@pytest.mark.parametrize("name", ["pruned", "merged"])
def test_experts_that_are_gone_are_not_held(small: experts.ExpertsTask, name: str) -> None:
    whole, fewer = scored(small, "full_topk", k=2), scored(small, name, removed=0.25)
    shape = SHAPES["moe"]
    gone = 4 * 4 * 2 * shape.width * shape.hidden * shape.layers  # 4 of 16, in single precision
    routers = 4 * 4 * shape.width * shape.layers if name == "pruned" else 0
    assert whole[0]["stored_bytes"] - fewer[0]["stored_bytes"] == gone + routers
    assert fewer[0]["pairs"] <= 2.0
    assert mean(fewer, "nats") > mean(whole, "nats")


def test_bits_are_bytes(small: experts.ExpertsTask) -> None:
    whole, eight = scored(small, "full_topk", k=2), scored(small, "few_bits", bits=8)
    four, mixed = scored(small, "few_bits", bits=4), scored(small, "few_bits", bits="mixed")
    lot = scored(small, "few_bits", bits="mixed_by_lot")
    numbers = 16 * 2 * 64 * 64 * 4
    assert whole[0]["stored_bytes"] - eight[0]["stored_bytes"] == numbers * (4 - 1 - 2 / 32)
    assert eight[0]["stored_bytes"] - four[0]["stored_bytes"] == numbers / 2
    assert mixed[0]["stored_bytes"] == lot[0]["stored_bytes"]
    assert mean(eight, "nats") == pytest.approx(mean(whole, "nats"), rel=0.02)


def test_a_loop_over_experts_says_the_same(small: experts.ExpertsTask) -> None:
    one, other = scored(small, "full_topk", k=2), scored(small, "full_topk", k=2, kernel="loop")
    assert [r["nats"] for r in one] == pytest.approx([r["nats"] for r in other], rel=1e-5)
    assert [r["pairs"] for r in one] == [r["pairs"] for r in other]


def test_a_dense_model_of_equal_work_does_equal_work(small: experts.ExpertsTask) -> None:
    dense, whole = scored(small, "dense"), scored(small, "full_topk", k=2)
    assert dense[0]["expert_flops"] == whole[0]["expert_flops"]


def test_similar_rows_of_a_router_join_first() -> None:
    router = torch.eye(4)
    router[3] = router[0] * 2 + 0.1
    member = clusters(router, 3)
    assert member.sum(1).tolist() == [1.0] * 4
    assert torch.equal(member[0], member[3])


def test_an_answer_of_another_reading_is_refused(small: experts.ExpertsTask) -> None:
    method = import_module("adabench.workloads.moe.experts.methods.full_topk")
    first, second = list(small.cases())[:2]
    small.meter.clear()
    answer = method.solve(small.bench, first, {"k": 2, "kernel": "segments"})
    with pytest.raises(MethodContractError, match="not read by this bench"):
        small.score(second, answer)
    answer.odds[0, 0] = 0.0
    with pytest.raises(MethodContractError):
        small.score(first, answer)


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="cannot read length=97"):
        experts.load("embedded", 0, length=97)
    with pytest.raises(EnvironmentProblem, match="not in"):
        trained("moe-s0", "moe", tmp_path)
    with pytest.raises(SelectionError, match="of another shape"):
        trained("moe-s0", "active", Path(experts.__file__).parent / "checkpoints")
