"""The self-test sees what is there: no alarms where nothing changed, the slowdown where one was."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from adabench.harness.compare.margins import Margin
from adabench.harness.compare.pair_verdicts import Question
from adabench.harness.compare.pairing import MetricPairs
from adabench.harness.contract.record import Cell
from adabench.harness.gate import self_test
from adabench.harness.gate.judge import Rule
from adabench.harness.gate.protocol import PlanOrder
from adabench.harness.gate.rounds import (
    STRIDE,
    Pace,
    RevisionSetup,
    RoundRecords,
    run_round,
    start_workers,
)
from adabench.harness.gate.session import COMMAND
from adabench.harness.run.interventions import planted_slowdown

RULE = Rule(looks=4, stride=STRIDE)


def measured(slower: float, scatter: float, rounds: int = 24, seed: int = 0) -> Question:
    rng = np.random.default_rng(seed)
    block = np.repeat(np.arange(rounds) * STRIDE, 3)
    case = np.tile(np.arange(3), rounds)
    luck = rng.normal(0, scatter, rounds)[block // STRIDE]
    pairs = MetricPairs(Cell("t", "m", {}, {}, "embedded", 0), "latency_s", np.ones(len(block)),
                   slower * np.exp(luck), np.zeros(len(block), np.intp), case, block)  # fmt: skip
    return Question(pairs, "timing", "lower", Margin(0.02, True))


def test_a_quiet_machine_finds_five_per_cent_and_cries_no_wolf() -> None:
    found = self_test.run_self_test(
        [measured(1.0, 0.01)], [measured(1.05, 0.01, seed=1)], RULE, 8, 0.05
    )
    assert found.alarms <= 0.01 * found.gates
    assert found.found >= 0.8 * found.gates
    assert found.seen == pytest.approx(0.05, abs=0.01)
    assert found.spread == pytest.approx(0.01, rel=0.5)


def test_a_noisy_machine_says_that_it_finds_nothing() -> None:
    found = self_test.run_self_test(
        [measured(1.0, 0.2)], [measured(1.05, 0.2, seed=1)], RULE, 8, 0.05
    )
    assert found.alarms <= 0.01 * found.gates
    assert found.found < 0.2 * found.gates
    assert found.furthest > 0.2


def test_too_few_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="only 4 were measured"):
        self_test.run_self_test([measured(1.0, 0.1, 4)], [measured(1.0, 0.1, 4)], RULE, 8, 0.05)


def test_the_planted_slowdown_is_real_work(toy: None, toy_env: dict[str, str]) -> None:
    """Ten times the work shows in one round, and the counts and answers stay what they were."""
    here = Path(sys.executable)
    setups = [RevisionSetup("A", here, toy_env), RevisionSetup("B", here, toy_env, plant=9.0)]
    order = PlanOrder(("roots/fixed",), (), (), False, (0,), "embedded")
    with start_workers(setups[:1], COMMAND) as [worker]:
        worker.receive()
        plan = worker.request(plan=order.to_json())
    assert plan["metrics"]["roots"][0]["name"] == "steps"
    taken = RoundRecords()
    cells = [Cell(**cell) for cell in plan["cells"]]
    run_round(setups, COMMAND, cells, Pace(forks=2, cell_s=1), taken)
    assert len(taken.base) == len(taken.head) >= 12
    pairs = list(zip(taken.base, taken.head, strict=True))
    assert all(a.unit == b.unit for a, b in pairs)
    assert all(a.values["steps"] == b.values["steps"] for a, b in pairs)
    assert all(a.values["right"] == b.values["right"] for a, b in pairs)
    ratios = [b.values["cpu_s"] / a.values["cpu_s"] for a, b in pairs]
    assert float(np.median(ratios)) > 1.5  # how much exactly: a solve of 2 us is mostly clock


def test_the_planted_share_is_that_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a method of 3 ms and a machine that hashes a block in 20 us."""
    now = 0.0

    def work(state: object, case: object, point: object) -> None:
        nonlocal now
        now += 3e-3

    def hashed(block: bytes) -> SimpleNamespace:
        nonlocal now
        now += 20e-6
        return SimpleNamespace(digest=bytes)

    monkeypatch.setattr(planted_slowdown, "thread_time", lambda: now)
    monkeypatch.setattr(planted_slowdown, "hashlib", SimpleNamespace(sha256=hashed))
    slowed = planted_slowdown.plant_slowdown(work, 0.5)
    begun = now
    slowed(None, None, None)
    assert now - begun == pytest.approx(1.5 * 3e-3, abs=20e-6)
