"""The command line: one thin function per verb, and the only place that catches errors.

Importing this costs typer and nothing else; every command imports what it needs. stdout
carries the result, stderr everything that is talk.
"""

import json
import logging
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from adabench.cli import hardware
from adabench.harness.errors import AdabenchError

app = typer.Typer(
    help="The benchmark that tells the truth about adaptive computation.\n\n"
    "Without arguments `adabench run` is a tour: at most a minute, offline.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)
app.add_typer(hardware.app, name="hardware")

Select = Annotated[
    list[str] | None, typer.Argument(help="Methods: paging, paging/lru, 'paging/mark*', '*/lru'.")
]
Folder = Annotated[Path, typer.Argument(help="A run folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Where to write.")]


@app.callback()
def options(
    verbose: Annotated[int, typer.Option("-v", count=True, help="More talk on stderr.")] = 0,
    quiet: Annotated[bool, typer.Option("-q", help="Errors only.")] = False,
    debug: Annotated[bool, typer.Option(help="Tracebacks for errors of use too.")] = False,
) -> None:
    """Set how much is said on stderr."""
    del debug  # read by main, which catches
    level = logging.ERROR if quiet else logging.WARNING - 10 * verbose
    logging.basicConfig(level=level, format="%(levelname)s: %(message)s", stream=sys.stderr)


@app.command()
def run(
    select: Select = None,
    seeds: Annotated[str, typer.Option(help="0..4, or 7, or 0,3,10..12.")] = "0..2",
    repeats: Annotated[int, typer.Option(min=1, help="Interleaved repeats of each cell.")] = 1,
    fixed: Annotated[
        list[str] | None, typer.Option("--set", help="Pin a knob or condition: k=v.")
    ] = None,
    swept: Annotated[
        list[str] | None, typer.Option("--sweep", help="Sweep exactly these: k=a,b,c.")
    ] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Sweep nothing: every knob at its default.")
    ] = False,
    scale: Annotated[str, typer.Option(help="embedded, real, gpu or paper.")] = "embedded",
    out: Out = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with an interrupted run; takes no selection.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.001, help="Seconds a case may take; uses a worker.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option(help="Memory a worker may use: 4GiB. Uses a worker.")
    ] = None,
    energy: Annotated[
        bool, typer.Option("--energy", help="Loop cases until an energy counter resolves them.")
    ] = False,
    meters: Annotated[
        list[str] | None,
        typer.Option("--meter", help="Another energy meter: a plug-in, or external:LOG.csv."),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="Time until the median is known to so much: 1%.")
    ] = None,
    per_case: Annotated[
        float, typer.Option(min=0.01, help="Seconds a case may spend on its precision.")
    ] = 5.0,
    budget: Annotated[
        str | None, typer.Option(help="Race for the front, at most so long: 5m, 90s.")
    ] = None,
    epsilon: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="Of --budget: a difference of no account.")
    ] = 0.02,
    steady: Annotated[
        float, typer.Option(min=0, help="Seconds a method may warm up to become steady.")
    ] = 0.0,
    cached: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Keep prepared states.")
    ] = True,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html.")] = True,
    profile: Annotated[
        str | None, typer.Option(help="Refuse a machine that is not this hardware profile's.")
    ] = None,
    off_profile: Annotated[
        bool, typer.Option("--off-profile", help="Go on all the same; marks the run.")
    ] = False,
    executor: Annotated[
        str, typer.Option(help="Where cells run: local, slurm or ray (an existing cluster).")
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Workers at once; local: processes of this machine.")
    ] = None,
    cores: Annotated[
        int | None, typer.Option(min=1, help="Cores that each worker has for itself.")
    ] = None,
    slurm: Annotated[
        list[str] | None, typer.Option(help="Of --executor slurm: partition=gpu, timeout_min=90.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run methods on their tasks, judge their claims, write a report."""
    from adabench.cli import fanout, race, session
    from adabench.cli.live import live
    from adabench.cli.select import seed_range, share, wishes
    from adabench.harness.plan.grid import plan

    asked = session.Asked(
        tuple(select or ()), tuple(fixed or ()), tuple(swept or ()), not defaults, seeds, repeats,
        scale, share(precision) if precision else None, per_case, steady,
        race.seconds(budget) if budget else None, epsilon,
        tuple(meters or ()),
    )  # fmt: skip
    limits = session.limits(timeout, memory)
    spread = fanout.spread(executor, workers, cores, slurm or ())
    alone = executor == "local" and not workers
    if budget:
        race.check_options(repeats, limits, local=alone)
    pinned = hardware.admitted(profile, off_profile=off_profile)
    if resume:
        opened = session.resume(resume, asked, pinned)
    else:
        turns = plan(wishes(asked.legs), seeds=seed_range(seeds), repeats=repeats, scale=scale)
        opened = session.create(out, turns, asked, pinned)
    with opened as journal, session.logged(journal.folder):
        records = race.entered(journal, limits, local=alone, energy=energy, cached=cached)
        if records is None and journal.remaining:
            execute = fanout.executor(journal, limits, spread, energy=energy, cached=cached)
            records = live(execute(journal.remaining), journal.remaining)
        for record in records or ():
            journal.append(record)
    findings = session.read(journal.folder)
    anew = records is not None
    page = session.write_report(findings, journal.folder, anew=anew) if report else None
    session.show(findings, page, as_json)
    raise typer.Exit(1 if findings.failed else 0)


@app.command("list")
def list_methods(select: Select = None, as_json: AsJson = False) -> None:
    """List tasks and methods with role, fidelity and whether they can run here."""
    from adabench.cli import catalogue

    rows = catalogue.rows(tuple(select or ("*",)))
    print(json.dumps(rows) if as_json else catalogue.table(rows))


@app.command()
def show(
    address: Annotated[str, typer.Argument(help="A task or a method: paging, paging/mark0.")],
    html: Annotated[Path | None, typer.Option(help="Write it as a page instead.")] = None,
    run: Annotated[
        Path | None, typer.Option(help="Of --html: a run, for verdicts and where compute went.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one card: what adapts, knobs, claims, and the essay of the file."""
    from adabench.cli import catalogue

    if html or run:
        from adabench.cli import showing

        print(showing.write_page(address, html or Path(f"{address.replace('/', '-')}.html"), run))
        return

    print(json.dumps(catalogue.card(address)) if as_json else catalogue.page(address))


@app.command()
def claims(
    folder: Folder,
    strict: Annotated[bool, typer.Option(help="Exit 1 when a claim is not reproduced.")] = False,
    as_json: AsJson = False,
) -> None:
    """Judge the published claims of the methods in a run."""
    from adabench.cli import session

    findings = session.read(folder)
    session.show_claims(findings, as_json)
    words = {row.verdict for row in findings.claims}
    if strict and "undecided" in words:
        print("Some claims are undecided: more seeds would tell.", file=sys.stderr)
    raise typer.Exit(1 if strict and words & {"not reproduced", "direction only"} else 0)


@app.command()
def report(
    folders: Annotated[list[Path], typer.Argument(help="Run folders; several share one page.")],
    out: Out = None,
    figures: Annotated[
        Path | None, typer.Option(help="Also write figures and tables for a paper there.")
    ] = None,
    terminal: Annotated[
        bool, typer.Option("--terminal", help="Draw the fronts here; a page only with --out.")
    ] = False,
) -> None:
    """Write the self-contained HTML report of a run, or of several."""
    from adabench.cli import report, session

    if terminal:
        from adabench.cli import showing

        for folder in folders:
            print(showing.fronts(session.read(folder)), end="")
    if out or not terminal:
        print(report.write(folders, out))
    if figures:
        for folder in folders:
            place = figures if len(folders) == 1 else figures / folder.name
            for path in session.write_figures(session.read(folder), place):
                print(path)


@app.command()
def explain(
    folder: Folder,
    number: Annotated[
        str | None,
        typer.Argument(
            help="summary/paging/lru/faults, headroom/paging/mark0, claim/mor-5, 0.783."
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--list", help="List every number by name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say of a number in a report: which samples, which meter, which formula, which interval."""
    from adabench.cli import explaining

    if every or number is None:
        found = explaining.listed(folder)
        print(json.dumps(found) if as_json else explaining.every(found))
        return
    told, near = explaining.explained(folder, number)
    if as_json:
        print(json.dumps(told[0].to_json() if told else {"matches": near}))
    else:
        print(explaining.page(told[0]) if told else explaining.matches(near))


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="The site: a new folder, or one made so before.")],
    runs: Annotated[list[Path] | None, typer.Argument(help="Runs to add to it.")] = None,
    title: Annotated[str | None, typer.Option(help="Of the site; kept from then on.")] = None,
    url: Annotated[
        str | None, typer.Option(help="Where it will be: makes the feed's links absolute. Kept.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make or extend a static site: reports, histories with steps, a feed, badges, data."""
    from adabench.cli import publishing

    _, told = publishing.publish(folder, tuple(runs or ()), title, url)
    print(json.dumps(told)) if as_json else publishing.show(told)


@app.command()
def merge(
    runs: Annotated[list[Path], typer.Argument(help="Runs or shards of one plan.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to; may exist.")],
    as_json: AsJson = False,
) -> None:
    """Join parts of one plan into one run; refuse parts that are not."""
    from adabench.cli import fanout

    print(fanout.merged(runs, out, as_json))


@app.command()
def compare(
    base: Annotated[Path, typer.Argument(help="The run that the others are held against.")],
    others: Annotated[list[Path], typer.Argument(help="One or more other runs.")],
    margin: Annotated[
        list[str] | None,
        typer.Option(help="What counts as no change: latency_s=3%, accuracy=1pt."),
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Judge this metric only.")] = None,
    across: Annotated[
        bool,
        typer.Option(
            "--across-hardware", help="Unlike hardware: qualities, counts, shares of ceilings."
        ),
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show what is the same, too.")] = False,
    strict: Annotated[
        bool, typer.Option(help="Exit 5 when something is ambiguous, 3 when it is invalid.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Hold runs against a base: better, same, worse, ambiguous or invalid; exit 1 if worse."""
    from adabench.cli import comparison

    wanted = comparison.Wanted(
        base, tuple(others), tuple(margin or ()), tuple(metric or ()), across
    )
    found = comparison.compared(wanted)
    code = comparison.exit_code(found, strict=strict)
    if as_json:
        print(json.dumps(comparison.document(found, code)))
    else:
        comparison.show(found, everything=everything)
    raise typer.Exit(code)


@app.command()
def gate(
    places: Annotated[
        list[str] | None, typer.Argument(help="BASE and HEAD, two runs; with --rev methods.")
    ] = None,
    rev: Annotated[
        str | None, typer.Option(help="Two git revisions, measured here in turns: main..HEAD.")
    ] = None,
    margin: Annotated[
        list[str] | None, typer.Option(help="latency_s=3%, accuracy=1pt, energy_j=5%.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Of all cells, before the first look.")] = 8,
    budget: Annotated[str, typer.Option(help="For further rounds of what is ambiguous.")] = "5m",
    seeds: Annotated[str, typer.Option(help="0..4, or 7, or 0,3,10..12.")] = "0..2",
    fixed: Annotated[
        list[str] | None, typer.Option("--set", help="Pin a knob or condition: k=v.")
    ] = None,
    swept: Annotated[
        list[str] | None, typer.Option("--sweep", help="Sweep exactly these: k=a,b,c.")
    ] = None,
    scale: Annotated[str, typer.Option(help="embedded, real, gpu or paper.")] = "embedded",
    install: Annotated[
        str, typer.Option(help="fast: on the packages installed here; full: by pip.")
    ] = "fast",
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML there.")] = None,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Measure false alarms and power on this machine.")
    ] = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """May HEAD be merged? 0 pass, 1 regression, 3 invalid or incomparable, 5 ambiguous."""
    from adabench.cli import gate_page, gating

    wanted = gating.Wanted(
        tuple(places or ()), rev, self_test, tuple(fixed or ()), tuple(swept or ()), False, seeds,
        scale, tuple(margin or ()), rounds, budget, install, out, junit,
    )  # fmt: skip
    if self_test:
        tested = gating.self_tested(wanted)
        print(gate_page.dumped(tested) if as_json else gate_page.self_test_page(tested))
        return
    found = gating.gated(wanted)
    gating.publish(found, junit, lambda line: print(line, file=sys.stderr if as_json else None))
    print(gate_page.dumped(found) if as_json else gate_page.page(found))
    for note in found.notes:
        print(f"warning: {note}", file=sys.stderr)
    raise typer.Exit(found.code)


@app.command()
def check(select: Select = None, as_json: AsJson = False) -> None:
    """Check that tasks and methods keep the contract; exit 4 if one does not."""
    from adabench.cli import catalogue
    from adabench.harness.errors import MethodContractError

    findings = catalogue.checked(tuple(select or ("*",)), as_json)
    broken = [finding for finding in findings if finding.problem and not finding.skipped]
    if broken:
        names = ", ".join(sorted({finding.address for finding in broken}))
        raise MethodContractError(f"{len(broken)} rules are broken by {names}.")


@app.command()
def train(
    names: Annotated[
        list[str] | None, typer.Argument(help="Recipes, or patterns of them; none lists all.")
    ] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild shipped checkpoints from their seeds."""
    from adabench.cli import school

    found = school.lessons(tuple(names or ()))
    if not names:
        rows = [{"task": x.task, "name": x.name, "steps": x.steps} for x in found]
        print(json.dumps(rows) if as_json else school.table(found))
        return
    for lesson in found:
        card = school.train(lesson, out)
        scored = card.get("held_out", card.get("dev"))
        print(json.dumps(card) if as_json else f"{lesson.name}: {scored}")


@app.command()
def doctor(
    select: Select = None,
    seeds: Annotated[str, typer.Option(help="Of the run to be forecast.")] = "0..2",
    repeats: Annotated[int, typer.Option(min=1, help="Of the run to be forecast.")] = 1,
    fixed: Annotated[
        list[str] | None, typer.Option("--set", help="Pin a knob or condition: k=v.")
    ] = None,
    scale: Annotated[str, typer.Option(help="embedded, real, gpu or paper.")] = "embedded",
    tries: Annotated[
        float, typer.Option("--try", min=0, help="Seconds to try what was never recorded.")
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Say what this machine can and cannot measure, and how long a selection would take."""
    from adabench.cli import clinic

    asked = clinic.Wanted(tuple(select or ()), tuple(fixed or ()), seeds, repeats, scale, tries)
    found = clinic.examined(asked)
    print(json.dumps(found.to_json()) if as_json else clinic.page(found))


@app.command()
def trace(
    address: Annotated[str, typer.Argument(help="One method: ledger/mor.")],
    fixed: Annotated[
        list[str] | None, typer.Option("--set", help="Pin a knob or condition: k=v.")
    ] = None,
    scale: Annotated[str, typer.Option(help="embedded, real, gpu or paper.")] = "embedded",
    seed: Annotated[int, typer.Option(min=0, help="Seed of task and method.")] = 0,
    case: Annotated[int, typer.Option(min=0, help="Which case, counted from 0.")] = 0,
    out: Out = None,
    profile: Annotated[
        str | None, typer.Option(help="Take the ceilings from this hardware profile.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take one case of a method apart: operators, kernels, and the machine's roof."""
    from adabench.cli import tracing

    wanted = tracing.Wanted(address, tuple(fixed or ()), scale, seed, case, out, profile)
    done = tracing.traced(wanted)
    print(json.dumps(done.to_json()) if as_json else tracing.page(done))


def _leave(number: int, _: object) -> None:
    """End as an interrupt would: what was opened is closed, temporary folders go, children end."""
    raise SystemExit(128 + number)


def main() -> None:
    """Run a command; turn our own errors into a message, a hint and an exit code."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        app()
    except AdabenchError as problem:
        if "--debug" in sys.argv:
            raise
        print(f"adabench: {problem.message}", file=sys.stderr)
        if problem.hint:
            print(f"  {problem.hint}", file=sys.stderr)
        raise SystemExit(problem.exit_code) from None
