"""Whether the oracle's card and its luck agree, as the oracles of other families are asked.

It chooses the adapter that answers most tests. Given random answers that are all wrong, it chooses as well: what it
then gains over the best single adapter it gains by chance.
"""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from adabench.harness.contract.card import Card

WRONG = 1
"""The seed of wrong answers."""


def luck_problems(task: Any, method: ModuleType, card: Card) -> Iterator[str]:
    """Say where an oracle's card and its luck on a loaded task disagree, whatever it searches among."""
    if not hasattr(method, "luck"):
        return
    points = [{**card.defaults, knob.name: one} for knob in card.knobs for one in knob.values]
    for point in points or [card.defaults]:
        found = method.luck(task, point, wrong=WRONG)
        truth, chance = found["by_truth"], found["by_chance"]
        if card.wins_by_luck != (chance >= truth):
            figures = f"its search gains {truth:.3g} by the truth and {chance:.3g} by chance"
            said = f"its card says wins_by_luck={card.wins_by_luck}"
            yield f"{figures} at {point}, and {said}"
