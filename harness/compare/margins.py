"""Margins: how large a change must be before it counts, metric by metric.

    latency_s=3%     a ratio: from 1/1.03 to 1.03 times as much is no change that counts
    accuracy=1pt     points: one hundredth of a quality's unit, either way
    loss=0.02        a plain number: as much of a quality in its own unit

A timing, an energy, a size of memory and a count are compared as ratios, so their margin is a
percentage; a quality is compared as a difference, so its margin is in points or plain. Without
a word of the user's, a metric's kind decides (`DEFAULTS`):

    timing 2 %    energy 3 %    memory 2 %    count 0 %    quality 1 point

Counts repeat exactly, so any change of them counts. The others are conventions, not measurements
of any machine: a margin that matters is given by name.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from adabench.harness.analysis.operating_points import metric_of, unit_of
from adabench.harness.contract.card import Card
from adabench.harness.errors import SelectionError, nearest
from adabench.harness.store.energy_labels import is_energy

Kind = Literal["timing", "energy", "memory", "count", "quality"]

PATTERNS = ("latency_s=3%", "accuracy=1pt", "loss=0.02")
POINT = 0.01


@dataclass(frozen=True)
class Margin:
    """The largest change that does not count."""

    value: float
    """0.03 for 3 % of a ratio; in the metric's own unit for a difference."""
    relative: bool

    def __str__(self) -> str:
        if self.relative:
            return f"{100 * self.value:g}%"
        return f"{self.value / POINT:g}pt"

    @property
    def ratios(self) -> tuple[float, float]:
        """The two ends on a ratio's scale: as much up as down in its logarithm."""
        return 1 / (1 + self.value), 1 + self.value


DEFAULTS: Mapping[Kind, Margin] = {
    "timing": Margin(0.02, True),
    "energy": Margin(0.03, True),
    "memory": Margin(0.02, True),
    "count": Margin(0.0, True),
    "quality": Margin(POINT, False),
}


def parse_margins(words: Iterable[str]) -> dict[str, Margin]:
    """Read `latency_s=3%`, `accuracy=1pt`, `loss=0.02`; the last word on a name holds.

    Raises:
        SelectionError: if one is not of that form.
    """
    return dict(_parsed(word) for word in words)


def _parsed(word: str) -> tuple[str, Margin]:
    name, equals, text = (part.strip() for part in word.partition("="))
    relative, points = text.endswith("%"), text.endswith("pt")
    try:
        value = float(text.removesuffix("%").removesuffix("pt")) * (
            POINT if relative or points else 1.0
        )
    except ValueError:
        value = math.nan
    if not name or not equals or not 0 <= value < math.inf:
        raise SelectionError(
            f"{word!r} is no margin.", f"For example: --margin {' --margin '.join(PATTERNS)}"
        )
    return name, Margin(value, relative)


def margin_for(name: str, kind: Kind, given: Mapping[str, Margin]) -> Margin:
    """Return the margin of a metric: the one given by name, else its kind's.

    Raises:
        SelectionError: if the one given is of the wrong form for its kind.
    """
    margin = given.get(name)
    if margin is None:
        return DEFAULTS[kind]
    if margin.relative == (kind == "quality"):
        wanted = "1pt (a difference)" if kind == "quality" else "3% (a ratio)"
        raise SelectionError(
            f"The margin {name}={margin} does not fit: {name} is a {kind}.",
            f"Write it as {name}={wanted.partition(' ')[0]}: {wanted.partition('(')[2][:-1]}.",
        )
    return margin


def check_names(given: Iterable[str], metrics: Iterable[str]) -> None:
    """Refuse the name of a metric that nobody recorded.

    Raises:
        SelectionError: naming it and the nearest that there are.
    """
    names = set(metrics)
    for name in given:
        if name not in names:
            raise SelectionError(f"No run holds the metric {name!r}.", nearest(name, names))


def kind_of(name: str, card: Card) -> Kind | None:
    """Return what kind of metric it is; None for one that no verdict is drawn from.

    Those are the task's `info` metrics and the witnesses of a measurement (`samples`,
    `cpu_pressure`), which no card names and which are no seconds, joules or bytes.
    """
    metric = metric_of(name, card)
    if metric is not None and metric.role in ("quality", "info"):
        return "quality" if metric.role == "quality" else None
    unit = unit_of(name, card)
    if is_energy(name, unit):
        return "energy"
    if unit == "s":
        return "timing"
    if metric is not None:
        return "count"  # bytes too, if a task counts them: they are computed, not observed
    return "memory" if unit == "B" else None


def better(name: str, card: Card) -> Literal["higher", "lower"]:
    """Return the direction of good: the card's word, else lower (nobody declares seconds)."""
    metric = metric_of(name, card)
    return metric.better if metric is not None else "lower"
