"""How probably an episode ends well, by the policy's own state behind a step.

    value = sigmoid(w2 . relu(W1 h + b1) + b2)          h: the final state at the `;` of the step

The trunk is the policy, which ran anyway; a value costs the head's two products.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from adabench.workloads.shared.language_model.contract import Floats


@dataclass(frozen=True)
class ValueHead:
    """Two layers over states [n, width]."""

    inner: Floats
    """Weights [hidden, width]."""
    shift: Floats
    outer: Floats
    """Weights [hidden]."""
    last: float

    @property
    def flops(self) -> int:
        """Return what one value costs."""
        return 2 * self.inner.size + 2 * self.outer.size

    def values(self, states: Floats) -> list[float]:
        """Return a value for each state, one row at a time so that none hangs on the others."""
        found = []
        for state in states:
            hidden = np.maximum(self.inner @ state + self.shift, 0.0)
            found.append(float(1 / (1 + np.exp(-(self.outer @ hidden + self.last)))))
        return found


def restored(weights: Mapping[str, Any]) -> ValueHead:
    """Return the head that a file holds."""
    parts = {name: np.ascontiguousarray(weight.numpy()) for name, weight in weights.items()}
    return ValueHead(
        parts["inner.weight"], parts["inner.bias"], parts["outer.weight"][0], parts["outer.bias"][0]
    )
