"""The ledger task at `layout=c2`: the stream with operands of two maps, for loops of MLPs.

The data is in `affine_stream.py`; models of this layout are in `ffn_models.py` and are trained by
`train_ffns.py`. Everything is scored as on the plain stream, with two differences:

`executions` counts dense MLPs run per token, summed over the four layers (a loop is 1, a slice of
1/8 is 1/8; see `loop_forward.py`), and `depth_*` says where they went. `accuracy_deep` is the mean
over k = 2..4. `loops_operand_over_filler` compares loops alone, without slices.

**Is it learned?** The plain recipe (`train_backbone.py`) does not carry over if half of the operands are
affine: a dense model of four layers (width 64, SwiGLU of 128, 0.177 M) has 1.000, 0.415, 0.231,
0.144 at k = 1..4 after 1000 steps in one phase (chance is 0.143; seed 0, 256 held-out sequences,
62 CPU s on one core of a busy machine). With a fifth of them it has 1.000, 0.858, 0.494, 0.227
after 800 steps in two phases (54 CPU s), and fillers at 1.000: learned at k = 2, half at k = 3,
hardly at 4. That was taken, before any looped model had been scored on it: here there is something
left to win. The shipped models have 1600 steps (`train_ffns.py`): dense of seed 0 has 1.000,
1.000, 0.640, 0.348.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np
import torch

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.ledger.recipes import SEEDS
from adabench.workloads.depth_width.ledger_affine.substrate import affine_stream
from adabench.workloads.depth_width.ledger_affine.substrate.ffn_models import Stack
from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import (
    ONCE,
    Depths,
    Path,
    Run,
    decode_ffns,
    prefill_ffns,
)
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import DECODED, GATHERED_TILE, Batch
from adabench.workloads.depth_width.substrate.stream import Corpus
from adabench.workloads.depth_width.truth.scoring import (
    Floats,
    allocation,
    costs,
    credit,
    hits,
    quality,
    weighed,
)

CALIBRATION_SEED, CALIBRATION = 777, 200
_SIBLINGS = 1_000_081
_EVALUATION = 1_000_039  # keyed apart from the plain stream's and from training's


@dataclass(frozen=True)
class FfnReader:
    """A model of layout `c2`: what a method gets to hold."""

    stack: Stack
    mode: str

    def read(
        self,
        batch: Batch,
        depths: Depths = ONCE,
        *,
        path: Path = "both",
        tile: int = GATHERED_TILE,
    ) -> Run:
        """Return logits for every position; loops and slices run for those that take them."""
        tokens = torch.from_numpy(batch.tokens)
        if self.mode == "prefill":
            answer = prefill_ffns(self.stack, tokens, depths, tile=tile, path=path)
        else:
            together, _ = DECODED[self.mode]
            answer = decode_ffns(self.stack, tokens, depths, batch=together, path=path)
        return replace(answer, unrolled=self.stack.shape.layers)


@dataclass(frozen=True)
class Composing:
    """The task: streams of `affine_stream.py`, their models, and a score that knows the labels."""

    seed: int
    mode: str
    corpora: tuple[Corpus, ...]
    meter: Meter

    def cases(self) -> Iterator[Batch]:
        """Yield the batches; in decode, the sequences of each that are decoded."""
        for index, corpus in enumerate(self.corpora):
            yield Batch(index, np.ascontiguousarray(corpus.inputs))

    @property
    def training_seed(self) -> int:
        """Which of the trained models this run uses."""
        return SEEDS[self.seed % len(SEEDS)]

    def ffn_reader(self, base: str) -> FfnReader:
        """Return the reader of a model, trained now if it is not shipped.

        Raises:
            SelectionError: if no recipe has that name.
        """
        return FfnReader(checkpoints.looping(f"{base}-s{self.training_seed}"), self.mode)

    def reader(self, base: str) -> NoReturn:
        """Refuse a method of another layout.

        Raises:
            SelectionError: always.
        """
        raise SelectionError(
            f"{base} was trained on another layout; c2 has operands that it never saw.",
            "Leave layout at stream; versatile_ffn and its rivals are for c2.",
        )

    unit_reader = width_reader = guided = reader

    def calibration(self) -> Batch:
        """Return unlabelled sequences that no score is taken on."""
        return Batch(-1, np.ascontiguousarray(_draw(CALIBRATION_SEED, CALIBRATION).inputs))

    def credit(self, batch: Batch, answer: Answer, *, wrong: int | None = None) -> Floats:
        """Return what each sequence adds to the batch's accuracy, [sequences].

        For oracles alone. With `wrong`, a seed, the targets are random values that are all
        wrong: what a search still gains then it gains by luck.
        """
        return credit(self.corpora[batch.index], answer, wrong)

    def sibling(self, batch: Batch) -> Batch:
        """Return the same operations on other opening values. For oracles alone."""
        return Batch(batch.index, np.ascontiguousarray(self._sibling(batch.index).inputs))

    def credit_of_both(
        self, batch: Batch, answer: Answer, again: Answer, *, wrong: int | None = None
    ) -> Floats:
        """Return the credit of the answers that are right in the batch and in its sibling.

        `again` is the sibling's answer. For oracles alone; `wrong` as in `credit`.
        """
        corpus, other = self.corpora[batch.index], self._sibling(batch.index)
        second = None if wrong is None else wrong + 1
        return weighed(corpus, hits(corpus, answer, wrong) & hits(other, again, second))

    def _sibling(self, index: int) -> Corpus:
        seeds = np.random.SeedSequence((_SIBLINGS, self.seed, index))
        generator = np.random.Generator(np.random.PCG64(seeds))
        return affine_stream.sibling(generator, self.corpora[index])

    def score(self, batch: Batch, answer: Run) -> Mapping[str, float]:
        """Return quality, counted work and where the work went."""
        corpus, tokens = self.corpora[batch.index], batch.tokens.size
        ran = answer.executions().numpy()
        found = costs(answer, tokens) | {"executions": float(ran.mean())}
        found |= quality(corpus, answer) | allocation(corpus.labels, ran)
        return found | _of_this_layout(corpus, answer, found)


def _of_this_layout(corpus: Corpus, answer: Run, found: Mapping[str, float]) -> dict[str, float]:
    """Return accuracy over k = 2..4, and loops by class where there are any."""
    deep = [found[name] for name in ("accuracy_k2", "accuracy_k3", "accuracy_k4") if name in found]
    values = {"accuracy_deep": float(np.mean(deep))} if deep else {}
    loops = answer.loops().numpy()
    operand, filler = (loops[corpus.labels.of(name)] for name in ("operand", "filler"))
    if operand.size and filler.any():
        values["loops_operand_over_filler"] = float(operand.mean() / filler.mean())
    return values


def load(seed: int, mode: str, batches: int, sequences: int) -> Composing:
    """Return the task at layout `c2`."""
    drawn = tuple(_draw(seed, sequences, _EVALUATION, index) for index in range(batches))
    return Composing(seed, mode, drawn, Meter())


def _draw(*seeds: int) -> Corpus:
    """Draw `seeds[1]` sequences from a stream keyed by all of the numbers."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seeds)))
    return affine_stream.draw(generator, seeds[1])
