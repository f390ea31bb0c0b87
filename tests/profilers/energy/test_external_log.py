import time
from pathlib import Path

import pytest

from adabench.profilers.energy import energy_probe
from adabench.profilers.energy.energy_probe import provenance
from adabench.profilers.energy.external_log import External, read_log
from adabench.profilers.energy.meter import NoValue
from adabench.profilers.energy.power_samples import Sample, integrate, interval_s
from adabench.profilers.nvml import Unmetered
from adabench.profilers.probe import measured, open_probes


def log(path, rows, header="unix_s,watts"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


class Clocks:
    """A monotonic clock and a wall clock that stand still but when a test moves both."""

    def __init__(self) -> None:
        self.ns = 5 * 10**9
        self.unix_s = 1_800_000_000.0

    def perf_counter_ns(self) -> int:
        return self.ns

    def time_ns(self) -> int:
        return round(self.unix_s * 1e9) + self.ns

    def pass_by(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)


def test_watts_are_integrated_between_any_two_moments():
    samples = [Sample(round(t * 1e9), 100.0 + 10 * t) for t in range(11)]  # a ramp
    assert integrate(samples, 0, 10 * 10**9) == pytest.approx(1_500.0)
    assert integrate(samples, 2_500_000_000, 4_250_000_000) == pytest.approx(
        100 * 1.75 + 5 * (4.25**2 - 2.5**2)
    )
    assert integrate(samples, 3_100_000_000, 3_200_000_000) == pytest.approx(13.15)
    assert interval_s(samples) == 1.0


@pytest.mark.parametrize(("start_s", "stop_s"), [(-0.5, 5), (5, 10.5)])
def test_a_window_that_the_samples_do_not_cover_has_no_value(start_s, stop_s):
    samples = [Sample(t * 10**9, 100.0) for t in range(11)]
    with pytest.raises(NoValue, match="cover"):
        integrate(samples, round(start_s * 1e9), round(stop_s * 1e9))


def test_a_hole_in_the_record_is_no_straight_line():
    samples = [Sample(t * 10**9, 100.0) for t in (*range(5), *range(30, 40))]
    with pytest.raises(NoValue, match="hole of 26 s"):
        integrate(samples, 2 * 10**9, 33 * 10**9)
    assert integrate(samples, 31 * 10**9, 33 * 10**9) == pytest.approx(200.0)


def test_the_log_of_a_wall_meter_is_a_meter(tmp_path, monkeypatch):
    clocks = Clocks()
    monkeypatch.setattr(time, "perf_counter_ns", clocks.perf_counter_ns)
    monkeypatch.setattr(time, "time_ns", clocks.time_ns)
    now = clocks.time_ns() / 1e9
    rows = [f"{now + second},{200 + second % 2}" for second in range(-5, 30)]
    meter = External(log(tmp_path / "wall.csv", rows))
    assert (meter.kind, meter.scope, meter.key) == ("measured.wall", "node", "energy_node_j")
    assert meter.lag_s == pytest.approx(1.0, abs=1e-3)
    assert meter.min_window_s == pytest.approx(20.0, abs=0.1)
    (start,) = meter.counts()
    assert start / 1e9 == pytest.approx(now, abs=1e-6)
    clocks.pass_by(3.0)
    assert meter.counts()[0] - start == 3 * 10**9
    assert meter.joules((start,), (start + 20 * 10**9,)) == pytest.approx(20 * 200.5, rel=1e-3)
    assert meter.clock_u_j((start,), (start + 20 * 10**9,)) == pytest.approx(0.2)
    with pytest.raises(NoValue, match="cover"):
        meter.joules((start,), (start + 60 * 10**9,))


def test_times_may_be_iso_with_an_offset_and_an_unfinished_line_is_left_out(tmp_path):
    path = log(
        tmp_path / "log.csv",
        ["2026-01-01T01:00:00+01:00,50", "2026-01-01T00:00:01+00:00,60"],
        header="time,watts",
    )
    path.write_text(path.read_text() + "2026-01-01T00:00:02+00:00,7")
    samples = read_log(path)
    assert [sample.watts for sample in samples] == [50.0, 60.0]
    assert samples[1].ns - samples[0].ns == 10**9


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,watts\n2026-01-01T00:00:00,5\n2026-01-01T00:00:01,5\n", "offset from UTC"),
        ("seconds,power\n1,5\n2,5\n", "no log"),
        ("unix_s,watts\n1,5\n2,five\n", "no log"),
        ("unix_s,watts\n1,5\n", "fewer than two"),
    ],
)
def test_what_is_no_log_of_a_meter_is_refused_with_the_format(tmp_path, text, words):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(Unmetered, match=words) as caught:
        External(tmp_path / "log.csv")
    assert "unix_s" in caught.value.remedy


def test_a_missing_log_is_an_absence(tmp_path):
    with pytest.raises(Unmetered, match="can't be read"):
        External(tmp_path / "none.csv")


def test_a_probe_with_a_named_log_gives_the_joules_of_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(energy_probe, "Delay", energy_probe.Unwatched)  # on any load
    clocks, path = Clocks(), tmp_path / "power.csv"
    monkeypatch.setattr(time, "perf_counter_ns", clocks.perf_counter_ns)
    monkeypatch.setattr(time, "time_ns", clocks.time_ns)
    began = clocks.time_ns() / 1e9
    rows = [f"{began - 5 + 0.05 * i:.3f},{40.0 + i}" for i in range(240)]  # a ramp
    log(path, rows)
    probes = open_probes(meters=(f"external:{path}",))
    clocks.pass_by(1.0)
    with measured(probes) as seen:
        clocks.pass_by(2.2)  # an external log has no value for a shorter window
    clocks.pass_by(1.0)
    watts = 40.0 + (5 + 1.0 + 1.1) / 0.05  # in the middle of the window
    assert seen["energy_node_j"] == pytest.approx(2.2 * watts, rel=1e-4)
    (reading,) = [one for one in provenance(probes, 1) if one["kind"] == "measured.wall"]
    assert reading["label"] == "measured"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("3,inf", "inf is no power"),
        ("3,nan", "nan is no power"),
        ("3,-5", "-5 is no power"),
        ("nan,5", "NaN"),
        ("inf,5", "infinity"),
        ("1e400,5", "infinity"),
        ("1,5", "does not go on"),
        ("2,5", "does not go on"),
        ("x,5", "convert"),
        ("3", "float"),
    ],
)
def test_a_log_with_a_line_that_makes_no_sense_is_no_log(tmp_path, row, says):
    path = log(tmp_path / "wall.csv", ["1,100", "2,100", row, "4,100"])
    with pytest.raises(Unmetered, match=says):
        read_log(path)


def test_a_log_that_was_damaged_since_has_no_value(tmp_path):
    now = time.time()
    path = log(tmp_path / "wall.csv", [f"{now + second},200" for second in range(-5, 30)])
    meter = External(path)
    before = meter.counts()
    path.write_bytes(path.read_bytes() + b"\xff\xfe,1\n")
    with pytest.raises(NoValue, match="no log of a power meter"):
        meter.joules(before, meter.counts())
