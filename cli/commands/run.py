"""`adabench run`: methods on their tasks, their claims judged, a report written."""

import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adabench.cli.carbon import CarbonOutput, carbon_output
from adabench.cli.execution import announce, interruptible, records_of, resumption
from adabench.cli.fan_out import Cores, Executor, Gpus, Slurm, SlurmSetup, Workers, fan_out_options
from adabench.cli.forecast_lines import RUNS, forecast_lines
from adabench.cli.method_files import with_files
from adabench.cli.selection import (
    AsJson,
    Data,
    Device,
    Draft,
    Dtype,
    Fixed,
    Judge,
    Model,
    NoChat,
    Out,
    OwnSeeds,
    Price,
    Scale,
    Select,
    Swept,
    finite,
    memory_of,
    share_of,
    time_of,
    time_or_zero,
    with_sources,
)
from adabench.cli.terminal import looks, talk, verdict_output, warn
from adabench.harness.errors import SelectionError

if TYPE_CHECKING:
    from adabench.harness.analysis.findings import Findings
    from adabench.harness.contract.record import Turn
    from adabench.harness.distributed.backends import FanOutOptions
    from adabench.harness.run.run_request import RunRequest
    from adabench.harness.run.settings import Limits
    from adabench.harness.store.run_folder import Run as RunFolder
    from adabench.reports.figures.character_plot import Looks

MeasureEnergy = Annotated[
    bool, typer.Option("--energy", help="Measure energy, in a pass of its own.")
]
Decide = Annotated[
    str | None,
    typer.Option(
        metavar="QUESTION",
        help="Decide 'faults: mark0 < lru by 1%'.",
    ),
]
DecideTime = Annotated[
    float,
    typer.Option(
        "--time", parser=time_of, metavar="TIME", show_default=False, help="With --decide: 6m."
    ),
]
Region = Annotated[str | None, typer.Option(help="With --energy: a country, such as DEU.")]
Meters = Annotated[
    list[str] | None,
    typer.Option("--energy-meter", help="Another energy meter, or external:LOG.csv."),
]

NO_CARBON = CarbonOutput()


TimeLimit = Annotated[
    float | None,
    typer.Option(
        parser=time_or_zero,
        metavar="TIME",
        help="Time that a case may take: 30m; 0: any.",
    ),
]
TargetCi = Annotated[
    float | None,
    typer.Option(
        "--target-ci",
        parser=share_of,
        metavar="SHARE",
        help="Time until medians are known to 1%.",
    ),
]
Race = Annotated[
    float | None,
    typer.Option(parser=time_of, metavar="TIME", help="Time for where the frontier is open: 5m."),
]
MaxTimePerCase = Annotated[
    float,
    typer.Option(
        parser=time_of,
        metavar="TIME",
        show_default="5s",
        help="With --target-ci: a case.",
    ),
]
FrontierTolerance = Annotated[
    float,
    typer.Option(
        min=0.001,
        max=0.5,
        callback=finite,
        help="With --race: a difference that does not count.",
    ),
]
Warmup = Annotated[
    float,
    typer.Option(
        parser=time_or_zero, metavar="TIME", show_default=False,
        help="Time that a method may warm up: 5s.",
    ),
]  # fmt: skip
NoSweep = Annotated[bool, typer.Option("--no-sweep", help="Keep every knob at its default value.")]
Hardware = Annotated[
    str | None, typer.Option(metavar="FILE", help="Refuse machines unlike this profile.")
]
Mismatch = Annotated[
    bool,
    typer.Option("--allow-hardware-mismatch", help="Run on another machine, and mark the run."),
]
Repeats = Annotated[int, typer.Option(min=1, help="Interleaved repeats.")]

Alone = Annotated[bool, typer.Option("--alone", help="Leave out statics, control and oracle.")]
Confirmed = Annotated[bool, typer.Option("--yes", help="Run a plan of more than a million runs.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the plan and its time; run nothing.")
]
MemoryLimit = Annotated[
    int | None,
    typer.Option(parser=memory_of, metavar="SIZE", help="Memory that a worker may use: 4GiB."),
]
Resume = Annotated[Path | None, typer.Option(help="Continue a run that was interrupted.")]
CountsOnly = Annotated[
    bool,
    typer.Option("--counts", help="Count on all cores, measure no time."),
]
TimedCases = Annotated[int | None, typer.Option(min=0, help="Of each cell: 30, or 0 for all.")]
Sessions = Annotated[int | None, typer.Option(min=1, help="With --counts: cases in a batch.")]
Concurrency = Annotated[int | None, typer.Option(min=1, help="In flight at once, on a server.")]
Qps = Annotated[
    float | None,
    typer.Option(min=1e-6, callback=finite, help="Arrivals a second, on a server."),
]
Report = Annotated[bool, typer.Option("--report/--no-report", help="Write report.html.")]
Cached = Annotated[bool, typer.Option("--cache/--no-cache", help="Keep prepared states.")]


def command(
    select: Select = None,
    seeds: OwnSeeds = "", repeats: Repeats = 1,
    fixed: Fixed = None, swept: Swept = None, no_sweep: NoSweep = False, alone: Alone = False,
    scale: Scale = "embedded",
    model: Model = None, judge: Judge = None, draft: Draft = None, data: Data = None,
    device: Device = None, dtype: Dtype = None, no_chat: NoChat = False,
    concurrency: Concurrency = None, qps: Qps = None, price: Price = "",
    out: Out = None, resume: Resume = None, dry: DryRun = False,
    time_limit: TimeLimit = None, memory_limit: MemoryLimit = None,
    energy: MeasureEnergy = False, region: Region = None, meters: Meters = None,
    counts: CountsOnly = False, sessions: Sessions = None, timed_cases: TimedCases = None,
    target_ci: TargetCi = None, max_time_per_case: MaxTimePerCase = 5.0, warmup: Warmup = 0.0,
    race: Race = None, frontier_tolerance: FrontierTolerance = 0.02,
    decide: Decide = None, decide_s: DecideTime = 360.0,
    cached: Cached = True, report: Report = True,
    hardware: Hardware = None, mismatch: Mismatch = False,
    executor: Executor = "local", workers: Workers = None, cores: Cores = None,
    gpus: Gpus = None, slurm: Slurm = None, slurm_setup: SlurmSetup = None,
    confirmed: Confirmed = False, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Run methods on their tasks, judge their claims, write a report."""
    from adabench.cli.decision_output import decide_question
    from adabench.harness.analysis.load_run import load_run
    from adabench.harness.notebook.session_methods import keep_methods, refuse_elsewhere
    from adabench.harness.provenance.hardware_profile import admit_machine
    from adabench.harness.run import run_request
    from adabench.harness.run.settings import Limits
    from adabench.reports.report.write import write_report

    pinned_conditions = with_sources(
        fixed, model=model, judge=judge, draft=draft, data=data, device=device, dtype=dtype,
        chat="off" if no_chat else None, concurrency=concurrency, qps=qps,
    )  # fmt: skip
    request = run_request.RunRequest(
        selection_of(select, resume), pinned_conditions, tuple(swept or ()), not no_sweep, seeds, repeats, scale,
        target_ci, max_time_per_case, warmup, race, frontier_tolerance, tuple(meters or ()), alone, counts, sessions=sessions or 0, timed_cases=run_request.timed_case_count(timed_cases), price=price,
    )  # fmt: skip
    limits = Limits(Limits.timeout_s if time_limit is None else time_limit or None, memory_limit)
    options = fan_out_options(executor, workers, cores, slurm or (), gpus, slurm_setup or ())
    _check_request(request, limits, options, energy=energy)
    if decide is not None:
        given = (resume, hardware, region, dry or None, energy or None)
        _check_decision(options, limits, given)
        return decide_question(decide, request, decide_s, out, cached=cached, as_json=as_json)
    carbon = carbon_output(region, energy=energy)
    pinned = admit_machine(hardware, off_profile=mismatch, say=talk)
    if resume:
        _check_resume(resume, request, given_profile=bool(pinned) or dry)
        opened = run_request.resume_run(resume)
    else:
        most = {"most": math.inf} if confirmed else {}
        request, turns = run_request.plan_run(request, talk, energy=energy, **most)
        refuse_elsewhere((turn.cell.address for turn in turns), options.kind)
        announce(turns, out)
        if dry:
            show_plan(turns, as_json)
            return
        opened = run_request.create_run(out, turns, request, pinned, ("adabench", *sys.argv[1:]))
    keep_methods(opened.folder, (turn.cell.address for turn in opened.turns))
    anew = _measure(opened, limits, options, energy=energy, cached=cached)
    findings = load_run(opened.folder)
    page = write_report(findings, opened.folder, anew=anew) if report else None
    with verdict_output():
        show(findings, page, as_json, carbon)
    raise typer.Exit(findings.exit_code)


def _measure(
    opened: "RunFolder", limits: "Limits", options: "FanOutOptions", *, energy: bool, cached: bool
) -> bool:
    """Measure what remains of a run; say whether anything did."""
    from adabench.harness.run.run_request import write_log

    with opened as journal, write_log(journal.folder), interruptible(resumption(opened.folder)):
        records = records_of(journal, limits, options, energy=energy, cached=cached)
        for record in records or ():
            journal.append(record)
    return records is not None


def _check_request(
    request: "RunRequest", limits: "Limits", options: "FanOutOptions", *, energy: bool
) -> None:
    """Refuse what a race, or a run that only counts, cannot do."""
    from adabench.harness.distributed.backends import FanOutOptions
    from adabench.harness.distributed.executor import check_race
    from adabench.harness.run.run_request import check_counts, check_load

    check_load(request, energy=energy, fans_out=options != FanOutOptions())
    if request.race_s:
        check_race(request.repeats, limits, options)
    if request.counts or request.sessions:
        check_counts(request, energy=energy)


def _check_decision(
    options: "FanOutOptions", limits: "Limits", given: tuple[object | None, ...]
) -> None:
    """Refuse options that a decision would not heed."""
    from adabench.harness.distributed.backends import FanOutOptions
    from adabench.harness.run.settings import Limits

    if options != FanOutOptions() or limits != Limits() or any(one is not None for one in given):
        raise SelectionError(
            "A decision looks after each round what to count next, here and now.",
            "With --decide leave out --resume, --dry-run, --energy, limits, profiles and executors.",
        )


def selection_of(select: list[str] | None, resume: Path | None) -> tuple[str, ...]:
    """Return the patterns of a selection; files among them, and in a run to resume, become methods."""
    if resume and not select:
        from adabench.harness.notebook.session_methods import restore_methods
        from adabench.harness.store.run_folder import read_manifest, read_plan

        turns = read_plan(read_manifest(resume))
        restore_methods(resume, (turn.cell.address for turn in turns))
    return with_files(select or ())


def show_plan(turns: "tuple[Turn, ...]", as_json: bool) -> None:
    """Print what a run would do, and how long it would take by the runs that lie here."""
    from adabench.harness.doctor.forecast import forecast, read_history
    from adabench.harness.store import prepared_states

    found = forecast(turns, read_history(RUNS), prepared_states.default_folder())
    if as_json:
        print(json.dumps(asdict(found)))
        return
    for task in dict.fromkeys(turn.cell.task for turn in turns):
        names = dict.fromkeys(turn.cell.method for turn in turns if turn.cell.task == task)
        print(f"{task}: {', '.join(names)}")
    print("\n".join(forecast_lines(found)))


def _check_resume(folder: Path, request: "RunRequest", *, given_profile: bool) -> None:
    from adabench.harness.run.run_request import RunRequest

    if request != RunRequest() or given_profile:
        raise SelectionError(
            "--resume takes no selection, seeds, repeats, scale, target, meter or profile: "
            "the run knows what it was asked.",
            f"adabench run --resume {folder}",
        )


def show(
    findings: "Findings", page: Path | None, as_json: bool, carbon: CarbonOutput = NO_CARBON
) -> None:
    """Print what a run amounts to: tables for people, or one JSON document as the last line."""
    certificate = findings.manifest.get("certificate")
    if as_json:
        document = findings.to_json() | ({"certificate": certificate} if certificate else {})
        print(
            json.dumps(
                document | carbon.document(findings) | {"report": str(page) if page else None}
            )
        )
        return
    from adabench.harness.race.certificate import page as certificate_page
    from adabench.reports.report.ending import ending

    print(head_line(findings, looks()))
    print(ending(findings, looks()))
    carbon.print(findings)
    say_warnings(findings)
    if certificate:
        print(certificate_page(certificate))
    print(f"Records: {findings.run}")
    if page:
        print(f"Report:  {page}")


def head_line(findings: "Findings", looks: "Looks") -> str:
    """Return what was run and where: `adabench run · 2 CPU cores, no GPU · 9 methods, 1 task, 3 seeds`."""
    asked, here = findings.manifest.get("asked", {}), findings.manifest.get("environment", {})
    methods = {(row.task, row.method) for row in findings.summary}
    tasks = {task for task, _ in methods}
    boards = ", ".join(map(str, here.get("gpus") or ())) or "no GPU"
    counts = (
        _number(len(methods), "method"), _number(len(tasks), "task"), _number(len(findings.tally.seeds), "seed"),
    )  # fmt: skip
    parts = (
        f"adabench {'run' if asked.get('select') else 'tour'}",
        f"{_number(here.get('cores') or 0, 'CPU core')}, {boards}",
        ", ".join(counts),
    )
    return (" · " if looks.unicode else " - ").join(parts)[: looks.width]


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _why_nothing(findings: "Findings") -> str:
    if findings.manifest.get("certificate"):
        return "the race was over before the first case; give it more time: --race 5m"
    return "no case came to its end" if findings.failed else "every method was skipped"


def say_warnings(findings: "Findings") -> None:
    """Say on stderr the first warning, which is the most serious, and how many more there are.

    Methods that were skipped are named too: the tables lack them. Where nothing was measured all
    warnings are said: they hold the reason.
    """
    from adabench.harness.analysis.measurement_warnings import SKIPPED

    warnings = findings.manifest["warnings"]
    said = warnings if findings.is_empty else warnings[:1]
    said = [*said, *(warning for warning in warnings[len(said) :] if SKIPPED in warning)]
    for warning in said:
        warn(warning)
    if findings.is_empty:
        warn(f"Nothing was measured: {_why_nothing(findings)}.")
    elif more := len(warnings) - len(said):
        talk(f"{_number(more, 'more warning')}: adabench claims {findings.run} begins with them")
