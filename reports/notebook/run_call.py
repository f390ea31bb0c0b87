"""`adabench.run`: what the command does, from Python: the same plan, folder and records."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adabench.harness.contract.earlier_options import earlier_keywords_too
from adabench.harness.contract.record import Turn
from adabench.harness.distributed.backends import FanOutOptions
from adabench.harness.distributed.executor import check_race, records_to_come
from adabench.harness.distributed.places import fan_out_to
from adabench.harness.errors import AdabenchError, SelectionError
from adabench.harness.notebook import run_arguments as words
from adabench.harness.notebook.run_arguments import Seeds, Value
from adabench.harness.notebook.session_methods import keep_methods, refuse_elsewhere
from adabench.harness.plan.grid import MOST_TURNS
from adabench.harness.provenance.hardware_profile import admit_machine
from adabench.harness.run.condition_check import check_conditions
from adabench.harness.run.run_request import (
    RunRequest,
    check_counts,
    check_load,
    create_run,
    plan_run,
    read_request,
    resume_run,
    write_log,
)
from adabench.harness.run.settings import Limits
from adabench.harness.store import run_folder
from adabench.reports.notebook.run_view import Run
from adabench.reports.progress import show_progress
from adabench.reports.report.write import write_report


@dataclass(frozen=True)
class Execution:
    """How the turns of a run are executed: nothing of it changes what is planned."""

    limits: Limits
    options: FanOutOptions
    energy: bool
    cached: bool
    progress: bool

    @property
    def say(self) -> Callable[[str], None]:
        """Where talk goes: to stderr, or nowhere."""
        return _write_line if self.progress else lambda _: None


def _write_line(line: str) -> None:
    sys.stderr.write(f"{line}\n")


@earlier_keywords_too
def run(
    select: str | Iterable[str] = (), *, seeds: Seeds = "", repeats: int = 1,
    set: Mapping[str, Value] | None = None,
    model: str | None = None, judge: str | None = None, draft: str | None = None,
    data: str | Path | None = None, device: str | None = None, dtype: str | None = None,
    chat: bool = True, sweep: Mapping[str, Iterable[Value]] | None = None,
    no_sweep: bool = False, alone: bool = False, scale: str = "embedded",
    out: str | Path | None = None, resume: str | Path | Run | None = None,
    time_limit: float | str | None = None, memory_limit: float | str | None = None,
    energy: bool = False, energy_meters: Iterable[str] = (), target_ci: float | str | None = None,
    max_time_per_case: float = 5.0, warmup: float = 0.0, cache: bool = True,
    race: float | str | None = None, frontier_tolerance: float = 0.02,
    hardware: str | Path | None = None, allow_hardware_mismatch: bool = False,
    executor: str = "local", workers: int | None = None, cores: int | None = None,
    gpus: int | None = None, slurm: Mapping[str, str] | None = None, slurm_setup: Sequence[str] = (),
    most_turns: float = MOST_TURNS, counts: bool = False, sessions: int = 0, price: str = "",
    concurrency: int | None = None, qps: float | None = None, report: bool = False, progress: bool = True,
) -> Run:  # fmt: skip
    """Run methods on their tasks and return the run; `adabench run --help` explains each option.

    Without a selection it is the tour, without `seeds` each task takes its own; without `out` the folder lies under `runs/`, as with the
    command. Times may be words (`"5m"`), sizes too (`"4GiB"`). `report` writes the page into the
    folder; `progress` shows how far the run is, on stderr or in the notebook.

    An interrupt, or a server of a model that is gone, is raised as it came, and what was recorded
    stays: `resume=FOLDER` goes on with it.

    Raises:
        SelectionError: for a name, value, seed or option that makes no sense.
        StoreError: if the folder cannot be written or holds a run already.
        EnvironmentProblem: if this machine cannot do what was asked.
    """
    named = words.sources(
        set, model=model, judge=judge, draft=draft, data=data, device=device, dtype=dtype,
        chat=None if chat else "off", concurrency=concurrency, qps=qps,
    )  # fmt: skip
    request = RunRequest(
        words.patterns(select), words.fixed_words(named), words.swept_words(sweep), not no_sweep,
        words.seed_words(seeds), repeats, scale, words.share(target_ci), max_time_per_case, warmup,
        words.seconds(race), frontier_tolerance, tuple(energy_meters), alone, counts, sessions=sessions, price=price,
    )  # fmt: skip
    if counts or sessions:
        check_counts(request, energy=energy)
    limits = Limits(words.time_limit(time_limit), words.size_bytes(memory_limit))
    options = fan_out_to(executor, workers, cores, slurm, gpus, slurm_setup)
    check_load(request, energy=energy, fans_out=options != FanOutOptions())
    how = Execution(limits, options, energy, cache, progress)
    pinned = admit_machine(
        str(hardware) if hardware else None, off_profile=allow_hardware_mismatch, say=how.say
    )
    if resume is None:
        switches = {"--energy": energy, "--no-cache": not cache, "--no-report": not report}
        planned = plan_run(request, how.say, energy=energy, most=most_turns)
        opened = _created(Path(out) if out else None, *planned, how, pinned, switches)
    else:
        opened = _resumed(resume, request, chosen=bool(out or pinned))
    _execute(opened, how)
    return _reported(Run(opened.folder)) if report else Run(opened.folder)


def _reported(found: Run) -> Run:
    """Return a run once its page is written."""
    write_report(found.findings, found.folder)
    return found


def _created(
    out: Path | None,
    request: RunRequest,
    turns: tuple[Turn, ...],
    how: Execution,
    pinned: Mapping[str, Any] | None,
    switches: Mapping[str, bool],
) -> run_folder.Run:
    """Make the folder of a run."""
    if request.race_s:
        check_race(request.repeats, how.limits, how.options)
    refuse_elsewhere((turn.cell.address for turn in turns), how.options.kind)
    for shortage in check_conditions(turns):
        how.say(str(shortage))
    line = words.command_words(request, how.limits, how.options, switches)
    return create_run(out, turns, request, pinned, line)


def _resumed(place: str | Path | Run, request: RunRequest, *, chosen: bool) -> run_folder.Run:
    """Open a run to go on with it; nothing else may be asked."""
    folder = place.folder if isinstance(place, Run) else Path(place)
    words.check_resumption(folder, request)
    if chosen:
        raise SelectionError("resume= takes no out and no hardware: the run has them.")
    return resume_run(folder)


def _execute(opened: run_folder.Run, how: Execution) -> None:
    """Execute what remains of a run, and record it."""
    with opened as journal, write_log(journal.folder), _end_noted(journal.folder):
        records = records_to_come(
            journal, how.options, how.limits, energy=how.energy, cached=how.cached, say=how.say
        )
        # A notebook keeps the frames of what was raised: without this, servers would live on.
        with nullcontext() if records is None else closing(records):  # type: ignore[type-var]
            for index, record in enumerate(_watched(records or iter(()), journal, how)):
                journal.append(record)
                if index == 0:
                    keep_methods(journal.folder, {turn.cell.address for turn in journal.turns})


def _watched(records: Iterator[Any], journal: run_folder.Run, how: Execution) -> Iterator[Any]:
    if not how.progress or read_request(journal.folder).race_s:
        return records
    return show_progress(records, journal.remaining, sys.stderr)


@contextmanager
def _end_noted(folder: Path) -> Iterator[None]:
    """Say with what ends a run where it lies, and how to go on with it."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(f"Go on with: adabench.run(resume={str(folder)!r})")
        raise
    except AdabenchError as problem:
        if problem.ends_run:
            again = f"adabench.run(resume={str(folder)!r})"
            problem.add_note(f"What was recorded stays; go on with: {again}")
        raise
