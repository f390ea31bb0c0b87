"""The ledger: how many layers does each token of a stream need.

A stream of operations on a value in Z_7 that is stated now and then (`data.py`). Between two
statements lie k = 1..4 maps that a causal model must chain through its layers; a third of
the positions are fillers, of which any layer can make sense. So the right depth of every
position is known by construction, and known to the scorer alone.

    def solve(reader, batch, point):
        return reader.read(batch, policy)       # logits for every position

**What is given to everybody alike.** The held-out batches; the backbone; the recipe that
trained all checkpoints (`training.py`); the engine (`engine.py`), which runs fewer rows where
a policy says so and writes down what it ran. A reader holds weights and nothing else: token
ids are all that a method's model can see. Training seed = run seed modulo 3.

**What is scored.** `accuracy`: answers right, averaged over k = 1..4 with equal weight.
`loss_predictable`: cross-entropy where something can be predicted (answers, second and third
filler words); the rest of the stream is random, and a plain loss would mostly measure that.
`executions`: layers run, per token. `flops_counted`: per token, with routers, gathers and the
unembedding. `kv_entries`: stored keys, per token; `kv_excess`: those over what the
method's formula says. `depth_*`: where the layers went, by input class, by k and by the
operand's place in its segment.

**How it is run.** `mode=prefill`: 64 sequences of 64 tokens, in tiles of 16. One large call is
slower per token and would make a gathered arm look good. Least of 25 readings, one thread, ms
for tiles of 4, 8, 16, 32, 64: recursive 88.6, 76.0, 75.9, 83.0, 109.2; vanilla-6 69.2, 58.2,
57.5, 63.8, 67.5; mor 90.6, 70.9, 66.1, 68.0, 80.7. 16 is the best for all three.
`mode=decode1`, `decode16`: one token at a time for one or sixteen sequences together, each
step fed the stream's next token; a sequence that has left is not in the next stage's batch.

**Layouts.** `stream` is all of the above. `layout=qa` asks short questions (`queries.py`, `asking.py`)
for methods that choose layers for a whole question; their cards ask for it, and a method of
streams is refused there.

**Scale `gpu`.** The 360M shape of the recursion paper (32 layers of width 960, vocabulary
49152, 8 x 2048 tokens) with random weights: time, bytes and FLOPs are real, quality is
withheld. Our backbone has a plain MLP of width 4d and full key-value heads, not a gated one
and grouped heads.

**Limits.** Two layers solve k <= 2: compare at k = 3 and 4. Nothing here speaks of
language.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from adabench.harness.card import Card, Knob, Metric
from adabench.harness.errors import DeviceUnavailable, EnvironmentProblem, SelectionError
from adabench.harness.task import Meter
from adabench.workloads.ledger import asking, checkpoint
from adabench.workloads.ledger.asking import Asking
from adabench.workloads.ledger.data import FILLER, KMAX, Corpus, Labels, draw
from adabench.workloads.ledger.engine import Answer
from adabench.workloads.ledger.model import Backbone, Shape
from adabench.workloads.ledger.readers import DECODED, Batch, Reader, UnitReader, WidthReader
from adabench.workloads.ledger.recipes import SEEDS, Recipe
from adabench.workloads.ledger.scoring import Floats, allocation, credit, predictable_loss

CARD = Card(
    title="Ledger: a running value to be carried through the layers",
    paper="our own substrate; Mixture-of-Recursions, arXiv 2507.10524, is its first method",
    adapts="how many layers each token runs",
    scales=("embedded", "gpu"),
    knobs=(
        Knob("mode", ("prefill", "decode1", "decode16"), "prefill"),
        Knob("layout", ("stream",), "stream", open=True),
        Knob("batches", (6,), 6, open=True, low=1),
        Knob("sequences", (64,), 64, open=True, low=1),
    ),
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("accuracy_k1", "", "higher", "quality"),
        Metric("accuracy_k2", "", "higher", "quality"),
        Metric("accuracy_k3", "", "higher", "quality"),
        Metric("accuracy_k4", "", "higher", "quality"),
        Metric("accuracy_k5", "", "higher", "quality"),
        Metric("accuracy_k6", "", "higher", "quality"),
        Metric("accuracy_filler", "", "higher", "quality"),
        Metric("loss_predictable", "nat", "lower", "quality"),
        Metric("executions", "layers/token", "lower", "work", primary=True),
        Metric("flops_counted", "FLOP/token", "lower", "cost"),
        Metric("moved", "elements/token", "lower", "cost"),
        Metric("kv_entries", "entries/token", "lower", "cost"),
        Metric("kv_allocated", "entries/token", "lower", "cost"),
        Metric("kv_ratio", "", "lower", "cost"),
        Metric("kv_excess", "", "lower", "cost"),
        Metric("parameters_bytes", "B", "lower", "cost"),
        Metric("tokens", "tokens", "higher", "info"),
        Metric("answers", "answers", "higher", "info"),
        Metric("depth_filler", "layers", "lower", "info"),
        Metric("depth_operand", "layers", "lower", "info"),
        Metric("depth_value", "layers", "lower", "info"),
        Metric("depth_equal", "layers", "lower", "info"),
        Metric("depth_k1", "layers", "lower", "info"),
        Metric("depth_k2", "layers", "lower", "info"),
        Metric("depth_k3", "layers", "lower", "info"),
        Metric("depth_k4", "layers", "lower", "info"),
        Metric("depth_k5", "layers", "lower", "info"),
        Metric("depth_k6", "layers", "lower", "info"),
        Metric("deep_over_shallow", "", "higher", "info"),
        Metric("depth_index1", "layers", "lower", "info"),
        Metric("depth_index2", "layers", "lower", "info"),
        Metric("depth_index3", "layers", "lower", "info"),
        Metric("depth_index4", "layers", "lower", "info"),
        Metric("operand_over_filler", "", "higher", "info"),
        Metric("late_over_early", "", "higher", "info"),
        Metric("auc_depth_operand", "", "higher", "info"),
    ),
    allocation=(
        "depth_filler",
        "depth_operand",
        "depth_value",
        "depth_equal",
        "depth_k1",
        "depth_k2",
        "depth_k3",
        "depth_k4",
        "depth_index1",
        "depth_index2",
        "depth_index3",
        "depth_index4",
    ),
)
LAYOUTS = ("stream", "qa")
CHECK_CONDITIONS = {"batches": 2, "sequences": 8}

CALIBRATION_SEED, CALIBRATION = 777, 200
_EVALUATION = 1_000_003  # evaluation streams are keyed apart from training's

_GPU_SHAPE = Shape(layers=32, width=960, heads=15, vocabulary=49152, tokens=2048)
_GPU_SEQUENCES = 8


@dataclass(frozen=True)
class Ledger:
    """The task: held-out batches, checkpoints, and a score that knows the labels."""

    scale: str
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

    def reader(self, base: str) -> Reader:
        """Return the reader of a checkpoint, trained now if it is not shipped.

        Raises:
            SelectionError: if no recipe has that name.
        """
        name = f"{base}-s{self.training_seed}"
        recipe = checkpoint.recipe(name)
        if self.scale == "gpu":
            model = _random_model(recipe.shape, self.seed).cuda()
            return Reader(model, self.mode, kv_analytic(recipe, model.shape), "cuda")
        model = checkpoint.restore(name)
        return Reader(model, self.mode, kv_analytic(recipe, model.shape))

    def unit_reader(self, base: str) -> UnitReader:
        """Return the reader of a retrofit, trained now if it is not shipped.

        Raises:
            EnvironmentProblem: at scale `gpu`, where nothing is trained.
            SelectionError: if no recipe has that name.
        """
        if self.scale == "gpu":
            raise EnvironmentProblem(
                f"{base}: no router is trained at the shape of scale gpu, and a random one "
                "decides nothing.",
                "Run it at scale embedded.",
            )
        return UnitReader(checkpoint.retrofitted(f"{base}-s{self.training_seed}"), self.mode)

    def width_reader(self, base: str) -> WidthReader:
        """Return the reader of a model with granular modules, trained now if it is not shipped.

        Raises:
            EnvironmentProblem: at scale `gpu`, where nothing is trained.
            SelectionError: if no recipe has that name.
        """
        if self.scale == "gpu":
            raise EnvironmentProblem(
                f"{base}: no gate is trained at the shape of scale gpu, and a random one "
                "decides nothing.",
                "Run it at scale embedded.",
            )
        return WidthReader(checkpoint.widened(f"{base}-s{self.training_seed}"), self.mode)

    def calibration(self) -> Batch:
        """Return unlabelled sequences that no score is taken on."""
        shape = self.corpora[0].inputs.shape
        if self.scale == "gpu":
            return Batch(-1, _random_tokens(CALIBRATION_SEED, 1, shape[1])[0].inputs)
        return Batch(-1, _draw(CALIBRATION_SEED, CALIBRATION).inputs.copy())

    def credit(self, batch: Batch, answer: Answer, *, wrong: int | None = None) -> Floats:
        """Return what each sequence adds to the batch's accuracy, [sequences].

        For oracles alone. With `wrong`, a seed, the targets are random values that are all
        wrong: what a search still gains then it gains by luck.
        """
        return credit(self.corpora[batch.index], answer, wrong)

    def score(self, batch: Batch, answer: Answer) -> Mapping[str, float]:
        """Return quality, counted work and where the work went."""
        tokens = answer.logits.shape[0] * answer.logits.shape[1]
        ran = answer.executions().numpy()
        values = _costs(answer, tokens) | {"executions": float(ran.mean())}
        if self.scale == "gpu":
            return values
        corpus = self.corpora[batch.index]
        return values | _quality(corpus, answer) | allocation(corpus.labels, ran)


def load(
    scale: str,
    seed: int,
    *,
    mode: str = "prefill",
    layout: str = "stream",
    batches: int = 6,
    sequences: int = 64,
) -> Ledger | Asking:
    """Return the task under the given conditions.

    Raises:
        DeviceUnavailable: at scale `gpu` on a machine without a CUDA device.
        SelectionError: for a scale or layout that it does not have.
    """
    if layout not in LAYOUTS:
        raise SelectionError(f"ledger has no layout {layout!r}.", f"It has: {', '.join(LAYOUTS)}.")
    if scale not in CARD.scales:
        raise SelectionError(
            f"ledger has no scale {scale!r}.", f"It has: {', '.join(CARD.scales)}."
        )
    if scale == "gpu" and not torch.cuda.is_available():
        raise DeviceUnavailable(
            "ledger at scale gpu: not testable here, no CUDA device is visible.",
            "Run it where torch.cuda.is_available(), or leave out --scale gpu.",
        )
    if mode in DECODED:
        sequences = min(sequences, DECODED[mode][1])
    if layout == "qa":
        if scale == "gpu":
            raise SelectionError("layout=qa has no scale gpu.", "Run it at scale embedded.")
        return asking.load(seed, mode, batches, sequences)
    if scale == "gpu":
        corpora = _random_tokens(seed, batches, _GPU_SHAPE.tokens)
    else:
        corpora = tuple(_draw(seed, sequences, _EVALUATION, i) for i in range(batches))
    return Ledger(scale, seed, mode, corpora, Meter())


def kv_analytic(recipe: Recipe, shape: Shape) -> float:
    """Return the stored positions per token that the method's formula promises.

    Unique layers store everything. Recursion-wise caching stores the capacity of each
    recursion, (N_r + 1) / (2 N_r) of the recursive part for capacities 1, 2/3, 1/3 (and for
    balanced token choice); sharing stores the first recursion alone, 1 / N_r.
    """
    if not recipe.shape.router:
        return float(len(shape.order))
    block, n_r = len(shape.block), shape.recursions
    if shape.kv == "shared":
        return 2.0 + block * (recipe.capacities[0] if recipe.capacities else 1.0)
    return 2.0 + block * (sum(recipe.capacities) if recipe.capacities else (n_r + 1) / 2)


def _draw(*seeds: int) -> Corpus:
    """Draw `seeds[1]` sequences from a stream keyed by all of the numbers."""
    return draw(np.random.Generator(np.random.PCG64(np.random.SeedSequence(seeds))), seeds[1])


def _quality(corpus: Corpus, answer: Answer) -> dict[str, float]:
    right = answer.logits.argmax(-1).cpu().numpy() == corpus.targets
    labels = corpus.labels
    equal = labels.of("equal")
    by_k = {
        f"accuracy_k{k}": float(right[equal & (labels.k == k)].mean())
        for k in range(1, KMAX + 1)
        if (equal & (labels.k == k)).any()
    }
    filler = (labels.word == 1) | (labels.word == 2)
    return by_k | {
        "accuracy": float(np.mean(list(by_k.values()))),
        "accuracy_filler": float(right[filler].mean()),
        "loss_predictable": predictable_loss(corpus, answer.logits, equal | filler),
        "answers": float(equal.sum()),
    }


def _costs(answer: Answer, tokens: int) -> dict[str, float]:
    works = [work for _, work in answer.works]
    entries = sum(work.kv_entries for work in works) / tokens
    costs = {
        "flops_counted": sum(work.flops + work.moved for work in works) / tokens,
        "moved": sum(work.moved for work in works) / tokens,
        "kv_entries": entries,
        "kv_allocated": sum(work.kv_allocated for work in works) / tokens,
        "parameters_bytes": 4.0 * answer.parameters,
        "tokens": float(tokens),
    }
    if answer.unrolled:
        costs["kv_ratio"] = entries / answer.unrolled
    if answer.kv_analytic:
        costs["kv_excess"] = entries / answer.kv_analytic
    return costs


def _random_model(small: Shape, seed: int) -> Backbone:
    """Return the paper's shape with random weights, arranged like a small one."""
    layers = _GPU_SHAPE.layers
    distinct = 2 + (layers - 2) // small.recursions if small.recursions else 0
    # Vanilla ladders keep their share of the reference's six layers.
    plain = round(layers * small.layers / 6)
    shape = replace(
        small,
        layers=distinct or plain,
        width=_GPU_SHAPE.width,
        heads=_GPU_SHAPE.heads,
        vocabulary=_GPU_SHAPE.vocabulary,
        tokens=_GPU_SHAPE.tokens,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Backbone(shape).eval().requires_grad_(False)


def _random_tokens(seed: int, batches: int, tokens: int) -> tuple[Corpus, ...]:
    """Return random ids of the large vocabulary; their labels are empty."""
    generator = np.random.Generator(np.random.PCG64(seed))
    shape = (_GPU_SEQUENCES, tokens + 1)
    none = np.zeros((_GPU_SEQUENCES, tokens), np.int64)
    labels = Labels(none, none, none, none, none)
    return tuple(
        Corpus(generator.integers(FILLER, _GPU_SHAPE.vocabulary, shape), labels)
        for _ in range(batches)
    )
