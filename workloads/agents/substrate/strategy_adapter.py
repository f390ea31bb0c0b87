"""PRISM's adapter: how well each strategy suits a question, by the policy's own state at the end of the prompt.

    odds = softmax(W h + b)          h: the final state at `>`; one row of W for each mode

The policy is the trunk, and reads the prompt anyway: the odds cost one small product. Beside the head its file
holds what needs no learning: the mean score of each mode by kind of question, as the training stream had it, and the odds
of questions that nobody scores, from which a coin draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.shared.language_model.contract import Floats

KINDS = ("arith1", "arith2", "arith4", "kb2", "kb3", "kb4", "mix3", "mix4")
"""Of the training stream: the rows of a table."""
PARTS = ("weight", "shift", "others", "table")
"""What a file holds for each policy, behind the policy's name."""


@dataclass(frozen=True)
class StrategyAdapter:
    """What was learned of one policy's modes."""

    weight: Floats
    """[modes, width]."""
    shift: Floats
    """[modes]."""
    others: Floats
    """Odds of questions that nobody scores, [questions, modes]."""
    table: Floats
    """Mean scores, [kinds, modes]."""

    @property
    def flops(self) -> int:
        """Return what the odds of one question cost."""
        return 2 * self.weight.size

    def odds(self, state: Floats) -> tuple[float, ...]:
        """Return the odds of the modes for a state [width]."""
        logits = (self.weight @ state + self.shift).astype(np.float64)
        shares = np.exp(logits - logits.max())
        return tuple(float(share) for share in shares / shares.sum())

    def odds_of_another(self, uniform: float) -> tuple[float, ...]:
        """Return the odds of some other question, by a number in [0, 1)."""
        return tuple(float(share) for share in self.others[int(uniform * len(self.others))])

    def scores(self, prompt: Sequence[int]) -> tuple[float, ...]:
        """Return the mean score of each mode on questions of this kind; of all kinds where it is another one."""
        kind = kind_of(prompt)
        row = self.table[KINDS.index(kind)] if kind in KINDS else self.table.mean(axis=0)
        return tuple(float(score) for score in row)


def kind_of(prompt: Sequence[int]) -> str:
    """Return the family and the size of a question, as its words show them."""
    hops = prompt[: prompt.index(tokens.LAST_HOP)]
    markers = {word for word in hops if 0 <= word - tokens.FIRST_HOP < tokens.HOPS}
    if any(0 <= word - tokens.FIRST_ATTRIBUTE < tokens.ATTRIBUTES for word in hops):
        family = "mix"
    else:
        family = "arith" if any(word in tokens.SIGNS for word in hops) else "kb"
    return f"{family}{len(markers)}"


def restored(weights: Mapping[str, Any], policy: str) -> StrategyAdapter:
    """Return the adapter of one policy from a file that holds those of several."""
    return StrategyAdapter(
        *(np.ascontiguousarray(weights[f"{policy}.{part}"].numpy()) for part in PARTS)
    )
