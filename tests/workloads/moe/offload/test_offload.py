"""The offload task: the same logits whoever moves experts, bounds that hold, traces that caches know, and a future that is hidden."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.errors import EnvironmentProblem, MethodContractError, SelectionError
from adabench.workloads.algorithms.paging import task as paging
from adabench.workloads.moe.offload import conformance
from adabench.workloads.moe.offload import task as offload
from adabench.workloads.moe.offload.substrate import decoding
from adabench.workloads.moe.offload.substrate.offload_bench import Heard, OffloadBench
from adabench.workloads.moe.offload.substrate.planned_cache import PlannedCache, union
from adabench.workloads.moe.offload.substrate.slots import Moment, Policy
from adabench.workloads.moe.offload.truth.future_visits import fewest_fetches, future_visits
from adabench.workloads.moe.substrate.byte_model import ByteModel, nats
from adabench.workloads.moe.substrate.expert_store import ExpertStore
from adabench.workloads.shared.counting.counted_task import Transcript
from tests.workloads.moe.test_expert_store import has_disk
from tests.workloads.planted_module import load_module

PLAIN = ("lru_global", "lru_equal", "lfu", "static_hot", "next_layer_ring", "token_table",
         "next_layer_gate", "unscheduled", "permuted_plan", "belady", "perfect_plan")  # fmt: skip
Row = dict[str, float]


def small(**conditions: Any) -> OffloadBench:
    return offload.load("embedded", 0, **{"cases": 2, "steps": 4, "slots": 10, **conditions})


def solved(task: OffloadBench, name: str) -> list[Row]:
    """Return what a method scores on each case."""
    entry = registry.find(f"offload/{name}")
    method, point = registry.load(entry), {**entry.card.defaults, **entry.card.fixed}
    state = method.prepare(task, point, 0) if hasattr(method, "prepare") else task
    found = []
    for case in task.cases():
        task.meter.clear()
        found.append(task.score(case, method.solve(state, case, point)))
    return found


@functools.cache
def rows(name: str, slots: int = 10) -> list[Row]:
    return solved(small(slots=slots), name)


def run(name: str, slots: int) -> tuple[Heard, Row]:
    """Return what a listener hears of a method on batches of four, and its score."""
    (world,) = [task.of(task.cases()[1]) for task in (small(slots=slots),)]
    transcript = Transcript()
    task = OffloadBench((world,), offload.score, transcript)
    (row,) = solved(task, name)
    return transcript.heard[world.case.instance], {**row, **task.meter}


@pytest.mark.parametrize("name", [*PLAIN[1:], "all_resident"])
def test_logits_are_equal_to_the_bit_whoever_moves_experts(name: str) -> None:
    plain = ("permuted_plan",)  # it deals sequences anew, as ExpertFlow does
    nats_of = [row["nats"] for row in rows(name)]
    expected = [row["nats"] for row in rows("lru_global")]
    assert nats_of == (pytest.approx(expected, abs=1e-5) if name in plain else expected)


@pytest.mark.parametrize("tier", ["inflate", "file"])
def test_counts_and_logits_are_the_same_in_every_tier(tier: str, tmp_path: Path) -> None:
    if tier == "file" and not has_disk(tmp_path):
        with pytest.raises(EnvironmentProblem, match="is no place for experts in a file"):
            small(tier=tier, folder=str(tmp_path))
        return
    found = solved(small(tier=tier, folder=str(tmp_path)), "token_table")
    times = ("_s", "arrived", "fetch_ratio", "overlap_bound", "overlap_gain")
    for row, other in zip(found, rows("token_table"), strict=True):
        assert [(k, v) for k, v in row.items() if not k.endswith(times)] == [
            (k, v) for k, v in other.items() if not k.endswith(times)
        ]


def test_without_a_loader_all_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(ExpertStore, "__enter__", lambda store: store)
        found = solved(small(), "token_table")
    for name in ("nats", "hit_ratio", "moved_bytes"):
        assert [row[name] for row in found] == [row[name] for row in rows("token_table")]


def test_steps_foretell_what_the_whole_model_foretells() -> None:
    world = (task := small()).of(task.cases()[1])
    model: ByteModel = decoding.whole_model(0)
    shown = torch.tensor(world.given.tokens)
    with torch.no_grad():
        logits = model(shown[:, :-1]).logits[:, decoding.PROMPT - 1 :]
    expected = float(nats(logits, shown[:, decoding.PROMPT :]).mean())
    assert rows("lru_global")[1]["nats"] == pytest.approx(expected, rel=1e-4)


def test_the_perfect_plan_hits_most_and_belady_moves_least() -> None:
    table = {name: rows(name) for name in PLAIN}
    for case in range(2):
        best, least = (table[n][case] for n in ("perfect_plan", "belady"))
        for name, found in table.items():
            assert found[case]["hit_ratio"] <= best["hit_ratio"], name
            if name != "permuted_plan":  # its batches are others
                assert found[case]["moved_bytes"] >= least["moved_bytes"], name


def test_with_a_slot_for_each_expert_all_rules_tie() -> None:
    for metric in ("moved_bytes", "exposed", "hit_ratio"):
        found = {tuple(row[metric] for row in rows(name, 64)) for name in (*PLAIN[:3], "belady")}
        assert found == {tuple(row[metric] for row in rows("all_resident", 10))}


@pytest.mark.parametrize("slots", [8, 40])
@pytest.mark.parametrize(("name", "policy"), [("lru_global", "lru"), ("belady", "belady")])
def test_paging_counts_the_same_on_the_exported_trace(
    name: str, policy: str, slots: int, tmp_path: Path
) -> None:
    listened, row = run(name, slots)
    file = tmp_path / "experts.csv"
    trace = [str(expert) for visit in listened.visits for expert in visit]
    file.write_text("\n".join(["expert", *trace]) + "\n")
    task = paging.load("embedded", 0, slots=slots, trace=f"{file}:expert")
    (case,) = task.cases()
    task.meter.clear()
    method = registry.load(registry.find(f"paging/{policy}"))
    values = task.score(case, method.solve(task, case, {}))
    assert values["hit_ratio"] == row["hit_ratio"]
    assert task.meter["faults"] == row["experts_fetched"]
    if name == "belady":
        assert fewest_fetches(listened.visits, slots) == row["experts_fetched"]


def test_the_truth_is_what_every_method_runs() -> None:
    world = (task := small()).of(task.cases()[1])
    assert future_visits(world) == run("lfu", 10)[0].visits
    with pytest.raises(MethodContractError, match="not known in the process of a method"):
        task.revealed(world, oracle=False)
        OffloadBench((task.revealed(world, oracle=False),)).visits(world.case)


PLANTED = """
from adabench.harness.contract.card import Card
from adabench.workloads.moe.offload.substrate.planned_cache import planned
CARD = Card(title="planted", adapts="it reads on", paper="none")
def solve(bench, case, point):
    future = bench.of(case).given.tokens
    def forecast(moment):
        if moment.layer >= 0:
            return None
        seen = moment.tokens.shape[1]
        return sorted({int(one) % 64 for one in future[list(moment.rows), seen:seen + 1].ravel()})
    return bench.decode(case, planned(forecast))
"""


def test_a_predictor_that_reads_the_future_is_refused(tmp_path: Path) -> None:
    planted = load_module(tmp_path / "reads_on.py", PLANTED)
    (problem, *_) = offload.check(planted, planted.CARD)
    assert "reaches for 'of' on line 6" in problem


def test_a_predictor_that_reads_the_future_is_found_by_what_it_decides(tmp_path: Path) -> None:
    planted = load_module(tmp_path / "reads_on.py", PLANTED)
    worlds = [(task := small()).of(task.cases()[1])]

    def make(given: Any, transcript: Transcript) -> OffloadBench:
        return OffloadBench(tuple(given), offload.score, transcript)

    trials = conformance.Trials(
        planted, Card(title="", role="adaptive"), make, "moved_bytes", lambda one: True
    )
    assert any("looks ahead" in problem for problem in conformance.tried(trials, worlds))


def test_who_gives_no_slot_or_another_is_refused() -> None:
    (case, *_) = (task := small()).cases()
    for victim, said in ((lambda *_: None, "No slot was left"), (lambda *_: 99, "cannot be taken")):
        with pytest.raises(MethodContractError, match=said):
            task.decode(case, Policy(victim))
    free = Policy(lambda moment, expert, residents, free: None if free else residents[0],
                  ahead=lambda moment: moment.needed)  # fmt: skip
    with pytest.raises(MethodContractError, match="ahead of the layer that runs now"):
        task.decode(case, free)
    lopsided = Policy(free.victim, groups=lambda step, tokens: [range(3), range(3, 8)])
    with pytest.raises(MethodContractError, match="in batches of \\[3, 5\\]"):
        task.decode(task.cases()[1], lopsided)


@pytest.mark.parametrize(
    ("conditions", "said"),
    [({"slots": 0}, "0 slots"), ({"slots": 1}, "1 slots"), ({"tier": "tape"}, "is no tier"),
     ({"tier": "file", "folder": "/nowhere"}, "is no folder")],
)  # fmt: skip
def test_conditions_that_make_no_sense_are_refused(conditions: Any, said: str) -> None:
    with pytest.raises(SelectionError, match=said):
        small(**conditions)


def test_earlier_layers_get_the_slots_and_hand_them_on() -> None:
    cache = PlannedCache(lambda moment: [0, 1, 2, 16, 17])
    start = Moment(0, -1, np.zeros((1, 1), np.int64), (0,))
    assert list(cache.ahead(start)) == [0, 1, 2, 16, 17]
    full = [0, 1, 2, 16]  # demands of 3 and 2, and 4 slots: 3 and 1
    assert cache.victim(start, 17, full, 0) is None
    known = Moment(0, 0, start.tokens, (0,), needed=(0, 3))
    assert cache.victim(known, 3, full, 0) in (1, 2)  # planned, and not needed after all
    for expert in known.needed:
        cache.used(known, expert)
    over = Moment(0, 0, start.tokens, (0,), needed=(0, 3), ran=True)
    list(cache.ahead(over))
    assert cache.victim(over, 17, [0, 3, 16], 0) in (0, 3)
    assert cache.victim(over, 17, [16], 0) is None


def test_a_plan_is_the_union_of_what_rows_name() -> None:
    chances = np.zeros((2, 2, 16), np.float32)
    chances[0, 0, [3, 5]], chances[1, 0, [3, 4]] = (0.9, 0.2), (0.8, 0.1)
    chances[:, 1, 7], chances[0, 1, 2], chances[1, 1, 1] = 0.5, 0.4, 0.3
    assert union(chances, 2) == [3, 5, 4, 23, 18, 17]
    assert union(chances[:, 1:], 1, first=2) == [39]
