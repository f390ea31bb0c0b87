"""The ledger task at `layout=qa`: questions of k = 1..6 operations, three answers each.

A case is a batch of four questions for every sequence that the stream would hold (they are a
quarter as long). `accuracy` is the share of replies with three right answers, averaged over
k = 1..6 with equal weight; `executions` the layers run per token, prompt and answers, padding left
out; FLOPs count the padding too. `depth_k*` is the mean number of layers by k and
`deep_over_shallow` that at k = 4..6 over that at k = 1 and 2.

`mode=prefill` answers 16 questions together, `decode1` and `decode16` are the stream's: one or
sixteen together, of the few that a batch then has. The three answers are decoded in each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np
import torch
from torch import Tensor

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.ledger.recipes import SEEDS
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.paths.path_forward import Decide, Reply, answer
from adabench.workloads.depth_width.substrate.paths.path_routers import Guided
from adabench.workloads.depth_width.substrate.questions import (
    ASKED_K,
    TRAINED_K,
    Asked,
    Questions,
    ask,
    redrawn,
)
from adabench.workloads.depth_width.substrate.stream import Bools, Ints
from adabench.workloads.depth_width.substrate.work_counter import Work
from adabench.workloads.depth_width.truth.scoring import Floats

BASE = "qa-6"
PER_SEQUENCE = 4
TOGETHER = {"prefill": 16, "decode1": 1, "decode16": 16}
CALIBRATION_SEED, CALIBRATION = 777, 400
STATIC_SEED = 778
_EVALUATION = 1_000_033
_OTHER_FILLERS = 1_000_037


@dataclass(frozen=True)
class Exam:
    """A case: questions, and which batch they are."""

    index: int
    questions: Questions


@dataclass(frozen=True)
class PathReader:
    """A frozen backbone that answers along paths: what a method gets to hold."""

    model: Backbone
    together: int

    def answer(self, exam: Exam, decide: Decide | Tensor, *, more: int = 0) -> Reply:
        """Answer the questions; `more` is the parameters of whatever decides."""
        reply = answer(self.model, exam.questions, decide, tile=self.together)
        return replace(reply, parameters=reply.parameters + more)


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
        return PathReader(checkpoints.restore(f"{BASE}-s{self.training_seed}"), self._together)

    def guided(self, base: str) -> tuple[PathReader, Guided]:
        """Return a frozen backbone and the routers trained for it."""
        guided = checkpoints.guided(f"{base}-s{self.training_seed}")
        return PathReader(guided.model, self._together), guided

    @property
    def _together(self) -> int:
        return TOGETHER[self.mode]

    def reader(self, base: str) -> NoReturn:
        """Refuse a method that reads streams.

        Raises:
            SelectionError: always.
        """
        raise SelectionError(
            f"{base} reads streams, and at layout=qa there are questions.",
            "Leave layout at stream; dr_llm and the path baselines are for qa.",
        )

    unit_reader = reader

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
        right = self.exams[exam.index].keys.answers
        if wrong is None:
            return right
        shift = np.random.Generator(np.random.PCG64(wrong)).integers(1, 7, right.shape)
        return np.asarray(3 + (right - 3 + shift) % 7, np.int64)

    def redrawn(self, exam: Exam) -> Exam:
        """Return the same questions, with the same answers, and other fillers. For oracles."""
        seeds = np.random.SeedSequence((_OTHER_FILLERS, self.seed, exam.index))
        again = redrawn(np.random.Generator(np.random.PCG64(seeds)), self.exams[exam.index].keys)
        return Exam(exam.index, again.questions)

    def score(self, exam: Exam, reply: Reply) -> Mapping[str, float]:
        """Return quality, counted work and where the work went."""
        keys = self.exams[exam.index].keys
        hit = (reply.said.numpy() == keys.answers).all(axis=1)
        passes = reply.passes().sum(1).double()
        lengths = torch.from_numpy(exam.questions.lengths)
        ran = ((passes * lengths + 2 * reply.decoded()) / (lengths + 2)).numpy()
        return _quality(hit, keys.k) | _allocation(ran, keys.k) | _costs(reply, float(ran.mean()))


def load(seed: int, mode: str, batches: int, sequences: int) -> Asking:
    """Return the task at layout `qa`."""
    n = PER_SEQUENCE * sequences
    exams = tuple(_draw(seed, n, _EVALUATION, index) for index in range(batches))
    return Asking(seed, mode, exams, Meter())


def _draw(*seeds: int) -> Asked:
    """Draw `seeds[1]` questions from a stream keyed by all of the numbers."""
    return ask(np.random.Generator(np.random.PCG64(np.random.SeedSequence(seeds))), seeds[1])


def _quality(hit: Bools, k: Ints) -> dict[str, float]:
    by_k = {f"accuracy_k{n}": float(hit[k == n].mean()) for n in np.unique(k)}
    return by_k | {"accuracy": float(np.mean(list(by_k.values()))), "answers": float(len(k))}


def _allocation(ran: Floats, k: Ints) -> dict[str, float]:
    found = {f"depth_k{n}": float(ran[k == n].mean()) for n in range(1, ASKED_K + 1) if n in k}
    shallow, deep = ran[k <= 2], ran[k >= TRAINED_K]
    if len(shallow) and len(deep) and shallow.any():
        found["deep_over_shallow"] = float(deep.mean() / shallow.mean())
    return found


def _costs(reply: Reply, executions: float) -> dict[str, float]:
    works = [work for tile in reply.tiles for work in (tile.prefill, tile.decode)]
    return {"executions": executions} | counted(works, reply.tokens, reply.parameters)


def counted(works: Sequence[Work], tokens: int, parameters: int) -> dict[str, float]:
    """Return what was counted, per token."""
    return {
        "flops_counted": sum(work.flops + work.moved for work in works) / tokens,
        "moved": sum(work.moved for work in works) / tokens,
        "kv_entries": sum(work.kv_entries for work in works) / tokens,
        "kv_allocated": sum(work.kv_allocated for work in works) / tokens,
        "parameters_bytes": 4.0 * parameters,
        "tokens": float(tokens),
    }
