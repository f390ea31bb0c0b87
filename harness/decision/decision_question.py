"""A question of the user's about two methods of a task, as a claim that is decided."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import get_args

from adabench.harness.analysis.reproduction import Part, Run, Statement
from adabench.harness.contract import registry
from adabench.harness.contract.claim import Scale
from adabench.harness.contract.question import GRAMMAR, DecisionQuestion
from adabench.harness.decision.decision import run_turns
from adabench.harness.decision.open_claim import FIRST, OpenClaim
from adabench.harness.errors import SelectionError, nearest
from adabench.harness.run.settings import Limits, Settings

PILOT = 900
"""The first seed of pilots: seeds from here on decide nothing, so that no plan knows what it will be held to."""

CLOCKS = ("latency_s", "cpu_s")
"""What the harness measures of every case: no task's card declares it."""


def rivals_for_best(
    question: DecisionQuestion, task: str, fixed: Sequence[str], scale: str
) -> list[OpenClaim]:
    """Return, of a question about the best method, the question about each that could be it.

    Controls and oracles are no methods to choose, and what lacks an extra or a card cannot be run.

    Raises:
        SelectionError: as `open_question` does, and if there is nobody but the rival.
    """
    names = [
        entry.name for entry in registry.methods(registry.find(task).address).values()
        if entry.card.role in ("adaptive", "static") and entry.name != question.rival
        and registry.availability(entry)[0]
    ]  # fmt: skip
    if not names:
        raise SelectionError(f"{task} has no method but {question.rival} that could be best.")
    questions = (replace(question, method=name) for name in names)
    return [open_question(one, task, fixed, scale) for one in questions]


def pilot_means(
    metric: str, claims: Sequence[OpenClaim], settings: Settings, cores: int, budget_s: float
) -> dict[str, float]:
    """Return a metric's mean by method, over the seeds of a pilot that the time allows.

    Seeds are counted one after another, and one that is not whole is left out; where not even the first is whole,
    the methods that were counted by then are what there is.
    """
    every = (turn for claim in claims for turn in claim.turns(range(PILOT, PILOT + FIRST)))
    fresh = {turn.cell.key: turn for turn in every}
    turns = sorted(fresh.values(), key=lambda turn: turn.cell.seed)
    values: dict[tuple[int, str], list[float]] = defaultdict(list)
    until, last, is_whole = time.monotonic() + budget_s, PILOT, True
    with closing(run_turns(turns, settings, Limits(), cores)) as found:
        for record in found:
            last = record.cell.seed
            if metric in record.values:
                values[last, record.cell.method].append(record.values[metric])
            if time.monotonic() > until:
                is_whole = False
                break
    whole = {seed for seed, _ in values if is_whole or seed < last} or {PILOT}
    names = dict.fromkeys(name for _, name in values)
    seen = {name: [v for seed in whole for v in values.get((seed, name), ())] for name in names}
    return {name: sum(own) / len(own) for name, own in seen.items() if own}


def best_of(question: DecisionQuestion, means: Mapping[str, float]) -> DecisionQuestion:
    """Return the question about the method that was ahead in the pilot.

    Raises:
        SelectionError: if the pilot has a number of none but the rival.
    """
    others = {name: mean for name, mean in means.items() if name != question.rival}
    if not others:
        raise SelectionError("The pilot came to no number of any method.", "Give it more --time.")
    ahead = max if question.rises else min
    return replace(question, method=ahead(others, key=lambda name: others[name]))


def open_question(
    question: DecisionQuestion, task: str, fixed: Sequence[str], scale: str
) -> OpenClaim:
    """Return a question about two methods of a task, under conditions that are pinned.

    Raises:
        SelectionError: if the task has no such metric, method or scale, or one rival is both.
    """
    card = registry.find(task).card
    own_scale = next(
        (name for name in get_args(Scale) if name == scale and name in card.scales), None
    )
    if own_scale is None:
        raise SelectionError(f"{task} has no scale {scale!r}.", f"It has {', '.join(card.scales)}.")
    metrics = {*CLOCKS, *(metric.name for metric in card.metrics)}
    if question.metric not in metrics:
        raise SelectionError(
            f"{task} has no metric {question.metric!r}.", nearest(question.metric, metrics)
        )
    if question.method == question.rival:
        raise SelectionError(f"{question.method} is not held against itself.", f"Write {GRAMMAR}.")
    own = registry.find(f"{task}/{question.method}")
    rival = registry.find(f"{task}/{question.rival}")
    words = [word for pair in fixed for word in ("--set", pair)]
    part = Part((own.address, rival.address), ("--no-sweep", "--alone", "--scale", scale, *words))
    return OpenClaim(Statement(own, replace(question.claim, scale=own_scale)), (Run((part,)),))
