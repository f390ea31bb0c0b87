"""What a gate says to people, and as one line of JSON."""

import json
from dataclasses import asdict

from adabench.cli import gate_ci
from adabench.harness.gate import self_test
from adabench.harness.gate.judge import counts, missing_metrics
from adabench.harness.gate.session import GateOutcome

WORDS = {0: "pass", 1: "regression", 3: "invalid", 5: "ambiguous"}


def page(outcome: GateOutcome) -> str:
    """Return what is not `same`, what changed exactly, and the count of every word."""
    lines = [f"{outcome.base} -> {outcome.head}"]
    lines += [
        f"  {row.verdict:<9} {gate_ci.name(row)}: {gate_ci.sentence(row)}"
        for row in outcome.rows
        if (row.verdict != "same" or row.evidence == "exact") and not gate_ci.is_disturbed(row)
    ]
    lines += (
        [f"  invalid   {_disturbed_line(outcome)}"]
        if any(map(gate_ci.is_disturbed, outcome.rows))
        else []
    )
    lines += [
        f"  required  {name}: nothing valid of it was measured; repeat on a quiet machine"
        for name in missing_metrics(outcome.rows, outcome.require)
    ]
    lines.append(
        ", ".join(f"{n} {word}" for word, n in counts(outcome.rows).items() if n) or "none"
    )
    rule, tests = outcome.rule, sum(row.p_worse is not None for row in outcome.rows)
    family = f"{tests} tests, a false alarm in at most {rule.alpha:.0%} of gates"
    rounds = ""
    if outcome.rounds:
        rounds = f"; {outcome.rounds} rounds, look {outcome.looks} of {rule.looks}"
    return "\n".join([*lines, family + rounds, f"{WORDS[outcome.code]} (exit {outcome.code})"])


def _disturbed_line(outcome: GateOutcome) -> str:
    """Say in one line which times and energies are not compared, and why the first of them is not."""
    rows = [row for row in outcome.rows if gate_ci.is_disturbed(row)]
    names = ", ".join(dict.fromkeys(row.metric for row in rows))
    where = f"{len({row.cell.key for row in rows})} configurations"
    return f"{names} of {where} are not compared: {rows[0].note} (--json has each)"


def self_test_page(result: self_test.SelfTestResult) -> str:
    """Return a self-test for people."""
    lines = (
        f"A/A: {result.alarms} of {result.gates} gates of equal code raised a false alarm.",
        f"A/B: {result.found} of {result.gates} gates found a planted slowdown of {result.planted:.0%}",
        f"     in every configuration ({result.found_cells:.0%} of them; it measured {result.seen:+.1%}).",
        f"Drawn from {result.rounds} rounds of either kind, {result.first} a gate.",
        f"Equal code: rounds scatter by {result.spread:.1%} (standard deviation);",
        f"            the furthest one lies {result.furthest:.1%} off.",
    )
    return "\n".join(lines)


def dump(result: GateOutcome | self_test.SelfTestResult) -> str:
    """Return the outcome as one line of JSON."""
    return json.dumps(result.to_json() if isinstance(result, GateOutcome) else asdict(result))
