"""Gives compiled code vectors of floats, whose order of sums is the one that is written.

    for k in range(0, n, LANES):
        total = fma(load(x, k), load(y, k), total)

A vector lives in a register. Indices count floats from the start of an array and are not checked.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic, models, register_model

from adabench.workloads.shared.compiled.kernels import cached, callback, keyed

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
F = TypeVar("F", bound=Callable[..., Any])

carray: Any = numba.carray  # type: ignore[attr-defined]
EXACT = {"contract", "nsz"}
"""Fuse multiply and add; keep the order of sums."""
LANES = 16 if binding.get_host_cpu_features().get("avx512f") else 8
_FLOAT, _INT = ir.FloatType(), ir.IntType(32)
LINE_BYTES = 64
LOG2_E = 1.4426950408889634
_VECTOR = ir.VectorType(_FLOAT, LANES)


def compiled(function: F) -> F:
    """Compile, cached, with the order of sums kept and the lock released."""
    return cast(F, cached(keyed(function), nogil=True, fastmath=EXACT))


def pointer(kind: Any) -> Any:
    """Return the type of a pointer to numbers, for signatures."""
    return types.CPointer(kind)


def publish(name: str, signature: Any, function: Callable[..., Any]) -> Any:
    """Compile a function of pointers and numbers on its own; return what compiled code calls.

    It is called through its address: what calls it does not compile it again, and it is
    optimised as it stands, not as part of something large. A cached caller looks its name up
    when it is loaded, so this runs when the module is imported.
    """
    made = callback(keyed(function), signature, fastmath=EXACT)
    binding.add_symbol(name, made.address)
    return types.ExternalFunction(name, signature)


def zeros(*shape: int) -> Floats:
    """Return zeros that begin at a cache line, which no vector then straddles."""
    size_bytes = math.prod(shape) * 4
    room = np.zeros(size_bytes + LINE_BYTES, np.uint8)
    skip = -room.ctypes.data % LINE_BYTES
    return room[skip : skip + size_bytes].view(np.float32).reshape(shape)


def aligned(array: Floats) -> Floats:
    """Return a copy that begins at a cache line."""
    copy = zeros(*array.shape)
    copy[...] = array
    return copy


def _operation(function: Callable[..., Any]) -> Any:
    """Make an operation of compiled code from a function that emits instructions."""
    return intrinsic(function)


class _Lanes(types.Type):
    """The type of a vector."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes{LANES}")


@register_model(_Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


_lanes = _Lanes()


@_operation
def spread(context: Any, number: Any) -> Any:
    """Return a vector whose lanes all hold a number."""
    return _lanes(number), lambda _, builder, __, given: _all_lanes(builder, given[0])


@_operation
def spread_at(context: Any, array: Any, index: Any) -> Any:
    """Return a vector whose lanes all hold array[index]."""

    def emit(target: Any, builder: Any, signature: Any, given: Any) -> Any:
        return _all_lanes(builder, builder.load(_at(target, builder, signature, given)))

    return _lanes(array, types.int64), emit


@_operation
def load(context: Any, array: Any, index: Any) -> Any:
    """Return array[index : index + LANES]."""

    def emit(target: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.load(_vector_at(target, builder, signature, given), align=4)

    return _lanes(array, types.int64), emit


@_operation
def store(context: Any, array: Any, index: Any, vector: Any) -> Any:
    """Write a vector to array[index : index + LANES]."""

    def emit(target: Any, builder: Any, signature: Any, given: Any) -> Any:
        builder.store(given[2], _vector_at(target, builder, signature, given), align=4)
        return target.get_dummy_value()

    return types.void(array, types.int64, _lanes), emit


@_operation
def plus(context: Any, a: Any, b: Any) -> Any:
    """Return a + b, lane by lane."""
    return _lanes(_lanes, _lanes), lambda _, builder, __, given: builder.fadd(*given)


@_operation
def times(context: Any, a: Any, b: Any) -> Any:
    """Return a * b, lane by lane."""
    return _lanes(_lanes, _lanes), lambda _, builder, __, given: builder.fmul(*given)


@_operation
def over(context: Any, a: Any, b: Any) -> Any:
    """Return a / b, lane by lane."""
    return _lanes(_lanes, _lanes), lambda _, builder, __, given: builder.fdiv(*given)


@_operation
def minus(context: Any, a: Any) -> Any:
    """Return -a, lane by lane."""
    return _lanes(_lanes), lambda _, builder, __, given: builder.fsub(_constant(-0.0), given[0])


@_operation
def fma(context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a * b + c, rounded once where the processor can."""

    def emit(target: Any, builder: Any, signature: Any, given: Any) -> Any:
        return _called(builder, "fmuladd", *given)

    return _lanes(_lanes, _lanes, _lanes), emit


@_operation
def exponential(context: Any, vector: Any) -> Any:
    """Return e to each lane, clamped to [-87, 88]; relative error below 3e-7.

    2^n e^r with |r| <= ln(2) / 2, a polynomial of degree 6 for e^r. The library's own, called
    lane by lane, would take longer than the matrix products.
    """

    def emit(target: Any, builder: Any, signature: Any, given: Any) -> Any:
        return _exponential(builder, given[0])

    return _lanes(_lanes), emit


@_operation
def larger(context: Any, a: Any, b: Any) -> Any:
    """Return the larger of each pair of lanes."""
    return _lanes(_lanes, _lanes), lambda _, builder, __, given: _larger(builder, *given)


@_operation
def summed(context: Any, vector: Any) -> Any:
    """Return the sum of the lanes, halves first."""

    def emit(target: Any, builder: Any, signature: Any, given: Any) -> Any:
        return _folded(builder, given[0], builder.fadd)

    return types.float32(_lanes), emit


@_operation
def store_sums(context: Any, array: Any, index: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Write the sums of the lanes of four vectors to array[index : index + 4]."""

    def emit(target: Any, builder: Any, signature: Any, given: Any) -> Any:
        four = _four_sums(builder, given[2:])
        at = _at(target, builder, signature, given)
        builder.store(four, builder.bitcast(at, four.type.as_pointer()), align=4)
        return target.get_dummy_value()

    return types.void(array, types.int64, _lanes, _lanes, _lanes, _lanes), emit


@_operation
def largest(context: Any, vector: Any) -> Any:
    """Return the largest lane."""

    def emit(target: Any, builder: Any, signature: Any, given: Any) -> Any:
        return _folded(builder, given[0], lambda a, b: _larger(builder, a, b))

    return types.float32(_lanes), emit


def _at(target: Any, builder: Any, signature: Any, given: Any) -> Any:
    """Return the address of array[index]."""
    array = target.make_array(signature.args[0])(target, builder, given[0])
    return builder.gep(array.data, [given[1]])


def _vector_at(target: Any, builder: Any, signature: Any, given: Any) -> Any:
    return builder.bitcast(_at(target, builder, signature, given), _VECTOR.as_pointer())


def _called(builder: Any, name: str, *given: Any) -> Any:
    """Call one of LLVM's own functions of vectors."""
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * len(given))
    name = f"llvm.{name}.v{LANES}f32"
    return builder.call(builder.module.declare_intrinsic(name, (), kind), given)


def _exponential(builder: Any, x: Any) -> Any:
    low, high = _constant(-87.0), _constant(88.0)
    x = _larger(builder, x, low)
    x = builder.select(builder.fcmp_ordered("<", x, high), x, high)
    whole = _called(
        builder, "floor", _called(builder, "fmuladd", x, _constant(LOG2_E), _constant(0.5))
    )
    # ln(2) in two parts: the first has few bits, so that its products with whole numbers are exact.
    rest = _called(builder, "fmuladd", whole, _constant(-0.693359375), x)
    rest = _called(builder, "fmuladd", whole, _constant(2.12194440e-4), rest)
    power = _constant(1 / 720)
    for factor in (1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0):
        power = _called(builder, "fmuladd", power, rest, _constant(factor))
    ints = ir.VectorType(_INT, LANES)
    scale = builder.shl(builder.fptosi(whole, ints), ir.Constant(ints, [_INT(23)] * LANES))
    return builder.bitcast(builder.add(builder.bitcast(power, ints), scale), _VECTOR)


def _constant(number: float) -> Any:
    return ir.Constant(_VECTOR, [ir.Constant(_FLOAT, number)] * LANES)


def _all_lanes(builder: Any, number: Any) -> Any:
    one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), number, _INT(0))
    return _picked(builder, one, [0] * LANES)


def _larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _folded(builder: Any, vector: Any, join: Callable[[Any, Any], Any]) -> Any:
    """Join the upper half to the lower one until one lane is left."""
    half = LANES // 2
    while half:
        upper = [half + lane if lane < half else lane for lane in range(LANES)]
        vector = join(vector, _picked(builder, vector, upper))
        half //= 2
    return builder.extract_element(vector, _INT(0))


def _four_sums(builder: Any, vectors: Sequence[Any]) -> Any:
    """Return four sums: halves of two vectors side by side, then quarters of all four."""
    half, quarter = LANES // 2, LANES // 4
    low = [*range(half), *range(LANES, LANES + half)]
    pairs = [
        builder.fadd(
            _picked(builder, a, low, b), _picked(builder, a, [lane + half for lane in low], b)
        )
        for a, b in (vectors[:2], vectors[2:])
    ]
    low = [start + lane for start in range(0, 2 * LANES, half) for lane in range(quarter)]
    upper = [lane + quarter for lane in low]
    four = builder.fadd(
        _picked(builder, pairs[0], low, pairs[1]), _picked(builder, pairs[0], upper, pairs[1])
    )
    while quarter > 1:
        quarter //= 2
        upper = [min(lane + quarter, LANES - 1) for lane in range(LANES)]
        four = builder.fadd(four, _picked(builder, four, upper))
    return _picked(builder, four, list(range(0, LANES, LANES // 4)))


def _picked(builder: Any, vector: Any, lanes: list[int], other: Any = None) -> Any:
    """Return the lanes named, counted through one vector and on through the other."""
    mask = ir.Constant(ir.VectorType(_INT, len(lanes)), [_INT(lane) for lane in lanes])
    other = ir.Constant(_VECTOR, ir.Undefined) if other is None else other
    return builder.shuffle_vector(vector, other, mask)
