"""Measuring a method in its process: its order, its loops, and what is said beside the numbers."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.harness.run import measurement
from adabench.harness.run.measurement import Measurement, MethodBench
from adabench.harness.run.settings import RETAKES, Settings
from adabench.profilers.energy.energy_probe import TdpEstimate
from adabench.profilers.timing import clock
from adabench.profilers.timing.disturbance import Watch
from adabench.profilers.timing.stopping import Target

POINT = {"k": 1}


class Fake:
    """A substrate, a method and a probe that write down when they are called."""

    def __init__(self, **parts: Any) -> None:
        self.events: list[str] = []
        self.meter = Meter()
        self.intrusive, self.min_window_s, self.levels = False, 0.0, frozenset[str]()
        self.name = "fake"
        self.method = SimpleNamespace(prepare=self.prepare, solve=self.solve, **parts)

    def prepare(self, *_: Any) -> str:
        self.events.append("prepare")
        return "state"

    def solve(self, state: str, case: int, point: Mapping[str, Any]) -> int:
        self.events.append("solve")
        self.meter["steps"] += 3
        return case

    def account(self, case: int, answer: int) -> int:
        self.events.append("account")
        return answer

    def __enter__(self) -> None:
        self.events.append("enter")

    def __exit__(self, *_: object) -> None:
        self.events.append("exit")

    def read(self) -> Mapping[str, float]:
        return {"total_j": 6.0}


def bench(
    fake: Fake, *more: Any, probes: Any = None, retakes: int = 0, **settings: Any
) -> MethodBench:
    """Retake nothing unless asked to: what the machine of a test does beside it is not its subject."""
    chosen = Settings(retakes=retakes, **settings)
    return MethodBench(fake.method, fake, chosen, probes or [fake], more)


def run(fake: Fake, repeats: int = 1, probes: Any = None, **settings: Any) -> list[Measurement]:
    """Prepare once and solve two cases, as often as asked."""
    own = bench(fake, probes=probes, **settings)
    state, made = own.prepare(POINT, 0)
    cases = range(2)
    return [
        made,
        *(own.solve(state, case, POINT, frozenset()) for _ in range(repeats) for case in cases),
    ]


def test_the_order_is_prepare_warm_up_enter_solve_exit_account() -> None:
    fake = Fake()
    run(fake, window_s=0.0)
    assert fake.events == [
        "enter", "prepare", "exit",
        "solve", "enter", "solve", "exit", "account",
        "enter", "solve", "exit", "account",
    ]  # fmt: skip


@pytest.mark.parametrize("part", ["solve", "prepare"])
def test_a_method_that_clears_the_meter_is_refused(part: str) -> None:
    fake = Fake()

    def forget(*_: object) -> int:
        fake.meter["steps"] += 9
        fake.meter.clear()
        fake.meter["steps"] += 3
        return 0

    setattr(fake.method, part, forget)
    with pytest.raises(MethodContractError, match="was cleared in the middle"):
        run(fake, window_s=0.0)


def test_each_shape_is_warmed_up() -> None:
    fake = Fake()
    fake.shape = lambda case: str(case)  # type: ignore[attr-defined]
    run(fake, window_s=0.0)
    assert fake.events == [
        "enter", "prepare", "exit",
        "solve", "enter", "solve", "exit", "account",
        "solve", "enter", "solve", "exit", "account",
    ]  # fmt: skip


def test_a_task_may_watch_an_unmeasured_solve_before_each_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = Fake()

    def rehearse(solve: Callable[[], Any]) -> None:
        fake.events.append("rehearse")
        solve()

    monkeypatch.setattr(fake, "rehearse", rehearse, raising=False)
    run(fake, window_s=0.0)
    assert fake.events == [
        "enter", "prepare", "exit",
        "rehearse", "solve", "solve", "enter", "solve", "exit", "account",
        "rehearse", "solve", "enter", "solve", "exit", "account",
    ]  # fmt: skip


def test_a_task_that_starts_cold_is_not_warmed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake()
    monkeypatch.setattr(fake, "starts_cold", True, raising=False)
    run(fake, window_s=0.0)
    assert fake.events == [
        "enter", "prepare", "exit",
        "enter", "solve", "exit", "account",
        "enter", "solve", "exit", "account",
    ]  # fmt: skip


def test_a_task_of_several_processes_is_watched_for_strangers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(Watch, "watch_strangers", lambda watch: seen.append("strangers"))
    fake = Fake()
    run(fake, window_s=0.0)
    assert not seen
    monkeypatch.setattr(fake, "in_processes", True, raising=False)
    run(fake, window_s=0.0)
    assert seen


def test_repeats_warm_up_and_prepare_once() -> None:
    fake = Fake()
    run(fake, repeats=3, window_s=0.0)
    assert fake.events.count("prepare") == 1
    assert fake.events.count("solve") == 1 + 3 * 2


def test_a_short_case_is_looped_and_totals_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that moves by 50 us from look to look: 20 laps fill a window of 1 ms."""
    fake = Fake()
    monkeypatch.setattr(clock, "perf_counter_ns", itertools.count(step=50_000).__next__)
    [_, first, _] = run(fake, window_s=0.001)
    loops = first.values["loops"]
    assert loops == 20
    assert first.values["total_j"] == pytest.approx(6.0 / loops)
    assert first.counts["steps"] == 3
    assert (first.laps, first.metered["steps"]) == (21, 63)
    assert first.values["latency_s"] == pytest.approx(50e-6)


class Meters:
    """Energy meters that give a window of their own, for work that is done once."""

    def window(self) -> tuple[Fake, ...]:
        probe = Fake()
        probe.read = lambda: {"energy_cpu_j": 2.0}  # type: ignore[method-assign]
        return (probe,)


def test_energy_has_a_pass_of_its_own_after_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told how long a call took in the timing; a preparation gets a window, for it is once."""
    fake, told = Fake(), []

    def energy_pass(call: Callable[[], Any], *meters: Any, latency_s: float) -> Any:
        fake.events.append("energy")
        told.append(latency_s)
        call()
        return SimpleNamespace(values={"energy_cpu_j": 5.0}, provenance=({"key": "energy_cpu_j"},))

    monkeypatch.setattr(measurement, "energy_pass", energy_pass)
    own = bench(fake, window_s=0.0)
    own.energy = Meters()  # type: ignore[assignment]
    _, prepared = own.prepare(POINT, 0)
    found = own.solve("state", 0, POINT, frozenset())
    assert fake.events[-3:] == ["account", "energy", "solve"]
    assert told == [found.values["latency_s"]]
    assert (prepared.values["energy_cpu_j"], found.values["energy_cpu_j"]) == (2.0, 5.0)
    assert found.energy == ({"key": "energy_cpu_j"},)


def test_a_task_that_starts_cold_is_metered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake()
    monkeypatch.setattr(fake, "starts_cold", True, raising=False)
    own = bench(fake, window_s=0.1)
    own.energy = Meters()  # type: ignore[assignment]
    found = own.solve("state", 0, POINT, frozenset())
    assert fake.events == ["enter", "solve", "exit", "account"]
    assert found.values["energy_cpu_j"] == 2.0


def test_a_model_of_energy_needs_no_meter() -> None:
    fake = Fake()
    [_, *modelled] = run(fake, probes=[fake, TdpEstimate()])
    assert all(not found.energy and "energy_est_j" in found.values for found in modelled)


@pytest.mark.parametrize("count", [frozenset({"flops"}), frozenset()])
def test_an_intrusive_probe_gets_its_own_pass_and_only_where_the_task_wants_it(
    count: frozenset[str],
) -> None:
    """What it imports when it is entered first lies outside that pass."""
    fake, counter = Fake(), Fake()
    counter.intrusive, counter.name, counter.events = True, "flops", fake.events
    own = bench(fake, counter, window_s=0.0)
    found = own.solve("state", 0, POINT, count)
    lap = ["enter", "solve", "exit"]
    assert fake.events == ["solve", *lap, *(["enter", "exit", *lap] if count else []), "account"]
    assert ("total_j" in found.counts) == bool(count)


def test_two_instruments_may_not_give_one_name() -> None:
    fake = Fake()
    fake.read = lambda: {"latency_s": 1.0}  # type: ignore[method-assign]
    with pytest.raises(MethodContractError, match="latency_s is given by two"):
        run(fake)


@pytest.mark.parametrize(
    ("first_ms", "later_ms", "says"), [(23, 3, True), (5, 3, False), (0.04, 0.01, False)]
)
def test_a_first_lap_that_stands_out_is_noted(
    monkeypatch: pytest.MonkeyPatch, first_ms: float, later_ms: float, says: bool
) -> None:
    """On a clock that the method itself moves: the first lap that is timed, and all others."""
    fake, now = Fake(), [0]
    laps = itertools.count()

    def solve(*_: Any) -> int:
        lap = next(laps)  # lap 0 warms up
        now[0] += int(1e6 * (first_ms if lap == 1 else later_ms))
        return 0

    fake.method.solve = solve
    monkeypatch.setattr(clock, "perf_counter_ns", lambda: now[0])
    found = bench(fake, window_s=0.1).solve("state", 0, POINT, frozenset())
    assert ("the first lap took" in found.note) == says


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


def watched(step_ns: int | None, **settings: Any) -> list[Measurement]:
    """Run the fake on a machine whose kernel tells such a delay, and nothing else."""
    own = bench(Fake(), **settings)
    own.watch = Watch(Path("/nowhere"))
    own.watch.delay = Told(step_ns)  # type: ignore[assignment]
    return [own.solve("state", case, POINT, frozenset()) for case in range(2)]


def test_samples_are_counted_and_a_calm_block_has_nothing_to_say() -> None:
    for record in watched(0):
        assert record.values["samples"] >= 1
        assert record.values["samples_dropped"] == 0
        assert record.values["latency_mean_s"] > 0
        assert record.note == ""


def test_a_disturbed_block_is_invalid_and_its_counts_stand() -> None:
    for record in watched(10**9):
        assert record.counts["steps"] == 3
        assert record.values["samples_dropped"] == record.values["samples"]
        assert record.note.startswith("timing invalid: 0 of ")
    for record in watched(10**9, keep_share=0.0):
        assert record.note == ""


class CalmsDown(Fake):
    """A machine that disturbs the first blocks."""

    def __init__(self, disturbed: int) -> None:
        super().__init__()
        self.left, self.delay = disturbed, Told(10**9)

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        self.left -= 1
        if self.left <= 0:
            self.delay.step_ns = 0

    def measure(self) -> Measurement:
        own = bench(self, window_s=0.0, retakes=RETAKES)
        own.watch = Watch(Path("/nowhere"))
        own.watch.delay = self.delay  # type: ignore[assignment]
        return own.solve("state", 0, POINT, frozenset())


@pytest.mark.parametrize(
    ("disturbed", "retakes", "calm"), [(1, 1, True), (2, 2, True), (3, 2, False)]
)
def test_a_disturbed_block_is_measured_again(disturbed: int, retakes: int, calm: bool) -> None:
    record = CalmsDown(disturbed).measure()
    assert record.values["retakes"] == retakes
    assert (record.values["samples_dropped"] == 0) is calm
    assert ("timing invalid" in record.note) is not calm
    assert record.values["loops"] == 1
    assert record.values["total_j"] == 6.0
    assert record.laps == 1 + retakes
    assert record.metered["steps"] == 3 * record.laps
    assert record.counts["steps"] == 3


def test_a_long_disturbed_block_is_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "RETAKE_BELOW_S", 0.0)
    record = CalmsDown(1).measure()
    assert "retakes" not in record.values
    assert record.laps == 1
    assert "timing invalid" in record.note


def test_an_unwatched_block_does_not_claim_that_nothing_was_dropped() -> None:
    for record in watched(None):
        assert "samples_dropped" not in record.values
        assert record.values["samples"] >= 1


def test_a_precision_target_measures_on_and_stores_why_it_stopped() -> None:
    once = watched(0)[0]
    target = Target(half_width=10.0, budget_s=30.0)
    record = watched(0, target=target)[0]
    assert record.note == "precision reached"
    assert record.values["latency_half_width"] <= 10.0
    assert record.values["loops"] > once.values["loops"]
    assert record.values["total_j"] == pytest.approx(6.0 / record.values["loops"])
    assert record.counts["steps"] == 3
    hard = Target(half_width=0.0, budget_s=0.01)
    disturbed = watched(10**9, target=hard)[0]
    assert disturbed.note.startswith("disturbed; timing invalid: 0 of ")


def test_a_method_that_does_not_settle_is_recorded_as_not_steady() -> None:
    for record in watched(10**9, steady_s=0.01, keep_share=0.0):
        assert record.note == "not steady: only 0 blocks; 16 are needed"


def test_warming_up_to_the_steady_state_is_not_counted() -> None:
    for record in watched(0, steady_s=0.05):
        assert record.counts["steps"] == 3
