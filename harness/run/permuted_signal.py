"""Gives a method another case's signal: what `<method>_permuted` differs in from its method.

The functions that a card names are wrapped before the method is imported. A case's partner is solved
first, outside of all that is measured, and what the functions return is recorded in the order of the
calls. Then the case itself is solved: each function runs and is counted as ever, and its record of the
partner's call is replayed in place of its result. Where the partner made fewer calls, its calls come round
again; where an array has other rows, rows come round again. What is no number stays as it is.
"""

import importlib
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import wraps
from types import ModuleType
from typing import Any, Literal

from adabench.harness.errors import MethodContractError
from adabench.harness.run.measurement import Measurement

PACKAGE = "adabench.workloads"
NUMBERS = (bool, int, float)
UNREAD = "its signal was not read in this case"
"""Beside a case in which nothing was replayed: its control did what the method does."""


def partners(count: int, block: str) -> list[int]:
    """Return another case for each of some: the cases of a block stand in one circle, dealt by its name."""
    order = list(range(count))
    random.Random(f"partners of {block}").shuffle(order)
    found = [0] * count
    for place, case in enumerate(order):
        found[case] = order[(place + 1) % count]
    return found


@dataclass
class PermutedSignal:
    """The functions that give a signal, wrapped: off, recording what they return, or replaying it."""

    mode: Literal["off", "record", "replay"] = "off"
    tape: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    """By function, what it returned for a partner, call by call."""
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    replays: int = 0
    """How many results were another case's, in all."""

    def wrap(self, names: Sequence[str]) -> None:
        """Wrap functions by their names; modules that have imported one get the wrapped one too.

        Raises:
            MethodContractError: if there is no such function.
        """
        for name in names:
            module, home, last = _found(name)
            plain = vars(home)[last]
            wrapped = self._wrapped(name, plain)
            setattr(home, last, wrapped)
            for user in _modules_of(module.partition(".")[0]):
                for own in [n for n, value in vars(user).items() if value is plain]:
                    setattr(user, own, wrapped)

    def _wrapped(self, name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(plain)
        def signal(*args: Any, **named: Any) -> Any:
            own = plain(*args, **named)
            tape = self.tape[name]
            if self.mode == "record":
                tape.append(deepcopy(own))
            elif self.mode == "replay" and tape:
                partner = tape[self.calls[name] % len(tape)]
                self.calls[name] += 1
                self.replays += 1
                return in_shape_of(own, partner)
            return own

        return signal

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what the functions return for a partner, in place of what was recorded before."""
        self.tape.clear()
        self.mode = "record"
        try:
            yield
        finally:
            self.mode = "off"

    def replay(self, work: Callable[[], Measurement]) -> Measurement:
        """Return what work comes to with a partner's signal; a note says if it read none."""
        before, self.mode = self.replays, "replay"
        try:
            found = work()
        finally:
            self.mode = "off"
        return found if self.replays > before else replace(found, note=UNREAD)

    def from_first_call(self, solve: Callable[..., Any]) -> Callable[..., Any]:
        """Return a `solve` that hears its partner's calls from the first one on, each time it is called."""

        @wraps(solve)
        def again(*args: Any) -> Any:
            self.calls.clear()
            return solve(*args)

        return again


def _found(name: str) -> tuple[str, Any, str]:
    """Return the module of a function, the module or class that holds it, and what it is called there.

    Raises:
        MethodContractError: if there is no such function.
    """
    module, _, path = name.partition(":")
    *classes, last = path.split(".")
    for place in (f"{PACKAGE}.{module}", module):
        with suppress(ImportError, AttributeError):
            home: Any = importlib.import_module(place)
            for part in classes:
                home = getattr(home, part)
            if callable(vars(home).get(last)):
                return place, home, last
    raise MethodContractError(
        f"The card names the signal {name!r}, which is no function of the substrate.",
        f"Write module:function or module:Class.method; ours are below {PACKAGE}.",
    )


def _modules_of(package: str) -> list[ModuleType]:
    return [module for name, module in sys.modules.items() if name.partition(".")[0] == package]


def in_shape_of(own: Any, other: Any) -> Any:
    """Return another value in the shape and type that ours has."""
    if isinstance(own, NUMBERS) and isinstance(other, NUMBERS):
        return type(own)(other)
    if isinstance(own, list | tuple) and isinstance(other, list | tuple) and len(other):
        items = [in_shape_of(item, other[i % len(other)]) for i, item in enumerate(own)]
        return type(own)(items) if type(own) in (list, tuple) else type(own)(*items)
    if is_dataclass(own) and not isinstance(own, type) and type(own) is type(other):
        names = [one.name for one in fields(own) if one.init]
        return replace(own, **{n: in_shape_of(getattr(own, n), getattr(other, n)) for n in names})
    if _is_array(own) and type(own) is type(other) and own.shape[1:] == other.shape[1:]:
        return _rows(own, other)
    return own


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _rows(own: Any, other: Any) -> Any:
    """Return as many rows of another array as ours has; they come round again where it has fewer."""
    if own.shape == other.shape:
        return deepcopy(other)
    if not len(other):
        return own
    return other[[i % len(other) for i in range(len(own))]]
