"""What a method is measured between: the settings of its mixture, its oracle and its random router.

The task's card fixes them (`Gap`), per backbone and training budget. Only they and the method
itself decide at which conditions all are compared, so no number depends on what else a run holds.
A task whose card names no gap has one backbone, and the roles say who is what: all statics are the
mixture, the first exact oracle (else the first bound) closes the gap, and the control, if there is
just one, is the random router.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from adabench.harness.analysis.independent_units import with_units
from adabench.harness.analysis.operating_points import OperatingPoint, Setting, settings
from adabench.harness.analysis.quality_cost_plot import (
    Dots,
    axes,
    default_dot,
    points_of_plot,
    rising,
)
from adabench.harness.contract.card import Card, Gap, Metric


@dataclass(frozen=True)
class Anchors:
    """A method, and the dots that it is measured between."""

    task: str
    method: str
    card: Card
    """The task's."""
    cards: Mapping[str, Card]
    """Of the task's methods, by bare name."""
    gap: Gap
    cost: Metric
    quality: Metric
    drawn: Sequence[OperatingPoint]

    @property
    def sign(self) -> float:
        """The factor that turns the quality so that up is good."""
        return rising(self.quality)

    def side(self, names: Iterable[str], *values: str) -> dict[Setting, OperatingPoint]:
        """Return the operating points of some methods that hold both axes and `values`."""
        wanted = set(names)
        own = (dot for dot in self.drawn if dot.method in wanted)
        return settings(own, (self.cost.name, self.quality.name, *values))

    def oracle(self) -> dict[Setting, OperatingPoint]:
        """Return the oracle's operating points, at the knobs at which it counts."""
        counts = self.gap.oracle_at.items()
        dots = self.side((self.gap.oracle,))
        return {key: dot for key, dot in dots.items() if counts <= dict(dot.point).items()}

    def at_default(self, method: str) -> dict[Setting, OperatingPoint]:
        """Return a method's default point at every budget."""
        if method not in self.cards:
            return {}
        usual = self.cards[method].defaults
        own = self.side((method,)).items()
        return {key: dot for key, dot in own if {**usual, **dot.point} == usual}

    def default(self, *values: str) -> dict[Setting, OperatingPoint]:
        """Return the method's default point at the default budget."""
        return self.default_of(self.method, *values)

    def default_of(self, method: str, *values: str) -> dict[Setting, OperatingPoint]:
        """Return the default point, at the default budget, of a method that was run."""
        own: Dots = self.side((method,), *values)
        return default_dot(own, self.cards[method], self.card) if method in self.cards else {}

    def unrun(self, names: Iterable[str], *values: str) -> list[str]:
        """Return which of some methods left no record with both axes and `values`."""
        return [name for name in names if not self.side((name,), *values)]


def anchors(
    dots: Sequence[OperatingPoint],
    task_cards: Mapping[str, Card],
    method_cards: Mapping[str, Card],
    *roles: str,
) -> list[Anchors]:
    """Return what each method of some roles is measured between, sorted by address.

    Methods of tasks that do not name both axes are left out.
    """
    found = []
    for task in sorted({dot.task for dot in dots}):
        near = [dot for dot in dots if dot.task == task]
        names = sorted({dot.method for dot in near})
        cards = {name: method_cards[f"{task}/{name}"] for name in names}
        if axes(task_cards[task]) is None:
            continue
        for name in names:
            if cards[name].role in roles:
                card = _fitting(task_cards[task], [dot for dot in near if dot.method == name])
                found.append(anchors_of(task, name, near, card, cards))
    return found


def _fitting(card: Card, dots: Sequence[OperatingPoint]) -> Card:
    """Return a task's card whose mixtures hold no static that cannot run where a method's dots lie."""
    usual = {knob.name: knob.default for knob in card.knobs}
    ran_at = [usual | dict(dot.conditions) for dot in dots]
    gaps = [
        replace(
            gap,
            mixture=tuple(
                name
                for name in gap.mixture
                if any(gap.only_at.get(name, {}).items() <= one.items() for one in ran_at)
            ),
        )
        for gap in card.gaps
    ]
    return replace(card, gaps=tuple(gaps))


def anchors_of(
    task: str,
    method: str,
    dots: Sequence[OperatingPoint],
    card: Card,
    cards: Mapping[str, Card],
) -> Anchors:
    """Return what one method is measured between, of its task's dots.

    Raises:
        ValueError: if the task does not name both axes.
    """
    plotted = axes(card)
    if plotted is None:
        raise ValueError(f"{task} names no quality and cost.")
    gap = gap_of(method, card, cards)
    wanted = {method, *gap.mixture, gap.oracle, gap.coin, cards[method].skips_from}
    near = points_of_plot([dot for dot in dots if dot.method in wanted], card)
    drawn = with_units(near, near, card, [cards[name] for name in sorted(wanted & cards.keys())])
    return Anchors(task, method, card, cards, gap, *plotted, drawn)


def gap_of(method: str, card: Card, cards: Mapping[str, Card]) -> Gap:
    """Return the gap of a method: the one that names it, or that of the static it skips from."""
    if not card.gaps:
        return _by_role(method, cards)
    named = [gap for gap in card.gaps if method in gap.methods]
    near = [gap for gap in card.gaps if cards[method].skips_from in gap.mixture]
    only = list(card.gaps) if len(card.gaps) == 1 else []
    return next(iter([*named, *near, *only]), Gap((), (method,)))


def _by_role(method: str, cards: Mapping[str, Card]) -> Gap:
    def having(role: str) -> list[str]:
        return sorted(name for name, card in cards.items() if card.role == role)

    oracles = sorted(having("oracle"), key=lambda name: cards[name].oracle != "exact")
    coins = having("control")
    return Gap(
        tuple(having("static")),
        (method,),
        oracle=next(iter(oracles), ""),
        coin=coins[0] if len(coins) == 1 else "",
    )
