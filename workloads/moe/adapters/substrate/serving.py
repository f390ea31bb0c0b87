"""Serving of eight tasks at once: adapters beside one base, against weights that are swapped.

    beside     one pass over all requests, sorted by task; each row meets the adapter of its task
    swapped    task by task: merge its adapter into the base, then read its requests
    in memory  task by task over eight bases that were merged before: eight times the bytes

Requests come mixed, as many of each task, and every way answers all of them. Ratios are of the shortest laps on the
processor's clock, as in `footprint.py`: above 1 the one pass is faster. Seven of the adapters are the
measured one with noise, since the time is the same whatever they say; a pass that says something else than the merged bases
is refused.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from adabench.harness.errors import MethodContractError
from adabench.workloads.moe.adapters.substrate.adapted_forward import forward
from adabench.workloads.moe.adapters.substrate.adapter import NOTHING, Adapter, BaseRule, Weights
from adabench.workloads.moe.adapters.substrate.base_model import Base
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import Ints

TASKS = 8
REQUESTS = (8, 64, 512)
"""Of all tasks together, in one batch."""
MIDDLE = REQUESTS[1]
LAPS = 5
NOISE = 0.1
SAME = 1e-4
"""Of the largest logit: how far two ways may be apart."""


@dataclass(frozen=True)
class Requests:
    """Sequences of several tasks, mixed."""

    tokens: Tensor
    """[n, 10]"""
    tasks: Tensor
    """[n]"""


def requests(tokens: Ints, count: int) -> Requests:
    """Return so many requests, the tasks in turn."""
    rows = torch.arange(count)
    return Requests(torch.from_numpy(tokens)[rows % len(tokens)], rows % TASKS)


def speedups(
    base: Base, adapter: Adapter, tokens: Ints, clock: Callable[[], float]
) -> dict[str, float]:
    """Return how many times as fast one pass is; nothing for adapters that cannot be served together.

    Raises:
        MethodContractError: if one pass says something else than the adapters one by one.
    """
    joint, merge = adapter.together, adapter.merge
    if joint is None or merge is None:
        return {}
    several = _several(adapter)
    together, merged = joint(several, base), [merge(own, base) for own in several]
    refuse_another(
        _beside(base, together, requests(tokens, TASKS)),
        _in_turn(merged, requests(tokens, TASKS)),
        "Served together, adapters say",
        "`together`",
    )
    found = {}
    for count in REQUESTS:
        own = requests(tokens, count)
        beside_s, swapped_s, in_memory_s = _shortest(
            clock,
            partial(_beside, base, together, own),
            partial(_swapped, base, merge, several, own),
            partial(_in_turn, merged, own),
        )
        found[f"serving_speedup_{count}"] = swapped_s / beside_s
        if count == MIDDLE:
            found["serving_speedup_in_memory"] = in_memory_s / beside_s
    return found


def refuse_another(said: Tensor, wanted: Tensor, who: str, rule: str) -> None:
    """Refuse logits that are not those of another way.

    Raises:
        MethodContractError: if they are further apart than rounding explains.
    """
    away = float((said - wanted).abs().max() / said.abs().max())
    if away > SAME:
        raise MethodContractError(
            f"{who} something else: logits are {away:.1e} apart.",
            f"Correct its {rule}, or leave it out if there is none.",
        )


def _several(adapter: Adapter) -> list[Weights]:
    generator = torch.Generator().manual_seed(0)
    others = [
        {
            name: value * (1 + NOISE * torch.randn(value.shape, generator=generator))
            for name, value in adapter.weights.items()
        }
        for _ in range(TASKS - 1)
    ]
    return [adapter.weights, *others]


def _shortest(clock: Callable[[], float], *ways: Callable[[], Tensor]) -> list[float]:
    """Return the shortest lap of each way, run in turn."""
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(LAPS):
        for way, own in zip(ways, times, strict=True):
            began = clock()
            way()
            own.append(clock() - began)
    return [min(own) for own in times]


def _beside(base: Base, together: Adapter, asked: Requests) -> Tensor:
    order = asked.tasks.argsort(stable=True)
    said = _logits(base, together, asked.tokens[order], asked.tasks[order])
    return said[order.argsort()]


def _swapped(base: Base, merge: BaseRule, several: list[Weights], asked: Requests) -> Tensor:
    return _in_turn((merge(own, base) for own in several), asked)


def _in_turn(bases: Iterable[Base], asked: Requests) -> Tensor:
    """Read the requests of each task with its base, made at that moment or before."""
    rows, said = [], []
    for task, base in enumerate(bases):
        own = (asked.tasks == task).nonzero().flatten()
        rows.append(own)
        said.append(_logits(base, NOTHING, asked.tokens[own], asked.tasks[own]))
    return torch.cat(said)[torch.cat(rows).argsort()]


@torch.no_grad()
def _logits(base: Base, adapter: Adapter, tokens: Tensor, tasks: Tensor) -> Tensor:
    return forward(Pass(base, tokens, tasks, Work()), adapter)
