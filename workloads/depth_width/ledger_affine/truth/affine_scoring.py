"""What is scored of affine streams beside what is scored of plain ones."""

from collections.abc import Mapping

import numpy as np

from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import LoopTally
from adabench.workloads.depth_width.substrate.stream import Corpus


def deep_and_loops(
    corpus: Corpus, tally: LoopTally, found: Mapping[str, float]
) -> dict[str, float]:
    """Return accuracy over k = 2..4, and loops by class where there are any."""
    deep = [found[name] for name in ("accuracy_k2", "accuracy_k3", "accuracy_k4") if name in found]
    values = {"accuracy_deep": float(np.mean(deep))} if deep else {}
    loops = tally.loops.numpy()
    operand, filler = (loops[corpus.labels.of(name)] for name in ("operand", "filler"))
    if operand.size and filler.any():
        values["loops_operand_over_filler"] = float(operand.mean() / filler.mean())
    return values
