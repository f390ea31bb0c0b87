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
from types import ModuleType

import numpy as np
from torch import Tensor

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.workloads.depth_width.ledger_qa.models import Models, ReplyTally
from adabench.workloads.depth_width.substrate.answers.answer_account import Text, text_of
from adabench.workloads.depth_width.substrate.keyed_draws import keyed
from adabench.workloads.depth_width.substrate.questions import (
    ASKED_K,
    TRAINED_K,
    Asked,
    Exam,
    Keys,
    ask,
    redrawn,
)
from adabench.workloads.depth_width.truth.drawn_tasks import (
    ScoredExams,
    check_condition,
    drawn_batches,
    luck_problems,
)
from adabench.workloads.depth_width.truth.scoring import Floats

CARD = Card(
    title="Questions on a ledger: a whole question takes one path of layers",
    trainings=3,
    paper="our own substrate; Dr.LLM, arXiv 2510.12773, is its first method",
    adapts="which layers each question runs",
    gaps=(
        Gap(
            mixture=("full_path", "static_path"),
            methods=("dr_llm", "random_paths"),
            oracle="path_oracle",
            oracle_at={"look": "second"},
            coin="random_paths",
        ),
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
        Metric("accuracy_k5 accuracy_k6", "", "higher", "quality"),
        Metric("executions", "layers/token", "lower", "work", primary=True),
        Metric("flops_counted", "FLOP/token", "lower", "cost"),
        Metric("moved", "elements/token", "lower", "cost"),
        Metric("kv_entries kv_allocated", "entries/token", "lower", "cost"),
        Metric("parameters_bytes", "B", "lower", "cost"),
        Metric("passes", "passes", "lower", "info"),
        Metric("tokens", "tokens", "higher", "info"),
        Metric("answers", "answers", "higher", "info"),
        Metric("depth_k1 depth_k2 depth_k3 depth_k4 depth_k5 depth_k6", "layers", "lower", "info"),
        Metric("deep_over_shallow", "", "higher", "info", low=0.0),
    ),
    allocation=("depth_*",),
)
CHECK_CONDITIONS = {"batches": 2, "sequences": 8}

OUTCOMES = (ReplyTally,)

PER_SEQUENCE = 4
_EVALUATION = 1_000_033
_OTHER_FILLERS = 1_000_037


@dataclass(frozen=True)
class LedgerQa(Models, ScoredExams[Asked]):
    """The task: exams, backbones and routers, and a score that knows the keys."""

    def substrate(self) -> Models:
        """Return the models, without exams."""
        return Models(self.seed, self.mode)

    def redrawn(self, exam: Exam) -> Exam:
        """Return the same questions, with the same answers, and other fillers. For oracles."""
        generator = keyed(_OTHER_FILLERS, self.seed, exam.index)
        return Exam(exam.index, redrawn(generator, self.exams[exam.index].keys).questions)

    def _texts(self, exam: Exam) -> list[Text]:
        """An oracle may also answer the questions with other fillers."""
        return [text_of(exam), text_of(self.redrawn(exam))]

    def judge(self, exam: Exam, tally: ReplyTally) -> Mapping[str, float]:
        """Return quality, counted work and where the work went."""
        keys, ran = self.exams[exam.index].keys, tally.executions.numpy()
        found = {**tally.counted, **quality(keys, tally.said), **allocation(keys, ran)}
        return found | {"executions": float(ran.mean())}


def load(
    scale: str, seed: int, *, mode: str = "prefill", batches: int = 6, sequences: int = 64
) -> LedgerQa:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale that it does not have.
    """
    check_condition("ledger_qa", "scale", scale, CARD.scales)
    exams = drawn_batches(ask, _EVALUATION, seed, mode, batches, sequences, PER_SEQUENCE)
    return LedgerQa(seed, mode, exams=exams)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Ask an oracle whether it wins by luck."""
    yield from luck_problems(load("embedded", 0, batches=1), method, card)


def quality(keys: Keys, said: Tensor) -> dict[str, float]:
    """Return the share of replies [n, 3] that are right, by k and in the mean over k."""
    hit, k = (said.numpy() == keys.answers).all(axis=1), keys.k
    by_k = {f"accuracy_k{n}": float(hit[k == n].mean()) for n in np.unique(k)}
    return by_k | {"accuracy": float(np.mean(list(by_k.values()))), "answers": float(len(k))}


def allocation(keys: Keys, ran: Floats) -> dict[str, float]:
    """Return the mean layers run by k, and those of deep questions over those of shallow ones."""
    k = keys.k
    found = {f"depth_k{n}": float(ran[k == n].mean()) for n in range(1, ASKED_K + 1) if n in k}
    shallow, deep = ran[k <= 2], ran[k >= TRAINED_K]
    if len(shallow) and len(deep) and shallow.any():
        found["deep_over_shallow"] = float(deep.mean() / shallow.mean())
    return found
