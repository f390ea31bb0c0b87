"""Turns words of the command line into plan arguments: addresses, `k=v`, seed ranges, sizes."""

import fnmatch
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adabench.harness.contract import registry
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import SelectionError, nearest
from adabench.harness.plan.grid import Sweep, Wish, check_names, wish


@dataclass(frozen=True)
class Leg:
    """One stretch of a run: which methods, with what pinned and what swept."""

    select: tuple[str, ...]
    fixed: tuple[str, ...] = ()
    swept: tuple[str, ...] = ()
    star: bool = True


# The tour is what `adabench run` does without arguments: a few settings of each task, chosen
# so that fronts, headroom and most verdicts can be drawn within a minute on two cores.
TOUR = (
    Leg(("paging/*",), fixed=("requests=100000",), swept=("noise=0,0.1,0.5",)),
    Leg(("paging/*",), fixed=("requests=100000",), swept=("slots=50,200",)),
    Leg(
        (
            "ledger/vanilla",
            "ledger/recursive",
            "ledger/mor",
            "ledger/informed_routing",
            "ledger/random_routing",
            "ledger/random_units",
            "ledger/hindsight",
        ),
        fixed=("batches=1",),
        swept=(
            "depth=2,3,4,6",
            "recursions=1,2,3",
            "threshold=0.1,0.5,0.9",
            "sparsity=0.45,0.6,0.75",
            "price=0,0.01,0.1",
        ),
    ),
    Leg(("chain/*",), fixed=("problems=4",), swept=("N=4,16",)),
)


def wishes(legs: Iterable[Leg]) -> list[Wish]:
    """Spread every leg over its methods and settings.

    Raises:
        SelectionError: for a name or value that nothing has.
    """
    return [wanted for leg in legs for wanted in _leg_wishes(leg)]


def _leg_wishes(leg: Leg) -> list[Wish]:
    pairs = selected(leg.select)
    fixed = dict(map(_assignment, leg.fixed))
    swept: Sweep = {name: text.split(",") for name, text in map(_assignment, leg.swept)}
    check_names([*fixed, *swept], pairs)
    return [wish(*pair, fixed=fixed, swept=swept, star=leg.star) for pair in pairs]


def selected(patterns: Sequence[str]) -> list[tuple[Entry, Entry]]:
    """Return (task, method) pairs for patterns such as `paging`, `paging/*`, `*/lru`.

    A pattern skips methods that cannot run here; asked for by its own name, such a method is
    an error.

    Raises:
        SelectionError: for a pattern that matches nothing.
    """
    found: dict[str, tuple[Entry, Entry]] = {}
    for pattern in patterns:
        for pair in _matches(pattern if "/" in pattern else f"{pattern}/*"):
            found.setdefault(pair[1].address, pair)
    return list(found.values())


def _matches(pattern: str) -> list[tuple[Entry, Entry]]:
    if not any(mark in pattern for mark in "*?["):
        entry = registry.find(pattern)
        registry.load(entry)
        return [(registry.find(entry.task), entry)]
    tasks = registry.tasks()
    task_pattern, _, _ = pattern.partition("/")
    names = fnmatch.filter(tasks, task_pattern)
    if not names:
        raise SelectionError(f"No task matches {task_pattern!r}.", nearest(task_pattern, tasks))
    known = {
        entry.address: (tasks[name], entry)
        for name in names
        for entry in registry.methods(name).values()
    }
    matching = fnmatch.filter(known, pattern)
    if not matching:
        raise SelectionError(f"No method matches {pattern!r}.", nearest(pattern, known))
    return [known[address] for address in matching]


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise SelectionError(f"{text!r} is not of the form name=value.", "For example: noise=0.1")
    return name.strip(), value.strip()


MOST = 10_000
"""Seeds in one run; more is a typing error."""


def seed_range(text: str) -> tuple[int, ...]:
    """Read `0..4`, `7` or `0,3,10..12`.

    Raises:
        SelectionError: if that is not what the text looks like.
    """
    found: list[int] = []
    try:
        for part in text.split(","):
            first, dots, last = part.partition("..")
            found += range(int(first), int(last) + 1)[:MOST] if dots else [int(first)]
    except ValueError:
        found = []
    if not found or min(found) < 0 or len(found) >= MOST:
        raise SelectionError(
            f"{text!r} names no seeds.", "Write them as 0..4, or 7, or 0,3,10..12 (none below 0)."
        )
    return tuple(dict.fromkeys(found))


def share(text: str) -> float:
    """Read a share: 1%, 0.5 %, 0.01.

    Raises:
        SelectionError: if it is none between 0 and 1.
    """
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise SelectionError(f"{text!r} is no precision.", "For example: --precision 1%")
    return value


def size_bytes(text: str) -> int:
    """Read a size such as `4GiB`, `512MiB` or `1e9`.

    Raises:
        SelectionError: if it is not a positive size.
    """
    units = {
        "KiB": 2**10,
        "MiB": 2**20,
        "GiB": 2**30,
        "TiB": 2**40,
        "KB": 1e3,
        "MB": 1e6,
        "GB": 1e9,
    }
    unit = next((name for name in units if text.endswith(name)), "")
    try:
        size = float(text.removesuffix(unit)) * units.get(unit, 1)
    except ValueError:
        size = math.nan
    if not size > 0 or not math.isfinite(size):
        raise SelectionError(f"{text!r} is not a size.", "For example: 4GiB, 512MiB.")
    return int(size)
