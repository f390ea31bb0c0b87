"""What the labels are for: which answers are right, and where the layers went."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.stream import (
    KMAX,
    MODULUS,
    VALUE,
    Bools,
    Corpus,
    Ints,
    Labels,
)
from adabench.workloads.shared.counting.ranking import auc

Floats = npt.NDArray[np.float64]


def predictable_loss(corpus: Corpus, logits: Tensor, where: npt.NDArray[np.bool_]) -> float:
    """Return the mean cross-entropy in nats over the positions in `where`."""
    chosen = torch.from_numpy(where)
    targets = torch.from_numpy(corpus.targets[where])
    return float(F.cross_entropy(logits[chosen], targets))


def credit(corpus: Corpus, answer: Answer, wrong: int | None = None) -> Floats:
    """Return what each sequence adds to the macro accuracy of its batch, [sequences].

    An answer of difficulty k weighs 1 / (4 x answers of that k in the batch). With `wrong`
    (a seed) every target is replaced by another value, drawn uniformly.
    """
    return weighed(corpus, hits(corpus, answer, wrong))


def hits(corpus: Corpus, answer: Answer, wrong: int | None = None) -> Bools:
    """Return which positions [sequences, tokens] say their targets, or other values drawn anew."""
    targets = corpus.targets
    if wrong is not None:
        targets = wrong_targets(targets, np.random.Generator(np.random.PCG64(wrong)))
    return np.asarray(answer.logits.argmax(-1).cpu().numpy() == targets, np.bool_)


def weighed(corpus: Corpus, right: Bools) -> Floats:
    """Return what each sequence adds to the macro accuracy if these positions are right."""
    equal, k = corpus.labels.of("equal"), corpus.labels.k
    counts = np.array([max(1, (equal & (k == n)).sum()) for n in range(KMAX + 1)])
    return np.asarray((right * equal / (KMAX * counts[k])).sum(axis=1), np.float64)


def wrong_targets(targets: Ints, generator: np.random.Generator) -> Ints:
    """Return other values in place of answers, uniformly."""
    shift = generator.integers(1, MODULUS, targets.shape)
    return np.asarray(VALUE + (targets - VALUE + shift) % MODULUS, np.int64)


def wrong_answers(answers: Ints, seed: int | None) -> Ints:
    """Return other values in place of answers, drawn from a seed; without one the answers.

    What a search still finds for those, it finds by luck.
    """
    if seed is None:
        return answers
    return wrong_targets(answers, np.random.Generator(np.random.PCG64(seed)))


def allocation(labels: Labels, ran: npt.NDArray[np.floating]) -> dict[str, float]:
    """Return the mean layers run by input class, by k and by place in the segment.

    `operand_over_filler` and `late_over_early` (operands 3 and 4 against the first) are
    ratios of means; `auc_depth_operand` is the chance that an operand ran deeper than
    another position, ties counting half. A class that a batch lacks is left out.
    """
    operand = labels.of("operand")
    where = {name: labels.of(name) for name in ("filler", "operand", "value", "equal")}
    where |= {f"k{n}": operand & (labels.k == n) for n in range(1, KMAX + 1)}
    where |= {f"index{n}": labels.index == n for n in range(1, KMAX + 1)}
    found = {f"depth_{name}": float(ran[mask].mean()) for name, mask in where.items() if mask.any()}
    late = labels.index >= 3
    if where["filler"].any() and operand.any():
        found["operand_over_filler"] = found["depth_operand"] / found["depth_filler"]
    if late.any():
        found["late_over_early"] = float(ran[late].mean()) / found["depth_index1"]
    found["auc_depth_operand"] = auc(ran, operand)
    return found


def quality(corpus: Corpus, logits: Tensor) -> dict[str, float]:
    """Return how good the answers and the fillers are."""
    right = logits.argmax(-1).numpy() == corpus.targets
    labels = corpus.labels
    equal = labels.of("equal")
    by_k = {
        f"accuracy_k{k}": float(right[equal & (labels.k == k)].mean())
        for k in range(1, KMAX + 1)
        if (equal & (labels.k == k)).any()
    }
    filler = (labels.word == 1) | (labels.word == 2)
    return by_k | {
        "accuracy": float(np.mean(list(by_k.values()))),
        "accuracy_filler": float(right[filler].mean()),
        "loss_predictable": predictable_loss(corpus, logits, equal | filler),
        "answers": float(equal.sum()),
    }
