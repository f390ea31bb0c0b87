"""The ledger with operands that hold two maps at once, for methods that run an MLP several times.

The data is in `affine_stream.py`; the models are in `ffn_models.py` and are trained by
`train_ffns.py`. Everything is scored as on the plain stream, with two differences:

`executions` counts dense MLPs run per token, summed over the four layers (a loop is 1, a slice of
1/8 is 1/8; see `loop_forward.py`), and `depth_*` says where they went. `accuracy_deep` is the mean
over k = 2..4. `loops_operand_over_filler` compares loops alone, without slices.

A fifth of the operands are affine: with half of them the plain recipe does not carry over. The task
is learned at k = 2, half at k = 3 and hardly at 4, so there is something left to win; that was
settled before any looped model had been scored on it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.workloads.depth_width.ledger_affine.models import Models
from adabench.workloads.depth_width.ledger_affine.substrate import affine_stream
from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import LoopTally
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.keyed_draws import keyed
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream import Corpus
from adabench.workloads.depth_width.truth.drawn_tasks import (
    ScoredStreams,
    check_condition,
    drawn_batches,
    luck_problems,
)
from adabench.workloads.depth_width.truth.scoring import Floats, allocation, hits, quality, weighed

CARD = Card(
    title="Affine ledger: operands of two maps, for MLPs that run in loops",
    trainings=3,
    paper="our own substrate; VersatileFFN, arXiv 2512.14531, is its first method",
    adapts="how often each token runs each layer's MLP",
    gaps=(
        Gap(
            mixture=("dense_ffn", "fixed_loops"),
            methods=("versatile_ffn", "random_loops"),
            oracle="loops_hindsight",
            coin="random_loops",
        ),
        Gap(mixture=("dense_ffn", "fixed_loops"), methods=("moe_ffn",), oracle="loops_hindsight"),
    ),
    speedup_work="flops_counted",
    knobs=(
        Knob("mode", ("prefill", "decode1", "decode16"), "prefill"),
        Knob("batches", (6,), 6, open=True, low=1),
        Knob("sequences", (64,), 64, open=True, low=1),
    ),
    cases="nested",
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("accuracy_k1 accuracy_k2 accuracy_k3 accuracy_k4", "", "higher", "quality"),
        Metric("accuracy_deep accuracy_filler", "", "higher", "quality"),
        Metric("loss_predictable", "nat", "lower", "quality"),
        Metric("executions", "layers/token", "lower", "work", primary=True),
        Metric("flops_counted", "FLOP/token", "lower", "cost"),
        Metric("moved", "elements/token", "lower", "cost"),
        Metric("kv_entries kv_allocated", "entries/token", "lower", "cost"),
        Metric("kv_ratio kv_excess", "", "lower", "cost"),
        Metric("parameters_bytes", "B", "lower", "cost"),
        Metric("passes", "passes", "lower", "info"),
        Metric("tokens", "tokens", "higher", "info"),
        Metric("answers", "answers", "higher", "info"),
        Metric("depth_filler depth_operand depth_value depth_equal", "layers", "lower", "info"),
        Metric("depth_k1 depth_k2 depth_k3 depth_k4", "layers", "lower", "info"),
        Metric("depth_index1 depth_index2 depth_index3 depth_index4", "layers", "lower", "info"),
        Metric("operand_over_filler loops_operand_over_filler", "", "higher", "info", low=0.0),
        Metric("late_over_early", "", "higher", "info", low=0.0),
        Metric("auc_depth_operand", "", "higher", "info"),
    ),
    allocation=("depth_*",),
)
CHECK_CONDITIONS = {"batches": 2, "sequences": 8}

OUTCOMES = (LoopTally,)

_SIBLINGS = 1_000_081
_EVALUATION = 1_000_039  # keyed apart from the plain stream's and from training's


@dataclass(frozen=True)
class LedgerAffine(Models, ScoredStreams):
    """The task: streams of `affine_stream.py`, their models, and a score that knows the labels."""

    def substrate(self) -> Models:
        """Return the models, without streams."""
        return Models(self.seed, self.mode)

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
        return affine_stream.sibling(keyed(_SIBLINGS, self.seed, index), self.corpora[index])

    def judge(self, batch: Batch, tally: LoopTally) -> Mapping[str, float]:
        """Return quality, counted work and where the work went."""
        corpus, found = self.corpora[batch.index], tally.values()
        found |= quality(corpus, tally.logits)
        found |= allocation(corpus.labels, tally.executions.numpy())
        return found | deep_and_loops(corpus, tally, found)


def load(
    scale: str, seed: int, *, mode: str = "prefill", batches: int = 6, sequences: int = 64
) -> LedgerAffine:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale that it does not have.
    """
    check_condition("ledger_affine", "scale", scale, CARD.scales)
    corpora = drawn_batches(affine_stream.draw, _EVALUATION, seed, mode, batches, sequences)
    return LedgerAffine(seed, mode, corpora=corpora)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Ask an oracle whether it wins by luck."""
    yield from luck_problems(load("embedded", 0, batches=3), method, card)


def deep_and_loops(
    corpus: Corpus, tally: LoopTally, found: Mapping[str, float]
) -> dict[str, float]:
    """Return accuracy over k = 2..4, and loops by class where there are any."""
    deep = [found[name] for name in ("accuracy_k2", "accuracy_k3", "accuracy_k4") if name in found]
    values = {"accuracy_deep": float(np.mean(deep))} if deep else {}
    loops = tally.loops.numpy()
    operand, filler = (loops[corpus.labels.of(name)] for name in ("operand", "filler"))
    if operand.size and filler.any():
        values["loops_operand_over_filler"] = float(operand.mean() / filler.mean())
    return values
