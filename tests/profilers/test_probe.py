import itertools
import subprocess
import sys

import pytest

from adabench.profilers import probe as module
from adabench.profilers.probe import ORDER, instruments, measured, open_probes
from adabench.profilers.timing import clock


class Recorder:
    """A probe that writes down what happens to it."""

    intrusive = False
    min_window_s = 0.0
    levels = frozenset()

    def __init__(self, name, events, values=None):
        self.name, self.events = name, events
        self.values = {f"{name}_key": 1.0} if values is None else values

    def __enter__(self):
        self.events.append(f"enter {self.name}")

    def __exit__(self, *exc):
        self.events.append(f"exit {self.name}")

    def read(self):
        self.events.append(f"read {self.name}")
        return self.values


def test_probes_nest_in_the_fixed_order_whatever_the_order_of_the_list(monkeypatch):
    events = []
    monkeypatch.setattr(module, "waiting", lambda: lambda: events.append("wait"))
    names = ("wall", "energy", "cuda", "somebody's", "memory", "cpu")
    with measured([Recorder(name, events) for name in names]) as values:
        events.append("body")
        assert values == {}
    outermost_first = ["somebody's", "energy", "memory", "cpu", "wall", "cuda"]
    assert events == [
        "wait",
        *(f"enter {name}" for name in outermost_first),
        "body",
        "wait",
        *(f"exit {name}" for name in reversed(outermost_first)),
        *(f"read {name}" for name in outermost_first),
    ]
    assert values == {f"{name}_key": 1.0 for name in names}


def test_a_failing_body_leaves_every_probe_and_goes_on():
    events = []
    with (
        pytest.raises(KeyError, match="lost"),
        measured([Recorder("wall", events), Recorder("cpu", events)]) as values,
    ):
        raise KeyError("lost")
    assert events == ["enter cpu", "enter wall", "exit wall", "exit cpu"]
    assert values == {}


def test_an_intrusive_probe_is_refused_beside_a_clock_and_welcome_alone():
    events = []
    intruder = Recorder("flops", events)
    intruder.intrusive = True
    with pytest.raises(ValueError, match="own"), measured([intruder, Recorder("wall", events)]):
        pass
    assert events == []
    with measured([intruder]) as values:
        pass
    assert values == {"flops_key": 1.0}


def test_two_probes_may_not_give_the_same_key():
    twins = [Recorder(name, [], {"joules": 1.0}) for name in ("cpu", "wall")]
    with pytest.raises(ValueError, match="joules"), measured(twins):
        pass


def test_a_device_is_not_waited_for_where_there_is_none(monkeypatch):
    for name in ("perf_counter_ns", "process_time_ns"):
        monkeypatch.setattr(clock, name, itertools.count(step=1000).__next__)
    with measured(open_probes()) as values:
        total = sum(range(1000))
    assert total == 499500
    assert "cuda_s" not in values
    assert values["wall_s"] > 0
    assert values["cpu_s"] > 0


def test_open_probes_gives_what_is_asked_for_in_order():
    names = [probe.name for probe in open_probes(flops=True)]
    known = [name for name in names if name in ORDER]
    assert known == sorted(known, key=ORDER.index)
    assert "flops" in names
    assert not {"energy", "energy estimate"} & {p.name for p in open_probes(energy=False)}
    assert "energy estimate" not in [probe.name for probe in open_probes(estimate=False)]


def test_every_probe_can_be_entered_again_and_says_which_keys_are_levels():
    probes = open_probes()
    seen = []
    for _ in range(2):
        with measured(probes) as values:
            sum(range(100))
        seen.append(set(values))
    assert seen[0] == seen[1]
    levels = frozenset().union(*(probe.levels for probe in probes))
    totals = {"wall_s", "cpu_s", "run_delay_s", "energy_est_j", "energy_j"}
    assert not levels & totals
    assert {key for key in seen[0] if key.endswith("_bytes")} <= levels


def test_what_is_unavailable_has_a_reason_and_what_is_available_has_none():
    found = instruments()
    assert len({instrument.name for instrument in found}) == len(found)
    for instrument in found:
        assert instrument.keys
        assert instrument.available == (not instrument.reason)
        assert (instrument.label == "unavailable") == (not instrument.available)


def test_an_estimate_never_has_the_key_of_a_counter():
    keys = {
        label: {key for found in instruments() if found.label == label for key in found.keys}
        for label in ("counter", "measured", "estimated")
    }
    assert keys["estimated"] == {"energy_est_j"}
    assert not keys["estimated"] & (keys["counter"] | keys["measured"])


def test_what_open_probes_gives_is_what_instruments_promises():
    promised = {key for found in instruments() if found.available for key in found.keys}
    with measured(open_probes()) as values:
        pass
    assert set(values) - {"rss_process_peak_bytes"} <= promised


def test_importing_and_asking_imports_neither_torch_nor_numpy():
    code = (
        "import sys\n"
        "from adabench.profilers.probe import instruments, measured, open_probes\n"
        "instruments()\n"
        "with measured(open_probes()): pass\n"
        "print([name for name in ('torch', 'numpy', 'numba') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
