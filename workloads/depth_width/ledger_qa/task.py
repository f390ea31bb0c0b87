"""Questions on a short ledger, of k = 1..6 operations, with three answers each.

A case is a batch of four questions for every sequence that the stream would hold (they are a
quarter as long). `accuracy` is the share of replies with three right answers, averaged over
k = 1..6 with equal weight; `executions` the layers run per token, prompt and answers, padding left
out; FLOPs count the padding too. `depth_k*` is the mean number of layers by k and
`deep_over_shallow` that at k = 4..6 over that at k = 1 and 2.

`mode=prefill` answers 16 questions together, `decode1` and `decode16` are the stream's: one or
sixteen together, of the few that a batch then has. The three answers are decoded in each.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from adabench.harness.contract.card import Card, Knob, Metric, Origin
from adabench.harness.contract.protocols import Meter
from adabench.workloads.depth_width.ledger_qa.recipes import recipes
from adabench.workloads.depth_width.ledger_qa.substrate.train_questions import QuestionBackbone
from adabench.workloads.depth_width.ledger_qa.truth.question_scoring import allocation, quality
from adabench.workloads.depth_width.methods.dr_llm.train_path_routers import PathRecipe
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import SEEDS
from adabench.workloads.depth_width.substrate.costs import counted
from adabench.workloads.depth_width.substrate.paths.path_forward import Reply
from adabench.workloads.depth_width.substrate.paths.path_reader import PathReader
from adabench.workloads.depth_width.substrate.paths.path_routers import Guided
from adabench.workloads.depth_width.substrate.questions import (
    Asked,
    Exam,
    Questions,
    ask,
    redrawn,
)
from adabench.workloads.depth_width.substrate.readers import DECODED
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.depth_width.truth.scoring import wrong_answers

CARD = Card(
    title="Questions on a ledger: a whole question takes one path of layers",
    paper="our own substrate; Dr.LLM, arXiv 2510.12773, is its first method",
    adapts="which layers each question runs",
    origins=(Origin("ledger", {"layout": "qa"}, drops=("width",)),),
    knobs=(
        Knob("mode", ("prefill", "decode1", "decode16"), "prefill"),
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
        Metric("executions", "layers/token", "lower", "work", primary=True),
        Metric("flops_counted", "FLOP/token", "lower", "cost"),
        Metric("moved", "elements/token", "lower", "cost"),
        Metric("kv_entries", "entries/token", "lower", "cost"),
        Metric("kv_allocated", "entries/token", "lower", "cost"),
        Metric("parameters_bytes", "B", "lower", "cost"),
        Metric("tokens", "tokens", "higher", "info"),
        Metric("answers", "answers", "higher", "info"),
        Metric("depth_k1", "layers", "lower", "info"),
        Metric("depth_k2", "layers", "lower", "info"),
        Metric("depth_k3", "layers", "lower", "info"),
        Metric("depth_k4", "layers", "lower", "info"),
        Metric("depth_k5", "layers", "lower", "info"),
        Metric("depth_k6", "layers", "lower", "info"),
        Metric("deep_over_shallow", "", "higher", "info"),
    ),
    allocation=("depth_k1", "depth_k2", "depth_k3", "depth_k4", "depth_k5", "depth_k6"),
)
CHECK_CONDITIONS = {"batches": 2, "sequences": 8}

BASE = "qa-6"
PER_SEQUENCE = 4
TOGETHER = {"prefill": 16, "decode1": 1, "decode16": 16}
CALIBRATION_SEED, CALIBRATION = 777, 400
STATIC_SEED = 778
R = TypeVar("R", bound=checkpoints.Recipe)
_EVALUATION = 1_000_033
_OTHER_FILLERS = 1_000_037


@dataclass(frozen=True)
class Asking:
    """The task: exams, backbones and routers, and a score that knows the keys."""

    seed: int
    mode: str
    exams: tuple[Asked, ...]
    meter: Meter

    def cases(self) -> Iterator[Exam]:
        """Yield the exams without their keys."""
        for index, asked in enumerate(self.exams):
            yield Exam(index, Questions(asked.questions.tokens.copy(), asked.questions.lengths))

    @property
    def training_seed(self) -> int:
        """Which of the trained models this run uses."""
        return SEEDS[self.seed % len(SEEDS)]

    def path_reader(self) -> PathReader:
        """Return the frozen backbone."""
        return PathReader(self._recipe(BASE, QuestionBackbone).load(), TOGETHER[self.mode])

    def guided(self, base: str) -> tuple[PathReader, Guided]:
        """Return a frozen backbone and the routers trained for it."""
        guided = self._recipe(base, PathRecipe).load()
        return PathReader(guided.model, TOGETHER[self.mode]), guided

    def _recipe(self, base: str, kind: type[R]) -> R:
        return checkpoints.of_kind(f"{base}-s{self.training_seed}", recipes(), kind)

    def calibration(self) -> Exam:
        """Return questions without keys that no score is taken on."""
        return Exam(-1, _draw(CALIBRATION_SEED, CALIBRATION).questions)

    def training_questions(self) -> Asked:
        """Return questions *with* keys that no score is taken on: what a static path is fitted to."""
        return _draw(STATIC_SEED, CALIBRATION, self.training_seed)

    def fitted_path(self, length: int) -> tuple[int, ...] | None:
        """Return None: no static path was fitted beforehand, so the best is found on the spot."""
        return None

    def key(self, exam: Exam, *, wrong: int | None = None) -> Ints:
        """Return the answers of an exam, [n, 3]. For oracles alone.

        With `wrong`, a seed, every answer is replaced by another value: what a search still
        finds then it finds by luck.
        """
        return wrong_answers(self.exams[exam.index].keys.answers, wrong)

    def redrawn(self, exam: Exam) -> Exam:
        """Return the same questions, with the same answers, and other fillers. For oracles."""
        seeds = np.random.SeedSequence((_OTHER_FILLERS, self.seed, exam.index))
        again = redrawn(np.random.Generator(np.random.PCG64(seeds)), self.exams[exam.index].keys)
        return Exam(exam.index, again.questions)

    def score(self, exam: Exam, reply: Reply) -> Mapping[str, float]:
        """Return quality, counted work and where the work went."""
        keys = self.exams[exam.index].keys
        passes = reply.passes().sum(1).double()
        lengths = torch.from_numpy(exam.questions.lengths)
        ran = ((passes * lengths + 2 * reply.decoded()) / (lengths + 2)).numpy()
        works = [work for tile in reply.tiles for work in (tile.prefill, tile.decode)]
        found = counted(works, reply.tokens, reply.parameters)
        found |= quality(keys, reply.said) | allocation(keys, ran)
        return found | {"executions": float(ran.mean())}


def load(
    scale: str, seed: int, *, mode: str = "prefill", batches: int = 6, sequences: int = 64
) -> Asking:
    """Return the task under the given conditions."""
    del scale  # there is one
    if mode in DECODED:
        sequences = min(sequences, DECODED[mode][1])
    n = PER_SEQUENCE * sequences
    exams = tuple(_draw(seed, n, _EVALUATION, index) for index in range(batches))
    return Asking(seed, mode, exams, Meter())


def _draw(*seeds: int) -> Asked:
    """Draw `seeds[1]` questions from a stream keyed by all of the numbers."""
    return ask(np.random.Generator(np.random.PCG64(np.random.SeedSequence(seeds))), seeds[1])
