"""How verbs decide claims within a time: progress, the run that is left, answers first."""

import json
import shlex
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from adabench.cli.execution import announce, interruptible, new_folder
from adabench.cli.forecast_lines import duration
from adabench.cli.terminal import talk, verdict_output
from adabench.harness.contract.task_gates import NO_ROOM
from adabench.harness.errors import SelectionError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adabench.harness.contract.question import DecisionQuestion
    from adabench.harness.decision.decision import Decision
    from adabench.harness.decision.open_claim import OpenClaim
    from adabench.harness.run.run_request import RunRequest
    from adabench.harness.run.settings import Settings


def first_of(seeds: str) -> int:
    """Return the seed that a run of as many seeds as it needs begins with: `7001..`, `7001` or nothing.

    Raises:
        SelectionError: for anything else.
    """
    from adabench.harness.plan.request import HIGHEST

    text = seeds.strip().removesuffix("..") or "0"
    if not text.isdecimal() or int(text) > HIGHEST:
        raise SelectionError(
            f"{seeds!r} is no first seed: with --time a run takes as many as it needs.",
            "Say where they begin: --seeds 7001..",
        )
    return int(text)


def run_decision(
    claims: "Sequence[OpenClaim]",
    first_seed: int,
    budget_s: float | None,
    *,
    once: bool = False,
    cached: bool = True,
) -> "Decision":
    """Decide claims, or look at each once, with progress on stderr."""
    from adabench.harness.decision.decision import Decision
    from adabench.profilers.hardware.host import usable_cores

    found = Decision(claims, first_seed, usable_cores(), usual_settings(cached=cached), say=talk)
    found.run(budget_s, once=once)
    return found


def usual_settings(*, cached: bool = True) -> "Settings":
    """Return how cells are run where nobody says it."""
    from adabench.harness.run.settings import Settings
    from adabench.harness.store import prepared_states

    return Settings(cache_folder=prepared_states.default_folder() if cached else None)


def write_run(found: "Decision", folder: Path, select: "Sequence[str]", question: str = "") -> None:
    """Write what was counted and timed as a run, whose verdicts are those of its looks."""
    from adabench.harness.run.run_request import RunRequest, create_run

    looks = {
        claim.name: (claim.widening, found.first_seed + claim.looks[-1] - 1)
        for claim in found.claims
        if claim.looks
    }
    last = max((seed for _, seed in looks.values()), default=found.first_seed)
    seeds = f"{found.first_seed}..{last}"
    turns = found.turns
    counts = all(turn.counts for turn in turns)
    request = RunRequest(
        tuple(select), seeds=seeds, alone=True, counts=counts, question=question, timed_cases=0
    )
    with create_run(folder, turns, request, None, ("adabench", *sys.argv[1:]), looks) as journal:
        for turn in turns:
            for record in found.records[turn.cell.key]:
                journal.append(record)
            journal.end_turn(turn)


def decide_question(
    text: str,
    request: "RunRequest",
    time_s: float,
    out: Path | None,
    *,
    cached: bool,
    as_json: bool,
) -> None:
    """Decide a question of the user's about two methods of a task.

    Raises:
        SelectionError: if the question, the task or the conditions make no sense, or the request asks for
            something that a decision does not do.
        StoreError: if a run stands where this one is to be written.
        Exit: 0 with a verdict, 5 without one.
    """
    from adabench.harness.contract.question import BEST, decision_question
    from adabench.harness.decision.decision_question import open_question

    began_s = time.monotonic()
    question = decision_question(text)
    _check_request(request)
    if len(request.select) != 1 or "/" in request.select[0]:
        raise SelectionError(
            "A question is decided on one task.",
            "Name it alone: adabench run text --decide 'accuracy: majority > greedy'.",
        )
    first = first_of(request.seeds)
    if question.method == BEST:
        question = _best(question, request, time_s / 3, cached=cached)
        time_s = max(time_s - (time.monotonic() - began_s), 1.0)
    claim = open_question(question, request.select[0], request.fixed, request.scale)
    announce(claim.turns([first]), out)
    folder = free_folder(out, claim.statement.entry.address)
    with interruptible(shlex.join(["adabench", *sys.argv[1:]])):
        done = run_decision([claim], first, time_s, cached=cached)
    write_run(done, folder, (claim.statement.entry.address,), question.text)
    write_answers(folder, done, {})
    with verdict_output():
        show(claim.statement.claim.says, done, {}, folder, as_json=as_json)
    raise typer.Exit(0 if claim.is_decided else 5)


def _best(
    question: "DecisionQuestion", request: "RunRequest", time_s: float, *, cached: bool
) -> "DecisionQuestion":
    """Find which method is best, on seeds that decide nothing."""
    from adabench.harness.decision.decision_question import (
        PILOT,
        best_of,
        pilot_means,
        rivals_for_best,
    )
    from adabench.profilers.hardware.host import usable_cores

    pilots = rivals_for_best(question, request.select[0], request.fixed, request.scale)
    talk(f"a pilot of {len(pilots)} methods, on seeds {PILOT} and on")
    with interruptible(shlex.join(["adabench", *sys.argv[1:]])):
        means = pilot_means(
            question.metric, pilots, usual_settings(cached=cached), usable_cores(), time_s
        )
    found = best_of(question, means)
    names = {pilot.statement.entry.name for pilot in pilots}
    slow = ", ".join(sorted(names - means.keys()))
    left_out = f"; too slow for it: {slow}" if slow else ""
    talk(f"ahead in the pilot: {found.method}, {means[found.method]:.4g}{left_out}")
    return found


def _check_request(request: "RunRequest") -> None:
    """Refuse what a decision does not do."""
    from adabench.harness.run.run_request import RunRequest

    plain = RunRequest(
        request.select, request.fixed, star=request.star, seeds=request.seeds, scale=request.scale,
        alone=request.alone, counts=request.counts,
    )  # fmt: skip
    if request != plain:
        raise SelectionError(
            "A decision counts the cases of two methods, once, at one operating point.",
            "With --decide give a task, --set, --seeds, --scale, --out, --time and a model alone.",
        )


def free_folder(out: Path | None, name: str) -> Path:
    """Return where a run goes: a folder that holds none.

    Raises:
        StoreError: if it holds one.
    """
    from adabench.harness.store import run_folder

    folder = out or new_folder(name)
    if (folder / run_folder.MANIFEST).exists():
        raise StoreError(
            f"{folder} holds a run already.",
            "Choose another --out: what was counted before is not counted again.",
        )
    return folder


def write_answers(folder: Path, found: "Decision", others: "Mapping[str, str]") -> None:
    """Put the answers beside the records: what was planned, and how often it was looked at."""
    from adabench.harness.files.whole_file import write_whole

    text = json.dumps({"claims": answers(found, others)}, indent=1)
    write_whole(folder / "decision.json", text.encode("utf-8"))


def answers(found: "Decision", others: "Mapping[str, str]") -> list[dict[str, Any]]:
    """Return what became of each claim as plain data, the decided ones first."""
    rows = sorted(found.claims, key=lambda claim: (not claim.is_decided, claim.name))
    lines = [_answer(found, claim) for claim in rows]
    words = {
        n: "not testable here" if why.startswith(NO_ROOM) else "not run"
        for n, why in others.items()
    }
    return lines + [
        {"id": name, "verdict": words[name], "left": why} for name, why in others.items()
    ]


def _answer(found: "Decision", claim: "OpenClaim") -> dict[str, Any]:
    from adabench.harness.decision.open_claim import TRAININGS

    row = {} if claim.row is None else asdict(claim.row)
    planned = round(claim.planned * claim.per_seed) if claim.per_seed else 0
    if row.get("over") == "trainings":
        planned = min(planned, TRAININGS)
    return {
        "id": claim.name,
        "verdict": "not run",
        **row,
        "says": claim.statement.claim.says,
        "seeds": claim.looks[-1] if claim.looks else 0,
        "planned_seeds": claim.planned,
        "planned": planned,
        "looks": len(claim.looks),
        "left": "" if claim.is_decided else missing_work(found, claim),
    }


def missing_work(found: "Decision", claim: "OpenClaim") -> str:
    """Say what it would take to decide a claim, in units that can be had."""
    row = claim.row
    if row is None:
        return claim.reason or "no time was left for its first look"
    if row.verdict == "not run":
        return row.reason
    if row.over == "trainings" and claim.reason and "training" in claim.reason:
        return f"{claim.reason}; {row.run_with}" if row.run_with else claim.reason
    missing_s = found.left_s(claim)
    if missing_s > 0:
        unit = "cases" if row.over == "cases" else "seeds"
        more = round((claim.planned - claim.looks[-1]) * max(claim.per_seed, 1.0))
        return f"{duration(missing_s)} more: {more} {unit}"
    return f"its plan is done, and its power was {row.power:.2f}" if row.power else row.reason


def show(
    title: str, found: "Decision", others: "Mapping[str, str]", folder: Path, *, as_json: bool
) -> None:
    """Print the answers: how many, which, and what the rest would take."""
    rows = answers(found, others)
    done = [row["id"] for row in rows if "left" not in row or not row["left"]]
    if as_json:
        print(
            json.dumps(
                {
                    "title": title, "decided": len(done), "of": len(found.claims), "claims": rows,
                    "seconds": round(found.spent_s, 1), "run": str(folder),
                }
            )
        )  # fmt: skip
        return
    print(title)
    names = f": {', '.join(done)}" if done else ""
    print(f"{len(done)} of {len(found.claims)} decided in {duration(found.spent_s)}{names}")
    for row in rows:
        _print(row)
    if found.claims:
        print(f"Records: {folder}   adabench report {folder}")


def _print(row: "Mapping[str, Any]") -> None:
    value = ""
    if row.get("estimate") is not None:
        value = f"  {row['estimate']:.3g}"
        if row.get("low") is not None and row.get("high") is not None:
            value += f" [{row['low']:.3g}, {row['high']:.3g}]"
        bar = row.get("bar")
        value += f", bar {bar:.3g}" if bar is not None else ""
    unit = f", {row['n']} cases over {row['over']}" if row.get("over") else ""
    print(f"\n{row['id']}: {row['verdict']}{value}{unit}")
    if row.get("says"):
        print(f"  {row['says']}")
    if row.get("reason"):
        print(f"  {row['reason']}")
    if row.get("left"):
        print(f"  What it takes: {row['left']}")
