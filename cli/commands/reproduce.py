"""`adabench reproduce`: run what judges the claims of a paper, and print said, bar, measured, verdict."""

import json
import shlex
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adabench.cli.execution import announce, interruptible, new_folder, records_of
from adabench.cli.selection import AsJson, time_of
from adabench.cli.terminal import table_console, talk, verdict_output, warn
from adabench.harness.errors import SelectionError, StoreError

if TYPE_CHECKING:
    from adabench.harness.analysis.findings import ClaimRow, Findings
    from adabench.harness.analysis.reproduction import Reproduction, Run
    from adabench.harness.contract.record import Turn
    from adabench.harness.store.run_folder import Run as RunFolder

Name = Annotated[
    str,
    typer.Argument(
        metavar="PAPER",
        help="A slug (ets), an arXiv number (2502.13575), a title, TASK/METHOD, a task or a claim.",
    ),
]
Place = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Where the runs go. A folder that holds some goes on."),
]
OtherSeeds = Annotated[str, typer.Option("--seeds", help="Other seeds: 0..9, or 0,3.")]
Counts = Annotated[
    bool,
    typer.Option("--counts", help="Judge what counts decide, on all cores, and measure no time."),
]
TimeOption = Annotated[
    float | None,
    typer.Option(
        "--time",
        parser=time_of,
        metavar="TIME",
        help="Decide what can be decided within: 6m. Takes as many seeds as it needs.",
    ),
]
UntilDecided = Annotated[
    bool, typer.Option("--until-decided", help="Like --time, until every plan is done.")
]
Dry = Annotated[bool, typer.Option("--dry-run", help="Print what would run, and run nothing.")]


def command(
    paper: Name,
    out: Place = None,
    seeds: OtherSeeds = "",
    counts: Counts = False,
    time_s: TimeOption = None,
    until_decided: UntilDecided = False,
    dry: Dry = False,
    as_json: AsJson = False,
) -> None:
    """Run what judges the claims of a paper: what it said, our bar, what was measured, the verdict."""
    from adabench.harness.analysis.reproduction import reproduction

    found = reproduction(paper)
    if time_s is not None or until_decided:
        if dry or counts:
            raise SelectionError(
                "What --time runs follows from what is seen, and each claim says whether it takes times.",
                f"Leave out --dry-run and --counts; `adabench power {paper}` says what it takes.",
            )
        decide_within(found, seeds, None if until_decided else time_s, out, as_json=as_json)
        return
    turns = [run.turns(seeds, counts=counts) for run in found.runs]
    if dry:
        show_plan(found, turns, as_json)
        return
    start = time.perf_counter()
    folder = out or new_folder(found.name)
    measured = [
        _measure(run, plan, part, folder, seeds)
        for run, plan, part in zip(found.runs, turns, _places(folder, len(turns)), strict=True)
    ]
    rows = rows_of(found, measured)
    with verdict_output():
        show(found, measured, rows, as_json)
        talk(f"{len(measured)} run{'s'[: len(measured) > 1]}, {time.perf_counter() - start:.0f} s.")
    raise typer.Exit(max(findings.exit_code for findings in measured))


def decide_within(
    found: "Reproduction", seeds: str, time_s: float | None, out: Path | None, *, as_json: bool
) -> None:
    """Decide what is claimed, and print the answers first.

    Raises:
        StoreError: if a run stands where this one is to be written.
        SelectionError: for seeds that are no beginning.
    """
    from adabench.cli.decision_output import (
        first_of,
        free_folder,
        run_decision,
        show,
        write_answers,
        write_run,
    )
    from adabench.harness.contract.papers import papers
    from adabench.harness.decision.decision import decidable

    folder = free_folder(out, found.name)
    plans = {name: plan for paper in papers().values() for name, plan in paper.plans.items()}
    claims, others = decidable(found.statements, plans)
    with interruptible(shlex.join(["adabench", *sys.argv[1:]])):
        done = run_decision(claims, first_of(seeds), time_s)
    if claims:
        write_run(done, folder, tuple(dict.fromkeys(c.statement.entry.address for c in claims)))
        write_answers(folder, done, others)
    with verdict_output():
        show(found.title, done, others, folder, as_json=as_json)
    raise typer.Exit(0 if all(claim.is_decided for claim in claims) else 5)


def show_plan(found: "Reproduction", turns: "list[tuple[Turn, ...]]", as_json: bool) -> None:
    """Print the commands, and how much each run takes."""
    lines = [[part.line for part in run.parts] for run in found.runs]
    if as_json:
        runs = [
            {"commands": commands, "turns": len(plan)}
            for commands, plan in zip(lines, turns, strict=True)
        ]
        print(json.dumps({"name": found.name, "title": found.title, "runs": runs}))
        return
    print(f"{found.title}\n{len(found.statements)} published claims")
    for commands, plan in zip(lines, turns, strict=True):
        print(f"\n{len(plan)} runs of configurations:")
        print("\n".join(f"  {line}" for line in commands))


def _places(folder: Path, count: int) -> list[Path]:
    """Return a folder for each run: the folder itself if there is one only."""
    return [folder] if count == 1 else [folder / str(i + 1) for i in range(count)]


def _measure(
    run: "Run", turns: "tuple[Turn, ...]", place: Path, folder: Path, seeds: str
) -> "Findings":
    """Run what is not recorded yet, and judge it."""
    from adabench.harness.analysis.load_run import load_run
    from adabench.harness.distributed.backends import FanOutOptions
    from adabench.harness.run.run_request import write_log
    from adabench.harness.run.settings import Limits

    opened = _opened(run, turns, place, seeds)
    words = [word for word in sys.argv[1:] if word != "--json"]
    again = shlex.join(
        ["adabench", *words, *([] if _says_where(words) else ["--out", str(folder)])]
    )
    with opened as journal, write_log(journal.folder), interruptible(again):
        records = records_of(journal, Limits(), FanOutOptions(), energy=False, cached=True)
        for record in records or ():
            journal.append(record)
    return load_run(place)


def _says_where(words: list[str]) -> bool:
    return any(word in ("--out", "-o") or word.startswith("--out=") for word in words)


def _opened(run: "Run", turns: "tuple[Turn, ...]", place: Path, seeds: str) -> "RunFolder":
    """Begin a run, or go on with one that stands there.

    Raises:
        StoreError: if another run stands there.
    """
    from adabench.harness.run.run_request import create_run, resume_run
    from adabench.harness.store import run_folder

    if not (place / run_folder.MANIFEST).exists():
        announce(turns, place)
        counts = any(turn.counts for turn in turns)
        return create_run(
            place, turns, run.request(seeds, counts=counts), None, ("adabench", *sys.argv[1:])
        )
    if run_folder.read_plan(run_folder.read_manifest(place)) != turns:
        raise StoreError(f"{place} holds another run.", "Choose another --out.")
    talk(f"{place} goes on where it ended.")
    return resume_run(place)


def rows_of(found: "Reproduction", measured: "list[Findings]") -> "tuple[ClaimRow, ...]":
    """Return a row for each claim, of the first run that holds all it needs."""
    rows: dict[tuple[str, str], ClaimRow] = {}
    for row in (row for findings in measured for row in findings.claims):
        name = (f"{row.task}/{row.method}", row.id)
        if found.holds(*name) and (name not in rows or rows[name].verdict == "not run"):
            rows[name] = row
    return tuple(rows.values())


def show(
    found: "Reproduction",
    measured: "list[Findings]",
    rows: "tuple[ClaimRow, ...]",
    as_json: bool,
) -> None:
    """Print what became of the claims: a table for people, or one JSON document."""
    from adabench.harness.decision.paper_answer import paper_answer
    from adabench.reports.tables.answer_line import answer_line

    places = [findings.run for findings in measured]
    answer = paper_answer(found.paper, rows, measured) if found.paper else None
    if as_json:
        claims = [asdict(row) for row in rows]
        said = {"name": found.name, "title": found.title, "claims": claims, "runs": places}
        print(json.dumps(said | ({"answer": answer.to_json()} if answer else {})))
        return
    from adabench.reports.tables.claim_sheets import reproduction_sheet
    from adabench.reports.tables.terminal import FittedTable

    cards = {own.entry.address: own.entry.card for own in found.statements}
    for warning in dict.fromkeys(w for findings in measured for w in findings.manifest["warnings"]):
        warn(warning)
    console = table_console()
    print(found.title + (f" (arXiv {found.paper.arxiv})" if found.paper else ""))
    console.print(FittedTable(reproduction_sheet(rows, cards)))
    if answer:
        print(f"In these runs: {answer_line(answer)}")
    for place in places:
        print(f"Records: {place}   adabench report {place}")
