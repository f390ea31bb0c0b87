"""`adabench check`: the conformance rules of tasks and methods, rule by rule."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adabench.cli.method_files import with_files
from adabench.cli.selection import AsJson, Select
from adabench.cli.terminal import talk, verdict_output
from adabench.harness.contract.catalogue import find_entries
from adabench.harness.errors import MethodContractError, SelectionError

if TYPE_CHECKING:
    from adabench.harness.contract.registry import Entry
    from adabench.harness.contract.task_gates import GateRow
    from adabench.harness.run.conformance import Finding

CLAIMS = "claims can fail"


Gates = Annotated[
    bool, typer.Option("--gates", help="Measure the gates of tasks anew, and check nothing else.")
]


def command(select: Select = None, as_json: AsJson = False, *, gates: Gates = False) -> None:
    """Check that tasks and methods keep the contract; exit 4 if one does not."""
    from adabench.harness.run.conformance import ConformanceCheck

    if gates:
        _measure(_with_gates(find_entries(select or ("*",))))
    findings: list[Finding] = []
    shown: list[tuple[str, GateRow]] = []
    with ConformanceCheck() as checks:
        for entry in find_entries(with_files(select or ("*",))):
            if gates and not entry.card.gates:
                continue
            talk(f"checking {entry.address}")
            own = [*checks.check(entry.address), *_claims_of(entry)]
            findings += own
            shown += [(entry.address, row) for row in entry.card.shown]
            if not as_json:
                with verdict_output():
                    print("\n".join([*map(_line, own), *_gate_lines(entry)]))
    if as_json:
        with verdict_output():
            print(json.dumps([*map(asdict, findings), *(_plain(*one) for one in shown)]))
    broken = [finding for finding in findings if finding.problem and not finding.skipped]
    if broken:
        names = ", ".join(sorted({finding.address for finding in broken}))
        raise MethodContractError(f"{len(broken)} rules are broken by {names}.")


def _claims_of(entry: "Entry") -> Iterator["Finding"]:
    """Try the claims of a method, on top of the rules that a run depends on."""
    from adabench.harness.analysis.claim_trials import ClaimTrials
    from adabench.harness.run.conformance import try_rule

    if entry.card.claims and "/" in entry.address:
        yield from try_rule(entry.address, CLAIMS, ClaimTrials(entry).problems)


def _with_gates(entries: "Sequence[Entry]") -> "list[Entry]":
    found = [entry for entry in entries if entry.card.gates]
    if not found:
        raise SelectionError(
            "nothing that is selected has gates.",
            "Name a task whose card declares some; without --gates a card that cannot be read is named.",
        )
    return found


def _measure(tasks: "Sequence[Entry]") -> None:
    """Measure the gates of tasks, and write their figures beside them."""
    from adabench.cli.decision_output import usual_settings
    from adabench.cli.execution import interruptible
    from adabench.harness.decision import gate_pass
    from adabench.profilers.hardware.host import usable_cores

    for task in tasks:
        with interruptible(f"adabench check {task.name} --gates"):
            found = gate_pass.measure(task, usual_settings(), usable_cores(), talk)
        gate_pass.write(task, found)


def _gate_lines(entry: "Entry") -> list[str]:
    """Return a line for each gate of a task."""
    if entry.card.gates and not entry.card.shown:
        return [
            f"unknown  {entry.address}: gates: adabench check {entry.address} --gates measures them"
        ]
    return [
        f"{_word(row)} {entry.address}: gate {row.name}: {_says(row)}" for row in entry.card.shown
    ]


def _word(row: "GateRow") -> str:
    words = {"passes": "passes", "fails": "FAILS", "does not apply": "-"}
    return f"{words[row.word]:8}"


def _says(row: "GateRow") -> str:
    """Return what a gate showed, with the conditions under which it did where there are several sets of them."""
    if row.figure is None or row.bar is None:
        return f"does not apply: {row.says}"
    return f"{row.figure:.3f}, bar {row.bar:g}, {row.n:,} cases: {row.says}"


def _plain(address: str, row: "GateRow") -> dict[str, Any]:
    """Return a gate as a finding that breaks no rule, with its figure."""
    finding = {"address": address, "rule": f"gate {row.name}", "problem": "", "skipped": False}
    return {**finding, "gate": asdict(row)}


def _line(finding: "Finding") -> str:
    word = "skipped" if finding.skipped else "BROKEN" if finding.problem else "ok"
    detail = f": {finding.problem}" if finding.problem else ""
    return f"{word:8} {finding.address}: {finding.rule}{detail}"
