"""Execution: its order, its loops, and what becomes of a method that misbehaves."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card, Knob, Metric
from adabench.harness.contract.protocols import Meter
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.errors import MethodContractError
from adabench.harness.run import execute as execution
from adabench.harness.run.execute import Settings, check_values, execute
from adabench.profilers.energy.energy_probe import Energy, TdpEstimate
from adabench.profilers.timing import clock
from adabench.profilers.timing.disturbance import Watch
from adabench.profilers.timing.stopping import Target

CARD = Card("t", metrics=(Metric("steps", "", "lower", "work", True),
                          Metric("right", "", "higher", "quality", True)))  # fmt: skip


class Fake:
    """A task, a method and a probe that write down when they are called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **parts: Any) -> None:
        self.events: list[str] = []
        self.meter = Meter()
        self.intrusive, self.min_window_s, self.levels = False, 0.0, frozenset[str]()
        self.name = "fake"
        self.method = SimpleNamespace(prepare=self.prepare, solve=self.solve, **parts)
        task = SimpleNamespace(load=self.load)
        monkeypatch.setattr(registry, "find", lambda address: SimpleNamespace(
            card=CARD if "/" not in address else Card("m", knobs=(Knob("k", (1,), 1),)),
            address=address, path=None))  # fmt: skip
        monkeypatch.setattr(
            registry, "load", lambda entry: self.method if "/" in entry.address else task
        )
        monkeypatch.setattr(execution.prepared_states, "key", lambda cell, *_: cell.key)

    def load(self, scale: str, seed: int, **_: Any) -> "Fake":
        self.events.append("load")
        return self

    def cases(self) -> Iterator[int]:
        yield from range(2)

    def prepare(self, *_: Any) -> str:
        self.events.append("prepare")
        return "state"

    def solve(self, state: str, case: int, point: Mapping[str, Any]) -> int:
        self.events.append("solve")
        self.meter["steps"] += 3
        return case

    def score(self, case: int, answer: int) -> Mapping[str, float]:
        self.events.append("score")
        return {"right": float(case == answer)}

    def __enter__(self) -> None:
        self.events.append("enter")

    def __exit__(self, *_: object) -> None:
        self.events.append("exit")

    def read(self) -> Mapping[str, float]:
        return {"total_j": 6.0}


def run(fake: Fake, repeats: int = 1, **settings: Any) -> list[Record]:
    turns = [Turn(Cell("t", "m", {"k": 1}, {}, "embedded", 0), r) for r in range(repeats)]
    return list(execute(turns, [fake], settings=Settings(**settings)))  # type: ignore[list-item]


def test_the_order_is_prepare_warm_up_enter_solve_exit_score(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = Fake(monkeypatch)
    run(fake, window_s=0.0)
    assert fake.events == [
        "load", "enter", "prepare", "exit",
        "solve", "enter", "solve", "exit", "score",
        "enter", "solve", "exit", "score",
    ]  # fmt: skip


def test_a_task_may_watch_an_unmeasured_solve_before_each_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = Fake(monkeypatch)

    def rehearse(solve: Callable[[], Any]) -> None:
        fake.events.append("rehearse")
        solve()

    monkeypatch.setattr(fake, "rehearse", rehearse, raising=False)
    run(fake, window_s=0.0)
    assert fake.events == [
        "load", "enter", "prepare", "exit",
        "rehearse", "solve", "solve", "enter", "solve", "exit", "score",
        "rehearse", "solve", "enter", "solve", "exit", "score",
    ]  # fmt: skip


def test_a_task_that_starts_cold_is_not_warmed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(monkeypatch)
    monkeypatch.setattr(fake, "starts_cold", True, raising=False)
    run(fake, window_s=0.0)
    assert fake.events == [
        "load", "enter", "prepare", "exit",
        "enter", "solve", "exit", "score",
        "enter", "solve", "exit", "score",
    ]  # fmt: skip


def test_repeats_warm_up_and_prepare_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(monkeypatch)
    records = run(fake, repeats=3, window_s=0.0)
    assert fake.events.count("prepare") == 1
    assert fake.events.count("solve") == 1 + 3 * 2
    assert [record.phase for record in records].count("prepare") == 1


def test_a_short_case_is_looped_and_totals_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that moves by 50 us from look to look: 20 laps fill a window of 1 ms."""
    fake = Fake(monkeypatch)
    monkeypatch.setattr(clock, "perf_counter_ns", itertools.count(step=50_000).__next__)
    [_, first, _] = run(fake, window_s=0.001)
    loops = first.values["loops"]
    assert loops == 20
    assert first.values["total_j"] == pytest.approx(6.0 / loops)
    assert first.values["steps"] == 3
    assert first.values["latency_s"] == pytest.approx(50e-6)


def test_what_a_counter_says_of_its_window_stands_beside_its_joules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Meter:
        key, kind, scope, u_rel = "energy_cpu_j", "counter.fake", "cpu_package", 0.05
        min_window_s, max_window_s, lag_s, stepping = 0.0, float("inf"), 0.0, False
        read = 0

        def counts(self) -> tuple[int, ...]:
            self.read += 1
            return (self.read,)

        def joules(self, before: tuple[int, ...], after: tuple[int, ...]) -> float:
            return 3.0 * (after[0] - before[0])

        def witness(self) -> None:
            return None

    fake, turn = Fake(monkeypatch), Turn(Cell("t", "m", {"k": 1}, {}, "embedded", 0), 0)
    probes: Any = [fake, Energy([Meter()])]
    [prepared, *solved] = execute([turn], probes, settings=Settings(window_s=0.001))
    assert prepared.energy[0]["j"] == prepared.values["energy_cpu_j"]
    for record in solved:
        [said] = record.energy
        assert (said["key"], said["kind"], said["label"]) == (
            "energy_cpu_j", "counter.fake", "counter")  # fmt: skip
        assert said["units"] == record.values["loops"] > 1
        assert said["j_per_unit"] == pytest.approx(record.values["energy_cpu_j"])
        assert said["u_j"] >= 0.05 * said["j"]
    [_, *modelled] = execute([turn], [fake, TdpEstimate()])  # type: ignore[list-item]
    assert all(not record.energy and "energy_est_j" in record.values for record in modelled)


def test_an_intrusive_probe_gets_its_own_pass_and_only_where_the_task_wants_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake, counter = Fake(monkeypatch), Fake(monkeypatch)
    counter.intrusive, counter.name, counter.events = True, "right", fake.events
    monkeypatch.setattr(registry, "load", lambda e: fake.method if "/" in e.address else
                        SimpleNamespace(load=fake.load))  # fmt: skip
    turn = Turn(Cell("t", "m", {"k": 1}, {}, "embedded", 0), 0)
    list(execute([turn], [fake, counter], settings=Settings(window_s=0.0)))  # type: ignore[list-item]
    first = fake.events.index("score")
    assert fake.events[first - 6 : first] == ["enter", "solve", "exit", "enter", "solve", "exit"]
    fake.events.clear()
    counter.name = "flops"
    list(execute([turn], [fake, counter], settings=Settings(window_s=0.0)))  # type: ignore[list-item]
    first = fake.events.index("score")
    assert fake.events[first - 4 : first] == ["solve", "enter", "solve", "exit"]


def test_a_failing_case_is_recorded_with_its_traceback_and_the_run_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = Fake(monkeypatch)
    sound = fake.method.solve

    def solve(state: str, case: int, point: Mapping[str, Any]) -> int:
        if case == 0:
            raise ZeroDivisionError("no such case")
        return sound(state, case, point)

    fake.method.solve = solve
    [_, failed, good] = run(fake)
    assert (failed.status, good.status) == ("error", "ok")
    assert failed.note.startswith("ZeroDivisionError: no such case\nTraceback")


def test_a_failing_preparation_is_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(monkeypatch)
    fake.method.prepare = lambda *_: 1 / 0
    [failed] = run(fake)
    assert (failed.phase, failed.status) == ("prepare", "error")


def test_a_score_that_repeats_a_count_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(monkeypatch)
    fake.score = lambda *_: {"right": 1.0, "steps": 0.0}  # type: ignore[method-assign]
    assert {record.status for record in run(fake) if record.phase == "solve"} == {"error"}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"steps": 1.0, "right": float("nan")}, "not finite"),
        ({"steps": -1.0, "right": 1.0}, "negative cost"),
        ({"steps": 1.0}, "no right"),
    ],
)
def test_values_that_break_the_contract(values: dict[str, float], says: str) -> None:
    with pytest.raises(MethodContractError, match=says):
        check_values("t/m", values, CARD)


def test_a_prepared_state_is_taken_from_disk_with_its_true_price(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    [first, *_] = run(Fake(monkeypatch), cache_folder=tmp_path)
    later = Fake(monkeypatch)
    [again, *_] = run(later, cache_folder=tmp_path)
    assert "prepare" not in later.events
    assert again.values == first.values


def test_a_preparation_that_is_known_and_fails_on_resume_is_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = Fake(monkeypatch)
    [prepared, *_] = run(fake)
    turn = Turn(Cell("t", "m", {"k": 1}, {}, "embedded", 0), 0)
    again = list(execute([turn], [], settings=Settings(), done={prepared.unit}))
    assert [record.phase for record in again] == ["solve", "solve"]
    fake.method.prepare = lambda *_: 1 / 0
    [failed] = execute([turn], [], settings=Settings(), done={prepared.unit})
    assert (failed.phase, failed.status) == ("prepare", "error")


def test_a_method_that_exits_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(monkeypatch)

    def solve(*_: Any) -> int:
        raise SystemExit(3)

    fake.method.solve = solve
    assert [record.status for record in run(fake)] == ["ok", "error", "error"]


def test_quality_may_be_withheld_at_scale_gpu_only() -> None:
    check_values("t/m", {"steps": 1.0}, CARD, "gpu")
    with pytest.raises(MethodContractError):
        check_values("t/m", {"steps": 1.0}, CARD, "embedded")


class Told:
    """A run delay that moves by so much at every question."""

    def __init__(self, step_ns: int | None) -> None:
        self.step_ns, self.sum_ns = step_ns, 0

    def now_ns(self) -> int | None:
        if self.step_ns is None:
            return None
        self.sum_ns += self.step_ns
        return self.sum_ns

    def close(self) -> None:
        pass


def watched(monkeypatch: pytest.MonkeyPatch, step_ns: int | None, **settings: Any) -> list[Record]:
    """Run the fake on a machine whose kernel tells such a delay, and nothing else."""
    fake = Fake(monkeypatch)

    def watch(**_: Any) -> Watch:
        made = Watch(Path("/nowhere"))
        made.delay = Told(step_ns)  # type: ignore[assignment]
        return made

    monkeypatch.setattr(execution, "Watch", watch)
    return [record for record in run(fake, **settings) if record.phase == "solve"]


def test_samples_are_counted_and_a_calm_block_has_nothing_to_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for record in watched(monkeypatch, 0):
        assert record.values["samples"] >= 1
        assert record.values["samples_dropped"] == 0
        assert record.values["latency_mean_s"] > 0
        assert record.note == ""


def test_a_disturbed_block_is_invalid_and_its_counts_stand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for record in watched(monkeypatch, 10**9):
        assert (record.status, record.values["steps"], record.values["right"]) == ("ok", 3, 1)
        assert record.values["samples_dropped"] == record.values["samples"]
        assert record.note.startswith("timing invalid: 0 of ")
    for record in watched(monkeypatch, 10**9, keep_share=0.0):
        assert record.note == ""


def test_an_unwatched_block_does_not_claim_that_nothing_was_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for record in watched(monkeypatch, None):
        assert "samples_dropped" not in record.values
        assert record.values["samples"] >= 1


def test_a_precision_target_measures_on_and_stores_why_it_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once = watched(monkeypatch, 0)[0]
    target = Target(half_width=10.0, budget_s=30.0)
    record = watched(monkeypatch, 0, target=target)[0]
    assert record.note == "precision reached"
    assert record.values["latency_half_width"] <= 10.0
    assert record.values["loops"] > once.values["loops"]
    assert record.values["total_j"] == pytest.approx(6.0 / record.values["loops"])
    assert record.values["steps"] == 3
    hard = Target(half_width=0.0, budget_s=0.01)
    disturbed = watched(monkeypatch, 10**9, target=hard)[0]
    assert disturbed.note.startswith("disturbed; timing invalid: 0 of ")


def test_a_method_that_does_not_settle_is_recorded_as_not_steady(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for record in watched(monkeypatch, 10**9, steady_s=0.01, keep_share=0.0):
        assert record.note == "not steady: only 0 blocks; 16 are needed"


def test_warming_up_to_the_steady_state_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    for record in watched(monkeypatch, 0, steady_s=0.05):
        assert record.values["steps"] == 3
