"""Where the time of the ledger's models goes, part by part of the engine.

    python benchmarks/ledger_profile.py [--modes prefill decode1 decode16] [--arms mor recursive]
                                        [--width 64] [--seed 0] [--cpu] [--out FILE]

A table per mode, for one batch. *ms*: least and median of `--rounds` interleaved readings with
nothing switched on; *K*: ln of the quickest readings' ratio over ln of the executions' ratio,
against what the arm skips from if that is an arm too, for orientation (`adabench run` gives it with
its interval). With `--cpu` readings are CPU time, for a machine that others use. Then, per part,
*ms* (in the quickest of as many readings under a stopwatch: what was spent in the part and in none
nested in it, Python between the operations included) and *ops* (innermost torch operations called
there, counted by torch.profiler in one more reading). The profiler's own times are not shown: it
makes every operation slower by about the same amount, which would charge decode for its calls
twice. What the stopwatch adds is the difference of the totals.

    admission     routers, or the exit's unembedding, and the choice
    layers        norms, projections, MLP, learners; in early exit the split projections too
    forecast      what stands in for a unit, and the router that reads it
    attention     padding, mask, products, softmax
    store         rotate and append new keys and values (decode)
    gather cache  keys and values of those who stay, copied out of the cache (decode)
    gather rows   states and contexts of those who stay
    layout        where the active positions lie when padded
    put back      outputs scattered into the states
    left          keys and values of everybody, whoever runs (early exit, units)
    read out      final norm and unembedding
    rest          embedding, bookkeeping, the loop

One thread. An arm is `name` at its default point or `name:knob=value`. At another `--width` it is
the timing twin (`workloads/depth_width/ledger/substrate/width_twin.py`) that is read.
"""

import argparse
import gc
import json
import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from unittest.mock import patch

import torch
from torch.autograd.profiler import record_function
from torch.profiler import ProfilerActivity, profile

from adabench.harness.contract import registry
from adabench.harness.provenance.environment import fingerprint
from adabench.workloads.depth_width.ledger import task
from adabench.workloads.depth_width.ledger.methods.mor import mor
from adabench.workloads.depth_width.ledger.substrate import width_twin
from adabench.workloads.depth_width.methods import early_exit, greedy_skip
from adabench.workloads.depth_width.methods.acm import acm
from adabench.workloads.depth_width.methods.informed_routing import informed_routing
from adabench.workloads.depth_width.substrate import attention, gathered_forward, learners
from adabench.workloads.depth_width.substrate import work_counter as work
from adabench.workloads.depth_width.substrate.units import unit_forward

ARMS = ("mor", "recursive", "early_exit", "vanilla", "informed_routing", "greedy_skip", "acm")
PART = "part: "
ORDER = (
    "admission",
    "layers",
    "forecast",
    "attention",
    "store",
    "gather cache",
    "gather rows",
    "layout",
    "put back",
    "left",
    "read out",
    "rest",
)


Span = Callable[[str], AbstractContextManager[Any]]
"""Opens a part; parts nest."""


@dataclass
class Stopwatch:
    """Credits time to the innermost open part."""

    spent_s: Counter[str] = field(default_factory=Counter)
    open: list[str] = field(default_factory=list)
    last_s: float = 0.0
    clock: Callable[[], float] = perf_counter

    def span(self, part: str) -> "Lap":
        """Return the context of a part."""
        return Lap(self, part)

    def turn(self) -> None:
        """Credit what has passed since the last turn."""
        now = self.clock()
        if self.open:
            self.spent_s[self.open[-1]] += now - self.last_s
        self.last_s = now


@dataclass(frozen=True)
class Lap:
    """A part being timed; a class, because a generator would cost a microsecond."""

    watch: Stopwatch
    part: str

    def __enter__(self) -> None:
        self.watch.turn()
        self.watch.open.append(self.part)

    def __exit__(self, *problem: object) -> None:
        self.watch.turn()
        self.watch.open.pop()


def main() -> None:
    """Measure, print the tables, and store the figures if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--modes", nargs="+", default=["prefill", "decode1", "decode16"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--arms", nargs="+", default=list(ARMS))
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--cpu", action="store_true", help="CPU time in place of wall time")
    parser.add_argument("--out", type=Path, help="where to store the JSON")
    arguments = parser.parse_args()
    found, clock = {}, process_time if arguments.cpu else perf_counter
    for mode in arguments.modes:
        arms = {
            name: reading(name, mode, arguments.seed, arguments.width) for name in arguments.arms
        }
        times = interleaved(arms, arguments.rounds, clock)
        parts = timed(arms, arguments.rounds, clock)
        ops = {name: counted(arm) for name, arm in arms.items()}
        k = {name: conversion(name, arms, times) for name in arms}
        print(table(mode, times, parts, ops, k))
        found[mode] = {
            name: {"ms": times[name], "k": k[name], "part_ms": parts[name], "ops": ops[name]}
            for name in arms
        }
    facts = {"seed": arguments.seed, "width": arguments.width, "clock": clock.__name__}
    document = {**facts, "modes": found, "machine": fingerprint()}
    if arguments.out:
        arguments.out.write_text(json.dumps(document, indent=1) + "\n")


@dataclass(frozen=True)
class Arm:
    """A method at a point, bound to the task's first batch."""

    ledger: Any
    solve: Callable[[], Any]
    skips_from: str | None
    executions: float

    @contextmanager
    def ready(self) -> Iterator[Callable[[], Any]]:
        """Put the twin in place, if there is one, and give what is to be timed."""
        self.ledger.rehearse(self.solve)
        gc.collect()
        gc.disable()  # a collection takes longer than most parts
        try:
            yield self.solve
        finally:
            gc.enable()
            width_twin.finish()


def reading(name: str, mode: str, seed: int, width: int) -> Arm:
    """Return a method, at its default or at `name:knob=value`, with the task's first batch."""
    ledger = task.load("embedded", seed, mode=mode, batches=1, width=width)
    plain, *turned = name.split(":")
    entry = registry.find(f"ledger/{plain}")
    method, point = registry.load(entry), dict(entry.card.defaults)
    for knob, value in (one.split("=") for one in turned):
        point[knob] = type(point[knob])(value)
    state = method.prepare(ledger, point, seed)
    (case,) = ledger.cases()

    def solve() -> Any:
        return method.solve(state, case, point)

    executions = float(solve().executions().double().mean())
    return Arm(ledger, solve, entry.card.skips_from, executions)


def conversion(name: str, arms: dict[str, Arm], times: dict[str, list[float]]) -> float | None:
    """Return K against what the arm skips from, if that is there under its own name."""
    whole = arms[name].skips_from
    if not whole or whole not in arms:
        return None
    saved = arms[name].executions / arms[whole].executions
    return math.log(times[name][0] / times[whole][0]) / math.log(saved) if saved != 1 else None


def interleaved(
    arms: dict[str, Arm], rounds: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Return least and median ms of each arm; a round takes every arm once."""
    laps: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(rounds + 1):
        for name, arm in arms.items():
            with arm.ready() as read:
                start = clock()
                read()
                laps[name].append((clock() - start) * 1e3)
    # The first round warms up.
    return {name: [min(some[1:]), statistics.median(some[1:])] for name, some in laps.items()}


def timed(
    arms: dict[str, Arm], rounds: int, clock: Callable[[], float]
) -> dict[str, dict[str, float]]:
    """Return the ms of every part in the quickest reading; a round takes every arm once."""
    laps: dict[str, list[Counter[str]]] = {name: [] for name in arms}
    for _ in range(rounds):
        for name, arm in arms.items():
            watch = Stopwatch(clock=clock)
            with arm.ready() as read, marked(watch.span), watch.span("rest"):
                read()
            laps[name].append(watch.spent_s)
    quickest = {name: min(some, key=Counter.total) for name, some in laps.items()}
    return {name: {part: lap[part] * 1e3 for part in ORDER} for name, lap in quickest.items()}


def counted(arm: Arm) -> dict[str, int]:
    """Profile one reading; return the operations of every part."""
    span: Span = lambda part: record_function(PART + part)
    with (
        arm.ready() as read,
        marked(span),
        profile(activities=[ProfilerActivity.CPU], acc_events=True) as seen,
        span("rest"),
    ):
        read()
    ops: Counter[str] = Counter()
    for event in seen.events() or ():
        if event.name.startswith("aten::") and not event.cpu_children:
            ops[part_of(event)] += 1
    return {part: ops[part] for part in ORDER}


def part_of(event: Any) -> str:
    """Return the innermost part that an operation lies in."""
    while event is not None and not event.name.startswith(PART):
        event = event.cpu_parent
    return "" if event is None else str(event.name).removeprefix(PART)


@contextmanager
def marked(span: Span) -> Iterator[None]:
    """Open a span around each of the engine's parts while the context lasts."""
    parts: tuple[tuple[Any, str, str], ...] = (
        (gathered_forward, "_layer", "layers"),
        (gathered_forward, "_merge", "put back"),
        (gathered_forward, "pack", "layout"),
        (gathered_forward, "read_out", "read out"),
        (work.Work, "take", "gather"),
        (attention.Prefill, "_pad", "attention"),
        (attention.Prefill, "_sdpa", "attention"),
        (attention.Prefill, "_masked", "attention"),
        (attention.Decode, "_sdpa", "attention"),
        (attention.Decode, "_append", "store"),
        (attention.Decode, "leave", "left"),
        (attention.Prefill, "leave", "left"),
        (unit_forward, "_attended", "layers"),
        (unit_forward, "_widened", "layers"),
        (unit_forward, "_put", "put back"),
        (unit_forward, "pack", "layout"),
        (unit_forward, "read_out", "read out"),
        (learners, "_run", "layers"),
        (learners, "pack", "layout"),
        (learners, "read_out", "read out"),
    )
    with ExitStack() as stack:
        for owner, name, part in parts:
            stack.enter_context(patch.object(owner, name, within(span, part, getattr(owner, name))))
        for method, name in ((mor, "threshold"), (early_exit, "unsure")):
            stack.enter_context(patch.object(method, name, deciding(span, getattr(method, name))))
        for method, name, part in (
            (informed_routing, "rule", "forecast"),
            (greedy_skip, "rule", "forecast"),
            (acm, "gated", "admission"),
        ):
            made = judging(span, part, getattr(method, name))
            stack.enter_context(patch.object(method, name, made))
        yield


def within(span: Span, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """Run a call inside a part."""

    @wraps(call)
    def run(*given: Any, **named: Any) -> Any:
        with span(part if part != "gather" else gathered(*given)):
            return call(*given, **named)

    return run


def gathered(work: work.Work, rows: torch.Tensor, index: torch.Tensor) -> str:
    """Name what a gather copies: caches are [sequences, heads, room, d / heads], rows [n, d]."""
    return "gather cache" if rows.dim() == 4 else "gather rows"


def deciding(
    span: Span, make: Callable[..., gathered_forward.Policy]
) -> Callable[..., gathered_forward.Policy]:
    """Mark what the policies that `make` returns decide."""

    @wraps(make)
    def marking(*given: Any) -> gathered_forward.Policy:
        policy = make(*given)
        return lambda: within(span, "admission", policy())

    return marking


def judging(span: Span, part: str, make: Callable[..., Any]) -> Callable[..., Any]:
    """Mark what the rules or choosers that `make` returns decide."""

    @wraps(make)
    def marking(*given: Any) -> Any:
        return within(span, part, make(*given))

    return marking


def table(
    mode: str,
    times: dict[str, list[float]],
    parts: dict[str, dict[str, float]],
    ops: dict[str, dict[str, int]],
    k: dict[str, float | None],
) -> str:
    """Lay out the table of a mode."""
    names: Sequence[str] = tuple(times)
    plain = "".join(f"{'{:.1f} / {:.1f}'.format(*times[name]):>20s}" for name in names)
    known = "".join(f"{'' if k[name] is None else f'{k[name]:.2f}':>20s}" for name in names)
    lines = [
        f"{mode:14s}" + "".join(f"{name[-19:]:>20s}" for name in names),
        f"{'ms':14s}{plain}",
        f"{'K':14s}{known}",
        f"{'parts':14s}" + f"{'ms':>13s}{'ops':>7s}" * len(names),
    ]
    for part in (*ORDER, "total"):
        cells = ""
        for name in names:
            spent, count = parts[name], ops[name]
            ms = sum(spent.values()) if part == "total" else spent[part]
            n = sum(count.values()) if part == "total" else count[part]
            cells += f"{ms:13.1f}{n:7d}"
        lines.append(f"{part:14s}{cells}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
