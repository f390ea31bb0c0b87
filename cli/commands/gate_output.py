"""What a gate says to people, and as one line of JSON."""

import json
from dataclasses import asdict

from adabench.cli import junit
from adabench.cli.gating import Outcome
from adabench.harness.gate import self_test
from adabench.harness.gate.judge import counts

WORDS = {0: "pass", 1: "regression", 3: "invalid", 5: "ambiguous"}


def page(found: Outcome) -> str:
    """Return what is not `same`, what changed exactly, and the count of every word."""
    lines = [f"{found.base} -> {found.head}"]
    lines += [
        f"  {row.verdict:<9} {junit.name(row)}: {junit.sentence(row)}"
        for row in found.rows
        if row.verdict != "same" or row.evidence == "exact"
    ]
    lines.append(", ".join(f"{n} {word}" for word, n in counts(found.rows).items() if n) or "none")
    rule, tests = found.rule, sum(row.p_worse is not None for row in found.rows)
    family = f"{tests} tests, a false alarm in at most {rule.alpha:.0%} of gates"
    rounds = f"; {found.rounds} rounds, look {found.looks} of {rule.looks}" if found.rounds else ""
    return "\n".join([*lines, family + rounds, f"{WORDS[found.code]} (exit {found.code})"])


def self_test_page(found: self_test.Tested) -> str:
    """Return a self-test for people."""
    lines = (
        f"A/A: {found.alarms} of {found.gates} gates of equal code raised a false alarm.",
        f"A/B: {found.found} of {found.gates} gates found a planted slowdown of {found.planted:.0%}",
        f"     in every cell ({found.found_cells:.0%} of cells; it measured {found.seen:+.1%}).",
        f"Drawn from {found.rounds} rounds of either kind, {found.first} a gate.",
        f"Equal code: rounds scatter by {found.spread:.1%} (standard deviation);",
        f"            the furthest one lies {found.furthest:.1%} off.",
    )
    return "\n".join(lines)


def dumped(found: Outcome | self_test.Tested) -> str:
    """Return the outcome as one line of JSON."""
    return json.dumps(found.to_json() if isinstance(found, Outcome) else asdict(found))
