"""The command line: one thin function per verb, and the only place that catches errors.

Importing this costs typer and nothing else; every command imports what it needs. stdout
carries the result, stderr everything that is talk.
"""

import json
import logging
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
    budget: Annotated[
        float, typer.Option(min=0.01, help="Seconds a case may spend on its precision.")
    ] = 5.0,
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
    as_json: AsJson = False,
) -> None:
    """Run methods on their tasks, judge their claims, write a report."""
    from adabench.cli import session
    from adabench.cli.live import live
    from adabench.cli.select import seed_range, share, wishes
    from adabench.harness.plan import plan

    asked = session.Asked(
        tuple(select or ()), tuple(fixed or ()), tuple(swept or ()), not defaults, seeds, repeats,
        scale, share(precision) if precision else None, budget, steady,
        tuple(meters or ()),
    )  # fmt: skip
    limits = session.limits(timeout, memory)
    pinned = hardware.admitted(profile, off_profile=off_profile)
    if resume:
        opened = session.resume(resume, asked, pinned)
    else:
        turns = plan(wishes(asked.legs), seeds=seed_range(seeds), repeats=repeats, scale=scale)
        opened = session.create(out, turns, asked, pinned)
    with opened as journal, session.logged(journal.folder):
        execute = session.executor(journal, limits, energy=energy, cached=cached)
        for record in live(execute(journal.remaining), journal.remaining):
            journal.append(record)
    findings = session.read(journal.folder)
    page = session.write_report(findings, journal.folder) if report else None
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
    as_json: AsJson = False,
) -> None:
    """Show one card: what adapts, knobs, claims, and the essay of the file."""
    from adabench.cli import catalogue

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
    folder: Folder,
    out: Out = None,
    figures: Annotated[
        Path | None, typer.Option(help="Also write the figures there, as PNG and SVG.")
    ] = None,
) -> None:
    """Write the self-contained HTML report of a run."""
    from adabench.cli import session

    findings = session.read(folder)
    print(session.write_report(findings, folder, out))
    if figures:
        for path in session.write_figures(findings, figures):
            print(path)


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
        print(json.dumps(card) if as_json else f"{lesson.name}: {card['held_out']}")


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


def main() -> None:
    """Run a command; turn our own errors into a message, a hint and an exit code."""
    try:
        app()
    except AdabenchError as problem:
        if "--debug" in sys.argv:
            raise
        print(f"adabench: {problem.message}", file=sys.stderr)
        if problem.hint:
            print(f"  {problem.hint}", file=sys.stderr)
        raise SystemExit(problem.exit_code) from None
