"""Answers whose contents are elsewhere: who asks for them is handed copies, made at that moment.

So nothing that a method writes into its answer reaches what is scored, and a method that looks at
nothing pays for nothing. `alike` finds copies that were changed.
"""

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from adabench.workloads.depth_width.substrate.work_counter import Work

_COPY_OUT = "_copy_out"
_KINDS: dict[type[Any], type[Any]] = {}
"""Of sealed answers, by what they are an answer of."""


class Sealed:
    """The part of an answer's class that hands out copies of what the account holds."""

    def __getattr__(self, name: str) -> Any:
        """Copy a field out of the account; called where an object has no such attribute."""
        copy_out = vars(self).get(_COPY_OUT)
        if copy_out is None:
            raise AttributeError(name)
        return copy_out(self, name)


def _kind_of_sealed(kind: type[Any]) -> type[Any]:
    """Return the class of a kind of answers whose contents are in an account."""
    if kind not in _KINDS:
        _KINDS[kind] = type(kind.__name__, (Sealed, kind), {"__module__": kind.__module__})
    return _KINDS[kind]


def contents(kind: type[Any]) -> tuple[str, ...]:
    """Return the fields of an answer that hold tensors: what it says, and what was counted."""
    return tuple(
        part.name
        for part in fields(kind)
        if part.default is MISSING and part.default_factory is MISSING and part.type is not int
    )


def seal(answer: Any, copy_out: Callable[[Any, str], Any]) -> dict[str, Any]:
    """Take the contents of an answer out of it; return all of its fields."""
    made = dict(vars(answer))
    kind: type[Any] = type(answer)
    for name in contents(kind):
        del vars(answer)[name]
    vars(answer)[_COPY_OUT] = copy_out
    object.__setattr__(answer, "__class__", _kind_of_sealed(kind))
    return made


def works_of(answer: Any) -> list[Work]:
    """Return all works of an answer."""
    found: list[Work] = []
    for name in contents(type(answer)):
        _gather(vars(answer)[name], found)
    return found


def _gather(part: Any, found: list[Work]) -> None:
    if isinstance(part, Work):
        found.append(part)
    elif isinstance(part, tuple):
        for one in part:
            _gather(one, found)
    elif is_dataclass(part):
        _gather(tuple(vars(part).values()), found)


def copied(part: Any, met: dict[int, Any]) -> Any:
    """Return a copy that shares no tensor with the original; `met` holds what was copied."""
    if id(part) in met:
        return met[id(part)]
    found = part
    if isinstance(part, Tensor):
        found = part.clone()
    elif isinstance(part, tuple | list):
        found = type(part)(copied(one, met) for one in part)
    elif is_dataclass(part) and not isinstance(part, type):
        found = type(part)(**{name: copied(one, met) for name, one in vars(part).items()})
    met[id(part)] = found
    return found


def alike(one: Any, other: Any) -> bool:
    """Return whether two parts of answers are equal, tensors element by element."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Tensor):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        return torch.equal(one, other) or bool(
            ((one == other) | (one.isnan() & other.isnan())).all()
        )
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(map(alike, one.values(), other.values()))
    if is_dataclass(one):
        return alike(vars(one), vars(other))
    return bool(one == other)
