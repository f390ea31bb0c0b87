"""What a model with trained parts scores on held-out sequences: the figures of its card."""

import numpy as np
import torch

from adabench.workloads.depth_width.substrate.stream import KMAX, draw
from adabench.workloads.depth_width.substrate.train_backbone import HELD_OUT, HELD_OUT_SEED
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import Fitted, rule


def held_out(fitted: Fitted) -> dict[str, float]:
    """Return answer accuracy by k, filler accuracy and executions on held-out sequences."""
    corpus = draw(np.random.Generator(np.random.PCG64(HELD_OUT_SEED)), HELD_OUT)
    tokens = torch.from_numpy(np.ascontiguousarray(corpus.inputs))
    answer = unit_forward.prefill_units(fitted.model, tokens, rule(fitted.parts), tile=16)
    right = answer.logits.argmax(-1).numpy() == corpus.targets
    equal, k = corpus.labels.of("equal"), corpus.labels.k
    found = {f"accuracy_k{n}": float(right[equal & (k == n)].mean()) for n in range(1, KMAX + 1)}
    words = corpus.labels.word
    found["accuracy_filler"] = float(right[(words == 1) | (words == 2)].mean())
    found["executions"] = float(answer.executions().double().mean())
    return {name: round(value, 4) for name, value in found.items()}
