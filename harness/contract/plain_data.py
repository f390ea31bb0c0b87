"""Plain data: all that may cross from the process of a method into the one that scores.

    data = encode(value, (Tally,))        bytes: a JSON tree, and arrays one after another
    value = decode(data, (Tally,))

Plain are None, booleans, numbers, text, bytes, lists, tuples, dictionaries, numpy arrays and torch
tensors without objects in them, and the classes of a schema: dataclasses, named tuples and
enumerations that a task declares (`OUTCOMES`). Types are compared exactly: a subclass of an array
or a number may do its work when it is looked at, and such work would be in no measured region.
Nothing is imported and no code of the sender runs when data are decoded.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

Schema = Sequence[type]
"""The classes that may occur beside plain values, told apart by their names."""
MAGIC = b"ADB1"
KINDS = frozenset("biufcSU")
"""Of numpy's kinds of element, those that are numbers or text."""


class PlainDataError(ValueError):
    """A value that is not plain data, or bytes that hold none."""


@dataclass
class _Writer:
    schema: Schema
    blocks: list[bytes] = field(default_factory=list)

    def block(self, data: bytes) -> int:
        self.blocks.append(data)
        return len(self.blocks) - 1

    def tree(self, value: Any, place: str) -> Any:
        kind = type(value)
        if value is None or kind in (bool, int, float, str):
            return value
        if kind is list:
            return [self.tree(item, f"{place}[{i}]") for i, item in enumerate(value)]
        if kind is tuple:
            return {"tuple": [self.tree(item, f"{place}[{i}]") for i, item in enumerate(value)]}
        if kind is dict:
            pairs = [
                [self.tree(k, place), self.tree(v, f"{place}[{k!r}]")] for k, v in value.items()
            ]
            return {"dict": pairs}
        if kind is bytes:
            return {"bytes": self.block(value)}
        numpy = sys.modules.get("numpy")  # a process without it holds no arrays
        if numpy is not None and kind is numpy.ndarray:
            return self.array("array", value, place)
        if numpy is not None and isinstance(value, numpy.generic) and kind.__module__ == "numpy":
            return self.array("scalar", numpy.asarray(value), place)
        if _is_tensor(value):
            return self.array("tensor", value.detach().cpu().numpy(), place)
        return self.object(value, place)

    def array(self, word: str, value: "npt.NDArray[Any]", place: str) -> Any:
        if value.dtype.kind not in KINDS:
            raise PlainDataError(f"{place} is an array of {value.dtype}, which is not plain data.")
        whole = value if value.flags.c_contiguous else value.copy(order="C")
        return {word: [value.dtype.str, list(value.shape), self.block(whole.tobytes())]}

    def object(self, value: Any, place: str) -> Any:
        kind = type(value)
        if kind not in self.schema:
            raise PlainDataError(
                f"{place} is a {kind.__module__}.{kind.__qualname__}, which is not plain data."
            )
        if isinstance(value, Enum):
            return {"object": [kind.__name__, self.tree(value.value, place)]}
        names = _field_names(kind)
        held = [self.tree(getattr(value, name), f"{place}.{name}") for name in names]
        return {"object": [kind.__name__, held]}


def encode(value: Any, schema: Schema = (), place: str = "the answer") -> bytes:
    """Return a value as bytes; `place` is what messages call it.

    Raises:
        PlainDataError: if it is not plain data.
    """
    writer = _Writer(schema)
    try:
        tree = json.dumps(writer.tree(value, place)).encode()
    except RecursionError as deep:
        raise PlainDataError(f"{place} is nested too deeply.") from deep
    sizes = [len(tree), *map(len, writer.blocks)]
    head = json.dumps(sizes).encode()
    return b"".join([MAGIC, len(head).to_bytes(4, "little"), head, tree, *writer.blocks])


@dataclass(frozen=True)
class _Reader:
    schema: Mapping[str, type]
    blocks: Sequence[memoryview]

    def value(self, tree: Any) -> Any:
        if type(tree) is list:
            return [self.value(item) for item in tree]
        if type(tree) is not dict:
            return tree
        [(word, held)] = tree.items()
        return _READ[word](self, held)

    def array(self, held: Any) -> "npt.NDArray[Any]":
        import numpy as np

        # Before numpy reads it: of other letters it takes some with a warning only.
        if str(held[0]).lstrip("<>|=")[:1] not in KINDS:
            raise PlainDataError(f"{held[0]} is not plain data.")
        block = self.blocks[held[2]]
        return np.frombuffer(bytearray(block), np.dtype(held[0])).reshape(tuple(held[1]))

    def tensor(self, held: Any) -> Any:
        import torch

        return torch.from_numpy(self.array(held))

    def object(self, held: Any) -> Any:
        name, inner = held
        kind = self.schema[name]
        if issubclass(kind, Enum):
            return kind(self.value(inner))
        names, values = _field_names(kind), [self.value(item) for item in inner]
        return kind(**dict(zip(names, values, strict=True)))


_READ: Mapping[str, Callable[[_Reader, Any], Any]] = {
    "tuple": lambda reader, held: tuple(reader.value(item) for item in held),
    "dict": lambda reader, held: {reader.value(k): reader.value(v) for k, v in held},
    "bytes": lambda reader, held: bytes(reader.blocks[held]),
    "array": lambda reader, held: reader.array(held),
    "scalar": lambda reader, held: reader.array(held)[()],
    "tensor": lambda reader, held: reader.tensor(held),
    "object": lambda reader, held: reader.object(held),
}


def decode(data: bytes, schema: Schema = ()) -> Any:
    """Return the value that bytes hold.

    Raises:
        PlainDataError: if they hold none.
    """
    try:
        if data[:4] != MAGIC:
            raise PlainDataError("These bytes do not begin as plain data do.")
        begin = 8 + int.from_bytes(data[4:8], "little")
        blocks, view = [], memoryview(data)
        for size in json.loads(data[8:begin]):
            blocks.append(view[begin : begin + size])
            if len(blocks[-1]) != size:
                raise PlainDataError("These bytes end too early.")
            begin += size
        named = {kind.__name__: kind for kind in schema}
        return _Reader(named, blocks[1:]).value(json.loads(bytes(blocks[0])))
    except PlainDataError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as broken:
        raise PlainDataError(f"These bytes are not plain data: {broken!r}") from broken


def _field_names(kind: type) -> tuple[str, ...]:
    """Return what makes up an object: the fields of a dataclass that are given, or of a tuple.

    Raises:
        PlainDataError: if it is neither.
    """
    if is_dataclass(kind):
        return tuple(item.name for item in fields(kind) if item.init)
    names = getattr(kind, "_fields", None)
    if names is None or not issubclass(kind, tuple):
        raise PlainDataError(f"{kind.__name__} is no dataclass, named tuple or enumeration.")
    return tuple(names)


def _is_tensor(value: Any) -> bool:
    """Tell whether this is a plain tensor; a process without torch holds none."""
    torch = sys.modules.get("torch")
    return torch is not None and type(value) is torch.Tensor
