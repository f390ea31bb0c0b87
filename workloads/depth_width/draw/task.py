"""Draw: a diffusion model that draws what a prompt says, pruned by prompts.

    adabench run 'draw/*'                       glyphs of the fonts that matplotlib brings
    adabench run 'draw/*' --set data=digits     scikit-learn's digits, for which training comes first

A case is 48 held-out prompts, combinations of a character, a family, a weight and a slant that no training saw. Of the
picture of each there are eight noisy ones to denoise, and noise to draw from. All methods get the same. What adapts is which
network a prompt runs: all are pruned out of one trained model, to the same mean cost, and fine-tuned equally long in all.

**What is scored.** `denoise_error`, the squared error of the velocity, the mean over noises of all times; `error_busy` and
`error_plain`, of the busiest and the least busy third of the pictures. `recognised`, the share of drawn pictures whose nearest glyph has the
prompt's character. `error_100`, `error_300` and `error_1000` are of the training, out of its card: errors on other pictures
of what so many steps of fine-tuning left, before anything was written in few bits. None is FID, CLIP or CMMD, which ask for networks that no package brings.

**What is counted.** `multiplications` of a reading, of the networks that prompts really ran, `parameters` that must be resident for
all that a prompt may be sent to, and `batches`. `code_entropy`, how evenly networks are used (1: equally often); `rank_busy`,
the rank correlation of a picture's busyness, which no method sees, and the cost of its prompt's network; `agreement`, by how much more
often prompts that share all but one word share their network than others do.

**Limits.** A model of 41,000 weights, pictures of 12 x 12, one processor: what batching is worth on a GPU is not seen here.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType

import torch

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.draw import conformance
from adabench.workloads.depth_width.draw.substrate.diffusion import LEAST, MOST, Noisy, noisy
from adabench.workloads.depth_width.draw.substrate.draw_bench import (
    DrawBench,
    DrawCase,
    Drawn,
    Outcome,
)
from adabench.workloads.depth_width.draw.substrate.prompted_pictures import Pictures, draw
from adabench.workloads.depth_width.draw.truth.picture_scoring import (
    busyness,
    rank_correlation,
    recognised,
    spread,
)
from adabench.workloads.depth_width.draw.truth.tuning_curves import tuning_figures

NOISES = 8
CARD = Card(
    title="Draw: a diffusion model pruned by prompts",
    seeds=5,
    trainings=5,
    paper="Not All Prompts Are Made Equal, arXiv 2406.12042",
    adapts="which network draws a prompt",
    gaps=(
        Gap(
            mixture=("single", "magnitude", "whole"),
            methods=("aptp", "no_transport", "random_codes", "per_sample"),
            oracle="best_code",
            coin="random_codes",
            room=0.002,
        ),
    ),
    knobs=(
        Knob("data", ("glyphs",), "glyphs", also=("digits", "fashion")),
        Knob("sets", (6,), 6, open=True, low=1, high=40),
        Knob("prompts", (48,), 48, open=True, low=2, high=400),
        Knob("steps", (10,), 10, open=True, low=0, high=100),
    ),
    cases="exchangeable",
    metrics=(
        Metric("denoise_error", "ink2", "lower", "quality", primary=True, low=0.0),
        Metric("error_busy error_plain", "ink2", "lower", "quality", low=0.0),
        Metric("error_100 error_300 error_1000", "ink2", "lower", "quality", low=0.0),
        Metric("recognised", "", "higher", "quality"),
        Metric("multiplications", "MAC", "lower", "work", primary=True),
        Metric("flops_counted", "FLOP/picture", "lower", "cost"),
        Metric("parameters", "weights", "lower", "cost"),
        Metric("batches", "networks", "lower", "info"),
        Metric("pictures_read", "pictures", "lower", "info"),
        Metric("code_entropy", "", "higher", "info"),
        Metric("instance", "hash", "higher", "info"),
        Metric("rank_busy agreement", "", "higher", "info", low=-1.0, high=1.0),
    ),
)
CHECK_CONDITIONS = {"sets": 2, "prompts": 12, "steps": 2}
OUTCOMES = (Outcome,)
__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load"]


@dataclass(frozen=True)
class DrawTask:
    """The task: held-out pictures with their noise, and the bench that methods get."""

    bench: DrawBench
    known: tuple[Pictures, ...] = field(repr=False)

    @property
    def meter(self) -> Meter:
        """Return the bench's meter."""
        return self.bench.meter

    def cases(self) -> Iterator[DrawCase]:
        """Yield the prompts and what is noise."""
        for index, pictures in enumerate(self.known):
            each = self.noises(index)
            start = self._random(index, 1)
            yield DrawCase(
                index,
                pictures.prompts,
                torch.stack([one.x for one in each], 1).numpy(),
                torch.stack([one.time for one in each], 1).numpy(),
                torch.randn(pictures.images.shape, generator=start).numpy(),
            )

    def noises(self, index: int, which: int = 0) -> list[Noisy]:
        """Return the noisy pictures of a case, those that are scored or others of the same times."""
        random, images = self._random(index, 2 * which), self.known[index].images
        times = torch.linspace(LEAST, MOST, NOISES)
        return [
            noisy(images, time.expand(len(images)), torch.randn(images.shape, generator=random))
            for time in times
        ]

    def substrate(self) -> DrawBench:
        """Return what methods get: a bench that knows no picture."""
        return DrawBench(self.bench.source, self.bench.seed, self.bench.steps)

    def judge(self, case: DrawCase, outcome: Outcome) -> Mapping[str, float]:
        """Return how wrong what was said is, what drawn pictures show, and what was counted."""
        pictures = self.known[case.index]
        goal = torch.stack([one.velocity for one in self.noises(case.index)], 1)
        errors = (outcome.velocity - goal).double().square().mean((1, 2, 3))
        busy = busyness(pictures.images)
        third = max(1, len(busy) // 3)
        order = busy.argsort()
        found = {
            "instance": instance(case),
            "denoise_error": float(errors.mean()),
            "error_plain": float(errors[order[:third]].mean()),
            "error_busy": float(errors[order[-third:]].mean()),
            **outcome.counted,
            **tuning_figures(self.bench.training, outcome.arm),
            **spread(case.prompts, outcome.places, outcome.choices),
        }
        if outcome.pictures.numel():
            found["recognised"] = recognised(outcome.pictures, case.prompts, self.bench.source)
        ranked = rank_correlation(outcome.costs, busy.tolist())
        return found if math.isnan(ranked) else found | {"rank_busy": ranked}

    def account(self, case: DrawCase, answer: Drawn) -> Outcome:
        """Return what an oracle drew, which has the whole task, and what was counted.

        Raises:
            MethodContractError: if the bench did not draw it for this case.
        """
        return self.bench.account(case, answer)

    def score(self, case: DrawCase, answer: Drawn) -> Mapping[str, float]:
        """Judge an answer of this very object's bench.

        Raises:
            MethodContractError: if the bench did not draw it for this case.
        """
        return self.judge(case, self.bench.account(case, answer))

    def _random(self, index: int, which: int) -> torch.Generator:
        return torch.Generator().manual_seed((self.bench.seed * 1009 + index) * 31 + which)


def instance(case: DrawCase) -> float:
    """Return 48 bits of a hash of a case's noisy pictures."""
    digest = hashlib.sha256(case.noisy.tobytes()).digest()
    return float(int.from_bytes(digest[:6], "big"))


def load(
    scale: str,
    seed: int,
    *,
    data: str = "glyphs",
    sets: int = 6,
    prompts: int = 48,
    steps: int = 10,
) -> DrawTask:
    """Return the task under the given conditions; no weight is read here.

    Raises:
        SelectionError: for a scale or a source of pictures that it does not have.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"draw has no scale {scale!r}.", "It runs at `embedded`.")
    known = tuple(draw(data, "test", prompts, seed, index) for index in range(sets))
    return DrawTask(DrawBench(data, seed, steps), known)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield a sentence for each rule of this task that a method breaks."""
    yield from conformance.check(method, card)
    if card.role != "oracle":
        small = load("embedded", 0, sets=1, prompts=12, steps=2)
        yield from conformance.alone(small.bench, next(small.cases()), method, card)
