"""A run from Python: request, folder, instruments and settings, and the records that remain.

    request = RunRequest(("paging/*",))
    with create_run(None, plan_turns(request), request) as run, write_log(run.folder):
        for record in remaining_records(run):
            run.append(record)

`adabench run` does just this; a run that fans out takes its records from
`harness/distributed/executor.py`, and one that races from `race_records`.
"""

import importlib.metadata
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from adabench.harness.contract.load import CONDITIONS
from adabench.harness.contract.record import Record, Turn
from adabench.harness.errors import SelectionError, StoreError
from adabench.harness.plan.grid import MOST_TURNS, plan
from adabench.harness.plan.quantities import read_prices
from adabench.harness.plan.request import TOUR, PlanRequest, expand, seeds_or_own
from adabench.harness.provenance import environment, environment_diff, run_sources, source_digests
from adabench.harness.race.runner import run_race
from adabench.harness.run.condition_check import untimed
from adabench.harness.run.counts_pool import count_turns
from adabench.harness.run.execute import execute
from adabench.harness.run.guards.landlock import confinement
from adabench.harness.run.instruments import require_instruments
from adabench.harness.run.settings import Limits, Settings
from adabench.harness.run.task_pool import TaskPool
from adabench.harness.store import prepared_states, run_folder
from adabench.profilers.hardware.host import usable_cores
from adabench.profilers.probe import instruments
from adabench.profilers.timing.disturbance import Watch
from adabench.profilers.timing.stopping import Target

TIMED_CASES = 30
"""Of a cell: as many as the interval of a median needs. What a method counts is the same without a clock."""


@dataclass(frozen=True)
class RunRequest:
    """What a run was asked to do; its manifest holds it under `asked`."""

    select: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    swept: tuple[str, ...] = ()
    star: bool = True
    seeds: str = ""
    """As on the command line; empty for those of each task."""
    repeats: int = 1
    scale: str = "embedded"
    precision: float | None = None
    """Half-width of the 95 % interval of each case's median latency, relative to it."""
    per_case_s: float = Target.budget_s
    steady_s: float = 0.0
    race_s: float | None = None
    """Race for the front for so long (`harness/race/runner.py`)."""
    epsilon: float = 0.02
    meters: tuple[str, ...] = ()
    alone: bool = False
    """Run the selected methods only, without what the adaptive ones are measured between."""
    counts: bool = False
    """Count every case, many at once on all cores, and measure no time."""
    question: str = ""
    """Of a run that decided a question of the user's: what it was (`contract/question.py`)."""
    sessions: int = 0
    """With `counts`: cases whose models share a batch; 0: as many as each task says."""
    timed_cases: int = TIMED_CASES
    """Cases of each turn that are timed, where a seed only draws further ones; the others are counted. 0: all."""
    price: str = ""
    """Money for a million tokens, of a server: `in=0.15,out=0.6`. It changes nothing that is run."""

    @property
    def plans(self) -> tuple[PlanRequest, ...]:
        """The parts of the plan; without a selection, those of the tour."""
        if self.select:
            alone = self.alone or self.race_s is not None  # a race has settings of its own
            return (PlanRequest(self.select, self.fixed, self.swept, self.star, alone),)
        return tuple(
            replace(part, fixed=part.fixed + self.fixed, swept=self.swept or part.swept)
            for part in TOUR
        )


def timed_case_count(cases: int | None) -> int:
    """Return how many cases of a cell are timed where so many were asked for, or nothing was said."""
    return TIMED_CASES if cases is None else cases


def plan_turns(request: RunRequest, most: float = MOST_TURNS) -> tuple[Turn, ...]:
    """Return every turn of a request, in the order in which they are executed.

    Raises:
        SelectionError: for a name, value, seed or scale that makes no sense, or for more than
            `most` turns.
    """
    seeds = seeds_or_own(request.seeds)
    return plan(
        expand(request.plans), seeds=seeds, repeats=request.repeats, scale=request.scale, most=most,
        counts=request.counts,
    )  # fmt: skip


def plan_run(
    request: RunRequest, say: Callable[[str], None], *, energy: bool, most: float = MOST_TURNS
) -> tuple[RunRequest, tuple[Turn, ...]]:
    """Return a request with its turns; where nothing of them may be timed they are counted, and `say` is told.

    Raises:
        SelectionError: as `plan_turns` and `check_counts` do.
    """
    turns = plan_turns(request, most)
    why = "" if request.race_s else untimed(turns)
    if not why:
        return request, turns
    counted = replace(request, counts=True)
    check_counts(counted, energy=energy)
    say(f"{why} It is counted, as with --counts.")
    return counted, plan_turns(counted, most)


def check_counts(request: RunRequest, *, energy: bool) -> None:
    """Refuse what a run that only counts cannot do, and sessions where cases are timed.

    Raises:
        SelectionError: naming the option.
    """
    if not request.counts:
        raise SelectionError(
            "--sessions says how many cases are counted at once, and times are those of one case alone.",
            "Add --counts, or leave out --sessions.",
        )
    asked = {
        "--repeats": request.repeats > 1, "--target-ci": request.precision is not None,
        "--warmup": request.steady_s > 0,
        "--energy": energy, "--energy-meter": bool(request.meters),
    }  # fmt: skip
    found = " and ".join(name for name, is_asked in asked.items() if is_asked)
    if found:
        raise SelectionError(
            f"--counts measures no time and no energy, so {found} cannot be had with it.",
            f"Leave out {found}, or leave out --counts.",
        )


def check_load(request: RunRequest, *, energy: bool, fans_out: bool) -> None:
    """Refuse what cannot be had of cases that are in flight together, and prices that are none.

    Raises:
        SelectionError: naming the option.
    """
    if request.price:
        read_prices(request.price)
    pinned = (word.partition("=") for word in (*request.fixed, *request.swept))
    loads = [name.strip() for name, _, value in pinned if value.strip() not in ("0", "0.0")]
    asked = {
        "--counts": request.counts, "--race": request.race_s is not None,
        "--target-ci": request.precision is not None, "--warmup": request.steady_s > 0,
        "--energy": energy or bool(request.meters), "--workers": fans_out,
    }  # fmt: skip
    found = " and ".join(name for name, is_asked in asked.items() if is_asked)
    if found and (name := next((name for name in loads if name in CONDITIONS), "")):
        raise SelectionError(
            f"{name} has so many questions in flight together, which {found} would change or cannot tell apart.",
            f"Leave out {found}, or leave out {name}.",
        )


def read_request(folder: Path) -> RunRequest:
    """Return what a run folder was asked to do; what its manifest does not say is the default.

    A run from before only some cases were timed goes on with all of them.
    """
    stored = run_folder.read_manifest(folder).get("asked", {})
    names = {item.name for item in fields(RunRequest)}
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in stored.items()
        if name in names
    }
    return RunRequest(**{"timed_cases": 0, **known})


def create_run(
    folder: Path | None,
    turns: tuple[Turn, ...],
    request: RunRequest,
    profile: Mapping[str, Any] | None = None,
    command: Sequence[str] = (),
    looks: Mapping[str, tuple[float, int]] | None = None,
) -> run_folder.Run:
    """Start a run folder with its manifest, by default under `runs/`.

    `profile` is what `hardware_profile.admit_machine` returned, `command` the words of a shell
    that asked for the run, `looks` the last look at each claim, of a run that planned them: how
    much further out the ends lie, and the last seed.

    Raises:
        StoreError: if it cannot be written or holds a run already.
    """
    now = datetime.now().astimezone()
    manifest: dict[str, Any] = {
        "adabench": importlib.metadata.version("adabench"),
        "command": list(command),
        "started": now.isoformat(timespec="seconds"),
        "asked": asdict(request),
        "environment": {**environment.fingerprint(), "methods": str(confinement())},
        "instruments": [{**asdict(item), "keys": list(item.keys)} for item in instruments()],
        "unwatched": _absent_witnesses(),
        "sources": run_sources.digests(turns),
        environment_diff.BASE: source_digests.base_digest(),
        **({"profile": dict(profile)} if profile else {}),
        **({"looks": _plain(looks)} if looks else {}),
    }
    return run_folder.create(
        folder or Path("runs") / run_folder.run_name(now, request.select), turns, manifest
    )


def _plain(looks: Mapping[str, tuple[float, int]]) -> dict[str, dict[str, float]]:
    return {name: {"widening": out, "last_seed": seed} for name, (out, seed) in looks.items()}


def resume_run(folder: Path) -> run_folder.Run:
    """Open an interrupted run to go on with it.

    Raises:
        StoreError: if it can only be read, or the machine or the sources are not those it was
            started with.
    """
    manifest = run_folder.require_open(folder)
    turns = run_folder.read_plan(manifest)
    changed = [
        f"{name} ({was} then, {now} now)"
        for name, (was, now) in environment.differences(
            manifest["environment"], environment.fingerprint()
        ).items()
    ]
    changed += run_sources.changed(manifest["sources"], run_sources.digests(turns))
    if changed:
        raise StoreError(
            f"{folder} was started under other conditions: {', '.join(changed)}.",
            "Mixed records could not be compared; start a new run.",
        )
    return run_folder.resume(folder)


def remaining_records(
    run: run_folder.Run, limits: Limits | None = None, *, energy: bool = False, cached: bool = True
) -> Iterator[Record]:
    """Execute what remains of a run on this machine.

    `energy` loops cases until an energy counter resolves them; `cached` keeps prepared states.

    Raises:
        DeviceUnavailable: if the run's scale needs an accelerator that is not here.
        EnvironmentProblem: if all of it is one task under one set of conditions, which cannot be
            loaded here.
    """
    check_instruments(run)
    settings = run_settings(run, energy=energy, cached=cached)
    alone = is_alone(run.turns)
    if read_request(run.folder).counts:
        cores = usable_cores()
        return run.to_the_end(
            count_turns(
                run.remaining, settings, limits or Limits(), run.done, cores=cores, alone=alone
            )
        )
    records = execute(run.remaining, settings, limits=limits, done=run.done, alone=alone)
    return run.to_the_end(records)


def is_alone(turns: Iterable[Turn]) -> bool:
    """Say whether a plan is of one task under one set of conditions: without it there is no run."""
    cells = (turn.cell for turn in turns)
    return len({(cell.task, str(sorted(cell.conditions.items()))) for cell in cells}) == 1


def race_records(
    run: run_folder.Run,
    *,
    energy: bool = False,
    cached: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Record]:
    """Race for the front for as long as the run's request says, and yield the records."""
    request = read_request(run.folder)
    assert request.race_s is not None
    check_instruments(run)
    settings = run_settings(run, energy=energy, cached=cached)
    with closing(TaskPool(settings, request.counts)) as pool:
        yield from run_race(
            run.folder, run.turns, run_folder.records(run.folder), pool,
            budget_s=request.race_s, epsilon=request.epsilon, say=say,
        )  # fmt: skip


def run_settings(run: run_folder.Run, *, energy: bool, cached: bool) -> Settings:
    """Return how cells are run, here or by a worker elsewhere.

    How precisely is what the run's manifest says, so a resumed run goes on as it began.
    """
    request = read_request(run.folder)
    precision = request.precision
    return Settings(
        cache_folder=prepared_states.default_folder() if cached else None,
        target=Target(precision, request.per_case_s) if precision else None,
        steady_s=request.steady_s,
        meters=request.meters,
        energy=energy,
        timed_cases=0 if request.race_s else request.timed_cases,
        sessions=request.sessions,
    )


def check_instruments(run: run_folder.Run) -> None:
    """Refuse a run whose own meters, or whose accelerator, are not here.

    Raises:
        DeviceUnavailable: saying what is missing.
    """
    on_device = any(turn.cell.scale == "gpu" for turn in run.turns)
    require_instruments(read_request(run.folder).meters, on_device=on_device)


@contextmanager
def write_log(folder: Path) -> Iterator[None]:
    """Keep everything that adabench logs, at level DEBUG, in the run's log.txt."""
    root = logging.getLogger("adabench")
    file = logging.FileHandler(folder / run_folder.LOG, encoding="utf-8", delay=True)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = root.level
    root.addHandler(file)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(file)
        root.setLevel(level)
        file.close()


def _absent_witnesses() -> dict[str, str]:
    """Return the witnesses of disturbance that this machine lacks, each with the reason."""
    with closing(Watch()) as watch:
        return dict(watch.absent)
