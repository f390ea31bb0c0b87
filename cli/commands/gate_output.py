"""What a gate says to people, and as one line of JSON."""

import json
from dataclasses import asdict

from adabench.cli.commands import gate_ci
from adabench.harness.gate import self_test
from adabench.harness.gate.judge import counts
from adabench.harness.gate.session import GateOutcome

WORDS = {0: "pass", 1: "regression", 3: "invalid", 5: "ambiguous"}


def page(outcome: GateOutcome) -> str:
    """Return what is not `same`, what changed exactly, and the count of every word."""
    lines = [f"{outcome.base} -> {outcome.head}"]
    lines += [
        f"  {row.verdict:<9} {gate_ci.name(row)}: {gate_ci.sentence(row)}"
        for row in outcome.rows
        if row.verdict != "same" or row.evidence == "exact"
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


def self_test_page(result: self_test.SelfTestResult) -> str:
    """Return a self-test for people."""
    lines = (
        f"A/A: {result.alarms} of {result.gates} gates of equal code raised a false alarm.",
        f"A/B: {result.found} of {result.gates} gates found a planted slowdown of {result.planted:.0%}",
        f"     in every cell ({result.found_cells:.0%} of cells; it measured {result.seen:+.1%}).",
        f"Drawn from {result.rounds} rounds of either kind, {result.first} a gate.",
        f"Equal code: rounds scatter by {result.spread:.1%} (standard deviation);",
        f"            the furthest one lies {result.furthest:.1%} off.",
    )
    return "\n".join(lines)


def dump(result: GateOutcome | self_test.SelfTestResult) -> str:
    """Return the outcome as one line of JSON."""
    return json.dumps(result.to_json() if isinstance(result, GateOutcome) else asdict(result))
