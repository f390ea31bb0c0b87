"""One method under its instruments: prepared, warmed up, measured. Runs in the method's process.

For each case it does, in this order and pinned by a test:

    rehearse -> warm up -> enter probes -> solve -> leave probes -> account

Nothing but the method's `solve` is inside the probes. A case that is too short for the clock is
solved several times in one measured block; totals are divided by the number of loops, and `loops`
is recorded. Samples during which the thread waited for a processor are left out of the latency and
counted (`samples`, `samples_dropped`). A block of which too few are left is measured again, whole, up
to `Settings.retakes` times (`retakes`; what decides is the kernel's word that the thread waited, never a
time); if none is calm, the note says that the timing is invalid, and the counts stand. An intrusive probe (a FLOP counter) never shares a pass with a
clock: it gets a pass of its own over the same case.

Counts come from the first block alone: dividing a float by its loops would not give back the same
number, and a resumed run must. What the meter says after the second block goes along, so that the
parent sees whether the later laps did the same work.
"""

import functools
import gc
import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adabench.harness.contract.card import Point
from adabench.harness.contract.protocols import (
    Meter,
    account,
    case_shape,
    rehearse,
    runs_in_processes,
    starts_cold,
)
from adabench.harness.errors import MethodContractError
from adabench.harness.run.settings import Settings
from adabench.profilers.energy.energy_pass import EnergyMeters, energy_pass
from adabench.profilers.energy.energy_probe import provenance
from adabench.profilers.memory import Baseline
from adabench.profilers.probe import Probe, measured
from adabench.profilers.timing.cuda import SlowdownWitness, device_times
from adabench.profilers.timing.disturbance import SAMPLE_S, Watch
from adabench.profilers.timing.steady_state import warm_up
from adabench.profilers.timing.stopping import Collection, Target, collect

MAX_LOOPS = 10_000
EVENTS_BELOW_S = 0.01
"""Longer calls are not timed a second time by CUDA events: launching them takes no share."""
SECOND_LAP_BELOW_S = 0.02
"""A case this short is solved at least twice, so that its first lap can be told from the others."""
RETAKE_BELOW_S = 0.25
"""How short a disturbed block has to be that it is measured again."""
FIRST_LAP_FACTOR, FIRST_LAP_S = 2.0, 0.001
"""A first lap that took so many times as long as the later ones, and so much longer, gets a note."""


@dataclass(frozen=True)
class Measurement:
    """What the process of a method says of one block: nothing that was scored."""

    values: Mapping[str, float]
    """Times, memory, energy: what instruments saw, per loop."""
    counts: Mapping[str, float]
    """The meter after the first lap, and what intrusive probes counted."""
    metered: Mapping[str, float]
    """The meter after all laps that were timed, the first included."""
    laps: int
    outcome: Any = None
    """What the substrate accounts for: plain data. Of a preparation there is none."""
    note: str = ""
    energy: tuple[Mapping[str, Any], ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "values": dict(self.values),
            "counts": dict(self.counts),
            "metered": dict(self.metered),
            "laps": self.laps,
            "outcome": self.outcome,
            "note": self.note,
            "energy": [dict(said) for said in self.energy],
        }


@dataclass
class MethodBench:
    """A method, what its task gives it, and the instruments of this process."""

    method: Any
    substrate: Any
    settings: Settings
    probes: Sequence[Probe]
    intrusive: Sequence[Probe] = ()
    energy: EnergyMeters | None = None
    """What meters energy, where that was asked for and can be done."""
    memory: Baseline = field(default_factory=Baseline)
    """What this process held before the method was imported, and what we put there since."""
    watch: Watch = field(default_factory=lambda: Watch(slowed=SlowdownWitness()))
    loaded: set[str] = field(default_factory=set)
    """Intrusive probes that have imported what they need."""
    warmed: dict[str, str] = field(default_factory=dict)
    """Points and shapes at which the method was warmed up, and what there is to say about it."""

    def __post_init__(self) -> None:
        """Watch other programs where the thread that is measured waits for processes of its own."""
        if runs_in_processes(self.substrate):
            self.watch.watch_strangers()

    def prepare(self, point: Point, seed: int) -> tuple[Any, Measurement]:
        """Prepare a state, and return it with what that took."""
        meter = self.substrate.meter
        meter.clear()
        cleared, window = meter.clears, self.energy.window() if self.energy else ()
        prepare = functools.partial(self.method.prepare, self.substrate, point, seed)
        timed, seen = self._block(prepare, extra=window)
        _refuse_cleared(meter, cleared)
        counts = _counts(meter)
        values = {**seen, **timed.values()}
        made = Measurement(values, counts, counts, 1, energy=provenance(window, 1))
        return timed.answer, made

    def solve(self, state: Any, case: Any, point: Point, count: frozenset[str]) -> Measurement:
        """Measure one case; `count` names the intrusive probes that the task's card has use for."""
        solve = functools.partial(self.method.solve, state, case, point)
        rehearse(self.substrate, solve)
        cold = starts_cold(self.substrate)
        warmth = "" if cold else self._warm_up(solve, case, point)
        return self._measure(solve, case, warmth, [p for p in self.intrusive if p.name in count])

    def count(
        self, substrate: Any, state: Any, case: Any, point: Point, count: frozenset[str]
    ) -> Measurement:
        """Solve a case once under no clock; `count` names the probes that count, as for `solve`.

        `substrate` is the bench's, or the copy of it that one of several sessions counts into.
        """
        solve = functools.partial(self.method.solve, state, case, point)
        rehearse(substrate, solve)
        probes = self.counting(count)
        for probe in probes:
            self._load(probe)
        meter = substrate.meter
        meter.clear()
        cleared = meter.clears
        with measured(probes) as seen:
            answer = solve()
        counts = _counts(meter) | seen
        _refuse_cleared(meter, cleared)
        return Measurement({}, counts, counts, 1, account(substrate, case, answer))

    def under_load(
        self, substrate: Any, state: Any, case: Any, point: Point, due_s: float | None
    ) -> Measurement:
        """Solve a case once while others are in flight, and time it from when it was `due_s`.

        Of a closed loop that is when it begins; moments are on the host's monotonic clock, and recorded on that
        of the day, so that the parts of a run that was taken up again stand one after the other.
        """
        meter = substrate.meter
        meter.clear()
        cleared, began_s = meter.clears, time.monotonic()
        answer = self.method.solve(state, case, point)
        ended_s = time.monotonic()
        counts = _counts(meter)
        _refuse_cleared(meter, cleared)
        from_s = began_s if due_s is None else due_s
        values = {
            "began_s": from_s + time.time() - time.monotonic(),
            "latency_s": ended_s - from_s,
            "waited_s": began_s - from_s,
        }
        return Measurement(values, counts, counts, 1, account(substrate, case, answer))

    def counting(self, count: frozenset[str]) -> list[Probe]:
        """Return the probes of these names that count what runs; they see all that runs at once."""
        return [probe for probe in self.intrusive if probe.name in count]

    def _warm_up(self, solve: Callable[[], Any], case: Any, point: Point) -> str:
        """Solve unmeasured the first time that a shape is met at a point; say if in vain."""
        name = repr((sorted(point.items()), case_shape(self.substrate, case)))
        if name not in self.warmed:
            if self.settings.steady_s > 0:
                found = warm_up(solve, self.settings.steady_s, self.watch)
                self.warmed[name] = "" if found.steady else found.reason
            else:
                solve()
                self.warmed[name] = ""
        return self.warmed[name]

    def _measure(
        self, solve: Callable[[], Any], case: Any, warmth: str, intrusive: Sequence[Probe]
    ) -> Measurement:
        """Measure a block of one solve; when that was too short for a clock, a longer block."""
        meter = self.substrate.meter
        meter.clear()
        cleared = meter.clears
        # What takes its budget of seconds whatever is done is not repeated for its joules.
        window = self.energy.window() if self.energy and starts_cold(self.substrate) else ()
        timed, seen = self._block(solve, extra=window)
        counts, once_s, laps = _counts(meter), timed.values()["latency_s"], 1
        loops, target = _loops(self.settings.window_s, once_s), self.settings.target
        if not window and (loops > 1 or target is not None):
            timed, seen = self._block(solve, loops, _per_sample(once_s), target)
            laps += len(timed.samples.laps)
        if target is None and not starts_cold(self.substrate):
            timed, seen, more = self._retake(solve, timed, seen, _per_sample(once_s))
            laps += more
        metered = _counts(meter)
        if once_s < EVENTS_BELOW_S:
            seen = {**seen, **device_times(solve, loops, self.settings.l2)}
        answer = timed.answer
        for probe in intrusive:
            self._load(probe)
            with measured([probe]) as counted:
                answer = solve()
            counts |= counted
        _refuse_cleared(meter, cleared)
        outcome = account(self.substrate, case, answer)
        said = (warmth, timed.reason, timed.samples.says(self.settings.keep_share),
                _first_lap_note(once_s, timed, laps))  # fmt: skip
        note = "; ".join(filter(None, said))
        values, energy = {**seen, **timed.values()}, provenance(window, 1)
        if self.energy and not window:
            lap_s, budget_s = values["latency_s"], self.settings.energy_s
            joules = energy_pass(solve, self.energy, self.watch, budget_s, latency_s=lap_s)
            values, energy = {**values, **joules.values}, joules.provenance
        return Measurement(values, counts, metered, laps, outcome, note, energy)

    def _retake(
        self, solve: Callable[[], Any], timed: Collection, seen: dict[str, float], per_sample: int
    ) -> tuple[Collection, dict[str, float], int]:
        """Measure a block again while it is disturbed; also return how many laps that took."""
        loops, more = len(timed.samples.laps), 0
        for retakes in range(1, self.settings.retakes + 1):
            block_s = sum(timed.samples.laps) / 1e9
            calm = timed.samples.verdict(self.settings.keep_share) != "invalid"
            if calm or block_s > RETAKE_BELOW_S:
                break
            timed, seen = self._block(solve, loops, per_sample)
            seen, more = {**seen, "retakes": float(retakes)}, more + loops
        return timed, seen, more

    def _load(self, probe: Probe) -> None:
        """Let a probe import what it needs; that is not the method's memory."""
        if probe.name not in self.loaded:
            self.loaded.add(probe.name)
            with self.memory.ours(), probe:
                pass

    def _block(
        self,
        call: Callable[[], Any],
        loops: int = 1,
        per_sample: int = 1,
        target: Target | None = None,
        extra: Sequence[Probe] = (),
    ) -> tuple[Collection, dict[str, float]]:
        """Return the times of one block (of several with a target), and what the probes saw."""
        keep_share = self.settings.keep_share
        gc.collect(1)  # earlier garbage is not this call's; `lap` finds none left
        with measured([*self.probes, *extra]) as seen:
            timed = collect(call, loops, per_sample, self.watch, target, keep_share)
        twice = sorted(seen.keys() & timed.values().keys())
        if twice:
            raise MethodContractError(f"{', '.join(twice)} is given by two instruments.")
        return timed, _per_loop(seen, [*self.probes, *extra], len(timed.samples.laps))


def _counts(meter: Mapping[str, float]) -> dict[str, float]:
    return {name: float(count) for name, count in meter.items()}


def _refuse_cleared(meter: Meter, cleared: int) -> None:
    """Refuse a meter that was cleared a second time: what was counted before is not known."""
    if meter.clears != cleared:
        raise MethodContractError(
            "The meter was cleared in the middle of a measurement.",
            "Only the run clears it; a method leaves `task.meter` alone.",
        )


def _loops(window_s: float, case_s: float) -> int:
    least = 2 if case_s < SECOND_LAP_BELOW_S and window_s > 0 else 1
    return max(least, min(MAX_LOOPS, math.ceil(window_s / max(case_s, 1e-9))))


def _per_sample(lap_s: float) -> int:
    return max(1, int(SAMPLE_S / max(lap_s, 1e-9)))


def _per_loop(seen: Mapping[str, float], probes: Sequence[Probe], loops: int) -> dict[str, float]:
    """Divide totals over a block by its loops; levels (a peak) stay as they are."""
    levels = frozenset(itertools.chain.from_iterable(probe.levels for probe in probes))
    return {key: value if key in levels else value / loops for key, value in seen.items()}


def _first_lap_note(first_s: float, timed: Collection, laps: int) -> str:
    """Say that the first lap stands out: something was done once that later laps had."""
    later_s = timed.values()["latency_s"]
    if laps < 2 or first_s <= max(FIRST_LAP_FACTOR * later_s, later_s + FIRST_LAP_S):
        return ""
    return f"the first lap took {first_s:.3g} s, later ones {later_s:.3g} s"
