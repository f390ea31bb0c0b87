"""What the keys are for: which answers are right, and what the choice of experts says of a question.

    I = sum over (experts, kind) of p(e, k) log2 p(e, k) / p(e) p(k)        mutual information, in bits

Information says that a gate divides the kinds, *alignment* that they go where they belong: the share of
queries on which a GRU ran where order matters, less that where it does not. Both are of what was run; of n
queries information is biased upwards by about 1 / (2 n ln 2) bits.
"""

from collections.abc import Sequence

import numpy as np

from adabench.workloads.depth_width.classify.substrate.experts import GRU
from adabench.workloads.depth_width.classify.substrate.queries import (
    PHRASE_QUESTION,
    VALUE_QUESTION,
    Keys,
)
from adabench.workloads.depth_width.substrate.stream import Bools, Ints

KINDS = {"order": VALUE_QUESTION, "free": PHRASE_QUESTION}


def quality(keys: Keys, answers: Ints) -> dict[str, float]:
    """Return the share of right answers."""
    return {"accuracy": float((answers == keys.answers).mean())}


def quality_by_kind(keys: Keys, answers: Ints) -> dict[str, float]:
    """Return the share of right answers by kind of question, and of the kind answered worse."""
    right = answers == keys.answers
    by_kind = {
        f"accuracy_{name}": float(right[keys.kind == kind].mean())
        for name, kind in KINDS.items()
        if (keys.kind == kind).any()
    }
    return by_kind | {"accuracy_worse": min(by_kind.values())}


def specialisation(keys: Keys, runs: Bools, experts: Sequence[str]) -> dict[str, float]:
    """Return what the experts that ran say of the kind of question; `runs` is [queries, experts]."""
    by_gru = _by_gru(runs, experts)
    found = {
        f"share_gru_{name}": float(by_gru[keys.kind == kind].mean())
        for name, kind in KINDS.items()
        if (keys.kind == kind).any()
    }
    if len(found) == len(KINDS):
        found["alignment"] = found["share_gru_order"] - found["share_gru_free"]
    which = np.asarray(runs @ (1 << np.arange(runs.shape[1])), np.int64)
    bits = mutual_information(which, keys.kind)
    return found | {"mi_bits": bits, "kind_bits_left": _entropy(keys.kind) - bits}


def shares(runs: Bools, experts: Sequence[str]) -> dict[str, float]:
    """Return the share of queries on which a GRU ran, and on which the first expert did."""
    by_gru = _by_gru(runs, experts)
    return {"share_gru": float(by_gru.mean()), "share_first": float(runs[:, 0].mean())}


def _by_gru(runs: Bools, experts: Sequence[str]) -> Bools:
    recurrent = np.array([name == GRU for name in experts])
    return np.asarray(runs[:, recurrent].any(axis=1), np.bool_)


def _entropy(labels: Ints) -> float:
    """Return the entropy of labels, in bits."""
    chances = np.bincount(labels) / len(labels)
    there = chances[chances > 0]
    return float(-(there * np.log2(there)).sum())


def mutual_information(one: Ints, other: Ints) -> float:
    """Return the mutual information of two labels of the same queries, in bits."""
    joint = np.zeros((int(one.max()) + 1, int(other.max()) + 1))
    np.add.at(joint, (one, other), 1 / len(one))
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    there = joint > 0
    return max(0.0, float((joint[there] * np.log2(joint[there] / apart[there])).sum()))
