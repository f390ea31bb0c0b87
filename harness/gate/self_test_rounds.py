"""Measures a gate's false alarms and power on this machine: the rounds that a self-test draws from."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from adabench.harness.compare import loaded_run
from adabench.harness.compare.pair_verdicts import Question
from adabench.harness.gate import questions, self_test
from adabench.harness.gate.judge import Rule
from adabench.harness.gate.rounds import STRIDE, Pace, RevisionSetup, RoundRecords, run_round
from adabench.harness.gate.session import COMMAND, GateRequest, RevisionPlan, plan_revision
from adabench.harness.store.table import from_records

PLANTED = 0.05
"""The share of work that the slower side does in vain."""


def run_self_test(
    request: GateRequest, say: Callable[[str], None] = lambda _: None
) -> self_test.SelfTestResult:
    """Run A/A and A/B rounds until the budget is spent, and draw gates from them."""
    chosen = replace(request, places=request.places or ("paging/lru",), seeds=(0,))
    here = Path(sys.executable)
    equal = [RevisionSetup("A", here), RevisionSetup("A again", here)]
    unlike = [RevisionSetup("A", here), RevisionSetup("A, slowed", here, plant=PLANTED)]
    plan = plan_revision(equal[0], chosen)
    pace, kinds = Pace(), (RoundRecords(), RoundRecords())
    spent_s = 0.0
    while spent_s < request.budget_s or kinds[1].count < 2 * request.rounds:
        for setups, rounds in zip((equal, unlike), kinds, strict=True):
            run_round(setups, COMMAND, plan.cells, pace, rounds)
        spent_s = sum(rounds.spent_s for rounds in kinds)
        say(f"round {kinds[1].count} of either kind: {spent_s:.0f} s")
    same, slowed = (_questions(rounds, plan) for rounds in kinds)
    rule = Rule(stride=STRIDE, looks=pace.looks)
    return self_test.run_self_test(same, slowed, rule, request.rounds, PLANTED)


def _questions(rounds: RoundRecords, plan: RevisionPlan) -> Sequence[Question]:
    manifest = {"environment": dict(plan.environment)}
    base, head = (
        loaded_run.LoadedRun(name, manifest, from_records(records), {})
        for name, records in (("A", rounds.base), ("B", rounds.head))
    )
    return questions.questions(base, head, plan.cards, {})
