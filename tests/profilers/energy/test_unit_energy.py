import math
import random
import statistics

import pytest

from adabench.profilers.energy.meter import CounterReset
from adabench.profilers.energy.nvml_meters import IntegratedPower, NvmlCounter
from adabench.profilers.energy.provenance import K95
from adabench.profilers.energy.rapl import Rapl
from adabench.profilers.energy.uncertainty import (
    Estimate,
    exp_interval,
    paired_ratio,
    t975,
    with_known,
)
from adabench.profilers.energy.unit_energy import Plan, measure
from adabench.profilers.energy.work_units import host_units

STEADY = [(0.02, 400.0)]
BRIEF = Plan(blocks=5, window_s=0.5, phases=1, idle_s=0.4, warm_up_s=0.0, period_ticks=5)


@pytest.fixture
def board(fakes):
    def make(**options):
        pace = fakes.FakePace()
        nvml = fakes.FakeNVML(pace, **options)
        return pace, nvml, NvmlCounter("GPU-1", nvml)

    return make


def test_a_measurement_says_everything_that_a_sceptic_asks_for(board):
    pace, nvml, meter = board(noise=0.002)
    power = IntegratedPower("GPU-1", nvml, pace)
    found = measure(nvml.runner(lambda: STEADY), meter, pace=pace, power=power)
    reading = found.reading
    assert reading.j_per_unit == pytest.approx(8.0, rel=0.002)
    assert (reading.label, reading.kind, reading.scope) == ("counter", "counter.nvml", "gpu_board")
    assert reading.u_j == pytest.approx(0.05 * reading.j, rel=0.01)
    assert reading.tick_s == pytest.approx(0.1, rel=0.01)
    assert reading.ticks > 12 * 20
    assert (reading.aligned, reading.phase_steps, reading.exclusive) == (True, 4, True)
    assert reading.idle_w == pytest.approx(70.0, rel=0.005)
    assert reading.net_j == pytest.approx(reading.j * 330 / 400, rel=0.005)
    assert reading.net_j <= reading.j
    assert reading.u_net_j > 0
    assert reading.cross_check["rel"] == pytest.approx(0.0, abs=0.03)
    assert (reading.device_uuid, reading.driver) == ("GPU-1", "600.1")
    assert reading.power_limit_w == 700.0
    assert set(reading.temp_c) == {54}
    assert reading.flags == ()
    assert len(found.blocks) == 12
    assert found.discarded == ()
    each = [block.j_per_unit for block in found.blocks]
    assert statistics.stdev(each) / statistics.fmean(each) < 0.01
    low, high = found.on_this_card
    assert reading.interval[0] < low < 8.0 < high < reading.interval[1]


def test_a_block_is_never_shorter_than_asked_and_holds_twenty_ticks(board):
    pace, nvml, meter = board(period_s=0.15)
    found = measure(nvml.runner(lambda: STEADY), meter, pace=pace)
    assert min(block.window.window_s for block in found.blocks) >= 20 * 0.15 * 0.999
    assert min(block.window.ticks for block in found.blocks) >= 20


def test_a_plan_that_is_too_short_for_the_meter_is_refused(board):
    pace, nvml, meter = board()
    found = measure(nvml.runner(lambda: STEADY), meter, BRIEF, pace=pace)
    assert found.reading.label == "unavailable"
    assert "too short" in found.reading.reason


def test_phase_steps_remove_what_one_phase_hides_and_say_so(board):
    square = [(0.05, 400.0), (0.05, 100.0)]
    plan = Plan(blocks=8, warm_up_s=0.0, idle_s=1.0)
    pace, nvml, meter = board(seen_s=0.025)
    stepped = measure(nvml.runner(lambda: square), meter, plan, pace=pace)
    assert stepped.reading.j_per_unit == pytest.approx(25.0, rel=0.01)
    assert "aliasing" in stepped.reading.flags
    pace, nvml, meter = board(seen_s=0.025)
    single = measure(
        nvml.runner(lambda: square), meter, Plan(blocks=8, phases=1, idle_s=1.0), pace=pace
    )
    assert abs(single.reading.j_per_unit / 25.0 - 1) > 0.4


def test_a_shared_board_gives_no_number_and_its_blocks_are_counted_as_discarded(board):
    pace, nvml, meter = board(pids=[1])
    found = measure(nvml.runner(lambda: STEADY), meter, pace=pace)
    assert found.reading.j is None
    assert "not attributable" in found.reading.reason
    assert found.reading.exclusive is False
    pace, nvml, meter = board()

    def visited(more):
        nvml.pids = [1] if 20 < pace.now < 24 else []
        return nvml.runner(lambda: STEADY)(more)

    found = measure(visited, meter, pace=pace)
    assert found.reading.j_per_unit == pytest.approx(8.0, rel=0.002)
    assert 1 <= len(found.discarded) <= 3
    assert len(found.blocks) + len(found.discarded) == 12
    assert "not attributable" in found.discarded[0]


def test_blocks_that_heat_slowed_are_discarded_and_those_at_the_power_limit_are_flagged(board):
    pace, nvml, meter = board(reasons=0x20)
    found = measure(nvml.runner(lambda: STEADY), meter, Plan(blocks=2, idle_s=1.0), pace=pace)
    assert found.discarded == ("slowed", "slowed")
    assert "no block was valid" in found.reading.reason
    pace, nvml, meter = board(reasons=0x4)
    found = measure(nvml.runner(lambda: STEADY), meter, Plan(blocks=2, idle_s=1.0), pace=pace)
    assert found.reading.throttled
    assert found.reading.flags == ("power_capped",)


def test_a_reset_stops_the_measurement(board):
    pace, nvml, meter = board(reset_s=20.0)
    with pytest.raises(CounterReset, match="backwards"):
        measure(nvml.runner(lambda: STEADY), meter, pace=pace)


def test_idle_that_drifts_and_a_counter_that_disagrees_are_flagged(board):
    pace, nvml, meter = board()

    def warming(more):
        edges = nvml.runner(lambda: STEADY)(more)
        nvml.idle_w = 90.0
        return edges

    found = measure(warming, meter, Plan(blocks=4, idle_s=2.0), pace=pace)
    assert "idle_drift" in found.reading.flags
    assert found.reading.idle_w == pytest.approx(80.0, rel=0.02)
    assert found.reading.u_net_j > 10.0 * found.reading.window_s
    pace, nvml, meter = board()
    other = type(nvml)(pace, gain=1.2)
    other.draw = lambda watts: None
    other.spent = nvml.spent
    found = measure(
        nvml.runner(lambda: STEADY),
        meter,
        Plan(blocks=4, idle_s=2.0),
        pace=pace,
        power=IntegratedPower("GPU-1", other, pace),
    )
    assert "cross_check" in found.reading.flags
    assert found.reading.cross_check["rel"] == pytest.approx(0.2, abs=0.03)


def test_a_fast_counter_is_read_at_the_ends(fakes, tmp_path):
    tree = fakes.FakePowercap(tmp_path)
    tree.zone("intel-rapl:0", "package-0")
    meter = Rapl(tmp_path)
    run = host_units(lambda: tree.spend("intel-rapl:0", 2_000))
    plan = Plan(blocks=3, window_s=0.1, phases=4, idle_s=0.1, warm_up_s=0.0)
    found = measure(run, meter, plan)
    assert found.reading.j_per_unit == pytest.approx(2e-3)
    assert found.reading.phase_steps == 1
    assert found.reading.exclusive is None  # a package is never ours alone


def heavy(chance):
    """Units of heavy-tailed length whose power wanders: 5 ms and 1.5 J on average."""
    wander = [0.0]

    def unit():
        wander[0] = 0.9 * wander[0] + chance.gauss(0.0, 0.1 * math.sqrt(1 - 0.81))
        return [(chance.lognormvariate(-0.32, 0.8) * 5e-3, 300.0 * (1 + wander[0]))]

    return unit


def test_reported_intervals_cover_the_truth_in_93_to_97_of_100_runs(board):
    runs, absolute, relative, net = 1_000, 0, 0, 0
    for seed in range(runs):
        chance = random.Random(seed)
        gain = chance.gauss(1.0, 0.05)
        phase_s = 0.02 * chance.random()
        pace, nvml, meter = board(
            period_s=0.02, phase_s=phase_s, gain=gain, noise=0.01, jitter_s=2e-4, seed=seed
        )
        meter.min_window_s = 0.5
        found = measure(nvml.runner(heavy(chance)), meter, BRIEF, pace=pace)
        low, high = found.reading.interval
        absolute += low <= 1.5 <= high
        low, high = found.on_this_card
        relative += low <= gain * 1.5 <= high
        spans = [(b.window.start_ns / 1e9, b.window.stop_ns / 1e9) for b in found.blocks]
        truth = sum(nvml.spent(b) - nvml.spent(a) - 70.0 * (b - a) for a, b in spans)
        net += abs(found.reading.net_j - truth) <= K95 * found.reading.u_net_j
    print(f"coverage: absolute {absolute / runs:.1%}, on one card {relative / runs:.1%}, net {net}")
    assert 930 <= absolute <= 970
    assert 930 <= relative <= 970
    assert 930 <= net <= 970


def test_the_interval_of_a_paired_ratio_covers_one_under_drift_and_heavy_tails():
    chance, covered, runs = random.Random(4), 0, 1_000
    for _ in range(runs):
        drift, a, b = 0.0, [], []
        for _ in range(10):
            drift = 0.9 * drift + chance.gauss(0, 0.05)  # shared by a pair
            a.append(math.exp(drift + chance.gauss(0, 0.01) * chance.lognormvariate(0, 0.5)))
            b.append(math.exp(drift + chance.gauss(0, 0.01) * chance.lognormvariate(0, 0.5)))
        _, low, high = exp_interval(paired_ratio(a, b))
        covered += low <= 1.0 <= high
    assert 930 <= covered <= 970
    with pytest.raises(ValueError, match="two pairs"):
        paired_ratio([1.0], [1.0])


def test_known_terms_add_in_squares_and_bring_degrees_of_freedom():
    joined = with_known(Estimate(10.0, 3.0, 4), 4.0)
    assert joined.u == 5.0
    assert joined.df == pytest.approx(4 * (5 / 3) ** 4)
    assert Estimate(1.0, 0.0, 0.0).interval == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("df", "point"),
    [(1, 12.706), (2, 4.303), (4, 2.776), (5, 2.571), (9, 2.262), (30, 2.042), (1e6, 1.960)],
)
def test_students_t_is_that_of_the_printed_tables(df, point):
    assert t975(df) == pytest.approx(point, abs=5e-4)
