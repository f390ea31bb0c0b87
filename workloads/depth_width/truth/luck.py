"""Whether an oracle wins by luck: what its search gains on random wrong answers.

A search that tries dozens of settings finds one that happens to be right. So an oracle's function
`luck` gives the same search random answers that are all wrong: what it still gains, it gains by
chance. Its card says so (`wins_by_luck`), and then no gap is measured to it.
"""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from adabench.harness.contract.card import Card

WRONG = 1
"""The seed of the wrong answers."""


def problems(task: Any, method: ModuleType, card: Card) -> Iterator[str]:
    """Say where an oracle's card and its luck on a loaded task disagree."""
    if card.role != "oracle" or not hasattr(method, "luck"):
        return
    found = method.luck(task, method.prepare(task, card.defaults, 0), wrong=WRONG)
    truth, chance = found["by_truth"], found["by_chance"]
    if card.wins_by_luck != (chance >= truth):
        figures = f"its search gains {truth:.3g} by the truth and {chance:.3g} by chance"
        yield f"{figures}, and its card says wins_by_luck={card.wins_by_luck}"
