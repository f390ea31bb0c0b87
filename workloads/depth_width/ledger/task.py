"""The ledger: how many layers does each token of a stream need.

A stream of operations on a value in Z_7 that is stated now and then (`stream.py`). Between two
statements lie k = 1..4 maps that a causal model must chain through its layers; a third of
the positions are fillers, of which any layer can make sense. So the right depth of every
position is known by construction, and known to the scorer alone.

    def solve(reader, batch, point):
        return reader.read(batch, policy)       # logits for every position

**What is given to everybody alike.** The held-out batches; the backbone; the recipe that
trained all checkpoints (`train_backbone.py`); the engine (`gathered_forward.py`), which runs fewer
rows where a policy says so and writes down what it ran. A reader holds weights and nothing else:
token ids are all that a method's model can see. Training seed = run seed modulo 3.

**What is scored.** `accuracy`: answers right, averaged over k = 1..4 with equal weight.
`loss_predictable`: cross-entropy where something can be predicted (answers, second and third
filler words); the rest of the stream is random, and a plain loss would mostly measure that.
`executions`: layers run, per token. `flops_counted`: per token, with routers, gathers and the
unembedding. `kv_entries`: stored keys, per token; `kv_excess`: those over what the
method's formula says. `depth_*`: where the layers went, by input class, by k and by the
operand's place in its segment.

**How it is run.** `mode=prefill`: 64 sequences of 64 tokens in one call, since that is the best for
static arms and gathered ones alike. `mode=decode1`, `decode16`: one token at a time for one or
sixteen sequences together, each step fed the stream's next token; a sequence that has left is not
in the next stage's batch.

**Width.** The trained models are 64 wide. `width=256` (or 128) is the timing twin
(`width_twin.py`): a model of that width with random weights runs, and the decisions, gates and
logits of the trained one are replayed in it. It says nothing of what a wide model would answer.

**Scale `gpu`.** The 360M shape of the recursion paper (32 layers of width 960, vocabulary
49152, 8 x 2048 tokens) with random weights: time, bytes and FLOPs are real, quality is withheld.

**Limits.** Two layers solve k <= 2: compare at k = 3 and 4. Nothing here speaks of language.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

import torch

from adabench.harness.contract.card import Card, Gap, Gates, Knob, Metric
from adabench.harness.errors import DeviceUnavailable, SelectionError
from adabench.workloads.depth_width.ledger.models import WIDTH, Models
from adabench.workloads.depth_width.ledger.substrate import gpu_shape
from adabench.workloads.depth_width.ledger.substrate.duo.duo_reader import StudiedTally
from adabench.workloads.depth_width.ledger.truth.oracle_scoring import study
from adabench.workloads.depth_width.substrate.answers.tally import Tally
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream import Ints, draw
from adabench.workloads.depth_width.truth.drawn_tasks import (
    ScoredStreams,
    check_condition,
    drawn_batches,
    luck_problems,
)
from adabench.workloads.depth_width.truth.scoring import allocation, quality

CARD = Card(
    title="Ledger: a running value to be carried through the layers",
    paper="our own substrate; Mixture-of-Recursions, arXiv 2507.10524, is its first method",
    adapts="how many layers each token runs",
    scales=("embedded", "gpu"),
    trainings=3,
    gaps=(
        Gap(mixture=("recursive",), methods=("mor", "random_routing"), coin="random_routing"),
        Gap(
            mixture=("static_units", "vanilla"),
            methods=(
                "informed_routing",
                "blind_routing",
                "greedy_skip",
                "greedy_tuned",
                "random_units",
            ),
            oracle="hindsight_units",
            coin="random_units",
        ),
        Gap(
            mixture=("vanilla",),
            methods=("early_exit", "random_exit"),
            oracle="hindsight",
            coin="random_exit",
        ),
        Gap(
            mixture=("static_width", "vanilla"),
            methods=("acm", "random_width"),
            oracle="hindsight",
            coin="random_width",
        ),
        Gap(
            mixture=("static_duo",),
            methods=("duo_llm", "random_duo"),
            oracle="duo_segments",
            coin="random_duo",
        ),
    ),
    gates=(
        Gates(
            default="vanilla",
            cases={"batches": 6},
            pool=("vanilla",),
            groups=("accuracy_k1", "accuracy_k2", "accuracy_k3", "accuracy_k4"),
            count="answers",
            without={
                "failures": "an answer is a value that was or was not carried through the layers: there is one kind of failure",
                "saturation": "what is claimed is work saved at the accuracy of all layers, which is at its ceiling by design",
            },
        ),
    ),
    speedup_work="flops_counted",
    knobs=(
        Knob("mode", ("prefill", "decode1", "decode16"), "prefill"),
        Knob("batches", (6,), 6, open=True, low=1),
        Knob("sequences", (64,), 64, open=True, low=1),
        Knob("width", (64,), 64, open=True, low=64),
    ),
    cases="nested",
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("accuracy_k1 accuracy_k2 accuracy_k3 accuracy_k4", "", "higher", "quality"),
        Metric("accuracy_filler", "", "higher", "quality"),
        Metric("loss_predictable loss_answer", "nat", "lower", "quality"),
        Metric("loss_random loss_running loss_answer_dealt", "nat", "lower", "info"),
        Metric("loss_answer_lucky", "nat", "lower", "info"),
        Metric("gained_answer gained_random gained_running", "nat", "higher", "info"),
        Metric("gain_answer_k1 gain_answer_k2", "nat", "higher", "info"),
        Metric("gain_answer_k3 gain_answer_k4", "nat", "higher", "info"),
        Metric("gain_filler gain_random", "nat", "higher", "info"),
        Metric("gain_drop", "nat", "lower", "info"),
        Metric("gain_tenth", "nat", "higher", "info"),
        Metric("exit_like", "", "lower", "info"),
        Metric("apart_best apart_oracle", "nat", "lower", "info"),
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
        Metric("operand_over_filler late_over_early", "", "higher", "info", low=0.0),
        Metric("auc_depth_operand", "", "higher", "info"),
    ),
    allocation=("depth_*",),
)
CHECK_CONDITIONS = {"batches": 2, "sequences": 8}

OUTCOMES = (Tally, StudiedTally)

_EVALUATION = 1_000_003  # evaluation streams are keyed apart from training's


@dataclass(frozen=True)
class Ledger(Models, ScoredStreams):
    """The task: models, held-out batches, and a score that knows the labels."""

    def substrate(self) -> Models:
        """Return the models, without streams."""
        return Models(self.scale, self.seed, self.mode, self.width)

    def truth(self, batch: Batch) -> Ints:
        """Return the tokens with the last target, [sequences, tokens + 1]. For oracles alone."""
        return self.corpora[batch.index].tokens.copy()

    def judge(self, batch: Batch, tally: Tally) -> Mapping[str, float]:
        """Return quality, counted work and where the work went."""
        values = tally.values()
        if self.scale == "gpu":
            return values
        corpus = self.corpora[batch.index]
        values |= study(corpus, tally) | quality(corpus, tally.logits)
        return values | allocation(corpus.labels, tally.executions.numpy())


def load(
    scale: str,
    seed: int,
    *,
    mode: str = "prefill",
    batches: int = 6,
    sequences: int = 64,
    width: int = WIDTH,
) -> Ledger:
    """Return the task under the given conditions.

    Raises:
        DeviceUnavailable: at scale `gpu` on a machine without a CUDA device.
        SelectionError: for a scale or a width that it does not have.
    """
    check_condition("ledger", "scale", scale, CARD.scales)
    if width % 8 or (width != WIDTH and scale == "gpu"):
        raise SelectionError(
            f"ledger has no width {width} here.",
            "A twin's width is a multiple of 8, at scale embedded.",
        )
    if scale == "gpu":
        if not torch.cuda.is_available():
            raise DeviceUnavailable(
                "ledger at scale gpu: not testable here, no CUDA device is visible.",
                "Run it where torch.cuda.is_available(), or leave out --scale gpu.",
            )
        corpora = gpu_shape.random_tokens(seed, batches, gpu_shape.SHAPE.tokens)
    else:
        corpora = drawn_batches(draw, _EVALUATION, seed, mode, batches, sequences)
    return Ledger(scale, seed, mode, width, corpora=corpora)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Ask an oracle whether it wins by luck."""
    yield from luck_problems(load("embedded", 0, batches=2), method, card)
