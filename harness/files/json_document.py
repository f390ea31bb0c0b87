"""JSON files that others may have damaged, read in one place: whole, of the right shape, or refused.

A shape says what a document holds: a type, a tuple of shapes of which one fits, `[shape]` for a
list, `{str: shape}` for an object of any names, and `{"name": shape, "name?": shape}` for one of
these names, those with a mark being optional; further names are let pass.

A sealed document holds a digest of itself (`sha256`). One without it is let pass, for whoever
changes a document by hand can only leave it out.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from adabench.harness.errors import StoreError

Shape = Any
SEAL = "sha256"
NUMBER = (int, float)
LOWEST, HIGHEST = -(2**63), 2**63


def parse(data: bytes, path: Path, shape: Shape, hint: str = "") -> dict[str, Any]:
    """Return the object that a file holds, without its seal.

    Raises:
        StoreError: if it is not JSON, has not this shape, or is not what its seal says.
    """
    try:
        document: dict[str, Any] = json.loads(data.decode())
        for complaint in complaints(document, shape):
            raise StoreError(f"{path} cannot be read: {complaint}.", hint)
        seal = document.pop(SEAL, None)
        broken = seal is not None and seal != digest(document)
    except (ValueError, TypeError, RecursionError) as problem:
        raise StoreError(f"{path} cannot be read: {_reason(problem)}.", hint) from problem
    if broken:
        raise StoreError(
            f"{path} is damaged, or was changed by hand: it does not hold what was written.",
            hint or f"Restore it from a copy. If you changed it, take its {SEAL!r} out.",
        )
    return document


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with the digest of itself."""
    plain: dict[str, Any] = json.loads(json.dumps(document))
    return plain | {SEAL: digest(plain)}


def digest(document: Mapping[str, Any]) -> str:
    """Return a digest of a document, whatever the order of its names; its seal does not count.

    Raises:
        TypeError: if it holds what JSON, or a file, cannot.
    """
    rest = {name: value for name, value in document.items() if name != SEAL}
    return hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def complaints(value: object, shape: Shape, where: str = "it") -> Iterator[str]:
    """Yield what keeps a value from having a shape."""
    if _fits(value, shape):  # nearly all do, and are millions
        return
    if isinstance(shape, tuple):
        yield f"{where} is {_words(value)}"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{where} is {_words(value)} and no list"
        else:
            for index, item in enumerate(value):
                yield from complaints(item, shape[0], f"{where}[{index}]")
    elif isinstance(shape, dict):
        yield from _of_object(value, shape, where)
    else:
        yield f"{where} is {_words(value)}"


def _fits(value: object, shape: Shape) -> bool:
    """Tell whether a value has a shape, without a word on why it has not."""
    kind = type(shape)
    if kind is tuple:
        return any(_fits(value, one) for one in shape)
    if kind is list:
        return isinstance(value, list) and all(_fits(item, shape[0]) for item in value)
    if kind is dict:
        return isinstance(value, dict) and _fits_names(value, shape)
    if shape is None or shape is float or shape is int:
        return _is_number(value, shape)
    return isinstance(value, shape)


def _fits_names(value: dict[str, Any], shape: dict[Any, Shape]) -> bool:
    if str in shape:
        inner = shape[str]
        return all(_fits(item, inner) for item in value.values())
    for name, inner in shape.items():
        bare = name.removesuffix("?")
        if bare in value:
            if not _fits(value[bare], inner):
                return False
        elif bare == name:
            return False
    return True


def _is_number(value: object, shape: Shape) -> bool:
    """Tell numbers from truth values, and those that an array holds from larger ones."""
    if shape is None:
        return value is None
    if shape is float:
        return isinstance(value, float) and abs(value) < float("inf")
    return type(value) is int and LOWEST <= value < HIGHEST


def _of_object(value: object, shape: dict[Any, Shape], where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is {_words(value)} and no object"
        return
    if str in shape:
        for name, item in value.items():
            yield from complaints(item, shape[str], f"{where}.{name}")
        return
    for name, inner in shape.items():
        bare = name.removesuffix("?")
        if bare in value:
            yield from complaints(value[bare], inner, bare if where == "it" else f"{where}.{bare}")
        elif bare == name:
            yield f"{where} has no {name!r}"


def _words(value: object) -> str:
    return "null" if value is None else ascii(value)[:40]


def _reason(problem: Exception) -> str:
    if isinstance(problem, RecursionError):
        return "it is nested too deeply"
    if isinstance(problem, UnicodeDecodeError):
        return "it is not UTF-8"
    return str(problem).rstrip(".")
