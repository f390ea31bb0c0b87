"""Serving of eight tasks at once: adapters beside one base, against weights that are swapped.

    beside     one pass over all requests, sorted by task; each row meets the adapter of its task
    swapped    task by task: merge its adapter into the base, then read its requests
    in memory  task by task over eight bases that were merged before: eight times the bytes

Requests come mixed, as many of each task, and every way answers all of them. The shortest lap of each way counts, on the
processor's clock, as in `footprint.py`. Seven of the adapters are the measured one with noise, since the time is the same
whatever they say; a pass that says something else than the merged bases is refused.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from adabench.harness.errors import MethodContractError
from adabench.workloads.moe.adapters.substrate.adapter import NOTHING, Adapter, Weights, forward
from adabench.workloads.moe.adapters.substrate.base_model import Base
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import Ints

TASKS = 8
REQUESTS = (8, 64, 512)
"""Of all tasks together, in one batch."""
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


def seconds(
    base: Base, adapter: Adapter, tokens: Ints, clock: Callable[[], float]
) -> dict[str, float]:
    """Return what each way takes, and what one pass saves; nothing for adapters that cannot be served together.

    Raises:
        MethodContractError: if one pass says something else than the adapters one by one.
    """
    if adapter.together is None or adapter.merge is None:
        return {}
    several, asked = _several(adapter), requests(tokens, TASKS)
    together = adapter.together(several, base)
    merged = [adapter.merge(own, base) for own in several]
    wanted = _in_turn(merged, asked)
    for said in (_beside(base, together, asked), _swapped(base, together, asked)):
        refuse_another(said, wanted, "Served together, adapters say", "`together`")
    found: dict[str, float] = {}
    for count in REQUESTS:
        own = requests(tokens, count)
        beside_s, swapped_s, in_memory_s = _shortest(
            clock,
            partial(_beside, base, together, own),
            partial(_swapped, base, together, own),
            partial(_in_turn, merged, own),
        )
        found |= {
            f"serving_beside_{count}_s": beside_s,
            f"serving_saved_{count}_s": swapped_s - beside_s,
            f"serving_in_memory_{count}_s": in_memory_s,
        }
    return found


def refuse_another(
    said: Tensor, wanted: Tensor, who: str, rule: str, dtype: torch.dtype = torch.float32
) -> None:
    """Refuse logits that are not those of another way.

    Raises:
        MethodContractError: if they are further apart than rounding explains.
    """
    away = float((said - wanted).abs().max() / said.abs().max())
    if away > max(SAME, 4 * torch.finfo(dtype).eps):
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


def _swapped(base: Base, together: Adapter, asked: Requests) -> Tensor:
    """Merge each adapter when its turn comes, by what was computed before for both ways."""
    merge, stacked = together.merge, together.weights
    assert merge is not None
    slices = ({name: one[task] for name, one in stacked.items()} for task in range(TASKS))
    return _in_turn((merge(own, base) for own in slices), asked)


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
