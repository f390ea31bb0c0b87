"""Cells in, records out: prepare, warm up, measure, score.

`execute` is a generator and never learns who listens, so live progress, JSON streaming and
a child process need no callback. For each case it does, in this order and pinned by a test:

    prepare -> warm up -> enter probes -> solve -> exit probes -> score

Nothing but the method's `solve` is inside the probes. A case that is too short for the clock is
solved several times in one measured block; totals are divided by the number of loops, and `loops`
is recorded. Samples during which the thread waited for a processor are left out of the latency and
counted (`samples`, `samples_dropped`); where too few are left, the note says that the timing is
invalid, and the counts stand. What an energy counter says of its window is recorded beside its
joules; a model's provenance stands once, in the manifest. An intrusive probe (a FLOP counter) never
shares a pass with a clock: it gets a pass of its own over the same case.

A method that fails becomes an `error` record with its traceback, and the run goes on. Bad
input (a trace file that is empty) ends it with a message; what was recorded stays.
"""

import contextlib
import functools
import gc
import itertools
import logging
import math
import traceback
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.protocols import rehearse, starts_cold
from adabench.harness.contract.record import Cell, Record, Turn, Unit
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import MethodContractError, MissingExtra, SelectionError
from adabench.harness.store import prepared_states
from adabench.profilers.energy.energy_probe import provenance
from adabench.profilers.probe import Probe, measured
from adabench.profilers.timing.cuda import L2, SlowdownWitness, device_times
from adabench.profilers.timing.disturbance import KEEP_SHARE, SAMPLE_S, Watch
from adabench.profilers.timing.steady_state import warm_up
from adabench.profilers.timing.stopping import Collection, Target, collect

log = logging.getLogger(__name__)

MAX_LOOPS = 10_000
EVENTS_BELOW_S = 0.01
"""Longer calls are not timed a second time by CUDA events: launching them takes no share."""


@dataclass(frozen=True)
class Settings:
    """How cells are run; the same for all methods of a run."""

    window_s: float = 0.002
    """A measured block is at least this long; shorter cases are looped."""
    cache_folder: Path | None = None
    """Where prepared states are kept; None keeps none."""
    keep_share: float = KEEP_SHARE
    """The timing of a case of which a smaller share of samples was undisturbed is invalid."""
    target: Target | None = None
    """Measure on until the median is known so well; None measures one block."""
    steady_s: float = 0.0
    """A method may warm up so long for its times to become steady; 0 solves once unmeasured."""
    l2: tuple[L2, ...] = ("hot",)
    """What the L2 cache holds when CUDA events time a call; where there is a CUDA context."""
    meters: tuple[str, ...] = ()
    """Energy meters by name, beside the counters of the machine."""


@dataclass(frozen=True)
class Step:
    """One record to be made. `run` does the work; whoever calls it can watch the time."""

    unit: Unit
    run: Callable[[], Record]
    known: bool = False
    """Its record exists already and the work is done again for its result: only a failure
    is news."""

    def news(self) -> Record | None:
        """Do the work and return what has to be recorded."""
        record = self.run()
        return None if self.known and record.status == "ok" else record


@dataclass
class Bench:
    """What is loaded right now: tasks by their conditions, prepared states, warmed methods."""

    settings: Settings
    probes: Sequence[Probe]
    intrusive: Sequence[Probe] = ()
    entries: dict[str, Entry] = field(default_factory=dict)
    tasks: dict[str, Any] = field(default_factory=dict)
    states: dict[str, Any] = field(default_factory=dict)
    warmed: dict[str, str] = field(default_factory=dict)
    """Methods that were warmed up at a point, and what there is to say about it."""
    watch: Watch = field(default_factory=lambda: Watch(slowed=SlowdownWitness()))

    def steps(self, turn: Turn, done: Container[Unit] = ()) -> Iterator[Step]:
        """Yield the steps of one turn that are not done yet; prepare first, then the cases."""
        cell = turn.cell
        try:
            entries = self._entry(cell.task), self._entry(cell.address)
            task, method = self._task(entries[0], cell), registry.load(entries[1])
        except SelectionError:  # what was asked for makes no sense: no turn of it will
            raise
        except (Exception, SystemExit) as problem:  # a plug-in may raise anything
            yield _failed_step(turn, problem)
            return
        state = task
        if hasattr(method, "prepare"):
            name = prepared_states.key(_prepare_cell(cell, entries[1].card), *entries)
            if name not in self.states:
                yield from self._prepare(turn, task, method, entries, name, done)
            if name not in self.states:
                return
            state = self.states[name]
        for index, case in enumerate(task.cases()):
            unit = Unit(cell.key, "solve", index, turn.repeat)
            if unit not in done:
                yield Step(
                    unit,
                    functools.partial(
                        self._case, turn, index, task, method, state, case, entries[0].card
                    ),
                )

    def count(self, turn: Turn) -> int | None:
        """Load the turn's task and count its cases; None if it cannot be loaded."""
        try:
            return sum(1 for _ in self._task(self._entry(turn.cell.task), turn.cell).cases())
        except SelectionError:
            raise
        except (Exception, SystemExit):  # the record that `steps` yields will say why
            return None

    def _entry(self, address: str) -> Entry:
        if address not in self.entries:
            self.entries[address] = registry.find(address)
        return self.entries[address]

    def _task(self, entry: Entry, cell: Cell) -> Any:
        """Load the cell's task, or take the loaded one; tasks of other blocks are let go."""
        name = repr((cell.task, cell.scale, cell.seed, sorted(cell.conditions.items())))
        if name not in self.tasks:
            self.tasks.clear()
            self.states.clear()
            module = registry.load(entry)
            self.tasks[name] = module.load(cell.scale, cell.seed, **cell.conditions)
        return self.tasks[name]

    def _prepare(
        self,
        turn: Turn,
        task: Any,
        method: Any,
        entries: tuple[Entry, Entry],
        name: str,
        done: Container[Unit],
    ) -> Iterator[Step]:
        """Prepare a state, from disk if it is there, and yield what it cost."""
        cell = _prepare_cell(turn.cell, entries[1].card)
        unit = Unit(cell.key, "prepare", -1, 0)

        def run() -> Record:
            folder = self.settings.cache_folder
            stored = prepared_states.load(folder, name, task) if folder else None
            if stored is None:
                try:
                    stored = self._prepared(task, method, cell)
                except (Exception, SystemExit) as problem:  # a method may raise anything
                    return _failed(cell, "prepare", -1, 0, problem)
                if folder:
                    prepared_states.save(folder, name, stored, task)
            self.states[name] = stored.state
            return Record(cell, "prepare", -1, 0, "ok", stored.values, energy=stored.energy)

        yield Step(unit, run, known=unit in done)

    def _prepared(self, task: Any, method: Any, cell: Cell) -> prepared_states.PreparedState:
        task.meter.clear()
        timed, seen = self._block(lambda: method.prepare(task, cell.point, cell.seed))
        values = _join(cell.address, seen, timed.values(), task.meter)
        return prepared_states.PreparedState(timed.answer, values, provenance(self.probes, 1))

    def _case(
        self, turn: Turn, index: int, task: Any, method: Any, state: Any, case: Any, card: Card
    ) -> Record:
        """Measure and score one case."""
        group = str(getattr(case, "group", ""))
        cell = turn.cell
        try:
            rehearse(task, functools.partial(method.solve, state, case, cell.point))
            cold = starts_cold(task)
            warmth = "" if cold else self._warm_up(cell, method, state, case)
            values, said, energy = self._measure(cell, card, task, method, state, case)
            check_values(cell.address, values, card, cell.scale)
        except (Exception, SystemExit) as problem:  # a method may raise anything
            failed = _failed(cell, "solve", index, turn.repeat, problem)
            return replace(failed, group=group)
        note = "; ".join(filter(None, (warmth, said)))
        return Record(cell, "solve", index, turn.repeat, "ok", values, note, group, energy)

    def _warm_up(self, cell: Cell, method: Any, state: Any, case: Any) -> str:
        """Solve unmeasured the first time a method is met at a point; say if that was in vain."""
        name = repr((cell.address, sorted(cell.point.items()), cell.scale))
        if name not in self.warmed:
            solve = functools.partial(method.solve, state, case, cell.point)
            if self.settings.steady_s > 0:
                found = warm_up(solve, self.settings.steady_s, self.watch)
                self.warmed[name] = "" if found.steady else found.reason
            else:
                solve()
                self.warmed[name] = ""
        return self.warmed[name]

    def _measure(
        self, cell: Cell, card: Card, task: Any, method: Any, state: Any, case: Any
    ) -> tuple[dict[str, float], str, tuple[Mapping[str, Any], ...]]:
        """Measure a block of one solve; when that was too short for a clock, a longer block.

        Counts come from the first block alone: dividing a float by its loops would not give
        back the same number, and a resumed run must.
        """
        solve = functools.partial(method.solve, state, case, cell.point)
        task.meter.clear()
        timed, seen = self._block(solve)
        counts = {name: float(count) for name, count in task.meter.items()}
        once_s = timed.values()["latency_s"]
        loops, target = _loops(self.settings.window_s, once_s), self.settings.target
        if loops > 1 or target is not None:
            timed, seen = self._block(solve, loops, _per_sample(once_s), target)
        energy = provenance(self.probes, len(timed.samples.laps))
        if once_s < EVENTS_BELOW_S:
            seen = {**seen, **device_times(solve, loops, self.settings.l2)}
        answer = timed.answer
        for probe in self.intrusive:
            if any(metric.name == probe.name for metric in card.metrics):
                with measured([probe]) as counted:
                    answer = solve()
                counts |= counted
        score = {name: float(value) for name, value in task.score(case, answer).items()}
        said = filter(None, (timed.reason, timed.samples.says(self.settings.keep_share)))
        values = _join(cell.address, seen, timed.values(), counts, score)
        return values, "; ".join(said), energy

    def _block(
        self,
        call: Callable[[], Any],
        loops: int = 1,
        per_sample: int = 1,
        target: Target | None = None,
    ) -> tuple[Collection, dict[str, float]]:
        """Return the times of one block (of several with a target), and what the probes saw."""
        keep_share = self.settings.keep_share
        gc.collect(1)  # earlier garbage (a score's) is not this call's; `lap` finds none left
        with measured(self.probes) as seen:
            timed = collect(call, loops, per_sample, self.watch, target, keep_share)
        return timed, _per_loop(seen, self.probes, len(timed.samples.laps))


def execute(
    turns: Iterable[Turn],
    probes: Sequence[Probe],
    *,
    settings: Settings | None = None,
    done: Container[Unit] = (),
) -> Iterator[Record]:
    """Run every turn and yield its records; units in `done` are left out."""
    timing = [probe for probe in probes if not probe.intrusive]
    intrusive = [probe for probe in probes if probe.intrusive]
    bench = Bench(settings or Settings(), timing, intrusive)
    with contextlib.closing(bench.watch):
        for turn in turns:
            for step in bench.steps(turn, done):
                record = step.news()
                if record is not None:
                    yield record


def check_values(address: str, values: Mapping[str, float], card: Card, scale: str = "") -> None:
    """Refuse what a method or task may not give.

    Raises:
        MethodContractError: for a value that is not a finite number, a negative cost, or a
            quality the task's card promises and does not give (at scale gpu weights are random
            and a task withholds its quality).
    """
    for name, value in values.items():
        if not math.isfinite(value):
            raise MethodContractError(f"{address} gave {name} = {value}, which is not finite.")
    for metric in card.metrics:
        if metric.role in ("cost", "work") and values.get(metric.name, 0.0) < 0:
            raise MethodContractError(f"{address} gave a negative cost: {metric.name}.")
        withheld = scale == "gpu" and metric.role == "quality"
        if metric.primary and metric.name not in values and not withheld:
            raise MethodContractError(
                f"{address} gave no {metric.name}, the task's primary {metric.role}."
            )


def _loops(window_s: float, case_s: float) -> int:
    return max(1, min(MAX_LOOPS, math.ceil(window_s / max(case_s, 1e-9))))


def _per_sample(lap_s: float) -> int:
    return max(1, int(SAMPLE_S / max(lap_s, 1e-9)))


def _per_loop(seen: Mapping[str, float], probes: Sequence[Probe], loops: int) -> dict[str, float]:
    """Divide totals over a block by its loops; levels (a peak) stay as they are."""
    levels = frozenset(itertools.chain.from_iterable(probe.levels for probe in probes))
    return {key: value if key in levels else value / loops for key, value in seen.items()}


def _join(address: str, *parts: Mapping[str, float]) -> dict[str, float]:
    """Merge values of different origin; a name must have one origin."""
    joined: dict[str, float] = {}
    for part in parts:
        twice = sorted(joined.keys() & part.keys())
        if twice:
            raise MethodContractError(f"{address}: {', '.join(twice)} is given twice.")
        joined |= part
    return joined


def _prepare_cell(cell: Cell, card: Card) -> Cell:
    """The cell a preparation belongs to: knobs turned only at `solve` are at their default."""
    solve_time = {knob.name: knob.default for knob in card.knobs if knob.at == "solve"}
    return replace(cell, point={**cell.point, **solve_time})


def _failed_step(turn: Turn, problem: BaseException) -> Step:
    record = _failed(turn.cell, "solve", -1, turn.repeat, problem)
    return Step(record.unit, lambda: record)


def _failed(cell: Cell, phase: Any, case: int, repeat: int, problem: BaseException) -> Record:
    """One line that says what went wrong; the traceback follows it, for the errors folder."""
    line = " ".join(str(problem).split()) or "no message"
    trace = "".join(traceback.format_exception(problem)).rstrip()
    status: Any = "skipped" if isinstance(problem, MissingExtra) else "error"
    return Record(
        cell, phase, case, repeat, status, {}, f"{type(problem).__name__}: {line}\n{trace}"
    )
