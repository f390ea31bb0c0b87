"""Questions that are reckoned step by step, in words or in latent steps.

A case is a batch of one question (`traces.py`) for every sequence that the stream would hold.
`accuracy` is exact match of the answer. What it took is counted by the engine (`latent_forward.py`),
in every phase:

`executions`         layers run in question, latent steps and language together, per token of
                     question and answer: those tokens are the same for every method, whatever it
                     says meanwhile
`executions_latent`  layers run in latent steps (or pauses), per question
`tokens_language`    tokens that were generated, the answer among them, per question
`steps_latent`       latent steps (or pauses), per question; they are compute, and counted as such
`depth_critical`     layers that ran in a latent step that changes the value; `depth_trivial` in
                     one that does not; `critical_over_trivial` their ratio. Labels live here and in
                     training.

FLOPs, stored keys and moved elements are per token of question and answer too.

`mode=prefill` answers 64 questions together, `decode1` one at a time and `decode16` sixteen, of the
few that a batch then has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.workloads.depth_width.ledger_cot.models import Models, SolutionTally
from adabench.workloads.depth_width.ledger_cot.substrate import traces
from adabench.workloads.depth_width.ledger_cot.substrate.traces import Keys, Reckoned
from adabench.workloads.depth_width.substrate.keyed_draws import keyed
from adabench.workloads.depth_width.substrate.questions import Exam
from adabench.workloads.depth_width.substrate.stream import Bools
from adabench.workloads.depth_width.truth.drawn_tasks import (
    ScoredExams,
    check_condition,
    drawn_batches,
    luck_problems,
)

CARD = Card(
    title="Reckoning in steps: spoken, latent, or with shortcuts",
    trainings=3,
    paper="our own substrate; System-1.5 Reasoning, arXiv 2505.18962, is its first method",
    adapts="how many layers each latent step runs",
    gaps=(
        # Its student is another one, for which nobody decides in hindsight and no coin is tossed.
        Gap(mixture=("cot", "no_cot", "pause_tokens"), methods=("system_1_5",)),
        Gap(
            mixture=("cot", "latent_cot", "no_cot", "pause_tokens"),
            methods=(
                "prepared_shortcuts",
                "depth_shortcut",
                "step_shortcut",
                "random_shortcuts",
                "shuffled_shortcuts",
            ),
            oracle="step_oracle",
            coin="random_shortcuts",
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
        Metric("executions", "layers/token", "lower", "work", primary=True),
        Metric("flops_counted", "FLOP/token", "lower", "cost"),
        Metric("moved", "elements/token", "lower", "cost"),
        Metric("kv_entries kv_allocated", "entries/token", "lower", "cost"),
        Metric("parameters_bytes", "B", "lower", "cost"),
        Metric("passes", "passes", "lower", "info"),
        Metric("tokens", "tokens", "higher", "info"),
        Metric("answers", "answers", "higher", "info"),
        Metric("executions_latent executions_language", "layers/question", "lower", "cost"),
        Metric("tokens_language", "tokens/question", "lower", "cost"),
        Metric("steps_latent", "steps/question", "lower", "cost"),
        Metric("depth_critical depth_trivial", "layers", "lower", "info"),
        Metric("critical_over_trivial", "", "higher", "info", low=0.0),
    ),
    allocation=("depth_*",),
)
CHECK_CONDITIONS = {"batches": 2, "sequences": 8}

OUTCOMES = (SolutionTally,)

_EVALUATION = 1_000_039
_SIBLINGS = 1_000_081


@dataclass(frozen=True)
class LedgerCot(Models, ScoredExams[Reckoned]):
    """The task: exams, backbones, shortcuts, and a score that knows the keys."""

    def substrate(self) -> Models:
        """Return the models, without exams."""
        return Models(self.seed, self.mode)

    def siblings(self, exam: Exam, number: int) -> Reckoned:
        """Return the same operations on another opening value, keys included. For oracles."""
        generator = keyed(_SIBLINGS, self.seed, exam.index, number)
        return traces.sibling(generator, self.exams[exam.index].keys)

    def critical(self, exam: Exam) -> Bools:
        """Return which steps change the value, [n, 8]. For oracles alone."""
        return self.exams[exam.index].keys.critical

    def judge(self, exam: Exam, tally: SolutionTally) -> Mapping[str, float]:
        """Return quality, counted work and where the work went."""
        keys = self.exams[exam.index].keys
        hit = tally.said.numpy() == keys.answers
        found = {"accuracy": float(hit.mean()), "answers": float(len(hit)), **tally.counted}
        return found | allocation(tally, keys)


def load(
    scale: str, seed: int, *, mode: str = "prefill", batches: int = 6, sequences: int = 64
) -> LedgerCot:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale that it does not have.
    """
    check_condition("ledger_cot", "scale", scale, CARD.scales)
    exams = drawn_batches(traces.pose, _EVALUATION, seed, mode, batches, sequences)
    return LedgerCot(seed, mode, exams=exams)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Ask an oracle whether it wins by luck."""
    yield from luck_problems(load("embedded", 0, batches=1), method, card)


def allocation(tally: SolutionTally, keys: Keys) -> dict[str, float]:
    """Return the layers run in both kinds of latent steps, where a step is one operation."""
    steps = tally.steps.numpy()
    depths = tally.exits.numpy()
    critical = keys.critical[:, : depths.shape[1]]
    there = (depths >= 0) & (steps == keys.steps)[:, None]
    if not (there & critical).any() or not (there & ~critical).any():
        return {}
    found = {
        name: float(depths[there & (critical == kind)].mean())
        for name, kind in (("depth_critical", True), ("depth_trivial", False))
    }
    if found["depth_trivial"]:
        found["critical_over_trivial"] = found["depth_critical"] / found["depth_trivial"]
    return found
