"""What a comparison generalises over, by what its task and methods are.

A seed of a nested task changes what all its cases share, so seeds are the units (trainings, where seeds
share one). On a task with exchangeable cases a seed draws further cases and nothing else: a rule on given
weights is over cases. But where one of the methods compared was fitted, by a `prepare` or on an artefact that
is no given one (`Card.given`), another fit would do otherwise, and the units are trainings. Of a case that is
asked twice, by what the task calls its instance, the first counts.

Two seeds share a training if anything that is compared used the same artefact in both; on a task that says
what is given, artefacts that are given join no seeds of a claim over trainings.
"""

import fnmatch
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from adabench.harness.analysis.operating_points import IDENTITY, CaseTable, OperatingPoint
from adabench.harness.contract.card import Card
from adabench.harness.contract.claim import Over
from adabench.harness.store.table import Table

MORE_CAREFUL: Mapping[Over, tuple[Over, ...]] = {
    "cases": ("seeds",), "trainings": (), "seeds": (),
}  # fmt: skip
"""What a statement may say that it is over in place of what follows. A fitted thing that said `seeds` would have its
one training counted as often as there are seeds."""


def with_units(
    dots: Sequence[OperatingPoint],
    compared: Sequence[OperatingPoint],
    card: Card,
    methods: Iterable[Card],
    over: Over | None = None,
    look: float | None = None,
) -> list[OperatingPoint]:
    """Return dots whose places know what is replicated where some of them are compared.

    Args:
        dots: of one run, task and scale.
        compared: those that a statement speaks of.
        card: of the task.
        methods: the cards of what is compared.
        over: what the statement says that it generalises over, if it says so: it may be more careful than
            what follows from the task and what is compared, and never less.
        look: of a planned look, how much further out the ends of intervals lie.
    """
    if not dots:
        return []
    leaves = dots[0].leaves
    used = _artefacts(leaves.table, compared)
    chosen = implied(card, methods, {name for own in used.values() for name in own})
    if over in MORE_CAREFUL[chosen]:
        chosen = over
    trainings = _trainings(used, chosen, card, leaves)
    items = _items(leaves) if chosen == "cases" and card.cases == "fixed" else None
    known = leaves.where.resting_on(chosen, trainings, card.recipes, items, look)
    once = _once(leaves) if chosen == "cases" and items is None else None
    leaves = replace(leaves, where=known)
    found = [replace(dot, leaves=leaves) for dot in dots]
    return found if once is None else [dot.only(once[dot.rows]) for dot in found]


def implied(card: Card, methods: Iterable[Card], artefacts: Collection[str]) -> Over:
    """Return what a statement is over that does not say so.

    Args:
        card: of the task.
        methods: the cards of what is compared.
        artefacts: names of the trained artefacts that these used.
    """
    if card.cases == "nested":
        return "seeds"
    fitted = any(method.prepares for method in methods) or any(fitted_for(artefacts, card))
    return "trainings" if fitted else "cases"


def fitted_for(artefacts: Collection[str], card: Card) -> list[str]:
    """Return the artefacts that a task does not hand to every method alike, sorted."""
    return sorted(
        name
        for name in artefacts
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in card.given)
    )


def _artefacts(table: Table, compared: Sequence[OperatingPoint]) -> dict[int, dict[str, str]]:
    """Return by seed the artefacts that operating points used, by name, with their digests."""
    used: dict[int, dict[str, str]] = {int(seed): {} for seed in np.unique(table.seed)}
    for index in {int(k) for dot in compared for k in np.unique(table.cell[dot.rows])}:
        cell = table.cells[index]
        used[cell.seed] |= table.trained.get(cell.key, {})
    return used


def _trainings(
    used: Mapping[int, Mapping[str, str]], over: Over, card: Card, leaves: CaseTable
) -> tuple[int, ...]:
    """Number the trainings of each seed; nothing where nothing is trained.

    Of a run that did not record its artefacts, the task's card says how many trainings there were: seeds
    took them in turn.
    """
    seeds = [int(seed) for seed in leaves.where.seeds]
    if card.trainings and not leaves.table.trained:
        return tuple(_shared({seed: {f"{seed % card.trainings}"} for seed in seeds}).values())
    joining = {
        seed: {
            f"{name} {digest}"
            for name, digest in used.get(seed, {}).items()
            if over != "trainings" or name in fitted_for([name], card)
        }
        for seed in seeds
    }
    trained = over == "trainings" or any(joining.values())
    return tuple(_shared(joining).values()) if trained else ()


def _shared(used: Mapping[int, Collection[str]]) -> dict[int, int]:
    """Number seeds by what they share, directly or through others; alone, each its own."""
    number = {seed: k for k, seed in enumerate(used)}
    holders: dict[str, int] = {}
    for seed, names in used.items():
        for name in names:
            one, other = number[seed], number[holders.setdefault(name, seed)]
            number = {s: other if n == one else n for s, n in number.items()}
    return number


def _once(leaves: CaseTable) -> npt.NDArray[np.bool_] | None:
    """Say of each row whether its case is the first that asks what it asks; None where none says what.

    A file of questions that is at its end begins anew: what is asked twice is no second case.
    """
    named = leaves.table.columns.get(IDENTITY)
    if named is None or np.isnan(named).all():
        return None
    known = np.flatnonzero(~np.isnan(named))
    order = known[np.argsort(leaves.cases[known], kind="stable")]
    _, first, back = np.unique(named[order], return_index=True, return_inverse=True)
    once = np.ones(len(named), np.bool_)
    once[order] = leaves.cases[order] == leaves.cases[order][first][back.reshape(-1)]
    return once


def _items(leaves: CaseTable) -> dict[int, int]:
    """Return the item of each place of a fixed list: what a task calls its instance, else its case."""
    table = leaves.table
    named = table.columns.get(IDENTITY)
    items = table.case.astype(np.float64) if named is None else named
    items = np.where(np.isnan(items), table.case, items)
    _, item = np.unique(items, return_inverse=True)
    return dict(zip(leaves.numbers.tolist(), item.reshape(-1).tolist(), strict=True))
