"""The ledger at scale `real`, `layout=qa`: the opening of a window decides its path of layers.

The windows are those of `task.py`, 256 tokens of held-out Brown text. The first 64 are the
prompt, what a question is at scale embedded; the rest follows the path that the prompt decided,
read as a forced decode (`path_reading.py`).

**What is scored.** `nll_token`: nats per token over the 193 words after the prompt, so nothing
that a decision has seen is scored. `accuracy` is exp(-nll_token), no share of right answers.
`executions`: layers of 30 per token, prompt and continuation alike; FLOPs count the routers.
Nothing is right or wrong here, so there are no keys, no repairs and no oracle.

**Who is fitted to what.** The model is never changed. Routers, and the static paths they are
compared with, come from the other four fifths of the corpus (`window_path_search.py`). One training
serves all run seeds: a seed draws other windows.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.depth_width.ledger_qa import task
from adabench.workloads.depth_width.ledger_qa.task import Exam
from adabench.workloads.depth_width.pretrained import task as real_task
from adabench.workloads.depth_width.pretrained.substrate import path_files, unit_files
from adabench.workloads.depth_width.pretrained.substrate.path_files import RealGuided
from adabench.workloads.depth_width.pretrained.substrate.path_reading import Reading, read_along
from adabench.workloads.depth_width.pretrained.substrate.path_recipes import PROMPT
from adabench.workloads.depth_width.substrate.checkpoints import FOLDER
from adabench.workloads.depth_width.substrate.paths.path_forward import Decide
from adabench.workloads.depth_width.substrate.questions import Questions
from adabench.workloads.depth_width.substrate.smollm2.decoder_units import TILE
from adabench.workloads.depth_width.substrate.smollm2.llama_backbone import RealBackbone
from adabench.workloads.depth_width.substrate.stream import Ints

CALIBRATION_SEED, CALIBRATION = 778, 64
_HERE = "dr_llm, full_path, static_path and random_paths run here"


@dataclass(frozen=True)
class RealPathReader:
    """The whole model, that reads windows along paths: what a method gets to hold."""

    model: RealBackbone
    together: int

    def answer(self, exam: Exam, decide: Decide | Tensor, *, more: int = 0) -> Reading:
        """Read the windows; `more` is the parameters of whatever decides."""
        tokens = torch.from_numpy(exam.questions.tokens)
        reading = read_along(self.model, tokens, PROMPT, decide, tile=self.together)
        return replace(reading, parameters=reading.parameters + more)


@dataclass(frozen=True)
class RealAsking:
    """The task: batches of held-out windows, and a score that knows the words after the prompt."""

    seed: int
    mode: str
    batches: tuple[Ints, ...]
    """Each [windows, TOKENS + 1]."""
    meter: Meter

    def cases(self) -> Iterator[Exam]:
        """Yield the batches without each window's last word."""
        for index, windows in enumerate(self.batches):
            yield _exam(index, windows[:, :-1])

    def path_reader(self) -> RealPathReader:
        """Return the whole model.

        Raises:
            EnvironmentProblem: in a mode of decoding, which is not built at this scale.
        """
        if self.mode != "prefill":
            raise EnvironmentProblem(
                f"Scale real has no layout=qa with mode={self.mode}.",
                "It reads text whole: --set mode=prefill.",
            )
        return RealPathReader(unit_files.backbone(), TILE)

    def guided(self, base: str) -> tuple[RealPathReader, RealGuided]:
        """Return the whole model and the routers fitted to it.

        Raises:
            EnvironmentProblem: if they were not fitted yet.
        """
        return self.path_reader(), path_files.guided(f"real-{base}", FOLDER)

    def fitted_path(self, length: int) -> tuple[int, ...]:
        """Return the static path of that many layers that was best on the fitting split.

        Raises:
            EnvironmentProblem: if paths were not fitted yet.
            SelectionError: for a length that was not searched.
        """
        return path_files.static_path("real-dr-llm", length, FOLDER)

    def calibration(self) -> Exam:
        """Return prompts of the fitting split, with nothing after them."""
        drawn = real_task.drawn("fit", CALIBRATION, CALIBRATION_SEED)
        return _exam(-1, drawn[:, :PROMPT])

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        """Refuse what other methods ask their task for."""
        if name not in _REFUSED:
            raise AttributeError(name)

        def refuse(*asked: object, **more: object) -> NoReturn:
            raise EnvironmentProblem(f"{name}{asked}: {_REFUSED[name]}", f"At layout=qa {_HERE}.")

        return refuse

    def score(self, exam: Exam, reading: Reading) -> Mapping[str, float]:
        """Return quality and counted work."""
        windows = self.batches[exam.index]
        targets = torch.from_numpy(np.ascontiguousarray(windows[:, PROMPT:])).flatten()
        nll = float(F.cross_entropy(reading.logits.flatten(0, 1), targets))
        works = [work for _, work in reading.works]
        found = task.counted(works, windows[:, 1:].size, reading.parameters)
        found["executions"] = float(reading.passes().sum(1).double().mean())
        return found | {"nll_token": nll, "accuracy": float(np.exp(-nll))}


_STREAMS = "scale real reads streams at layout=stream, and this is layout=qa."
_KEYS = "words of a text are not right or wrong, so scale real has no keys at layout=qa."
_REFUSED = {
    "reader": _STREAMS,
    "unit_reader": _STREAMS,
    "width_reader": _STREAMS,
    "duo_reader": _STREAMS,
    "key": _KEYS,
    "redrawn": _KEYS,
    "training_questions": _KEYS,
}


def load(seed: int, mode: str, batches: int, sequences: int) -> RealAsking:
    """Return the task at scale `real` and layout `qa`.

    Raises:
        EnvironmentProblem: without the weights or the corpus.
        SelectionError: for more text than there is.
    """
    stream = real_task.load(seed, mode, "stream", batches, sequences)
    return RealAsking(seed, mode, stream.batches, Meter())


def _exam(index: int, tokens: Ints) -> Exam:
    lengths = np.full(len(tokens), PROMPT, np.int64)
    return Exam(index, Questions(np.ascontiguousarray(tokens), lengths))
