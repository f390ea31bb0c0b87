"""From a run's records to its findings: the only way from raw values to shown numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from adabench.harness.analysis.claims.verdicts import Look, verdicts
from adabench.harness.analysis.findings import ClaimRow, Findings, Tally
from adabench.harness.analysis.frontier_band import front_bands
from adabench.harness.analysis.invalid_timings import drop_invalid_timings
from adabench.harness.analysis.operating_points import OperatingPoint, collapse
from adabench.harness.analysis.oracle_gap import oracle_gaps
from adabench.harness.analysis.realised_speedup import realised_speedups
from adabench.harness.analysis.summary import summarise
from adabench.harness.contract.card import Card, Knob, Point
from adabench.harness.contract.record import Record
from adabench.harness.store.table import Table, from_records


def analyse(
    run: str,
    manifest: Mapping[str, Any],
    task_cards: Mapping[str, Card],
    method_cards: Mapping[str, Card],
    records: Iterable[Record] | Table,
    rivals: Mapping[str, Card] | None = None,
) -> Findings:
    """Read a run: its summary, oracle gaps, realised speedups and claims.

    `task_cards` is by folder, `method_cards` by address (`task/method`); both hold at least
    what the records name. `rivals` are the controls and static methods of the tasks, run or not, that
    claims are told apart from. The same set of records gives the same findings in any order.

    Of a run that looked at claims cells have as many seeds as their claims took: its methods are not compared
    with each other, so it has no gaps and no speedups.

    A knob that a run pinned to one other value stands at that value: what claims, tables and
    gaps call the default is then what was asked for.

    Raises:
        KeyError: if a record names a task or method without a card.
    """
    table = records if isinstance(records, Table) else from_records(records)
    dots = collapse(drop_invalid_timings(table, task_cards))
    usual = task_cards, method_cards
    task_cards, method_cards = settled_cards(dots, task_cards, method_cards)
    looks = _looks(manifest)
    compared = () if looks else dots
    return Findings(
        run,
        manifest,
        task_cards,
        method_cards,
        Tally.of(table),
        summarise(dots, task_cards, method_cards),
        oracle_gaps(compared, task_cards, method_cards, manifest.get("sources")),
        realised_speedups(compared, task_cards, method_cards),
        tuple(
            _marked(row, *usual, task_cards, method_cards)
            for row in verdicts(table, task_cards, method_cards, dots, rivals, looks)
        ),
        front_bands(dots, task_cards, method_cards),
    )


def _looks(manifest: Mapping[str, Any]) -> dict[str, Look]:
    """Return the looks that a run planned; none lets an interval be narrower than that of one look."""
    found = manifest.get("looks", {})
    return {n: (max(float(one["widening"]), 1.0), one["last_seed"]) for n, one in found.items()}


def settled_cards(
    dots: Sequence[OperatingPoint], task_cards: Mapping[str, Card], method_cards: Mapping[str, Card]
) -> tuple[dict[str, Card], dict[str, Card]]:
    """Return the cards with every knob at the one value at which a run has it, if it has one.

    Where nobody saw the work of a task's models, its first cost that was counted stands in for it.
    """
    by_task = {name: [dot for dot in dots if dot.task == name] for name in task_cards}
    tasks = {
        name: _with_seen_work(pin_conditions(card, [dot.conditions for dot in own]), own)
        for (name, card), own in zip(task_cards.items(), by_task.values(), strict=True)
    }
    methods = {
        address: pin_conditions(
            card, [dot.point for dot in dots if f"{dot.task}/{dot.method}" == address]
        )
        for address, card in method_cards.items()
    }
    return tasks, methods


def _with_seen_work(card: Card, dots: Sequence[OperatingPoint]) -> Card:
    """Return the card with the first cost that all dots hold as primary work, if none holds that of the card."""
    work = next((one for one in card.metrics if one.primary and one.role == "work"), None)
    if work is None or not dots or any(dot.holds(work.name).any() for dot in dots):
        return card
    costs = (one for one in card.metrics if one.role == "cost")
    seen = next((one for one in costs if all(dot.holds(one.name).any() for dot in dots)), None)
    if seen is None:
        return card
    now = {work: replace(work, primary=False), seen: replace(seen, role="work", primary=True)}
    return replace(card, metrics=tuple(now.get(one, one) for one in card.metrics))


def _marked(
    row: ClaimRow,
    usual_tasks: Mapping[str, Card],
    usual_methods: Mapping[str, Card],
    tasks: Mapping[str, Card],
    methods: Mapping[str, Card],
) -> ClaimRow:
    """Say in a claim's reason where it was tested elsewhere than its card means, if it was tested."""
    if row.verdict == "not testable here":
        return row
    address = f"{row.task}/{row.method}"
    pairs = [
        (knob, known.knob(knob.name))
        for card, known in (
            (tasks[row.task], usual_tasks[row.task]),
            (methods[address], usual_methods[address]),
        )
        for knob in card.knobs
    ]
    moved = [
        f"{now.name}={now.default} (card: {was.default})"
        for now, was in pairs
        if was is not None and now.default != was.default
    ]
    where = f"tested at {', '.join(moved)}" if moved else ""
    return replace(row, reason="; ".join(filter(None, [row.reason, where])))


def pin_conditions(card: Card, points: Sequence[Point]) -> Card:
    """Return the card with every knob that was run at one value only standing at that value."""
    return replace(card, knobs=tuple(_pinned(knob, points) for knob in card.knobs))


def _pinned(knob: Knob, points: Sequence[Point]) -> Knob:
    values = {point[knob.name] for point in points if knob.name in point}
    return replace(knob, default=values.pop()) if len(values) == 1 else knob
