import os

import pytest

from adabench.profilers.energy.energy_probe import energy_label
from adabench.profilers.energy.meter import CounterReset, NoValue
from adabench.profilers.energy.nvml_meters import (
    IntegratedPower,
    NvmlCounter,
    cross_check,
    open_gpu,
)
from adabench.profilers.nvml import Unmetered, boards, boards_in_use, find_board, look, open_nvml

ELSEWHERE = 2**22 + 7  # above the kernel's largest process id: one of another namespace


@pytest.fixture
def board(fakes):
    def make(**options):
        pace = fakes.FakePace()
        return pace, fakes.FakeNVML(pace, **options)

    return make


def test_the_board_is_found_by_uuid_or_pci_address_and_counted_in_joules(board):
    pace, nvml = board()
    for name in ("GPU-1", "00000000:01:00.0"):
        meter = NvmlCounter(name, nvml)
        before = meter.counts()
        nvml.draw(500.0)
        pace.wait(10.0)
        assert meter.joules(before, meter.counts()) == pytest.approx(5_000.0, rel=0.01)
    for name in ("GPU-2", "00000000:02:00.0"):
        with pytest.raises(Unmetered, match="does not know"):
            NvmlCounter(name, nvml)


def test_mig_and_boards_without_a_counter_are_refused_and_boards_without_mig_are_not(board):
    for meter in (NvmlCounter, IntegratedPower):
        with pytest.raises(Unmetered, match="MIG") as caught:
            meter("GPU-1", board(mig=True)[1])
        assert "-mig 0" in caught.value.remedy
    with pytest.raises(Unmetered, match="MIG"):
        find_board(board()[1], "MIG-1")
    with pytest.raises(Unmetered, match="no energy counter"):
        NvmlCounter("GPU-1", board(counter=False)[1])
    assert NvmlCounter("GPU-1", board(mig=None)[1]).counts()
    assert boards(board(mig=True)[1]) == (("Fake Board", True),)


def test_a_reset_is_an_error_and_no_absolute_value(board):
    pace, nvml = board(reset_s=1.0)
    meter = NvmlCounter("GPU-1", nvml)
    before = meter.counts()
    pace.wait(2.0)
    with pytest.raises(CounterReset, match="backwards"):
        meter.joules(before, meter.counts())


def test_sampled_power_is_integrated_and_says_that_it_is_an_estimate(board):
    pace, nvml = board()
    with IntegratedPower("GPU-1", nvml, pace) as meter:
        pace.wait(0.5)
        nvml.draw(300.0)
        pace.wait(1.0)
        before = meter.counts()
        pace.wait(3.0)
        after = meter.counts()
    assert meter.joules(before, after) == pytest.approx(900.0, rel=1e-3)
    assert meter.kind == "estimated.integrated"
    assert "_est_" in meter.key
    with pytest.raises(NoValue, match="cover"):
        meter.joules(before, (after[0] + 10**9,))


def test_power_averaged_over_a_second_needs_a_longer_window(board):
    pace, nvml = board(instant=False)
    meter = IntegratedPower("GPU-1", nvml, pace)
    assert meter.min_window_s == 10.0
    pace.wait(0.2)
    assert meter.watts() == pytest.approx(70.0)


def test_the_ladder_goes_from_the_counter_over_power_to_a_reason(board, fakes):
    best = open_gpu("GPU-1", board()[1])
    assert (best.meter.kind, best.power.kind) == ("counter.nvml", "estimated.integrated")
    second = open_gpu("GPU-1", board(counter=False)[1])
    assert (second.meter.kind, second.power) == ("estimated.integrated", None)
    for blind in (
        open_gpu("GPU-1", board(counter=False, instant=None)[1]),
        open_gpu("GPU-1", board(mig=True)[1]),
    ):
        assert (blind.meter.kind, blind.meter.uuid) == ("unavailable", "GPU-1")
        with pytest.raises(NoValue, match="GPU"):
            blind.meter.joules((), ())


@pytest.mark.parametrize(("c2c", "scope"), [(None, 0), (False, 0), (True, 1)])
def test_with_a_link_to_the_processor_counter_and_power_are_the_modules(board, c2c, scope):
    _, nvml = board(c2c=c2c)
    meter, power = open_gpu("GPU-1", nvml)
    names = {0: ("gpu_board", "gpu"), 1: ("module", "module")}[scope]
    assert (meter.scope, power.scope) == (names[0], names[0])
    assert (meter.key, power.key) == (f"energy_{names[1]}_j", f"energy_{names[1]}_est_j")
    assert energy_label(meter.key) == "counter"
    assert energy_label(power.key) == "estimated"
    assert set(nvml.asked_scopes) == {scope}


def test_boards_in_use_are_the_current_one_those_that_hold_memory_and_those_that_nvml_sees(fakes):
    pace = fakes.FakePace()
    ids = {"GPU-1": [1], "GPU-2": [1], "GPU-3": [os.getpid(), 1], "GPU-4": []}
    boards = [fakes.FakeNVML(pace, uuid=uuid, pids=pids) for uuid, pids in ids.items()]
    machine = fakes.FakeMachine(*boards)
    assert boards_in_use(machine, fakes.FakeCuda(*ids)) == ("GPU-1", "GPU-3")
    assert boards_in_use(machine, fakes.FakeCuda(*ids, held=[1])) == ("GPU-1", "GPU-2", "GPU-3")


def test_a_board_that_stops_to_answer_has_no_value_and_raises_nothing_of_the_bindings(board):
    _, nvml = board()
    meter = NvmlCounter("GPU-1", nvml)
    nvml.counter = False
    with pytest.raises(NoValue, match="no longer"):
        meter.counts()


def test_without_a_driver_there_is_a_reason_and_no_zero(monkeypatch, fakes):
    class Broken:
        NVMLError = fakes.NVMLError

        def nvmlInit(self):
            raise fakes.NVMLError("Driver Not Loaded")

    monkeypatch.setitem(__import__("sys").modules, "pynvml", Broken())
    with pytest.raises(Unmetered, match="Driver Not Loaded"):
        open_nvml()


def test_the_counter_is_checked_against_the_integral():
    entry, apart = cross_check(812.4, 801.9)
    assert entry["rel"] == pytest.approx(-0.0129, abs=1e-4)
    assert entry["kind"] == "estimated.integrated"
    assert not apart
    assert cross_check(187.0, 327.0)[1]
    with pytest.raises(ValueError, match="nothing"):
        cross_check(0.0, 1.0)


@pytest.mark.parametrize(
    ("pids", "foreign", "unseen"),
    [
        ([], None, False),  # hidden from a container: unknown, not exclusive
        ([os.getppid()], 0, False),
        ([os.getpid()], 0, False),
        ([os.getpid(), 1], 1, False),
        ([1], 1, False),  # it runs here, and it is not us
        ([ELSEWHERE], 0, True),  # in a container: one of them must be us
        ([ELSEWHERE, ELSEWHERE + 1], 1, True),
        ([None], None, False),  # may not be asked
    ],
)
def test_other_processes_on_the_board_are_counted(board, pids, foreign, unseen, monkeypatch):
    run = frozenset({os.getpid(), os.getppid()})  # the parent of the run has a context as well
    monkeypatch.setattr("adabench.profilers.nvml.run_pids", lambda: run)
    seen = look(board(pids=pids)[1], "handle")
    assert (seen.foreign, seen.pid_unseen) == (foreign, unseen)


def test_an_empty_list_means_nobody_only_to_a_process_that_does_not_work_there(board):
    _, nvml = board(pids=[])
    assert look(nvml, "handle").foreign is None
    assert look(nvml, "handle", working=False).foreign == 0


def test_a_witness_tells_clocks_heat_and_limits(board):
    seen = look(board(reasons=0x40 | 0x4)[1], "handle")
    assert seen.slowed
    assert seen.capped
    assert (seen.temp_c, seen.sm_mhz, seen.power_limit_w, seen.driver) == (54, 1755, 700.0, "600.1")
    quiet = look(board(reasons=0x1)[1], "handle")  # idle is no slowdown
    assert not quiet.slowed
    assert not quiet.capped
