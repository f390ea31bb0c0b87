"""Two runs held against each other: a verdict for every operating point and metric.

**The five words.** With the effect read in the direction of good that the task's card gives,
and a margin for every metric (`harness/compare/margins.py`):

- `worse`, `better`: the effect lies beyond the margin on that side. Its two-sided p-value,
  adjusted by Holm over everything one comparison tests (all operating points, metrics
  and other runs), is at most 5 %. So of comparisons between runs of which no metric moved by more
  than its margin, at most 5 % contain a single false `worse` or `better`.
- `same`: the effect lies within the margin, shown by two one-sided tests at 5 %. This is a
  statement about one metric, not about the family; no evidence of a change is not enough. A
  count or quality that is equal on every pair is `same` without a test.
- `ambiguous`: neither could be shown. More cases, seeds or repeats would tell.
- `invalid`: no comparison; the note says why. The two runs saw different instances; the
  task's own files changed; too many samples of a timing were disturbed; the joules are a
  model's estimate, or come from instruments of different kinds; fewer than six independent
  pairs. What was measured is shown all the same, where it is of the same cases.

The interval beside an effect is that of this one metric at 95 %; it is not adjusted. A metric
may so have an interval beyond its margin and be `ambiguous`: among so many, one such is to be
expected.

**Drift.** Two runs are two moments, and a machine may be faster in one of them; no number of pairs
averages that out. So a method that is unchanged (`harness/provenance/environment_diff.py`) is a control: its
times, joules and bytes are never `better` or `worse`, and the largest shift among all controls is
the drift that every changed method is allowed, either way. Where nothing is known to be unchanged a
note says so: then a verdict on times speaks of the machine too. `adabench gate` interleaves the two
sides instead.

**Unlike hardware** (`harness/provenance/environment_diff.py`). Times, joules and bytes of memory are then left out.
Qualities and counts stand; speed is compared as a fraction of what each machine can do
(`harness/compare/ceiling_fractions.py`).
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from adabench.harness.analysis.operating_points import IDENTITY, unit_of
from adabench.harness.compare import ceiling_fractions, margins, validity
from adabench.harness.compare.change import ALPHA, CRITERIA, ENOUGH, MetricChange, change_of
from adabench.harness.compare.flips import Flips, flips_of
from adabench.harness.compare.loaded_run import LoadedRun, RunPair
from adabench.harness.compare.margins import Kind, Margin
from adabench.harness.compare.pair_verdicts import (
    MEASURED,
    Decision,
    Direction,
    Measurement,
    Question,
    Word,
    decide,
    measure,
)
from adabench.harness.compare.pairing import (
    Match,
    MetricPairs,
    UnmatchedCells,
    matches,
    pairs_of,
    unmatched_cells,
)
from adabench.harness.contract.card import Card
from adabench.harness.contract.record import Cell
from adabench.harness.provenance import environment_diff
from adabench.harness.stats.intervals import FloatArray
from adabench.harness.store.table import Table

WORDS: tuple[Word, ...] = ("worse", "ambiguous", "invalid", "better", "same")
"""In the order in which one wants to read them."""
DRIFTED = "nothing known has changed it: the machine drifted between the runs"
ECHOES = frozenset({"wall_s", "latency_mean_s", "latency_min_s", "run_delay_s", IDENTITY})
"""Other readings of a clock that is judged already, and what is no measurement: judged only
when asked for by name, as are a model's joules. Every further metric costs all others power."""


@dataclass(frozen=True)
class Row:
    """The verdict on one metric of one operating point."""

    cell: Cell
    metric: str
    unit: str
    kind: Kind
    better: Direction
    margin: Margin
    verdict: Word
    change: MetricChange | None
    """None where the two runs are not of the same cases."""
    p: float | None = None
    """Two-sided, of "no change beyond the margin", adjusted by Holm."""
    label: str = ""
    """Of joules."""
    control: bool = False
    """Times, joules or bytes of an unchanged method: they tell of the machine's drift."""
    note: str = ""
    flips: Flips | None = None
    """Of a quality that is yes or no for each case: which of them changed."""
    measurement: Measurement | None = field(default=None, compare=False, repr=False)
    """What the verdict is drawn from."""


@dataclass(frozen=True)
class Comparison:
    """One run held against the base."""

    base: str
    other: str
    unlike: tuple[environment_diff.Unlike, ...]
    across: bool
    """On unlike hardware: times, joules and bytes are left out."""
    rows: tuple[Row, ...]
    lonely: UnmatchedCells
    drift: Mapping[str, float]
    """The largest shift of unchanged methods, by metric, as a logarithm."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparisonRequest:
    """What is compared."""

    margins: Mapping[str, Margin]
    metrics: tuple[str, ...] = ()
    """These only; empty means all that a verdict can be drawn from."""


def compare(
    base: LoadedRun,
    others: Sequence[LoadedRun],
    cards: Mapping[str, Card],
    asked: ComparisonRequest,
) -> list[Comparison]:
    """Hold every other run against the base; hardware that differs is compared across.

    `cards` are those of the tasks, by name.

    Raises:
        SelectionError: for a margin or metric that no run holds, or a margin of the wrong form.
    """
    held_names = {name for side in (base, *others) for name in side.table.columns}
    for names in (asked.margins, asked.metrics):
        margins.check_names(names, {*held_names, *ceiling_fractions.NAMES.values()})
    found = [_against(base, other, cards, asked) for other in others]
    return _decided(found)


def counts(found: Iterable[Comparison]) -> dict[Word, int]:
    """Return how often each word was given."""
    words = [row.verdict for comparison in found for row in comparison.rows]
    return {word: words.count(word) for word in WORDS}


def _decided(found: Sequence[Comparison]) -> list[Comparison]:
    """Give the words: one family of tests over all comparisons."""
    rows = [row for comparison in found for row in comparison.rows]
    tested = [_tested(row) for row in rows]
    decisions = iter(zip(tested, decide(tested, CRITERIA), strict=True))
    return [
        replace(comparison, rows=tuple(_worded(row, *next(decisions)) for row in comparison.rows))
        for comparison in found
    ]


def _tested(row: Row) -> Measurement | None:
    """Return what goes into the family: nothing invalid, and of a control sameness only."""
    if row.verdict == "invalid" or row.measurement is None:
        return None
    if row.control:
        return replace(row.measurement, p_up=math.nan, p_down=math.nan)
    return row.measurement


def _worded(row: Row, found: Measurement | None, decision: Decision) -> Row:
    measured = row.measurement  # of a control too, whose p-values `found` lacks
    if found is None or measured is None:
        return row
    if found.equal:
        return replace(row, verdict="same", note="equal on every pair")
    row = replace(row, verdict=decision.word, p=decision.p_up)  # two-sided: both are one number
    if decision.word != "ambiguous":
        return row
    moved = row.control and min(measured.p_up, measured.p_down) <= ALPHA
    return replace(row, note=DRIFTED if moved else row.note)


def _against(
    base: LoadedRun, other: LoadedRun, cards: Mapping[str, Card], asked: ComparisonRequest
) -> Comparison:
    unlike = environment_diff.differences(base.manifest, other.manifest)
    across = bool(environment_diff.forbidding(unlike))
    both = RunPair(base, other, across)
    found = matches(both.a, both.b)
    repeated = _repeated(base.table, other.table)

    def rows(chosen: Iterable[Match], drift: Mapping[str, float]) -> list[Row]:
        return [
            row
            for match in chosen
            for row in _rows(both, match, repeated.get(match.cell.key), cards, asked, drift)
        ]

    still = [match for match in found if match.cell.address in both.unchanged]
    moving = [match for match in found if match.cell.address not in both.unchanged]
    controls = rows(still, {})
    drift = _drift(controls)
    judged = rows(moving, drift)
    notes = [*validity.notes(both, found, cards), *validity.of_drift(both, judged, drift)]
    return Comparison(
        base.name, other.name, tuple(unlike), across, (*controls, *judged),
        unmatched_cells(base.table, other.table), drift, tuple(notes),
    )  # fmt: skip


def _drift(controls: Iterable[Row]) -> dict[str, float]:
    """Return the largest shift of unchanged methods, by metric, as a logarithm."""
    found: dict[str, float] = {}
    for row in controls:
        if row.control and row.verdict != "invalid" and row.change and row.change.estimate > 0:
            shift = abs(math.log(row.change.estimate))
            found[row.metric] = max(shift, found.get(row.metric, 0.0))
    return found


def _repeated(a: Table, b: Table) -> dict[str, Match]:
    """Return the pairs before collapsing, by cell; none where too few repeats are common."""
    if any(len(side) == 0 or int(side.repeat.max()) < ENOUGH - 1 for side in (a, b)):
        return {}
    return {match.cell.key: match for match in matches(a, b)}


def _rows(
    both: RunPair,
    match: Match,
    repeated: Match | None,
    cards: Mapping[str, Card],
    asked: ComparisonRequest,
    drift: Mapping[str, float],
) -> Iterator[Row]:
    card = cards[match.cell.task]
    spoilt = validity.of_match(both, match)
    for name in _names(both, card, asked):
        kind = margins.kind_of(name, card) or "count"
        blank = Row(
            match.cell, name, unit_of(name, card), kind, margins.better(name, card),
            margins.margin_for(name, kind, asked.margins), "invalid",
            None, note=spoilt,
            label=validity.label(both, name) if kind == "energy" else "",
            control=kind in MEASURED and match.cell.address in both.unchanged,
        )  # fmt: skip
        pairs = pairs_of(match, name, both.a.columns[name], both.b.columns[name])
        if spoilt:
            yield blank
        if spoilt or not len(pairs.a):
            continue  # without a pair: another task's metric, or one that only one run has
        again = pairs_of(repeated, name, *_whole(both, name)) if repeated else None
        question = Question(
            pairs, kind, blank.better, blank.margin, repeats=again, slack=drift.get(name, 0.0)
        )
        yield _filled(both, match, blank, question)
    if both.across and not spoilt:
        yield from _fraction_rows(both, match, card, asked)


def _aside(name: str) -> bool:
    return name in ECHOES or "_est_" in name


def _whole(both: RunPair, name: str) -> tuple[FloatArray, FloatArray]:
    """Return a column of both tables as they were before collapsing."""
    return both.base.table.columns[name], both.other.table.columns[name]


def _filled(both: RunPair, match: Match, blank: Row, question: Question) -> Row:
    """Return the row with its change; `invalid` if something spoils it, else still unjudged."""
    measurement = measure(question, CRITERIA)
    found = change_of(question, measurement)
    why = validity.of_metric(both, match, blank.metric, blank.kind, found)
    word: Word = "invalid" if why else "ambiguous"
    flips = flips_of(both, question.pairs, blank.better) if blank.kind == "quality" else None
    note = why or "; ".join(filter(None, (found.note, str(flips or ""))))
    return replace(
        blank, change=found, verdict=word, note=note, flips=flips, measurement=measurement
    )


def _fraction_rows(
    both: RunPair, match: Match, card: Card, asked: ComparisonRequest
) -> Iterator[Row]:
    """Return what each machine made of its own ceilings; nothing without two profiles."""
    ours, theirs = (environment_diff.profile_of(side.manifest) for side in (both.base, both.other))
    if isinstance(ours, str) or isinstance(theirs, str):
        return
    a, b = (
        ceiling_fractions.shares(
            {
                name: side.columns[name][rows]
                for name in ceiling_fractions.INPUTS
                if name in side.columns
            },
            pinned,
            card,
        )
        for side, rows, pinned in ((both.a, match.a, ours), (both.b, match.b, theirs))
    )
    for name in sorted(a.keys() & b.keys() & set(asked.metrics or a)):
        blank = Row(
            match.cell, name, "", "timing", "higher",
            margins.margin_for(name, "timing", asked.margins), "invalid", None,
            label=" | ".join(dict.fromkeys((a[name].of, b[name].of))),
        )  # fmt: skip
        pairs = _of_values(match, name, a[name].values, b[name].values)
        if len(pairs.a):
            slack = ceiling_fractions.slack(a[name], b[name])
            question = Question(pairs, "timing", "higher", blank.margin, slack=slack)
            yield _filled(both, match, blank, question)


def _of_values(match: Match, name: str, a: FloatArray, b: FloatArray) -> MetricPairs:
    """Return the pairs of columns that hold the match's rows only."""
    own = np.arange(len(a))
    return pairs_of(replace(match, a=own, b=own), name, a, b)


def _names(both: RunPair, card: Card, asked: ComparisonRequest) -> list[str]:
    """Return the metrics to be judged: those asked for, or all that have a direction of good."""
    names = sorted(both.a.columns.keys() & both.b.columns.keys())
    kinds = {name: margins.kind_of(name, card) for name in names}
    return [
        name
        for name, kind in kinds.items()
        if kind is not None
        and not (both.across and kind in MEASURED)
        and (name in asked.metrics if asked.metrics else not _aside(name))
    ]
