"""What the keys are for: which replies are right, and where the layers went."""

import numpy as np
from torch import Tensor

from adabench.workloads.depth_width.substrate.questions import ASKED_K, TRAINED_K, Keys
from adabench.workloads.depth_width.truth.scoring import Floats


def quality(keys: Keys, said: Tensor) -> dict[str, float]:
    """Return the share of replies [n, 3] that are right, by k and in the mean over k."""
    hit, k = (said.numpy() == keys.answers).all(axis=1), keys.k
    by_k = {f"accuracy_k{n}": float(hit[k == n].mean()) for n in np.unique(k)}
    return by_k | {"accuracy": float(np.mean(list(by_k.values()))), "answers": float(len(k))}


def allocation(keys: Keys, ran: Floats) -> dict[str, float]:
    """Return the mean layers run by k, and those of deep questions over those of shallow ones."""
    k = keys.k
    found = {f"depth_k{n}": float(ran[k == n].mean()) for n in range(1, ASKED_K + 1) if n in k}
    shallow, deep = ran[k <= 2], ran[k >= TRAINED_K]
    if len(shallow) and len(deep) and shallow.any():
        found["deep_over_shallow"] = float(deep.mean() / shallow.mean())
    return found
