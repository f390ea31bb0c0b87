"""How gates and experts are trained on the states of a frozen encoder: all arms alike.

    loss = cross-entropy of the answer
         + 0.01 x entropy of the gate, query by query        (it is to be sure)
         + 0.1  x (ln E - entropy of its mean over the batch) (and to use all experts)

AdamW, a short warm-up, linear decay. Every arm sees the same queries in the same order, as many at every batch
size: a batch of 256 takes a quarter of the steps of one of 64, at the same rate. No loss knows the kind of a
question. Over the last steps matrices are seen rounded to the few levels of the file, with gradients straight
through, and are pulled towards zero so that the file compresses.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.depth_width.classify.substrate.experts import (
    FFNN,
    GRU,
    Arm,
    Batch,
    Gate,
    Mixture,
    largest_alone,
    preset_gate,
    soft_gate,
    top_1_gate,
)
from adabench.workloads.depth_width.classify.substrate.reading import (
    QUICK,
    QuerySet,
    Reader,
    States,
    tally,
)
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.questions import Questions
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.depth_width.substrate.work_counter import Work
from adabench.workloads.shared.training import int8_packing
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.schedule import trapezoid
from adabench.workloads.shared.training.trainer import Trainer

ENTROPY_WEIGHT, BALANCE_WEIGHT = 0.01, 0.1
RATE, BETAS, WEIGHT_DECAY, CLIP = 8e-3, (0.9, 0.98), 0.01, 1.0
WARM_UP, DECAY_FROM, LAST_RATE = 0.03, 0.5, 0.05
"""Of the steps; the last rate is a share of the first."""
ROUND_FROM, LEVELS, PULL = 0.6, 3, 0.08
"""Of the steps, from where on weights are seen rounded; steps of a row's largest weight; how far a step
moves each entry towards zero, of the rate."""
BATCH, BATCHES = 64, (16, 256)
ENCODER_KEY = "encoder"
_STREAM = 72

BOTH = (GRU, FFNN)
GROUPS: Mapping[str, tuple[Arm, ...]] = {
    "sequence": (
        Arm("hecto", BOTH, "top-1"),
        Arm("ffnn_ffnn", (FFNN, FFNN), "top-1"),
        Arm("gru_gru", (GRU, GRU), "top-1"),
    ),
    "sequence-statics": (Arm("ffnn", (FFNN,)), Arm("gru", (GRU,)), Arm("both", BOTH, "soft")),
    # Feed-forward nets alone see the mean anyway: theirs are those above.
    "isolated": (
        Arm("hecto", BOTH, "top-1", isolated=True),
        Arm("gru_gru", (GRU, GRU), "top-1", isolated=True),
    ),
    "isolated-statics": (
        Arm("gru", (GRU,), isolated=True),
        Arm("both", BOTH, "soft", isolated=True),
    ),
    "batches": tuple(Arm(f"hecto-{size}", BOTH, "top-1", size) for size in BATCHES),
    "coins": (Arm("coins", BOTH, "coins"),),
    # What the loss alone makes of a gate: there is nothing to choose between.
    "tied": (Arm("tied_experts", (FFNN, FFNN), "top-1", tied=True),),
}


class TrainingSet(Protocol):
    """Where queries to learn from come from."""

    @property
    def encoder(self) -> States:
        """The frozen encoder."""
        ...

    @property
    def classes(self) -> int:
        """How many answers there are."""
        ...

    @property
    def queries(self) -> int:
        """How many queries a training sees, repetitions included."""
        ...

    def batches(self, seed: int, size: int) -> Iterator[Batch]:
        """Yield the queries of a training seed in batches of a size."""
        ...

    def validation(self) -> tuple[Questions, Ints]:
        """Return queries that no training sees, with their answers."""
        ...


class Base(Protocol):
    """The recipe of a frozen encoder, or of its states."""

    @property
    def name(self) -> str:
        """Of its files."""
        ...

    def training_set(self) -> TrainingSet:
        """Return what experts learn from, or refuse for want of the encoder."""
        ...


@dataclass(frozen=True)
class ExpertsRecipe:
    """The arms of one group and one training seed."""

    name: str
    group: str
    seed: int
    home: Path
    base: Base
    steps: int
    forecast_s: int

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train every arm and write weights and card."""
        training_set = self.base.training_set()
        weights = {ENCODER_KEY: fingerprint(training_set.encoder)}
        for arm, made in train(GROUPS[self.group], training_set, self.seed, progress).items():
            weights |= checkpoints.below(f"{arm}.", made.state_dict())
        checkpoints.write(weights, folder / f"{self.name}{SUFFIX}", levels=LEVELS)
        found = {
            arm.name: held_out(self.load(arm.name, training_set, folder), training_set)
            for arm in GROUPS[self.group]
        }
        return checkpoints.describe(self, folder, levels=LEVELS, held_out=found)

    def load(self, arm: str, training_set: TrainingSet, folder: Path | None = None) -> Mixture:
        """Return one arm in fp32.

        Raises:
            EnvironmentProblem: if it is not there, or was trained on another encoder.
        """
        weights = checkpoints.weights(self, folder)
        if not torch.equal(weights[ENCODER_KEY].long(), fingerprint(training_set.encoder)):
            raise EnvironmentProblem(
                f"{self.name} was trained on states of another encoder than {self.base.name}.",
                f"Make it anew: adabench train {self.name}.",
            )
        plan = next(one for one in GROUPS[self.group] if one.name == arm)
        mixture = Mixture(plan, training_set.encoder.width, training_set.classes)
        mixture.load_state_dict(checkpoints.part(weights, f"{arm}."))
        return mixture.eval().requires_grad_(False)


def fingerprint(encoder: States) -> Tensor:
    """Return numbers by which a file knows the encoder that its arms were trained on."""
    return torch.tensor(list(bytes.fromhex(checkpoints.digest(encoder.identity()))))


def steps_of(arms: Sequence[Arm], queries: int) -> int:
    """Return how many batches the arms see in all; those of one size see them together."""
    return sum(-(-queries // size) for size in {arm.batch for arm in arms})


def train(
    arms: Sequence[Arm], training_set: TrainingSet, seed: int, progress: Progress
) -> dict[str, Mixture]:
    """Train arms from a seed, on one thread; all see the same queries in the same order."""
    steps, done = steps_of(arms, training_set.queries), 0
    with one_thread(), torch.random.fork_rng(devices=[]):
        trainings = [_Training.fresh(arm, training_set, seed) for arm in arms]
        for size in sorted({arm.batch for arm in arms}):
            own = [training for training in trainings if training.mixture.arm.batch == size]
            last = -(-training_set.queries // size)
            for step, batch in enumerate(training_set.batches(seed, size)):
                for training in own:
                    training.learn(batch, step, last)
                progress(done + step + 1, steps)
            done += last
    mixtures = [training.mixture.eval().requires_grad_(False) for training in trainings]
    return {mixture.arm.name: mixture for mixture in mixtures}


@dataclass(frozen=True)
class _Training:
    """A mixture that is being trained, and its trainer."""

    mixture: Mixture
    trainer: Trainer

    @classmethod
    def fresh(cls, arm: Arm, training_set: TrainingSet, seed: int) -> "_Training":
        """Return one at its first step; arms of one seed begin with the same draws."""
        torch.manual_seed(_STREAM * 1000 + seed)
        mixture = Mixture(arm, training_set.encoder.width, training_set.classes)
        steps = -(-training_set.queries // arm.batch)
        optimiser = torch.optim.AdamW(
            mixture.parameters(), lr=RATE, betas=BETAS, weight_decay=WEIGHT_DECAY
        )
        falls = trapezoid(steps, max(1.0, WARM_UP * steps), DECAY_FROM, LAST_RATE)
        return cls(mixture, Trainer(optimiser, schedule=falls, clip=CLIP))

    def learn(self, batch: Batch, step: int, steps: int) -> None:
        """Take one step."""
        rounds = step >= ROUND_FROM * steps

        def losses(step: int) -> Iterator[Tensor]:
            del step
            with file_precision(self.mixture) if rounds else contextlib.nullcontext():
                yield loss(self.mixture, batch)

        self.trainer.step(step, losses)
        if rounds:
            by = self.trainer.schedule(PULL * RATE, step)
            _pull(list(self.mixture.parameters()), by)


@torch.no_grad()
def _pull(weights: Sequence[Tensor], by: float) -> None:
    """Move the entries of matrices towards zero, and not beyond."""
    for weight in weights:
        if weight.dim() == 2:
            weight.copy_(F.softshrink(weight, by))


@contextlib.contextmanager
def file_precision(mixture: Mixture) -> Iterator[None]:
    """Show the forward pass the matrices that a file would give back."""
    own = {name: weight for name, weight in mixture.named_parameters() if weight.dim() == 2}
    exact = {name: weight.data for name, weight in own.items()}
    filed = int8_packing.unpacked(int8_packing.packed(exact, LEVELS))
    for name, weight in own.items():
        weight.data = filed[name]
    try:
        yield
    finally:
        for name, weight in own.items():
            weight.data = exact[name]


def loss(mixture: Mixture, batch: Batch) -> Tensor:
    """Return the loss of a batch: no part of it knows which kind a question is of."""
    work, rows = Work(), torch.arange(len(batch.answers))
    chances = mixture.chances(batch.states[:, 0], work)
    weights = chances
    if mixture.arm.gate == "top-1":
        weights = largest_alone(chances)
    elif mixture.arm.gate == "coins":
        weights = F.one_hot(torch.randint(chances.shape[1], rows.shape), chances.shape[1]).float()
    said = mixture.answer(batch.states[:, 1:], batch.lengths - 1, weights, rows, work)
    answers = F.cross_entropy(said, batch.answers)
    if mixture.arm.gate != "top-1":
        return answers
    return answers + ENTROPY_WEIGHT * entropy(chances).mean() + BALANCE_WEIGHT * imbalance(chances)


def entropy(chances: Tensor) -> Tensor:
    """Return the entropy of each row, in nats."""
    return -(chances * chances.clamp_min(1e-9).log()).sum(-1)


def imbalance(chances: Tensor) -> Tensor:
    """Return by how much the mean chances of a batch miss the largest entropy, in nats."""
    return float(np.log(chances.shape[1])) - entropy(chances.mean(0))


def held_out(mixture: Mixture, training_set: TrainingSet) -> dict[str, float]:
    """Return the accuracy of a mixture, and the share of its first expert, on the validation."""
    questions, answers = training_set.validation()
    reader = Reader(training_set.encoder, mixture, QUICK)
    found = tally(reader.read(QuerySet(-1, questions), _gate(mixture, len(answers))))
    right = (found.answers.numpy() == answers).mean()
    first = found.runs[:, 0].double().mean()
    return {"accuracy": round(float(right), 4), "share_first": round(float(first), 4)}


def _gate(mixture: Mixture, queries: int) -> Gate | None:
    """Return the gate that a mixture was trained under; of coins each expert in turn."""
    if mixture.arm.gate == "coins":
        return preset_gate(torch.arange(queries) % 2, len(mixture.experts))
    if mixture.arm.gate == "none":
        return None
    return top_1_gate(mixture) if mixture.arm.gate == "top-1" else soft_gate(mixture)
