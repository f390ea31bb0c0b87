"""Losses by class of target, and what an oracle's other readings of the same positions gained.

Classes of *targets*: `answer` (after `=`), `filler` (the second or third word of a phrase), and `random`, which
nothing can predict. An oracle hands in a `Studied`: its logits, and *views*, logits of the same positions from
its other runs; `big` ran big everywhere.

    gained_C        loss of big less loss of the answer, on class C (`answer`, `random`)
    loss_answer_V   of view V: `dealt`, patterns of other positions; `lucky`, the best of as many random ones
    gain_C          loss of view `less` less loss of view `more`: what more compute buys
    gain_drop       the largest fall of gain_answer_k from one k to the next, 0 if it only grows
    gain_tenth      a tenth of gain_answer_k4: what counts as near 0
    apart_V         distance of the loss at answers from view V to the trained router's
"""

import itertools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.ledger.substrate.duo.duo_reader import StudiedTally
from adabench.workloads.depth_width.substrate.answers.tally import Tally
from adabench.workloads.depth_width.substrate.stream import KMAX, Corpus, Labels

Bools = npt.NDArray[np.bool_]
_SPLIT = ("answer", "random")


def classes(labels: Labels) -> dict[str, Bools]:
    """Return where the target is an answer, a filler that follows, or random."""
    answer, filler = labels.of("equal"), (labels.word == 1) | (labels.word == 2)
    return {"answer": answer, "filler": filler, "random": ~(answer | filler)}


def losses(corpus: Corpus, logits: Tensor) -> npt.NDArray[np.float64]:
    """Return the loss of every position in nats, [sequences, tokens]."""
    targets = torch.from_numpy(np.ascontiguousarray(corpus.targets))
    each = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return each.view(targets.shape).double().numpy()


def study(corpus: Corpus, tally: Tally) -> dict[str, float]:
    """Return the metrics of this file that an answer has, `exit_like` excepted."""
    own, where = losses(corpus, tally.logits), classes(corpus.labels)
    found = {f"loss_{name}": float(own[where[name]].mean()) for name in _SPLIT if where[name].any()}
    if not isinstance(tally, StudiedTally):
        return found
    seen = {name: losses(corpus, logits) for name, logits in tally.views.items()}
    found |= _against(own, seen, where)
    if "less" in seen:
        found |= _difficulty(seen["less"] - seen["more"], corpus.labels, where)
    if tally.running:
        found |= _running(corpus, tally.running)
    return found


def _against(
    own: npt.NDArray[np.float64],
    seen: Mapping[str, npt.NDArray[np.float64]],
    where: Mapping[str, Bools],
) -> dict[str, float]:
    """Compare the answer with other views of it."""
    found: dict[str, float] = {}
    at = where["answer"]
    for name in ("dealt", "lucky"):
        if name in seen:
            found[f"loss_answer_{name}"] = float(seen[name][at].mean())
    if "big" in seen:
        gained = seen["big"] - own
        found |= {f"gained_{name}": float(gained[where[name]].mean()) for name in _SPLIT}
    if "router" in seen:
        routed = float(seen["router"][at].mean())
        found["apart_best"] = abs(routed - float(own[at].mean()))
        found["apart_oracle"] = abs(routed - float(seen["oracle"][at].mean()))
    return found


def _difficulty(
    gain: npt.NDArray[np.float64], labels: Labels, where: Mapping[str, Bools]
) -> dict[str, float]:
    by_k = [float(gain[where["answer"] & (labels.k == k)].mean()) for k in range(1, KMAX + 1)]
    found = {f"gain_answer_k{k}": value for k, value in enumerate(by_k, 1)}
    return found | {
        "gain_filler": float(gain[where["filler"]].mean()),
        "gain_random": float(gain[where["random"]].mean()),
        "gain_drop": max(0.0, *(a - b for a, b in itertools.pairwise(by_k))),
        "gain_tenth": by_k[-1] / 10,
    }


def _running(corpus: Corpus, running: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the loss of the running value at operands, and what was gained there."""
    at = torch.from_numpy(corpus.labels.of("operand"))
    wanted = torch.from_numpy(corpus.labels.running)[at]
    own, big = (float(F.cross_entropy(running[name][at], wanted)) for name in ("own", "big"))
    return {"loss_running": own, "gained_running": big - own}
