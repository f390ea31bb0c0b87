# mypy: allow-untyped-calls
# (torch annotates its counter only in part.)
"""Formulas for operators that torch's own counter lacks or miscounts, and names of those without any.

Two operations for each multiply-add, as torch counts. Imports torch. See `docs/log/instruments.md`.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils import flop_counter

Formula = Callable[..., int]

HEAVY = re.compile(
    r"mm(_|$)|matmul|(^|_)mv|dot|conv(?!ert)|rnn|lstm|gru|attention|linalg|cholesky|(^|_)solve|svd|"
    r"inverse|dist|fft|linear|encoder|einsum|geqrf|ormqr|(^|_)lu(_|$)|(log|^|_)det(_|$)"
)
"""Operators of torch whose work grows faster than their elements, by name."""
HARMLESS = re.compile(
    r"check_errors|upsample|norm|distribut|pack|flatten_weight|plan_cache|slice_inverse|_thnn_fused"
)
OWN = frozenset({"aten", "prim", "prims"})


def _count(shape: Any) -> int:
    return math.prod(int(size) for size in shape)


def _dense(a: torch.Tensor, b: torch.Tensor) -> int:
    """Count a matrix product, of matrices or of a matrix and a vector."""
    columns = b.shape[1] if b.dim() > 1 else 1
    for side, times in ((a, columns), (b, a.shape[0])):
        if side.layout != torch.strided:
            return 2 * int(side._nnz()) * int(times)
    return 2 * _count(a.shape) * int(columns)


def _product(a: Any, b: Any, *_: Any, **__: Any) -> int:
    return _dense(a, b)


def _product_added(_: Any, a: Any, b: Any, *__: Any, **___: Any) -> int:
    return _dense(a, b)


def _batched_added(_: Any, a: Any, b: Any, *__: Any, **___: Any) -> int:
    return 2 * _count(a.shape) * int(b.shape[-1])


def _inner(a: Any, *_: Any, **__: Any) -> int:
    return 2 * int(a.numel())


def _outer_added(_: Any, a: Any, b: Any, *__: Any, **___: Any) -> int:
    return 2 * int(a.numel()) * int(b.numel())


def _to_output(x: Any, *_: Any, out_val: Any, **__: Any) -> int:
    """Count a linear layer whose weights are packed: every output is a sum over the last axis."""
    return 2 * int(out_val.numel()) * int(x.shape[-1])


def _recurrent_layer(x: Any, w_input: Any, w_hidden: Any, *_: Any, **__: Any) -> int:
    return 2 * _count(x.shape[:-1]) * int(w_input.numel() + w_hidden.numel())


def _recurrent(x: Any, weights: Any, *_: Any, **__: Any) -> int:
    matrices = sum(int(weight.numel()) for weight in weights if weight.dim() == 2)
    return 2 * _count(x.shape[:-1]) * matrices


def _lengths(x: Any) -> list[int]:
    """Return the lengths of a batch's sequences, which may be ragged."""
    if x.is_nested:
        return [int(size[0]) for size in x._nested_tensor_size().tolist()]
    return [int(x.shape[1])] * int(x.shape[0])


def _self_attention(query: Any, key: Any, value: Any, width: int, *rest: Any) -> int:
    """Count projections and attention; `rest` is the heads, then weights and biases in turn."""
    queries, keys = _lengths(query), _lengths(key)
    tokens = sum(queries) + sum(keys) + sum(_lengths(value))
    products = 2 * 2 * width * sum(q * k for q, k in zip(queries, keys, strict=True))
    return 2 * tokens * width**2 + products + 2 * sum(queries) * int(rest[3].numel())


def _attention_layer(
    query: Any, key: Any, value: Any, width: int, *rest: Any, **_: Any
) -> int:  # fmt: skip
    return _self_attention(query, key, value, width, *rest)


def _encoder_layer(x: Any, width: int, *rest: Any, **_: Any) -> int:
    weights = sum(int(rest[place].numel()) for place in FFN)
    return _self_attention(x, x, x, width, *rest) + 2 * sum(_lengths(x)) * weights


FFN = (12, 14)
"""Where the weights of the two layers stand after the width, in torch's own order."""


def _fused_attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return int(flop_counter.sdpa_flop_count(query.shape, key.shape, value.shape))


def _fused_attention_gradient(
    grad: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any
) -> int:
    shapes = (side.shape for side in (grad, query, key, value))
    return int(flop_counter.sdpa_backward_flop_count(*shapes))


OURS: Mapping[str, Formula] = {
    "aten.mm": _product,
    "aten.addmm": _product_added,
    "aten.addmm_": _product_added,
    "aten._addmm_activation": _product_added,
    "aten.baddbmm_": _batched_added,
    "aten.mv": _product,
    "aten.addmv": _product_added,
    "aten.addmv_": _product_added,
    "aten._sparse_addmm": _product_added,
    "aten._sparse_mm": _product,
    "aten.dot": _inner,
    "aten.vdot": _inner,
    "aten.addr": _outer_added,
    "aten._int_mm": _product,
    "aten._weight_int8pack_mm": _to_output,
    "aten._weight_int4pack_mm": _to_output,
    "aten._weight_int4pack_mm_for_cpu": _to_output,
    "quantized.linear": _to_output,
    "quantized.linear_relu": _to_output,
    "quantized.linear_dynamic": _to_output,
    "quantized.linear_relu_dynamic": _to_output,
    "quantized.linear_dynamic_fp16": _to_output,
    "aten.mkldnn_rnn_layer": _recurrent_layer,
    "aten._cudnn_rnn": _recurrent,
    "aten.miopen_rnn": _recurrent,
    "aten._native_multi_head_attention": _attention_layer,
    "aten._transformer_encoder_layer_fwd": _encoder_layer,
    "aten._scaled_dot_product_flash_attention_for_cpu": _fused_attention,
    "aten._scaled_dot_product_flash_attention_for_cpu_backward": _fused_attention_gradient,
}


def _raw(formula: Formula) -> Formula:
    """Have torch hand over tensors rather than their shapes."""

    def count(*args: Any, out_val: Any = None, **kwargs: Any) -> int:
        if formula is _to_output:
            kwargs["out_val"] = out_val
        return formula(*args, **kwargs)

    setattr(count, "_get_raw", True)  # noqa: B010 - torch's own mark
    return count


def formulas() -> dict[Any, Formula]:
    """Return our formulas by operator, of those that this torch has; they are given tensors."""
    found = {}
    for name, formula in OURS.items():
        space, _, operator = name.partition(".")
        packet = getattr(getattr(torch.ops, space), operator, None)
        if packet is not None:
            found[packet] = _raw(formula)
    return found


FORMULAS: Mapping[Any, Formula] = {**flop_counter.flop_registry, **formulas()}


def unformulated(operator: Any) -> bool:
    """Say whether an operator carries work that no formula counts."""
    if operator._overloadpacket in FORMULAS:
        return False
    space, _, name = operator._schema.name.partition("::")
    if space not in OWN:
        return True
    return bool(HEAVY.search(name)) and not HARMLESS.search(name)
