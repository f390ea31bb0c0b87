import subprocess
import sys

import pytest

from adabench.profilers.energy import energy_probe as energy
from adabench.profilers.energy.energy_probe import (
    CounterReset,
    Energy,
    NvmlCounter,
    TdpEstimate,
    TdpModel,
    Unwatched,
    energy_label,
    open_meters,
    provenance,
)
from adabench.profilers.energy.external_log import External
from adabench.profilers.energy.meter import Null
from adabench.profilers.energy.nvml_meters import IntegratedPower
from adabench.profilers.energy.provenance import label_of
from adabench.profilers.energy.rapl import Rapl
from adabench.profilers.nvml import Unmetered
from adabench.profilers.probe import measured


@pytest.fixture
def tree(fakes, tmp_path):
    tree = fakes.FakePowercap(tmp_path)
    tree.zone("intel-rapl:0", "package-0", 100)
    return tree


def work(pace, nvml, seconds=2.5, watts=400.0):
    nvml.draw(watts)
    pace.wait(seconds)
    nvml.draw(90.0)


def test_provenance_names_key_kind_and_units_and_leaves_out_what_is_open(board):
    pace, nvml, meter = board()
    probe = Energy([meter], pace, Unwatched())
    with measured([probe]) as values:
        work(pace, nvml)
    (said,) = provenance([probe, object()], units=4)
    assert (said["key"], said["label"], said["kind"]) == ("energy_gpu_j", "counter", "counter.nvml")
    assert said["j"] == values["energy_gpu_j"]
    assert said["j_per_unit"] == pytest.approx(said["j"] / 4)
    assert said["u_j"] > 0
    assert None not in said.values()


def test_a_counter_without_a_value_says_why_and_a_model_says_nothing():
    probe, model = Energy([Null("energy_cpu_j", "cpu_package", "no RAPL")]), TdpEstimate()
    with measured([probe]):
        pass
    (said,) = provenance([probe], units=1)
    assert said["label"] == "unavailable"
    assert said["reason"] == "no RAPL"
    assert "j" not in said
    with model:
        pass
    model.read()
    assert provenance([model], units=1) == ()
    assert provenance([], units=1) == ()


def test_a_run_that_cannot_be_kept_going_is_read_from_tick_to_tick(board):
    pace, nvml, meter = board()
    probe = Energy([meter], pace, Unwatched())
    pace.wait(0.3)
    with measured([probe]) as values:
        work(pace, nvml)
    assert values["energy_gpu_j"] == values["energy_j"] == pytest.approx(1_000.0, rel=0.003)
    (reading,) = probe.readings
    assert (reading.label, reading.aligned, reading.exclusive) == ("counter", True, True)
    assert reading.u_j == pytest.approx(50.0, rel=0.01)  # the sensor's own 5 %
    assert reading.window_s == pytest.approx(2.5, abs=0.003)
    assert reading.flags == ("idle_padded",)
    assert len(reading.temp_c) == 2
    assert probe.why == {}


def test_a_window_that_is_too_short_gives_no_value_and_says_so(board):
    pace, nvml, meter = board()
    probe = Energy([meter], pace, Unwatched())
    assert probe.min_window_s == 2.0
    with measured([probe]) as values:
        work(pace, nvml, seconds=0.05)
    assert values == {}
    assert set(probe.why) == {"energy_gpu_j", "energy_j"}
    assert "too short" in probe.why["energy_j"]
    assert probe.readings[0].to_json()["j"] is None


def test_a_shared_board_is_not_attributable(board):
    pace, nvml, meter = board(pids=[1])
    probe = Energy([meter], pace, Unwatched())
    with measured([probe]) as values:
        work(pace, nvml)
    assert values == {}
    assert "not attributable: 1 other process on" in probe.why["energy_gpu_j"]
    assert probe.readings[0].exclusive is False


def test_a_process_that_came_during_the_window_counts_too(board):
    pace, nvml, meter = board()
    probe = Energy([meter], pace, Unwatched())
    with measured([probe]) as values:
        work(pace, nvml)
        nvml.pids = [1]
    assert values == {}
    assert "not attributable" in probe.why["energy_j"]


def test_throttling_is_told_with_the_value(board):
    pace, nvml, meter = board(reasons=0x20)
    probe = Energy([meter], pace, Unwatched())
    with measured([probe]) as values:
        work(pace, nvml)
    assert "energy_j" in values
    assert probe.readings[0].throttled
    assert "slowed" in probe.readings[0].flags


def test_a_counter_that_runs_backwards_gives_no_value(board):
    pace, nvml, meter = board(reset_s=1.0)
    with pytest.raises(CounterReset), measured([Energy([meter], pace, Unwatched())]) as values:
        work(pace, nvml)
    assert values == {}


def test_a_counter_that_stands_still_gives_no_value(board, monkeypatch):
    pace, nvml, meter = board()
    monkeypatch.setattr(meter, "counts", lambda: (7,))
    probe = Energy([meter], pace, Unwatched())
    with measured([probe]) as values:
        work(pace, nvml)
    assert values == {}
    assert "stands still" in probe.why["energy_j"]


class Waited(Unwatched):
    """A thread that is kept from a processor for so long between two questions."""

    def __init__(self, seconds):
        super().__init__()
        self.answers = iter([0, round(seconds * 1e9)])

    def now_ns(self):
        return next(self.answers)


@pytest.mark.parametrize(("waited_s", "valid"), [(0.0, True), (0.2, True), (0.3, False)])
def test_a_window_in_which_the_thread_waited_too_long_has_no_joules(board, waited_s, valid):
    pace, nvml, meter = board()
    probe = Energy([meter], pace, Waited(waited_s))
    with measured([probe]) as values:
        work(pace, nvml)
    (said,) = provenance([probe], units=1)
    assert said["work_share"] == pytest.approx(1 - waited_s / 2.5, abs=0.001)
    assert ("energy_j" in values) == valid
    if valid:  # a single lap is timed with its waiting, and so are its joules
        assert values["energy_j"] == pytest.approx(1_000.0, rel=0.003)
        assert said["u_j"] >= waited_s / 2.5 / 3**0.5 * said["j"]
    else:
        assert "88% of the window was work, and 90% are needed" in said["reason"]


def test_two_boards_are_metered_together(fakes):
    pace = fakes.FakePace()
    boards = [fakes.FakeNVML(pace, uuid=uuid) for uuid in ("GPU-1", "GPU-2")]
    machine = fakes.FakeMachine(*boards)
    probe = Energy([NvmlCounter(board.uuid, machine) for board in boards], pace, Unwatched())
    with measured([probe]) as values:
        for board in boards:
            board.draw(400.0)
        pace.wait(2.5)
        for board in boards:
            board.draw(90.0)
    assert values["energy_gpu_j"] == values["energy_j"] == pytest.approx(2_000.0, rel=0.01)
    said = provenance([probe], units=1)
    assert [one["device_uuid"] for one in said] == ["GPU-1", "GPU-2"]


def test_a_failing_block_leaves_the_probe_without_waiting_for_ticks(board):
    pace, _, meter = board()
    probe = Energy([meter], pace, Unwatched())
    with pytest.raises(KeyError), measured([probe]):
        left = pace.now
        raise KeyError("lost")
    assert pace.now == left
    with measured([probe]) as values:  # and it can be entered again
        pace.wait(3.0)
    assert "energy_j" in values


def test_a_window_that_is_long_enough_gives_the_part_and_the_whole(tree, fakes):
    pace = fakes.FakePace()
    probe = Energy([Rapl(tree.root, pace=pace)], pace, Unwatched())
    assert probe.min_window_s == 0.05
    with measured([probe]) as values:
        pace.wait(0.06)
        tree.spend("intel-rapl:0", 400_000)
    assert values == pytest.approx({"energy_cpu_j": 0.4, "energy_j": 0.4})
    assert probe.why == {}
    assert probe.readings[0].kind == "counter.rapl"


def test_board_and_package_are_added_and_the_package_does_not_wait_for_ticks(board, tree):
    pace, nvml, meter = board()
    tree.zone("intel-rapl:0:0", "dram", 5)
    probe = Energy(
        [Rapl(tree.root, "dram", pace), Rapl(tree.root, pace=pace), meter], pace, Unwatched()
    )
    with measured([probe]) as values:
        work(pace, nvml)
        tree.spend("intel-rapl:0", 9_000_000)
        tree.spend("intel-rapl:0:0", 1_000_000)
    assert values["energy_cpu_j"] == pytest.approx(9.0)
    assert values["energy_dram_j"] == pytest.approx(1.0)
    assert values["energy_j"] == pytest.approx(values["energy_gpu_j"] + 10.0)
    windows = {reading.scope: reading.window_s for reading in probe.readings}
    assert windows["cpu_package"] == pytest.approx(2.5, abs=0.003)


def test_the_whole_is_withheld_when_a_part_is_missing(board, tree):
    pace, nvml, meter = board()
    probe = Energy([meter, Rapl(tree.root, pace=pace)], pace, Unwatched())
    with measured([probe]) as values:
        work(pace, nvml, seconds=0.5)
    assert set(values) == {"energy_cpu_j"}
    assert set(probe.why) == {"energy_gpu_j", "energy_j"}


def test_a_board_without_an_instrument_is_unavailable_and_never_zero(tree, fakes):
    pace = fakes.FakePace()
    blind = Null("energy_gpu_j", "gpu_board", "NVML does not start: Driver Not Loaded.")
    probe = Energy([blind, Rapl(tree.root, pace=pace)], pace, Unwatched())
    with measured([probe]) as values:
        pace.wait(1.0)
        tree.spend("intel-rapl:0", 9_000_000)
    assert set(values) == {"energy_cpu_j"}
    assert "Driver Not Loaded" in probe.why["energy_gpu_j"]
    assert [reading.label for reading in probe.readings] == ["unavailable", "counter"]


def test_with_a_gpu_in_use_that_has_no_meter_there_is_no_whole_and_no_estimate(
    tree, fakes, monkeypatch
):
    monkeypatch.setattr(energy, "context", lambda: object())
    pace = fakes.FakePace()
    probe, model = Energy([Rapl(tree.root, pace=pace)], pace, Unwatched()), TdpEstimate()
    with measured([probe, model]) as values:
        pace.wait(0.06)
    assert set(values) == {"energy_cpu_j"}
    assert "GPU" in probe.why["energy_j"]


def test_an_estimated_part_makes_the_sum_an_estimate_with_its_key(board):
    pace, nvml, _ = board()
    probe = Energy([IntegratedPower("GPU-1", nvml, pace)], pace, Unwatched())
    with measured([probe]) as values:
        work(pace, nvml)
    assert set(values) == {"energy_gpu_est_j", "energy_est_j"}
    assert values["energy_est_j"] == pytest.approx(1_000.0, rel=0.1)
    assert probe.readings[0].label == "estimated"


def test_a_wall_meter_is_not_added_to_what_it_feeds(board, tmp_path):
    pace, nvml, meter = board()
    log = tmp_path / "wall.csv"
    log.write_text("unix_s,watts\n" + "".join(f"{t * 0.01},500\n" for t in range(2_000)))
    wall = External(log)
    wall.counts = lambda: (pace.ns(),)
    probe = Energy([wall, meter], pace, Unwatched())
    with measured([probe]) as values:
        work(pace, nvml)
    assert values["energy_node_j"] == pytest.approx(1_250.0, rel=0.003)
    assert "energy_j" not in values
    assert "count twice" in probe.why["energy_j"]
    assert energy_label("energy_node_j") == "measured"


def test_the_model_has_a_key_and_a_label_of_its_own():
    model = TdpEstimate(watts_per_core=3.0)
    with measured([model]) as values:
        sum(range(200_000))
    assert set(values) == {"energy_est_j"}
    assert values["energy_est_j"] > 0
    assert energy_label("energy_est_j") == "estimated"
    assert energy_label("energy_j") == "counter"
    assert energy_label("joules") == "unavailable"
    assert (model.readings[0].label, model.readings[0].kind) == ("estimated", "estimated.tdp")
    assert model.readings[0].u_j == pytest.approx(0.5 * values["energy_est_j"])


def test_meters_of_third_parties_are_opened_by_name_only():
    assert all(meter.kind.startswith("counter.") for meter in open_meters("cpu"))
    with pytest.raises(Unmetered, match="'wall'"):
        open_meters("cpu", ["wall"])


def test_an_energy_probe_without_a_meter_is_a_mistake():
    with pytest.raises(ValueError, match="meter"):
        Energy([])


BUSY = "import time\nwhile time.process_time() < 0.1: pass"


def test_the_model_counts_processor_seconds_and_says_how_bad_it_is():
    model = TdpModel(watts_per_core=3.0)
    assert model.joules((0, 0), (2 * 10**9, 2 * 10**9)) == pytest.approx(6.0)
    assert label_of(model.kind) == "estimated"
    assert model.u_rel == 0.5
    before = model.counts()
    sum(range(200_000))
    assert model.joules(before, model.counts()) > 0


def test_children_cost_energy_too_and_a_child_that_was_lost_gives_nothing_back():
    model = TdpModel(watts_per_core=3.0)
    before = model.counts()
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    assert model.joules(before, model.counts()) >= 0.09 * 3.0
    assert model.joules((2 * 10**9, 2 * 10**9), (10**9, 10**9)) == 0.0
