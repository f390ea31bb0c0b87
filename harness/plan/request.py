"""Turns patterns, `name=value` texts and seed ranges into the settings that a plan is made of."""

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adabench.harness.contract import registry
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import SelectionError, nearest
from adabench.harness.plan.companions import companions
from adabench.harness.plan.grid import Selection, Sweep, check_names, select_settings

MOST = 10_000
"""Seeds in one run; more is a typing error."""
HIGHEST = 2**32 - 1
"""The highest seed that every generator of random numbers takes."""


@dataclass(frozen=True)
class PlanRequest:
    """Which methods to plan, which of their knobs are fixed and which are swept."""

    select: tuple[str, ...]
    """Patterns of addresses: `paging`, `paging/lru`, `*/lru`."""
    fixed: tuple[str, ...] = ()
    """`name=value`"""
    swept: tuple[str, ...] = ()
    """`name=a,b,c`"""
    star: bool = True
    """Without `swept`: sweep every knob, one at a time, and leave the others at their defaults."""
    alone: bool = True
    """Leave out what the adaptive methods among them are measured between (`companions.py`)."""


# The tour is what `adabench run` does without arguments: a few settings of each task, chosen
# so that fronts, oracle gaps and most verdicts can be drawn within a minute on two cores.
TOUR = (
    PlanRequest(
        (
            "paging/mark0",
            "paging/mark_and_predict",
            "paging/learned_bits",
            "paging/shuffled_bits",
            "paging/lru",
            "paging/fifo",
            "paging/marker",
            "paging/random_eviction",
            "paging/belady",
        ),
        fixed=("requests=20000",),
        swept=("noise=0.1,0.5",),
    ),
    PlanRequest(
        (
            "ledger/vanilla",
            "ledger/recursive",
            "ledger/mor",
            "ledger/informed_routing",
            "ledger/random_routing",
            "ledger/random_units",
        ),
        fixed=("batches=1", "sequences=32"),
        swept=(
            "depth=2,3,4,6",
            "recursions=2,3",
            "threshold=0.1,0.5,0.9",
            "sparsity=0.45,0.6,0.75",
        ),
    ),
    PlanRequest(
        ("ledger/static_units", "ledger/hindsight_units"),
        fixed=("batches=1", "sequences=32", "mode=prefill"),
        star=False,
    ),
    PlanRequest(
        (
            "chain/greedy",
            "chain/sample",
            "chain/majority",
            "chain/best_of_n",
            "chain/judged_vote",
            "chain/beam",
            "chain/dvts",
            "chain/rebase",
            "chain/ets",
            "chain/ets_kv",
            "chain/random_n",
            "chain/pass_at_n",
        ),
        fixed=("problems=4",),
        swept=("N=4,16",),
    ),
    PlanRequest(("chain/surest", "chain/configuration"), fixed=("problems=4",), star=False),
    PlanRequest(("chain/held_orders",), fixed=("problems=4", "N=4"), star=False),
)


def expand(requests: Iterable[PlanRequest]) -> list[Selection]:
    """Spread every request over its methods and settings.

    Raises:
        SelectionError: for a name or value that nothing has.
    """
    return [selection for request in requests for selection in _expand(request)]


def _expand(request: PlanRequest) -> list[Selection]:
    pairs = select_methods(request.select)
    fixed = dict(map(_assignment, request.fixed))
    swept: Sweep = {name: text.split(",") for name, text in map(_assignment, request.swept)}
    check_names([*fixed, *swept], pairs)
    found = [select_settings(*pair, fixed=fixed, swept=swept, star=request.star) for pair in pairs]
    if not request.alone:
        found += companions(pairs, fixed, swept, star=request.star)
    return found


def select_methods(patterns: Sequence[str]) -> list[tuple[Entry, Entry]]:
    """Return (task, method) pairs for patterns such as `paging`, `paging/*`, `*/lru`.

    A pattern skips what cannot run here, methods and tasks; asked for by its own name, such a one is an
    error.

    Raises:
        SelectionError: for a pattern that matches nothing.
        MissingExtra: for a method that is asked for by its name and needs an extra.
        MethodContractError: for what is asked for by its name and has no readable card.
    """
    pairs: dict[str, tuple[Entry, Entry]] = {}
    for pattern in patterns:
        for pair in _matches(pattern if "/" in pattern else f"{pattern}/*"):
            pairs.setdefault(pair[1].address, pair)
    return list(pairs.values())


def _matches(pattern: str) -> list[tuple[Entry, Entry]]:
    if not any(mark in pattern for mark in "*?["):
        entry = registry.find(pattern)
        registry.check_readable(entry)  # no method is imported here: it has a process of its own
        return [(_with_card(registry.find(entry.task)), entry)]
    tasks = registry.tasks()
    task_pattern, _, _ = pattern.partition("/")
    names = fnmatch.filter(tasks, task_pattern)
    if task_pattern in names:
        _with_card(tasks[task_pattern])
    names = [name for name in names if not tasks[name].problem]
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


def _with_card(task: Entry) -> Entry:
    """Return a task whose card can be read; an extra that it lacks is a matter of its methods."""
    if task.problem:
        registry.check_readable(task)
    return task


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise SelectionError(f"{text!r} is not of the form name=value.", "For example: noise=0.1")
    return name.strip(), value.strip()


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read `0..4`, `7` or `0,3,10..12`.

    Raises:
        SelectionError: if that is not what the text looks like.
    """
    seeds: list[int] = []
    try:
        for part in text.split(","):
            first, dots, last = part.partition("..")
            seeds += range(int(first), int(last) + 1)[:MOST] if dots else [int(first)]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < 0 or max(seeds) > HIGHEST or len(seeds) >= MOST:
        shown = text if len(text) < 60 else f"{text[:60]}..."
        raise SelectionError(
            f"{shown!r} names no seeds.",
            f"Write them as 0..4, or 7, or 0,3,10..12 (none below 0 or above {HIGHEST}).",
        )
    return tuple(dict.fromkeys(seeds))


def seeds_or_own(text: str) -> tuple[int, ...]:
    """Read seeds; where the text is empty return none, and a plan takes those of each task.

    Raises:
        SelectionError: if they make no sense.
    """
    return parse_seeds(text) if text else ()
