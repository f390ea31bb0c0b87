"""The energy pass over boards, packages and loads that do not exist."""

import math
import random

import pytest

from adabench.profilers.energy import energy_pass as module
from adabench.profilers.energy.energy_pass import EnergyMeters, Plan, energy_pass, open_energy
from adabench.profilers.energy.energy_probe import Unwatched
from adabench.profilers.energy.meter import Null
from adabench.profilers.energy.provenance import K95
from adabench.profilers.energy.rapl import Rapl
from adabench.profilers.probe import measured

STEADY = [(0.02, 400.0)]
BRIEF = Plan(phases=1, half_width=1.0, idle_s=0.4, period_ticks=5)


class Machine:
    """A GPU (or several) in use, a watch, and the meters over one virtual clock."""

    def __init__(self, fakes, monkeypatch, *boards, pace=None, host=(), plan=None, cuda=None):
        self.pace = pace or fakes.FakePace()
        self.boards = boards or (fakes.FakeNVML(self.pace),)
        self.watch = fakes.FakeWatch(self.pace)
        self.nvml = fakes.FakeMachine(*self.boards)
        self.cuda = cuda or fakes.FakeCuda(*(board.uuid for board in self.boards))
        monkeypatch.setattr(module, "context", lambda: self.cuda)
        monkeypatch.setattr(module, "waiting", lambda: self.cuda.synchronize)
        monkeypatch.setattr(module, "open_nvml", lambda: self.nvml)
        self.meters = EnergyMeters(tuple(host), self.pace, plan or Plan())

    @property
    def board(self):
        return self.boards[0]

    def measure(self, call, budget_s=60.0):
        return energy_pass(call, self.meters, self.watch, budget_s)


@pytest.fixture
def machine(fakes, monkeypatch):
    def make(*boards, **options):
        pace = fakes.FakePace()
        own = {key: options.pop(key) for key in ("host", "plan", "cuda") if key in options}
        if not boards:
            boards = (fakes.FakeNVML(pace, **options),)
        else:
            pace = boards[0].pace
        return Machine(fakes, monkeypatch, *boards, pace=pace, **own)

    return make


class ConstantPower(Null):
    """A meter of 300 W whatever happens, over a virtual clock: a wall plug of a busy machine."""

    kind, u_rel = "counter.rapl", 0.0
    min_window_s, lag_s = 0.05, 1e-3
    watts = 300.0

    def __init__(self, pace):
        super().__init__("energy_cpu_j", "cpu_package", "")
        del self.reason
        self.pace = pace

    def counts(self):
        return (self.pace.ns(),)

    def joules(self, before, after):
        return (after[0] - before[0]) / 1e9 * self.watts


def alone(meter, pace, fakes, monkeypatch, plan=None):
    """The meters of a machine without a GPU, and a watch."""
    monkeypatch.setattr(module, "context", lambda: None)
    monkeypatch.setattr(module, "waiting", lambda: None)
    return EnergyMeters((meter,), pace, plan or Plan()), fakes.FakeWatch(pace)


def test_a_measurement_says_everything_that_a_sceptic_asks_for(machine):
    here = machine(noise=0.002)
    found = here.measure(here.board.call(lambda: STEADY))
    assert found.values == {
        "energy_gpu_j": pytest.approx(8.0, rel=0.002),
        "energy_j": found.values["energy_gpu_j"],
    }
    (measurement,) = found.measurements
    reading = measurement.reading
    assert reading.j_per_unit == found.values["energy_j"]
    assert (reading.label, reading.kind, reading.scope) == ("counter", "counter.nvml", "gpu_board")
    assert reading.u_j == pytest.approx(0.05 * reading.j, rel=0.01)
    assert reading.work_share == pytest.approx(1.0, abs=1e-3)
    assert reading.tick_s == pytest.approx(0.1, rel=0.01)
    assert reading.ticks > 8 * 20
    assert (reading.aligned, reading.phase_steps, reading.exclusive) == (True, 4, True)
    assert reading.idle_w == pytest.approx(70.0, rel=0.005)
    assert reading.net_j == pytest.approx(reading.j * 330 / 400, rel=0.005)
    assert reading.u_net_j > 0
    assert reading.cross_check["rel"] == pytest.approx(0.0, abs=0.03)
    assert (reading.device_uuid, reading.driver) == ("GPU-1", "600.1")
    assert reading.flags == ()
    assert len(measurement.blocks) == 8
    low, high = measurement.on_this_card
    assert reading.interval[0] < low < 8.0 < high < reading.interval[1]


def test_provenance_is_what_records_hold(machine):
    here = machine()
    found = here.measure(here.board.call(lambda: STEADY))
    (said,) = found.provenance
    assert (said["key"], said["label"], said["kind"]) == ("energy_gpu_j", "counter", "counter.nvml")
    assert said["j_per_unit"] == found.values["energy_gpu_j"]
    assert said["j"] == pytest.approx(said["units"] * said["j_per_unit"], rel=1e-3)
    assert said["u_j_per_unit"] > 0
    assert None not in said.values()


@pytest.mark.parametrize("call_s", [20e-6, 300e-6, 0.02, 3.0])
def test_short_and_long_cases_get_joules_in_windows_of_two_seconds_and_twenty_ticks(
    machine, call_s
):
    here = machine(
        period_s=0.15, read_s=1e-6, plan=Plan(phases=1, half_width=1.0, idle_s=0.5, period_ticks=5)
    )
    found = here.measure(here.board.call(lambda: [(call_s, 400.0)]))
    assert found.values["energy_j"] == pytest.approx(400.0 * call_s, rel=0.005)
    for block in found.measurements[0].blocks:
        assert block.window.window_s >= 20 * 0.15 * 0.999
        assert block.window.ticks >= 20


def test_a_slow_first_call_changes_nothing(machine):
    here, slow = machine(read_s=1e-6, plan=BRIEF), iter([[(0.8, 100.0)]])
    found = here.measure(here.board.call(lambda: next(slow, [(20e-6, 400.0)])))
    assert found.values["energy_j"] == pytest.approx(400.0 * 20e-6, rel=0.01)


def test_phase_steps_remove_what_one_phase_hides_and_say_so(machine):
    square = [(0.05, 400.0), (0.05, 100.0)]
    here = machine(seen_s=0.025)
    stepped = here.measure(here.board.call(lambda: square))
    assert stepped.values["energy_j"] == pytest.approx(25.0, rel=0.01)
    assert "aliasing" in stepped.measurements[0].reading.flags
    here = machine(seen_s=0.025, plan=Plan(phases=1))
    single = here.measure(here.board.call(lambda: square))
    assert abs(single.values["energy_j"] / 25.0 - 1) > 0.4


def loaded(fakes, monkeypatch, seed, load, call_s=None):
    """Measure under `load` runnable threads on 2 processors; return joules, latency, provenance."""
    chance = random.Random(seed)
    pace = fakes.FakePace()
    meters, watch = alone(ConstantPower(pace), pace, fakes, monkeypatch)
    call_s = call_s or chance.choice([20e-6, 200e-6, 2e-3, 30e-3])
    slice_s, left = 3e-3, [3e-3]

    def call():
        rest_s = call_s
        while rest_s > 0:
            step_s = min(rest_s, left[0])
            pace.wait(step_s)
            rest_s, left[0] = rest_s - step_s, left[0] - step_s
            if left[0] <= 0:
                left[0] = slice_s * chance.uniform(0.5, 1.5)
                turns = max((load + 1) / 2 - 1, 0.0)
                watch.wait(turns * slice_s * chance.uniform(0.5, 1.5))

    found = energy_pass(call, meters, watch, 3.0)
    return found, call_s


def test_joules_are_power_times_latency_or_refused_under_a_load_of_eight_on_two_processors(
    fakes, monkeypatch
):
    refused = 0
    for seed in range(50):
        found, latency_s = loaded(fakes, monkeypatch, seed, load=8)
        if "energy_j" in found.values:
            assert found.values["energy_j"] == pytest.approx(300.0 * latency_s, rel=0.05)
            continue
        refused += 1
        (said,) = found.provenance
        assert "of the window was work, and 90% are needed" in said["reason"]
        assert 0 <= said["work_share"] < 0.9
        assert "j" not in said
    assert refused == 50  # at this load nothing but a refusal is right


@pytest.mark.parametrize("busy", [0.02, 0.05, 0.08])
def test_under_a_light_load_the_joules_are_those_of_the_work(fakes, monkeypatch, busy):
    pace = fakes.FakePace()
    meters, watch = alone(ConstantPower(pace), pace, fakes, monkeypatch)
    due = [0.1]

    def call():
        pace.wait(20e-6)
        if pace.now > due[0]:
            due[0] = pace.now + 0.1
            watch.wait(0.1 * busy)

    found = energy_pass(call, meters, watch, 5.0)
    assert found.values["energy_j"] == pytest.approx(300.0 * 20e-6, rel=0.01)
    reading = found.measurements[0].reading
    assert 0.9 <= reading.work_share < 1 - 0.8 * busy
    assert reading.u_j_per_unit >= (1 - reading.work_share) / 3**0.5 * reading.j_per_unit


@pytest.mark.parametrize(
    ("busy", "latency_s", "valid"),
    [(0.0, 20e-6, True), (0.0, 23e-6, True), (0.05, 20.4e-6, True), (0.05, 23e-6, False)],
)
def test_calls_that_took_another_time_than_in_the_timing_are_told_and_under_a_load_refused(
    fakes, monkeypatch, busy, latency_s, valid
):
    pace = fakes.FakePace()
    meters, watch = alone(ConstantPower(pace), pace, fakes, monkeypatch)
    due = [0.1]

    def call():
        pace.wait(20e-6)
        if pace.now > due[0]:
            due[0] = pace.now + 0.1
            watch.wait(0.1 * busy)

    found = energy_pass(call, meters, watch, 5.0, latency_s)
    (said,) = found.provenance
    assert ("energy_j" in found.values) == valid
    if valid:
        assert ("latency_apart" in said.get("flags", ())) == (latency_s > 21e-6)
        assert said["call_s"] == pytest.approx(20e-6)
    else:
        assert "a call took 2e-05 s here and 2.3e-05 s in the timing" in said["reason"]


def test_without_a_load_every_case_has_joules(fakes, monkeypatch):
    for seed in range(50):
        found, latency_s = loaded(fakes, monkeypatch, seed, load=1)
        assert found.values["energy_j"] == pytest.approx(300.0 * latency_s, rel=0.001)


def test_of_a_hundred_cells_on_a_quiet_board_at_most_two_lack_a_value(machine):
    chance, absent = random.Random(1), 0
    for seed in range(100):
        here = machine(
            phase_s=chance.random() * 0.1, jitter_s=0.002, noise=0.01, seed=seed,
            plan=Plan(idle_s=0.5, period_ticks=10),
        )  # fmt: skip
        call_s = math.exp(chance.uniform(math.log(2e-3), math.log(5.0)))
        found = here.measure(here.board.call(lambda call_s=call_s: [(call_s, 400.0)]), 30.0)
        absent += "energy_j" not in found.values
        if "energy_j" in found.values:
            assert found.values["energy_j"] == pytest.approx(400.0 * call_s, rel=0.03)
    assert absent <= 2


def test_where_nobody_watches_the_joules_say_so(fakes, monkeypatch):
    pace = fakes.FakePace()
    meters, _ = alone(ConstantPower(pace), pace, fakes, monkeypatch)
    blind = fakes.FakeWatch(pace, watched=False)
    found = energy_pass(lambda: pace.wait(1e-3), meters, blind, 5.0)
    assert found.values["energy_j"] == pytest.approx(0.3, rel=1e-3)
    (said,) = found.provenance
    assert "unwatched" in said["flags"]
    assert "work_share" not in said


def test_a_throttled_processor_discards_a_block(fakes, monkeypatch):
    pace = fakes.FakePace()
    meters, watch = alone(ConstantPower(pace), pace, fakes, monkeypatch)

    def call():
        pace.wait(1e-3)
        watch.throttles += 0.4 < pace.now - 1.0 < 0.5

    found = energy_pass(call, meters, watch, 5.0)
    assert "energy_j" in found.values
    assert set(found.measurements[0].discarded) == {"throttled"}


def test_the_pass_stops_at_its_precision_and_at_its_budget(machine):
    here = machine()
    sure = here.measure(here.board.call(lambda: STEADY), 600.0)
    assert len(sure.measurements[0].blocks) == 8
    assert here.pace.now < 60
    chance = random.Random(2)
    here = machine()
    begun = here.pace.now
    wild = here.measure(here.board.call(lambda: [(0.02, chance.uniform(0, 4000.0))]), 40.0)
    assert here.pace.now - begun < 45
    assert len(wild.measurements[0].blocks) > 8
    here = machine()
    hasty = here.measure(here.board.call(lambda: STEADY), 0.0)
    assert len(hasty.measurements[0].blocks) == 1  # one is always tried
    assert hasty.values["energy_j"] == pytest.approx(8.0, rel=0.01)
    assert hasty.measurements[0].reading.interval is None


def test_idle_power_is_measured_once_before_and_after_each_and_its_drift_is_told(machine):
    here = machine(plan=BRIEF)
    here.measure(here.board.call(lambda: STEADY))
    between_s = here.pace.now
    here.board.idle_w = 90.0
    found = here.measure(here.board.call(lambda: STEADY))
    reading = found.measurements[0].reading
    assert reading.idle_w == pytest.approx(80.0, rel=0.02)
    assert "idle_drift" in reading.flags
    assert here.pace.now - between_s < between_s  # neither the period nor the idle before again


def test_a_shared_board_gives_no_number_and_takes_no_time(machine):
    here = machine(pids=[1])
    found = here.measure(here.board.call(lambda: STEADY))
    assert found.values == {}
    assert "not attributable: 1 other process on" in found.why["energy_j"]
    assert found.measurements[0].reading.exclusive is False
    assert here.pace.now < 1.0


def test_a_visitor_costs_the_blocks_in_which_it_was_there(machine):
    here = machine()
    own = list(here.board.pids)

    def call():
        here.board.call(lambda: STEADY)()
        here.board.pids = [*own, 1] if 10 < here.pace.now < 14 else own

    found = here.measure(call)
    assert found.values["energy_j"] == pytest.approx(8.0, rel=0.002)
    assert 1 <= len(found.measurements[0].discarded) <= 3
    assert "not attributable" in found.measurements[0].discarded[0]


def test_an_empty_list_of_processes_is_unknown_and_not_exclusive(machine):
    here = machine(pids=[], plan=BRIEF)
    found = here.measure(here.board.call(lambda: STEADY))
    assert "energy_j" in found.values
    (said,) = found.provenance
    assert "exclusive" not in said
    assert "exclusivity_unknown" in said["flags"]


def test_blocks_that_heat_slowed_are_discarded_and_those_at_the_power_limit_are_flagged(machine):
    here = machine(reasons=0x20)
    found = here.measure(here.board.call(lambda: STEADY), 5.0)
    assert set(found.measurements[0].discarded) == {"slowed"}
    assert "no block was valid: slowed" in found.why["energy_j"]
    here = machine(reasons=0x4, plan=BRIEF)
    found = here.measure(here.board.call(lambda: STEADY))
    assert found.measurements[0].reading.flags == ("power_capped",)
    assert found.measurements[0].reading.throttled


def test_a_reset_costs_its_block(machine):
    here = machine(reset_s=12.0)
    found = here.measure(here.board.call(lambda: STEADY))
    assert found.values["energy_j"] == pytest.approx(8.0, rel=0.002)
    assert "backwards" in found.measurements[0].discarded[0]


def test_a_counter_that_stands_still_has_no_value_and_keeps_nobody_waiting(machine, monkeypatch):
    here = machine()
    monkeypatch.setattr(
        here.board, "nvmlDeviceGetTotalEnergyConsumption",
        lambda handle: here.pace.pass_(1e-4) or 7,
    )  # fmt: skip
    found = here.measure(here.board.call(lambda: STEADY))
    assert found.values == {}
    assert "stands still" in found.why["energy_j"]
    assert here.pace.now < 5


def test_a_board_that_is_lost_in_the_middle_is_an_absence(machine):
    here = machine()

    def call():
        here.board.call(lambda: STEADY)()
        here.board.counter = here.pace.now < 8.0

    found = here.measure(call)
    assert found.values["energy_j"] == pytest.approx(8.0, rel=0.01)  # by the blocks before
    assert len(found.measurements[0].blocks) < 4
    assert here.pace.now < 14


def test_two_boards_are_metered_together(machine, fakes):
    pace = fakes.FakePace()
    boards = [fakes.FakeNVML(pace, uuid=f"GPU-{n}", phase_s=0.03 * n) for n in (1, 2)]
    here = machine(*boards, cuda=fakes.FakeCuda("GPU-1", "GPU-2", held=[1]))

    def call():
        for board, watts in zip(boards, (400.0, 200.0), strict=True):
            board.draw(watts)
        pace.wait(0.02)

    found = here.measure(call)
    assert found.values["energy_gpu_j"] == pytest.approx(12.0, rel=0.005)
    assert found.values["energy_j"] == found.values["energy_gpu_j"]
    said = found.provenance
    assert [(one["key"], one["device_uuid"]) for one in said] == [
        ("energy_gpu_j", "GPU-1"), ("energy_gpu_j", "GPU-2")]  # fmt: skip


def test_work_that_moves_to_another_board_is_refused(machine, fakes):
    pace = fakes.FakePace()
    boards = [fakes.FakeNVML(pace, uuid=f"GPU-{n}") for n in (1, 2)]
    boards[1].pids = []
    here = machine(*boards, plan=BRIEF)

    def call():
        boards[0].call(lambda: STEADY)()
        here.cuda.held.add(1)

    found = here.measure(call)
    assert found.values == {}
    assert "was not metered" in found.why["energy_j"]
    assert "was not metered" in found.provenance[0]["reason"]


@pytest.mark.parametrize("fault", [{"mig": True}, {"counter": False, "instant": None}])
def test_one_board_that_cannot_be_metered_leaves_the_whole_open(machine, fakes, fault):
    pace = fakes.FakePace()
    boards = [fakes.FakeNVML(pace), fakes.FakeNVML(pace, uuid="GPU-2", **fault)]
    here = machine(*boards, plan=BRIEF, cuda=fakes.FakeCuda("GPU-1", "GPU-2", held=[1]))
    found = here.measure(boards[0].call(lambda: STEADY))
    assert found.values == {}
    assert {one["label"] for one in found.provenance} == {"counter", "unavailable"}
    assert "GPU" in found.why["energy_j"]


def test_a_board_without_a_counter_gives_an_estimate_with_its_key(machine):
    here = machine(counter=False, plan=BRIEF)
    found = here.measure(here.board.call(lambda: STEADY))
    assert set(found.values) == {"energy_gpu_est_j", "energy_est_j"}
    assert found.values["energy_est_j"] == pytest.approx(8.0, rel=0.05)


@pytest.fixture
def package(fakes, tmp_path):
    tree = fakes.FakePowercap(tmp_path)
    tree.zone("intel-rapl:0", "package-0")
    return tree


def test_board_and_package_are_measured_in_the_same_blocks_and_added(machine, fakes, package):
    pace = fakes.FakePace()
    board = fakes.FakeNVML(pace)
    here = machine(board, host=[Rapl(package.root, pace=pace)])
    ran = [0]

    def call():
        board.draw(400.0)
        pace.wait(0.05)
        package.spend("intel-rapl:0", 5_000_000)
        ran[0] += 1

    found = here.measure(call)
    assert found.values["energy_gpu_j"] == pytest.approx(20.0, rel=0.005)
    assert found.values["energy_cpu_j"] == pytest.approx(5.0, rel=0.005)
    assert found.values["energy_j"] == pytest.approx(25.0, rel=0.005)


def test_on_grace_hopper_the_modules_counter_is_the_whole(machine, fakes, package):
    pace = fakes.FakePace()
    board = fakes.FakeNVML(pace, c2c=True)
    here = machine(board, host=[Rapl(package.root, pace=pace)], plan=BRIEF)
    found = here.measure(board.call(lambda: STEADY))
    assert set(found.values) == {"energy_module_j", "energy_j"}
    assert found.values["energy_j"] == pytest.approx(8.0, rel=0.005)
    assert found.provenance[0]["scope"] == "module"


def test_with_a_gpu_in_use_and_no_driver_the_part_stands_and_the_whole_does_not(
    fakes, monkeypatch, package
):
    pace = fakes.FakePace()
    meters, watch = alone(Rapl(package.root, pace=pace), pace, fakes, monkeypatch, BRIEF)
    monkeypatch.setattr(module, "context", lambda: object())

    def no_driver():
        raise module.Unmetered("NVML does not start: Driver Not Loaded.")

    monkeypatch.setattr(module, "open_nvml", no_driver)

    def call():
        pace.wait(0.01)
        package.spend("intel-rapl:0", 1_000_000)

    found = energy_pass(call, meters, watch, 2.0)
    assert set(found.values) == {"energy_cpu_j"}
    assert "Driver Not Loaded" in found.why["energy_j"]


def test_a_gpu_that_a_meter_by_name_covers_is_metered(fakes, monkeypatch):
    pace = fakes.FakePace()
    amd = ConstantPower(pace)
    amd.key, amd.scope, amd.kind = "energy_gpu_j", "gpu_board", "counter.amdsmi"
    meters, watch = alone(amd, pace, fakes, monkeypatch, BRIEF)
    monkeypatch.setattr(module, "context", lambda: object())

    def no_driver():
        raise module.Unmetered("NVML does not start.")

    monkeypatch.setattr(module, "open_nvml", no_driver)
    found = energy_pass(lambda: pace.wait(0.01), meters, watch, 2.0)
    assert found.values == {"energy_gpu_j": pytest.approx(3.0), "energy_j": pytest.approx(3.0)}


def test_a_load_that_spoils_every_block_does_not_use_up_the_budget(fakes, monkeypatch):
    pace = fakes.FakePace()
    meters, watch = alone(ConstantPower(pace), pace, fakes, monkeypatch)

    def call():
        pace.wait(1e-3)
        watch.wait(1e-3)

    found = energy_pass(call, meters, watch, 1_000.0)
    assert found.values == {}
    assert len(found.measurements[0].discarded) == 8
    assert pace.now < 10


def test_a_method_that_fails_in_the_pass_fails(fakes, monkeypatch):
    pace = fakes.FakePace()
    meters, watch = alone(ConstantPower(pace), pace, fakes, monkeypatch)
    with pytest.raises(KeyError):
        energy_pass(lambda: {}["lost"], meters, watch, 1.0)


def test_work_that_is_done_once_has_one_window_over_the_same_meters(machine, fakes, package):
    pace = fakes.FakePace()
    boards = [fakes.FakeNVML(pace, uuid=f"GPU-{n}") for n in (1, 2)]
    here = machine(
        *boards, host=[Rapl(package.root, pace=pace)],
        cuda=fakes.FakeCuda("GPU-1", "GPU-2", held=[1]),
    )  # fmt: skip
    with measured(here.meters.window(Unwatched())) as values:
        boards[0].call(lambda: [(3.0, 400.0)])()
        package.spend("intel-rapl:0", 5_000_000)
    assert values["energy_gpu_j"] == pytest.approx(1_200.0 + 210.0, rel=0.01)
    assert values["energy_j"] == pytest.approx(values["energy_gpu_j"] + 5.0)
    here.cuda = None
    assert EnergyMeters().window() == ()


def test_without_a_meter_there_is_no_pass(monkeypatch):
    monkeypatch.setattr(module, "host_meters", lambda device, named: ())
    assert open_energy("cpu") is None
    assert open_energy("cuda").host == ()  # boards are found when they are used


def test_a_counter_that_disagrees_with_the_sampled_power_is_flagged(machine, monkeypatch):
    here = machine(plan=BRIEF)
    true = here.board.nvmlDeviceGetFieldValues

    def inflated(handle, fields):
        (value,) = true(handle, fields)
        value.value.uiVal = round(value.value.uiVal * 1.2)
        return [value]

    monkeypatch.setattr(here.board, "nvmlDeviceGetFieldValues", inflated)
    found = here.measure(here.board.call(lambda: STEADY))
    reading = found.measurements[0].reading
    assert "cross_check" in reading.flags
    assert reading.cross_check["rel"] == pytest.approx(0.2, abs=0.03)


def heavy(chance):
    """Units of heavy-tailed length whose power wanders: 5 ms and 1.5 J on average."""
    wander = [0.0]

    def unit():
        wander[0] = 0.9 * wander[0] + chance.gauss(0.0, 0.1 * math.sqrt(1 - 0.81))
        return [(chance.lognormvariate(-0.32, 0.8) * 5e-3, 300.0 * (1 + wander[0]))]

    return unit


def test_reported_intervals_cover_the_truth_in_93_to_97_of_100_runs(machine):
    runs, absolute, relative, net = 1_000, 0, 0, 0
    plan = Plan(phases=1, half_width=0.0, idle_s=0.4, period_ticks=5)
    for seed in range(runs):
        chance = random.Random(seed)
        gain = chance.gauss(1.0, 0.05)
        here = machine(
            period_s=0.02, phase_s=0.02 * chance.random(), gain=gain, noise=0.01, jitter_s=2e-4,
            instant=None, seed=seed, plan=plan,
        )  # fmt: skip
        (uuid,) = here.meters.in_use()
        here.meters.open([uuid])[0].meter.min_window_s = 0.5
        found = here.measure(here.board.call(heavy(chance)), 3.2)
        (measurement,) = found.measurements
        reading = measurement.reading
        absolute += reading.interval[0] <= 1.5 <= reading.interval[1]
        low, high = measurement.on_this_card
        relative += low <= gain * 1.5 <= high
        spans = [(b.window.start_ns / 1e9, b.window.stop_ns / 1e9) for b in measurement.blocks]
        spent = here.board.spent
        truth = sum(spent(b) - spent(a) - 70.0 * (b - a) for a, b in spans)
        net += abs(reading.net_j - truth) <= K95 * reading.u_net_j
    print(f"coverage: absolute {absolute / runs:.1%}, on one card {relative / runs:.1%}, net {net}")
    assert 930 <= absolute <= 970
    assert 930 <= relative <= 970
    assert 930 <= net <= 970
