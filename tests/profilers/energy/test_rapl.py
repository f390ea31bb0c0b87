import pytest

from adabench.profilers.energy.meter import CounterReset, NoValue
from adabench.profilers.energy.rapl import Rapl
from adabench.profilers.nvml import Unmetered


@pytest.fixture
def tree(fakes, tmp_path):
    return fakes.FakePowercap(tmp_path)


def test_packages_are_summed_and_neither_their_children_nor_their_parent(tree):
    tree.zone("intel-rapl:0", "package-0", 100)
    tree.zone("intel-rapl:0:0", "core", 50)
    tree.zone("intel-rapl:0:1", "package-0-part", 40)
    tree.zone("intel-rapl:1", "package-1", 7)
    tree.zone("intel-rapl:2", "psys", 900)
    meter = Rapl(tree.root)
    before = meter.counts()
    assert before[:2] == (100, 7)
    tree.spend("intel-rapl:0", 2_000)
    tree.spend("intel-rapl:1", 1_000)
    assert meter.joules(before, meter.counts()) == pytest.approx(3_000e-6)
    assert (meter.key, meter.scope, meter.kind) == ("energy_cpu_j", "cpu_package", "counter.rapl")


def test_memory_is_a_meter_of_its_own(tree):
    tree.zone("intel-rapl:0", "package-0", 100)
    with pytest.raises(Unmetered, match="no RAPL counter of the dram"):
        Rapl(tree.root, "dram")
    tree.zone("intel-rapl:0:0", "dram", 50)
    meter = Rapl(tree.root, "dram")
    before = meter.counts()
    tree.spend("intel-rapl:0:0", 700)
    assert meter.joules(before, meter.counts()) == pytest.approx(700e-6)
    assert (meter.key, meter.scope) == ("energy_dram_j", "dram")


def test_no_package_and_an_unreadable_one_are_told_apart(tree):
    tree.zone("intel-rapl:0", "psys", 1)
    with pytest.raises(Unmetered, match="no RAPL"):
        Rapl(tree.root)
    tree.zone("intel-rapl:1", "package-0", 1).unlink()
    with pytest.raises(Unmetered, match="may not be read") as caught:
        Rapl(tree.root)
    assert "chmod" in caught.value.remedy


def test_one_range_is_added_to_the_package_that_wrapped_and_only_to_it(tree, fakes):
    tree.zone("intel-rapl:0", "package-0", 999_000, span_uj=1_000_000)
    tree.zone("intel-rapl:1", "package-1", 5, span_uj=4_000_000)
    meter = Rapl(tree.root, pace=fakes.FakePace())
    before = meter.counts()
    tree.spend("intel-rapl:0", 1_500)
    assert meter.joules(before, meter.counts()) == pytest.approx(1_500e-6)


def test_a_long_window_of_many_wraps_is_right_while_the_meter_is_entered(tree, fakes):
    span_uj, pace = 4_096_000_000, fakes.FakePace()
    tree.zone("intel-rapl:0", "package-0", span_uj - 10**8, span_uj=span_uj)
    meter, spent_j = Rapl(tree.root, pace=pace), 0.0
    with meter:
        before = meter.counts()
        for second in range(100):
            watts = 150 + second
            pace.wait(0.5)
            tree.spend("intel-rapl:0", watts * 10**6)
            spent_j += watts
            pace.wait(0.5)
        after = meter.counts()
    assert spent_j > 4 * span_uj / 1e6
    assert meter.joules(before, after) == pytest.approx(spent_j, rel=1e-12)


def test_without_a_look_for_longer_than_a_wrap_takes_there_is_no_value(tree, fakes):
    pace = fakes.FakePace()
    tree.zone("intel-rapl:0", "package-0", 0, span_uj=262_000_000_000)
    meter = Rapl(tree.root, pace=pace)
    pace.wait(10_000.0)  # before the window: no harm
    before = meter.counts()
    pace.wait(300.0)
    tree.spend("intel-rapl:0", 5)
    with pytest.raises(NoValue, match="300 s without a look"):
        meter.joules(before, meter.counts())


def test_a_fall_that_no_wrap_explains_is_a_reset(tree, fakes):
    pace = fakes.FakePace()
    tree.zone("intel-rapl:0", "package-0", 5_000_000, span_uj=262_000_000_000)
    meter = Rapl(tree.root, pace=pace)
    meter.counts()
    pace.wait(1.0)
    tree.spend("intel-rapl:0", -4_900_000)  # a wrap would have taken 262 kW
    with pytest.raises(CounterReset, match="backwards"):
        meter.counts()
