"""The loop that every training takes: a recipe brings a model, a loss and data.

    with seeded(plan.seed):
        model = Model(plan.shape)
        optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, fused=True)
        trainer = Trainer(optimiser, schedule=cosine(plan.steps), clip=1.0)
        trainer.fit(lambda step: loss(model, next(batches)), plan.steps, progress)

A step sets the rates, takes the loss, sends its gradient back, limits the gradient's norm and moves the
weights. Weights, data and their order follow from the seed: a training gives the same bytes whenever it
is made on a processor of one kind.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from adabench.workloads.shared.training import malloc_tuning
from adabench.workloads.shared.training.checkpoints import Progress, one_thread
from adabench.workloads.shared.training.schedule import Schedule, constant

Loss = Callable[[int], Tensor | Iterable[Tensor]]
"""Returns the loss of a step, counted from 0. Of several losses each is sent back before the next is asked
for, and the gradients add up; none at all says that the gradients are there already."""


def silent(done: int, steps: int) -> None:
    """Say nothing of a training's progress."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw torch's numbers from a seed on one thread; afterwards both are as they were before."""
    malloc_tuning.keep()
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


class Trainer:
    """Optimisers, the rates of their groups at each step, and the limit of the gradient's norm.

    The peak of a group's rate is the `lr` that its optimiser was made with. `clip` limits the norm over the
    weights in `clipped`, by default those of the optimisers in their order; None: there is no limit.
    """

    def __init__(
        self,
        *optimisers: torch.optim.Optimizer,
        schedule: Schedule = constant,
        clip: float | None = None,
        clipped: Iterable[Tensor] = (),
    ) -> None:
        self.optimisers = optimisers
        self.schedule, self.clip = schedule, clip
        groups = [group for one in optimisers for group in one.param_groups]
        self._peaks = [(group, group["lr"]) for group in groups]
        every = [weight for group in groups for weight in group["params"]]
        self._clipped = list(clipped) or every

    def step(self, step: int, loss: Loss) -> None:
        """Take one step, counted from 0."""
        for group, peak in self._peaks:
            group["lr"] = self.schedule(peak, step)
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        found = loss(step)
        for one in (found,) if isinstance(found, Tensor) else found:
            torch.autograd.backward(one)
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self._clipped, self.clip)
        for optimiser in self.optimisers:
            optimiser.step()

    def follow(self, loss: Loss, steps: int, first: int = 0) -> Iterator[int]:
        """Take the steps from `first` to `steps`, and yield after each how many are done."""
        for step in range(first, steps):
            self.step(step, loss)
            yield step + 1

    def fit(
        self,
        loss: Loss,
        steps: int,
        progress: Progress = silent,
        *,
        first: int = 0,
        last: int | None = None,
    ) -> None:
        """Take all of the steps, or those from `first` to `last`, and report each as done."""
        for done in self.follow(loss, steps if last is None else last, first):
            progress(done, steps)


class RunningMean:
    """The mean of a model's weights over its last steps, older ones counting less.

    The first update takes the weights as they are; each later one keeps the share `decay` of the mean.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights: dict[str, Tensor] = {}
        self._model = model

    def update(self) -> None:
        """Take in the weights of the model as they are."""
        for name, value in self._model.state_dict().items():
            if name in self.weights:
                self.weights[name].lerp_(value, 1 - self.decay)
            else:
                self.weights[name] = value.clone()
