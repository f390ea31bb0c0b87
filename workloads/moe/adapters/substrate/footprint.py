"""What an adaptation takes beside its answers: bytes of training, and the time of reading with it.

**Bytes** are those of one real step under hooks: storages of weights that the pass needs, gradients after the
backward, tensors of the optimiser's state, and storages that autograd keeps.

**Reading** is timed on the processor's clock, lap by lap in turn: the base, the base with the adapter, and, where it
can be merged, the base that it was merged into. The shortest lap of each counts, as whatever else runs only adds.
The bench merges, and refuses a merged base that says something else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.optim.optimizer import register_optimizer_step_post_hook

from adabench.workloads.moe.adapters.substrate import few_shot
from adabench.workloads.moe.adapters.substrate.adapter import NOTHING, Adapter, Weights, forward
from adabench.workloads.moe.adapters.substrate.base_model import Base
from adabench.workloads.moe.adapters.substrate.few_shot import NEW_TASK, Examples, Schedule
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import Ints
from adabench.workloads.moe.adapters.substrate.serving import refuse_another

LAPS, FEWER, LONGEST = 24, 10, 3
"""Where a merged way is to be told from the base's and where there is none; and how many times as long as the base's
laps those of another way may take together."""


@dataclass
class _Step:
    """What hooks saw in one step."""

    base: Base
    own: dict[int, Tensor] = field(default_factory=dict)
    """By storage: weights of the adapter, those that are not trained included."""
    kept: dict[int, Tensor] = field(default_factory=dict)
    gradients: int = 0
    optimiser: int = 0

    def keep(self, value: Tensor) -> Tensor:
        """Note what autograd keeps for the backward."""
        self.kept[value.untyped_storage().data_ptr()] = value.detach()
        return value

    def watch(self, rule: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """Return a rule that notes the adapter's weights and does as before."""

        def watched(weights: Weights, place: str, x: Tensor, step: Pass) -> Tensor:
            self.own |= _by_storage(weights.values())
            return rule(weights, place, x, step)

        return watched

    def after(self, trained: dict[str, Tensor], step: int, steps: int) -> None:
        """Note the gradients that are there."""
        every = (*trained.values(), *self.base.weights.values())
        self.gradients = sum(value.grad.nbytes for value in every if value.grad is not None)

    def optimised(self, optimiser: torch.optim.Optimizer, *call: Any) -> None:
        """Note the state of the optimiser."""
        states = (value for state in optimiser.state.values() for value in state.values())
        self.optimiser = sum(value.nbytes for value in states if isinstance(value, Tensor))

    @property
    def activations(self) -> int:
        """Return the bytes that were kept and are no weights."""
        weights = self.own.keys() | _by_storage(self.base.weights.values()).keys()
        return sum(_size(value) for place, value in self.kept.items() if place not in weights)


def training_bytes(base: Base, adapter: Adapter, examples: Examples) -> dict[str, float]:
    """Return the bytes of one step of an adaptation, by what holds them."""
    seen = _Step(base)
    watched = replace(adapter, state=seen.watch(adapter.state), after_step=seen.after)
    hook = register_optimizer_step_post_hook(seen.optimised)
    try:
        with saved_tensors_hooks(seen.keep, lambda value: value):
            few_shot.adapt(base, watched, examples, Schedule(0.0, 1), Work(), 0)
    finally:
        hook.remove()
    found = {
        "weight_bytes": weight_bytes(base, adapter),
        "gradient_bytes": seen.gradients,
        "optimizer_bytes": seen.optimiser,
        "activation_bytes": seen.activations,
    }
    return {
        name: float(count)
        for name, count in (found | {"training_bytes": sum(found.values())}).items()
    }


def weight_bytes(base: Base, adapter: Adapter) -> int:
    """Return the bytes of the weights that a pass needs: of the base those that are not replaced."""
    own, needed = adapter.weights, base.weights
    if adapter.own_base is not None:
        through = adapter.own_base(own, base).weights
        replacing = {id(value) for value in own.values()}
        needed = {
            name: value for name, value in needed.items() if id(through[name]) not in replacing
        }
    return sum(map(_size, _by_storage((*own.values(), *needed.values())).values()))


def reading(
    base: Base, adapter: Adapter, tokens: Ints, clock: Callable[[], float], most: int = LAPS
) -> dict[str, float]:
    """Return the seconds of reading with the base, with an adapter beside it, and merged into it.

    Of `most` laps at the most: no more than an adaptation has steps, for a trial of four is not timed.

    Raises:
        MethodContractError: if the merged base says something else.
    """
    arms = {"reading_base_s": (base, NOTHING), "reading_s": (base, adapter)}
    if adapter.merge is not None:
        arms["reading_merged_s"] = (adapter.merge(adapter.weights, base), NOTHING)
        beside, merged = (_logits(*arms[name], tokens) for name in list(arms)[1:])
        who = "Merged into the base, the adapter says"
        refuse_another(beside, merged, who, "`merge`", base.dtype)
    times: dict[str, list[float]] = {name: [] for name in arms}
    laps = min(most, LAPS if adapter.merge is not None else FEWER)
    for _ in range(laps):
        for name, arm in arms.items():
            if sum(times[name]) > LONGEST * laps * min(times["reading_base_s"], default=0.0):
                continue
            began = clock()
            _logits(*arm, tokens)
            times[name].append(clock() - began)
    found = {name: min(own) for name, own in times.items()}
    return found | {"reading_overhead_s": found["reading_s"] - found["reading_base_s"]}


@torch.no_grad()
def _logits(base: Base, adapter: Adapter, tokens: Ints) -> Tensor:
    tasks = torch.full((len(tokens),), NEW_TASK)
    run = Pass(
        base, torch.from_numpy(tokens), tasks, Work(), generator=torch.Generator().manual_seed(0)
    )
    return forward(run, adapter)


def _by_storage(values: Any) -> dict[int, Tensor]:
    return {value.untyped_storage().data_ptr(): value for value in values}


def _size(value: Tensor) -> int:
    return value.untyped_storage().nbytes()
