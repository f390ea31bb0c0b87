"""What a claim may call upon: the leaves it speaks of, and their pairs.

A claim speaks of certain leaves. `Evidence.of` picks them: a condition or knob named in
`where` takes the values given there, one named in `free` any value, all others their
default. A method and its rivals are compared pair by pair, on equal conditions, seed and
case; `paired` finds the pairs.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from adabench.harness.card import Card, Knob, Point, Scalar
from adabench.harness.findings import VerdictWord
from adabench.harness.leaf import IDENTITY, TIMED, Key, Leaf, order

Where = Mapping[str, Scalar | tuple[Scalar, ...]]


class Ruling(NamedTuple):
    """What becomes of an expectation."""

    verdict: VerdictWord
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    n: int = 0
    reason: str = ""


class Pair(NamedTuple):
    """One method's leaf and its rivals' leaves on the very same case."""

    ours: Leaf
    theirs: tuple[Leaf, ...]


@dataclass(frozen=True)
class Evidence:
    """What a run holds about one task at one scale."""

    task: str
    card: Card
    methods: Mapping[str, Card]
    """By bare name."""
    leaves: Sequence[Leaf]

    def of(
        self, method: str, where: Where, *, groups: Sequence[str] = (), free: Collection[str] = ()
    ) -> list[Leaf]:
        """Return the leaves of `method` that `where` speaks of.

        Names in `where` that this method does not have as a knob are left to its rival.
        """
        knobs, conditions = self.methods[method].knobs, self.card.knobs
        return [
            leaf
            for leaf in self.leaves
            if leaf.method == method
            and (not groups or leaf.place.group in groups)
            and _allows(leaf.conditions, conditions, where, free)
            and _allows(leaf.point, knobs, where, free)
        ]

    def why_none(
        self, method: str, where: Where, groups: Sequence[str], free: Collection[str]
    ) -> str:
        """Say what would have to be run for `of` to find something."""
        own = [leaf for leaf in self.leaves if leaf.method == method]
        if not own:
            return f"run {method} too"
        if groups and not any(leaf.place.group in groups for leaf in own):
            return f"{method} has no case of group {' or '.join(groups)}"
        knobs = (*self.card.knobs, *self.methods[method].knobs)
        for knob in knobs:
            asked = _asked(knob, where, free)
            had = {({**leaf.conditions, **leaf.point}).get(knob.name, knob.default) for leaf in own}
            if asked is not None and not had & set(asked):
                return f"{method} needs {_named(knob.name, asked)}; recorded: {_listed(had)}"
        return f"{method} has no record under the conditions of the claim"


def _asked(knob: Knob, where: Where, free: Collection[str]) -> tuple[Scalar, ...] | None:
    """Return the values a claim allows, or None for any."""
    if knob.name not in where:
        return None if knob.name in free else (knob.default,)
    value = where[knob.name]
    return value if isinstance(value, tuple) else (value,)


def _allows(point: Point, knobs: Sequence[Knob], where: Where, free: Collection[str]) -> bool:
    for knob in knobs:
        asked = _asked(knob, where, free)
        if asked is not None and point.get(knob.name, knob.default) not in asked:
            return False
    return True


def _named(name: str, values: Collection[Scalar]) -> str:
    return f"{name}={_listed(values)}"


def _listed(values: Collection[Scalar]) -> str:
    return " or ".join(str(value) for value in sorted(values, key=lambda v: order({"": v})))


def paired(
    evidence: Evidence, ours: Sequence[Leaf], rivals: Mapping[str, Sequence[Leaf]], where: Where
) -> tuple[list[Pair], int]:
    """Return the pairs on equal conditions, seed and case, and how many were refused.

    A knob that `where` names and a rival also has takes the same value on both sides. A pair
    is refused when the two sides say that they saw different instances.
    """
    pairs, refused = [], 0
    shared = {
        rival: [
            knob.name
            for knob in evidence.methods[rival].knobs
            if knob.name in where and ours and knob.name in ours[0].point
        ]
        for rival in rivals
    }
    found = {
        rival: {_match(leaf, shared[rival]): leaf for leaf in leaves}
        for rival, leaves in rivals.items()
    }
    for leaf in ours:
        theirs = [found[rival].get(_match(leaf, shared[rival])) for rival in rivals]
        complete = tuple(other for other in theirs if other is not None)
        if len(complete) < len(rivals):
            continue
        if any(_differ(leaf, other) for other in complete):
            refused += 1
        else:
            pairs.append(Pair(leaf, complete))
    return pairs, refused


def _match(leaf: Leaf, shared: Sequence[str]) -> tuple[Key, Key, int, int]:
    knobs = {name: leaf.point[name] for name in shared if name in leaf.point}
    return order(leaf.conditions), order(knobs), leaf.place.seed, leaf.place.case


def _differ(one: Leaf, other: Leaf) -> bool:
    known = IDENTITY in one.values and IDENTITY in other.values
    return known and one.values[IDENTITY] != other.values[IDENTITY]


def unrecorded(metric: str) -> Ruling:
    """Rule on a claim about a metric that no leaf holds."""
    if metric.endswith(TIMED):
        return Ruling("not testable here", reason=f"nothing here measured {metric}")
    return Ruling("undecided", reason=f"{metric} was not recorded")


def place_of(leaf: Leaf, defaults: Point) -> str:
    """Name a case so that it can be found again: group, seed, case, unusual conditions."""
    unusual = [
        f"{name}={value}" for name, value in leaf.conditions.items() if defaults.get(name) != value
    ]
    where = f"seed {leaf.place.seed}, case {leaf.place.case}"
    return ", ".join(part for part in (leaf.place.group, where, *unusual) if part)
