"""What a gate asks of two runs: their pairs, metric by metric, and what spoils them.

Judged by default are the qualities, costs and work counters that a task's card declares, the
latency and, where an instrument measured them, joules; any other metric when a margin names it.
Every further metric costs the others power, so a clock's echoes are left out.

A timing of which no sample ran undisturbed is left out together with its partner. A cell that
ended well in BASE and failed in HEAD is a regression, not a gap; one that BASE alone holds is
invalid, since nobody knows what became of it.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from adabench.harness.compare import margins, validity
from adabench.harness.compare.loaded_run import DROPPED, SAMPLES, LoadedRun, RunPair
from adabench.harness.compare.margins import Margin
from adabench.harness.compare.pair_verdicts import Question
from adabench.harness.compare.pairing import Match, MetricPairs, matches, pairs_of, unmatched_cells
from adabench.harness.contract.card import Card
from adabench.harness.contract.record import Record
from adabench.harness.errors import StoreError
from adabench.harness.gate.judge import GateVerdict, verdict_without_values
from adabench.harness.provenance import environment_diff
from adabench.harness.stats.intervals import IntArray
from adabench.harness.store.table import Table

TIMED = "latency_s"
JOULES = "energy_j"


def questions(
    base: LoadedRun, head: LoadedRun, cards: Mapping[str, Card], given: Mapping[str, Margin]
) -> list[Question]:
    """Return every metric of every operating point that both runs hold.

    Raises:
        SelectionError: for a margin that fits no metric of the runs.
        StoreError: if the machines differ.
    """
    unlike = environment_diff.forbidding(environment_diff.differences(base.manifest, head.manifest))
    if unlike:
        raise StoreError(
            f"{base.name} and {head.name} ran on unlike hardware: {', '.join(map(str, unlike))}.",
            "A gate needs both from one machine: run both there, or gate revisions with --rev. "
            "`adabench compare --across-hardware` shows what can be said all the same.",
        )
    margins.check_names(given, base.table.columns.keys() | head.table.columns.keys())
    both = RunPair(base, head, across=False)
    spoilt = {match.cell.key: validity.of_match(both, match) for match in matches(both.a, both.b)}
    return [
        question
        for match in matches(base.table, head.table)
        for question in _of_match(both, match, cards[match.cell.task], given,
                                  spoilt.get(match.cell.key, ""))
    ]  # fmt: skip


def verdicts_on_missing_cells(
    base: LoadedRun, head: LoadedRun, records: Sequence[Sequence[Record]], *, told: frozenset[str]
) -> list[GateVerdict]:
    """Return verdicts on cells without values on one side; `told` cells exist in one revision only.

    `records` are those of both runs, failed ones included.
    """
    failed = [
        {record.cell.key: record.note.partition("\n")[0] for record in side
         if record.status in ("error", "timeout")}
        for side in records
    ]  # fmt: skip
    ok = [{record.cell.key for record in side if record.status == "ok"} for side in records]
    found = []
    for record in {record.cell.key: record for side in records for record in side}.values():
        key = record.cell.key
        if key in failed[1] and key not in failed[0] and key in ok[0]:
            found.append(
                verdict_without_values(record.cell, f"fails in HEAD: {failed[1][key]}", "worse")
            )
        elif key in failed[0] and key in failed[1]:
            found.append(
                verdict_without_values(record.cell, f"fails in both: {failed[0][key]}", "invalid")
            )
        elif key in failed[0] and key in ok[1]:
            found.append(
                verdict_without_values(record.cell, f"failed in BASE: {failed[0][key]}", "better")
            )
    named = {row.cell.key for row in found} | told
    found += [
        verdict_without_values(cell, "HEAD has no record of it", "invalid")
        for cell in unmatched_cells(base.table, head.table).a
        if cell.key not in named
    ]
    return found


def _of_match(
    both: RunPair, match: Match, card: Card, given: Mapping[str, Margin], spoilt: str
) -> Iterator[Question]:
    base, head = both.base.table, both.other.table
    for name in sorted(base.columns.keys() & head.columns.keys()):
        kind = margins.kind_of(name, card)
        if kind is None or not _asked(name, card, given):
            continue
        margin = margins.margin_for(name, kind, given)
        pairs = pairs_of(match, name, base.columns[name], head.columns[name])
        if not len(pairs.a):
            continue
        why = spoilt or (_joules(both, name, given) if kind == "energy" else "")
        if why == "not asked":
            continue
        if kind in ("timing", "energy"):
            pairs = _undisturbed(pairs, match, base, head)
        yield Question(pairs, kind, margins.better(name, card), margin, why)


def _asked(name: str, card: Card, given: Mapping[str, Margin]) -> bool:
    declared = any(metric.name == name and metric.role != "info" for metric in card.metrics)
    return declared or name in (TIMED, JOULES) or name in given


def _joules(both: RunPair, name: str, given: Mapping[str, Margin]) -> str:
    """Return why joules are no evidence; a model's are not even asked about unless named."""
    label = validity.label(both, name)
    if label in validity.TOLD:
        return ""
    return f"joules that no instrument measured: {label}" if name in given else "not asked"


def _undisturbed(pairs: MetricPairs, match: Match, base: Table, head: Table) -> MetricPairs:
    """Leave out pairs of which a side had no undisturbed sample."""
    if len(pairs.a) != len(match.a) or SAMPLES not in base.columns or SAMPLES not in head.columns:
        return pairs
    kept = _kept(base, match.a) & _kept(head, match.b)
    return MetricPairs(
        pairs.cell, pairs.metric, pairs.a[kept], pairs.b[kept],
        pairs.seed[kept], pairs.case[kept], pairs.block[kept],
    )  # fmt: skip


def _kept(table: Table, rows: IntArray) -> npt.NDArray[np.bool_]:
    taken = table.columns[SAMPLES][rows]
    dropped = table.columns[DROPPED][rows] if DROPPED in table.columns else np.zeros(len(rows))
    return ~(np.nan_to_num(dropped) >= taken)
