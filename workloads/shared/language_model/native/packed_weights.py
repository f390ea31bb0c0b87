"""A model's weights in the layout that the compiled decoder reads.

Matrices are cut into panels of `PAIR` columns, each panel contiguous: [out / c, in, c]. Every
array begins at a cache line.
"""

from typing import Any

import numpy as np
from torch import Tensor

from adabench.workloads.shared.compiled.simd import aligned
from adabench.workloads.shared.language_model.contract import Floats
from adabench.workloads.shared.language_model.model import LanguageModel, rotations
from adabench.workloads.shared.language_model.native.matmul import PAIR


def pack(model: LanguageModel) -> tuple[tuple[Any, ...], Floats]:
    """Return a model's weights as the decoder reads them, and its unembedding."""
    shape, blocks = model.shape, list(model.blocks)
    cosine, sine = (part.numpy() for part in rotations(shape, shape.context))
    half = shape.head_width // 2

    def stacked(name: str) -> Floats:
        return aligned(
            np.stack([panels(block.get_parameter(f"{name}.weight")) for block in blocks])
        )

    norms = [
        block.get_parameter(f"{name}.weight").detach().numpy()
        for block in blocks
        for name in ("norm_attention", "norm_mlp")
    ]
    embedding = model.embedding.weight.detach()
    weights = (
        aligned(embedding.numpy()),
        np.stack([*norms, model.norm.weight.detach().numpy()]),
        stacked("qkv"),
        stacked("out"),
        stacked("gate_up"),
        stacked("down"),
        np.ascontiguousarray(np.stack((cosine[:, :half], sine[:, :half]))),
        shape.heads,
        _previous(model),
    )
    return weights, panels(embedding)


def _previous(model: LanguageModel) -> Floats:
    """Return the table of the word before each word; without a row where there is none."""
    if not model.shape.reads_previous:
        return aligned(np.zeros((0, model.shape.width), np.float32))
    return aligned(model.previous.weight.detach().numpy())


def panels(weight: Tensor) -> Floats:
    """Return a weight [out, in] as panels [out / c, in, c] of neighbouring columns."""
    out, depth = weight.shape
    width = out if out % PAIR else PAIR
    table = weight.detach().float().numpy().T.reshape(depth, out // width, width)
    return aligned(table.transpose(1, 0, 2))
