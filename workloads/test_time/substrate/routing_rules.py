"""From probabilities and prices to a choice: two scalarisations, and neighbours as a rival's estimate.

    linear       argmax  w p - (1 - w) c                  corners of the convex front alone
    chebyshev    argmin  max(w (1 - p), (1 - w) c)        other points of the front too

p is how probably a configuration is right, c its price over that of the dearest. Ties go to the
configuration that stands first in the list.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WEIGHTS = tuple(float(w) for w in 1.0 - np.linspace(1.0, 0.0, 41) ** 2)
"""A dial from 0 to 1 that turns slowly where prices differ most."""


def choose(chances: Floats, prices: Floats, weight: float, rule: str) -> NDArray[np.intp]:
    """Return the chosen configuration [n] by probabilities [n, configurations] and prices."""
    if rule == "linear":
        gains = weight * chances - (1.0 - weight) * prices
    elif rule == "chebyshev":
        gains = -np.maximum(weight * (1.0 - chances), (1.0 - weight) * prices)
    else:
        raise ValueError(f"No rule is called {rule!r}; use linear or chebyshev.")
    return np.asarray(np.argmax(gains, axis=1), np.intp)


def neighbour_means(known: Floats, right: Floats, states: Floats, count: int) -> Floats:
    """Return the share of right answers [n, configurations] among the nearest known questions.

    Embeddings are standardised over the known ones; of equally near ones the first count.
    """
    centre, spread = known.mean(axis=0), known.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    near, far = (states - centre) / spread, (known - centre) / spread
    distances = (far**2).sum(axis=1)[None, :] - 2.0 * near @ far.T
    nearest = np.argsort(distances, axis=1, kind="stable")[:, : min(count, len(known))]
    return np.asarray(right[nearest].mean(axis=1), np.float64)


def chosen_by_weights(chances: Floats, prices: Floats, rule: str) -> NDArray[np.intp]:
    """Return the choices at every setting of the dial: [settings, n]."""
    return np.stack([choose(chances, prices, weight, rule) for weight in WEIGHTS])
