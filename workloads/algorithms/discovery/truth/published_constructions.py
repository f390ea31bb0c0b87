"""Published constructions: read from a file, told what is said of them, verified, and forged.

The file is the packed form (`.json` or `.json.gz`: `tensors` with factors times two, and `other`), or the public results
notebook of AlphaEvolve (`.ipynb`), from which literals are read as `ast.literal_eval` would; no code of it is executed.
What is said of each construction is the paper's figure, rounded as there (`SAID`).
"""

import ast
import gzip
import json
import math
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np

from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.discovery.truth import exact_verifiers as exact
from adabench.workloads.algorithms.discovery.truth.exact_verifiers import Refusal

MOST_BYTES, MOST_RANK, MOST_POINTS = 64 << 20, 10_000, 10_000
TENSOR = re.compile(r"\d+x\d+x\d+")
Value = int | float | Fraction
Verifier = Callable[[Any], Value]


@dataclass(frozen=True)
class Construction:
    """A construction and what is said of it."""

    name: str
    data: Any
    """Of a tensor its three factors times two, real and imaginary parts; else rows of numbers."""
    said: float
    """The rank, count or bound that it is said to reach."""


@dataclass(frozen=True)
class Kind:
    """How a construction is verified, and what the paper says of it."""

    verify: Verifier
    said: float
    better: int = 1
    """1: a higher value is better; -1: a lower one."""
    before: float = math.nan
    """The best known before, by the paper."""


SAID: Mapping[str, Kind] = {
    "autocorrelation1": Kind(exact.autocorrelation_upper, 1.5053, -1, 1.5098),
    "autocorrelation2": Kind(exact.autocorrelation_lower, 0.8962, 1, 0.8892),
    "autocorrelation3": Kind(lambda rows: exact.autocorrelation_upper(rows, signed="sum"), 1.4557, -1, 1.4581),
    "autocorrelation3abs": Kind(lambda rows: exact.autocorrelation_upper(rows, signed="modulus"), 1.4688, -1),
    "distance2d": Kind(exact.distance_ratio, 12.8893, -1, 12.890),
    "distance3d": Kind(exact.distance_ratio, 4.1659, -1, 4.168),
    "kissing11": Kind(exact.kissing_spheres, 593, 1, 592),
    "circles26": Kind(exact.radii_in_square, 2.635, 1, 2.634),
    "circles32": Kind(exact.radii_in_square, 2.937, 1, 2.936),
    "circles_perimeter21": Kind(exact.radii_in_rectangle, 2.365, 1, 2.364),
    "heilbronn_triangle11": Kind(exact.triangle_share, 0.0365, 1, 0.036),
    "heilbronn_convex13": Kind(exact.hull_share, 0.0309, 1, 0.0306),
    "heilbronn_convex14": Kind(exact.hull_share, 0.0278, 1, 0.0277),
    "sum_difference2003": Kind(exact.sum_difference_exponent, 1.1479, 1, 1.14465),
}  # fmt: skip
TENSOR_BEFORE: Mapping[str, int] = {
    "2x4x5": 33, "2x4x7": 46, "2x4x8": 52, "2x5x6": 48, "3x3x3": 23, "3x4x6": 56, "3x4x7": 66, "3x4x8": 75,
    "3x5x6": 70, "3x5x7": 80, "4x4x4": 49, "4x4x5": 62, "4x4x7": 87, "4x5x6": 90, "5x5x5": 93,
}  # fmt: skip
"""Best known ranks before, by the paper's table."""
IN_NOTEBOOK: Mapping[tuple[str, str], str] = {
    ("B.1", "step_function_heights_1"): "autocorrelation1",
    ("B.2", "heights_sequence_2"): "autocorrelation2",
    ("B.3", "height_sequence_3"): "autocorrelation3",
    ("B.3", "height_sequence_4"): "autocorrelation3abs",
    ("B.6", "solution_1"): "sum_difference2003",
    ("B.8", "construction_1"): "distance2d",
    ("B.8", "construction_2"): "distance3d",
    ("B.9", "found_points"): "heilbronn_triangle11",
    ("B.10", "construction_1"): "heilbronn_convex13",
    ("B.10", "construction_2"): "heilbronn_convex14",
    ("B.11", "sphere_centers"): "kissing11",
    ("B.12", "construction_1"): "circles26",
    ("B.12", "construction_2"): "circles32",
    ("B.13", "circles"): "circles_perimeter21",
}
"""By section and variable."""


def kind_of(name: str) -> Kind:
    """Return how a construction is verified; of a tensor by its shape."""
    if not TENSOR.fullmatch(name):
        return SAID[name]
    shape = cast(tuple[int, int, int], tuple(int(side) for side in name.split("x")))
    before = float(TENSOR_BEFORE.get(name, math.nan))
    return Kind(lambda factors: exact.tensor_rank(shape, factors), math.inf, -1, before)


def verified(construction: Construction) -> Value:
    """Return the exact value of a construction.

    Raises:
        Refusal: if it is not valid, or not what it is said to be.
    """
    kind = kind_of(construction.name)
    try:
        value = kind.verify(construction.data)
    except (
        ValueError,
        TypeError,
        OverflowError,
        IndexError,
    ) as broken:  # NaN and infinity are no rationals
        raise Refusal(f"it cannot be read ({broken})") from None
    if kind.better * value < kind.better * Fraction(construction.said):
        raise Refusal(
            f"its value is {float(value):.10g} and is said to be {construction.said:.10g}"
        )
    return value


def read_constructions(path: str) -> tuple[Construction, ...]:
    """Read the constructions of a file, each one of a name that is known.

    Raises:
        SelectionError: with what is wrong with the file.
    """
    file = Path(path).expanduser()
    try:
        with file.open("rb") as stream:
            plain = gzip.GzipFile(fileobj=stream) if file.name.endswith(".gz") else stream
            data = plain.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise bad(path, f"it has more than {MOST_BYTES >> 20} MB")
        document = json.loads(data)
    except (OSError, EOFError, zlib.error) as problem:
        raise SelectionError(
            f"The constructions file {path!r} cannot be read ({getattr(problem, 'strerror', None) or type(problem).__name__}).",
            "Pass --set constructions=FILE: the packed form, or AlphaEvolve's results notebook.",
        ) from None
    except (ValueError, RecursionError) as broken:
        raise bad(path, f"it is no JSON ({type(broken).__name__})") from None
    found = list(
        _in_notebook(document, path) if file.suffix == ".ipynb" else _in_packed(document, path)
    )
    if not found:
        raise bad(path, "it holds no construction that is known here")
    return tuple(found)


def bad(path: str, what: str) -> SelectionError:
    """Return the refusal of a file."""
    return SelectionError(
        f"The constructions file {path!r} is refused: {what}.", "Fetch it anew, or correct it."
    )


def _in_packed(document: Any, path: str) -> Iterator[Construction]:
    if not isinstance(document, dict):
        raise bad(path, "it has no `tensors` and no `other`")
    for name, entry in dict(document.get("tensors") or {}).items():
        rank = entry.get("rank") if isinstance(entry, dict) else None
        if not TENSOR.fullmatch(name) or type(rank) is not int or not 0 < rank <= MOST_RANK:
            raise bad(path, f"{name} has the rank {rank!r}, which is none from 1 to {MOST_RANK:,}")
        try:
            parts = [(factor["re"], factor.get("im")) for factor in entry["twice"]]
        except (KeyError, TypeError, AttributeError):
            raise bad(path, f"{name} has no factors (`twice`, `re`)") from None
        yield _tensor(name, [(real, imaginary) for real, imaginary in parts], rank, path)
    for name, rows in dict(document.get("other") or {}).items():
        if name in SAID:
            yield _other(name, rows, path)


def _tensor(name: str, factors: Sequence[tuple[Any, Any]], rank: int, path: str) -> Construction:
    """Return a tensor whose factors, times two, are whole numbers."""
    pairs = []
    for real, imaginary in factors:
        made = _whole(name, real, path)
        pairs.append(
            (made, np.zeros_like(made) if imaginary is None else _whole(name, imaginary, path))
        )
    if len(pairs) != 3 or any(one.ndim != 2 or one.shape[1] != rank for one, _ in pairs):
        raise bad(path, f"{name} has no three factors of {rank} columns")
    return Construction(name, tuple(pairs), float(rank))


def _numbers(name: str, rows: Any, path: str) -> "np.ndarray[Any, np.dtype[np.float64]]":
    first = rows[0] if isinstance(rows, list) and rows else None
    longest = max((len(part) for part in (rows, first) if isinstance(part, list)), default=0)
    if longest > MOST_POINTS:
        raise bad(path, f"{name} has {longest:,} terms, and at most {MOST_POINTS:,} are verified")
    try:
        numbers = np.array(rows, np.float64)
    except (ValueError, TypeError, OverflowError):
        raise bad(
            path, f"{name} holds something that is no number, or rows of unlike length"
        ) from None
    if not numbers.size or not np.isfinite(numbers).all():
        raise bad(path, f"{name} is empty, or holds a number that is not finite")
    return numbers


def _whole(name: str, values: Any, path: str) -> exact.Ints:
    numbers = _numbers(name, values, path)
    if (numbers != np.round(numbers)).any():
        raise bad(path, f"{name} holds an entry that is no half of a whole number")
    return numbers.astype(np.int64)


def _other(name: str, rows: Any, path: str) -> Construction:
    _numbers(name, rows, path)
    return Construction(name, rows, SAID[name].said)


def _in_notebook(document: Any, path: str) -> Iterator[Construction]:
    """Yield the constructions of a notebook, by section and variable."""
    section = ""
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):
        raise bad(path, "it is no notebook: it has no cells")
    for cell in cells:
        text = "".join(cell.get("source", ()))
        if cell.get("cell_type") != "code":
            heading = re.match(r"#+\s*(B\.\d+)", text)
            section = heading[1] if heading else section
            continue
        for name, value in _assignments(text):
            tensor = re.fullmatch(r"decomposition_(\d)(\d)(\d)", name)
            known = IN_NOTEBOOK.get((section, name))
            if tensor:
                yield _complex_tensor("x".join(tensor.groups()), _literal(name, value, path), path)
            elif known:
                yield _other(known, _literal(name, value, path), path)


def _assignments(text: str) -> Iterator[tuple[str, ast.expr]]:
    try:
        lines = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # a cell of another language holds no literal of ours
    for line in lines:
        match line:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value


def _literal(name: str, value: ast.expr, path: str) -> Any:
    """Return a literal, with `np.array` around lists read as the lists; nothing is called."""
    match value:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="array"), args=[inner, *_]):
            return _literal(name, inner, path)
        case ast.Tuple(elts=parts):
            return tuple(_literal(name, part, path) for part in parts)
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError, MemoryError):
        raise bad(
            path, f"{name} is no literal: it calls or names something, and no code is executed"
        ) from None


def _complex_tensor(name: str, factors: Any, path: str) -> Construction:
    try:
        twice = [2 * np.array(factor, np.complex128) for factor in factors]
        rank = twice[0].shape[1]
    except (ValueError, TypeError, IndexError):
        raise bad(path, f"{name} has no three factors of numbers") from None
    return _tensor(name, [(one.real.tolist(), one.imag.tolist()) for one in twice], rank, path)


def forged(construction: Construction) -> tuple[Construction, ...]:
    """Return three corrupted copies of a valid construction: none of them is what it is said to be."""
    if TENSOR.fullmatch(construction.name):
        return tuple(
            replace(construction, data=data) for data in _forged_factors(construction.data)
        )
    rows, kind = construction.data, SAID[construction.name]
    value = kind.verify(rows)
    beyond = (
        float(value) * (1 + kind.better * 1e-6) if kind.said != round(kind.said) else kind.said + 1
    )
    flat = not isinstance(rows[0], list | tuple)
    moved = _forged_rows(construction.name, rows)
    holed = [rows[-1] if k == 0 else row for k, row in enumerate(rows)]
    holed = [math.nan, *rows[1:]] if flat else holed
    return (
        replace(construction, data=moved),
        replace(construction, data=holed),
        replace(construction, said=beyond),
    )


def _forged_factors(factors: Any) -> Iterator[Any]:
    """Yield factors with an entry changed by a half, with two terms swapped in one factor, with a sign changed."""
    (a, ai), *others = factors
    changed = a.copy()
    changed[0, 0] += 1
    yield ((changed, ai), *others)
    b = others[0][0]
    unlike = [(a[:, 0] != a[:, k]).any() and (b[:, 0] != b[:, k]).any() for k in range(a.shape[1])]
    order = np.arange(a.shape[1])
    second = int(np.argmax(unlike))
    order[[0, second]] = second, 0
    yield ((a[:, order], ai[:, order]), *others)
    turned, turned_i = a.copy(), ai.copy()
    turned[:, -1] *= -1
    turned_i[:, -1] *= -1
    yield ((turned, turned_i), *others)


def _forged_rows(name: str, rows: Any) -> Any:
    """Return rows of which one is moved, raised or enlarged so that the construction no longer holds."""
    if name.startswith("circles"):
        x, y, r = rows[0]
        slack = min(math.hypot(x - u, y - v) - r - s for u, v, s in rows[1:])
        if "perimeter" not in name:
            slack = min(slack, x - r, y - r, 1 - x - r, 1 - y - r)
        return [[x, y, r + max(slack, 0.0) + 1e-12], *rows[1:]]
    if name.startswith("autocorrelation"):
        top = max(range(len(rows)), key=lambda k: rows[k])
        return [5 * row if k == top else row for k, row in enumerate(rows)]
    if name == "sum_difference2003":
        return [-1, *rows[1:]]
    if name == "kissing11":
        return [[a + b for a, b in zip(rows[0], rows[1], strict=True)], *rows[1:]]
    return [[(a + b) / 2 for a, b in zip(rows[1], rows[2], strict=True)], *rows[1:]]
