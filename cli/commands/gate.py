"""`adabench gate`: may HEAD be merged, yes or no.

    exit 0   pass: nothing is worse by its margin, and that is shown of counts and quality, and of
             times and energies that are valid
         1   regression
         2   words that make no sense
         3   invalid: a count or quality, or a time that `--require` names; nothing measured; or
             incomparable: unlike hardware, a revision that cannot be installed
         5   ambiguous after the budget

BASE and HEAD are run folders, or git revisions (`--rev main..HEAD`), which are then measured here
in interleaved rounds. Of two folders no further rounds can be run; timings of runs that were not
interleaved are held against a wide allowance.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adabench.cli.selection import AsJson, Fixed, Out, Scale, Seeds, Swept
from adabench.cli.terminal import talk, verdict_output, warn, wrap
from adabench.harness.plan.quantities import seconds_or_zero

if TYPE_CHECKING:
    from adabench.harness.gate.session import GateOutcome


def command(
    places: Annotated[
        list[str] | None, typer.Argument(help="BASE and HEAD, two runs; with --rev, methods.")
    ] = None,
    rev: Annotated[
        str | None,
        typer.Option(help="Two git revisions, measured here in rounds: main..HEAD."),
    ] = None,
    margin: Annotated[
        list[str] | None, typer.Option(help="latency_s=3%, accuracy=1pt, energy_j=5%.")
    ] = None,
    require: Annotated[
        list[str] | None,
        typer.Option(
            help="A time or energy that must be valid: latency_s. Else a busy machine excuses it."
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds before the first verdict.")] = 8,
    budget: Annotated[
        str, typer.Option(help="Time for further rounds where the verdict is ambiguous.")
    ] = "5m",
    seeds: Seeds = "0..2",
    fixed: Fixed = None,
    swept: Swept = None,
    scale: Scale = "embedded",
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
    from adabench.cli.commands import gate_output
    from adabench.harness.compare.margins import parse_margins
    from adabench.harness.gate.self_test_rounds import run_self_test
    from adabench.harness.gate.session import GateRequest, run_gate
    from adabench.harness.plan.request import parse_seeds

    request = GateRequest(
        tuple(places or ()), rev, tuple(fixed or ()), tuple(swept or ()), False,
        parse_seeds(seeds), scale, parse_margins(margin or ()), rounds, seconds_or_zero(budget),
        tuple(require or ()), install, out, ("adabench", *sys.argv[1:]),
    )  # fmt: skip
    if self_test:
        result = run_self_test(request, talk)
        print(gate_output.dump(result) if as_json else gate_output.self_test_page(result))
        return
    outcome = run_gate(request, talk)
    with verdict_output():
        write_for_ci(outcome, junit, talk if as_json else print)
        print(gate_output.dump(outcome) if as_json else wrap(gate_output.page(outcome)))
    for note in outcome.notes:
        warn(note)
    raise typer.Exit(outcome.code)


def write_for_ci(outcome: "GateOutcome", junit: Path | None, say: Callable[[str], None]) -> None:
    """Write what a CI system reads."""
    from adabench.cli import gate_ci

    if junit:
        gate_ci.write(junit, gate_ci.junit(outcome.rows))
    if not gate_ci.in_actions():
        return
    for line in gate_ci.annotations(outcome.rows):
        say(line)
    step = os.environ.get("GITHUB_STEP_SUMMARY")
    if step:
        title = f"{outcome.base} → {outcome.head}"
        summary = gate_ci.summary(outcome.rows, title, outcome.notes)
        gate_ci.write(Path(step), summary, append=True)
