"""Why two runs, or one metric of one operating point, are no comparison; one sentence each.

What spoils a whole operating point: the task's own files changed, or its cases are other
instances. What spoils one metric: too few samples of a timing ran undisturbed (the rule of
`profilers/timing/disturbance.py`, on the cases of both runs); joules that are a model's estimate, or
of which the two runs have different labels; too few independent pairs.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from adabench.harness.compare import ceiling_fractions, margins
from adabench.harness.compare.change import ENOUGH, MetricChange
from adabench.harness.compare.loaded_run import KEPT, RunPair
from adabench.harness.compare.margins import Kind
from adabench.harness.compare.pair_verdicts import MEASURED
from adabench.harness.compare.pairing import Match, count_other_instances
from adabench.harness.contract.card import Card
from adabench.harness.provenance import environment_diff
from adabench.profilers.timing.disturbance import KEEP_SHARE

TOLD = ("measured", "counter")
"""Labels of joules that come from an instrument."""


class VerdictRow(Protocol):
    """What is asked of a verdict's row."""

    @property
    def metric(self) -> str:
        """The metric's name."""

    @property
    def kind(self) -> Kind:
        """The metric's kind."""


def of_match(both: RunPair, match: Match) -> str:
    """Return why an operating point cannot be compared at all, or nothing."""
    task = match.cell.task
    if environment_diff.task_changed(task, both.base.manifest, both.other.manifest) == "changed":
        return f"the files of task {task} changed"
    if not len(match.a):
        return "no case is in both runs"
    unlike = count_other_instances(match, both.a, both.b)
    return f"{unlike} of {len(match.a)} cases are other instances" if unlike else ""


def of_metric(both: RunPair, match: Match, metric: str, kind: Kind, found: MetricChange) -> str:
    """Return why one metric is not judged, or nothing."""
    if kind in MEASURED or metric in ceiling_fractions.NAMES.values():
        spoilt = _disturbed(both, match) if kind != "memory" else ""
        if spoilt:
            return spoilt
    if kind == "energy" and (why := _joules(both, metric)):
        return why
    if found.clusters < ENOUGH and not found.equal:
        return f"too few independent pairs: {found.clusters}, at least {ENOUGH} are needed"
    return ""


def label(both: RunPair, metric: str) -> str:
    """Return the label of joules in both runs, or both labels."""
    ours, theirs = both.base.energy.get(metric, ""), both.other.energy.get(metric, "")
    return ours if ours == theirs else f"{ours} | {theirs}"


def notes(both: RunPair, found: Sequence[Match], cards: Mapping[str, Card]) -> Iterator[str]:
    """Say what is to be known of the comparison as a whole."""
    yield from _missing(both, found)
    yield from _one_sided(both, found, cards)
    for task in sorted({match.cell.task for match in found}):
        state = environment_diff.task_changed(task, both.base.manifest, both.other.manifest)
        if state == "unknown" and task not in both.base.cards:  # of a log each instance tells
            yield (
                f"Whether the files of task {task} changed cannot be told: of every method in "
                "both runs the digest of its own and its task's files together differs."
            )
    if both.across:
        yield from _ceilings(both)


def of_drift(
    both: RunPair, judged: Iterable[VerdictRow], drift: Mapping[str, float]
) -> Iterator[str]:
    """Say how far unchanged methods moved, and of which metrics nobody knows it.

    `judged` are the rows of methods that are not known to be unchanged.
    """
    timed = sorted({row.metric for row in judged if row.kind in MEASURED and not both.across})
    told = [f"{name} {math.expm1(drift[name]):.1%}" for name in timed if name in drift]
    if told:
        yield f"Unchanged methods moved by up to {', '.join(told)}; changed ones are allowed as much."
    unknown = [name for name in timed if name not in drift]
    if unknown:
        yield (
            f"No method that is known to be unchanged tells how far {', '.join(unknown)} drifted "
            "with the machine between the runs. Record one that you did not touch in both, or let "
            "`adabench gate` interleave them."
        )


def _disturbed(both: RunPair, match: Match) -> str:
    sides = (both.base.name, both.a, match.a), (both.other.name, both.b, match.b)
    for name, table, rows in sides:
        kept = table.columns[KEPT][rows] if KEPT in table.columns else np.empty(0)
        kept = kept[~np.isnan(kept)]
        if len(kept) and kept.mean() < KEEP_SHARE:
            return (
                f"timing invalid: {kept.mean():.0%} of the samples in {name} ran undisturbed, "
                f"at least {KEEP_SHARE:.0%} are needed"
            )
    return ""


def _joules(both: RunPair, metric: str) -> str:
    ours, theirs = both.base.energy.get(metric, ""), both.other.energy.get(metric, "")
    if ours != theirs:
        return f"joules of unlike instruments: {ours} | {theirs}"
    return "" if ours in TOLD else f"joules that no instrument measured: {ours}"


def _missing(both: RunPair, found: Sequence[Match]) -> Iterator[str]:
    """Tell of cases of a shared seed that only one run holds: failed, or never run."""
    for name, count in (
        (both.base.name, sum(match.missing_a for match in found)),
        (both.other.name, sum(match.missing_b for match in found)),
    ):
        if count:
            yield (
                f"{count} cases of shared seeds have no record that ended well in {name}; they are "
                "left out, so the verdicts speak of the others only."
            )


def _one_sided(both: RunPair, found: Sequence[Match], cards: Mapping[str, Card]) -> Iterator[str]:
    known = [cards[task] for task in sorted({match.cell.task for match in found})]
    ours, theirs = both.a.columns.keys(), both.b.columns.keys()
    for name, own in ((both.base.name, ours - theirs), (both.other.name, theirs - ours)):
        judged = [m for m in sorted(own) if any(margins.kind_of(m, card) for card in known)]
        if judged:
            yield f"Recorded in {name} only: {', '.join(judged)}."


def _ceilings(both: RunPair) -> Iterator[str]:
    yield "Unlike hardware: times, joules and bytes of memory are not compared."
    for side in (both.base, both.other):
        found = environment_diff.profile_of(side.manifest)
        if isinstance(found, str):
            yield (
                f"No fractions of ceilings, since of {side.name} {found}. Run it again with "
                "--hardware FILE (adabench hardware pin > FILE.toml writes one)."
            )
