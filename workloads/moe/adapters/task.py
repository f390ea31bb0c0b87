"""Adapters: a frozen base that is adapted to new tasks by few numbers and few examples.

A case is a held-out task: 32 examples, 100 steps, then tests on other sequences of it. The base knows
how to compute; what pre-maps, post-maps and instruction words mean is learned by adapters, on 48 tasks
(recipes) and then on the new one (in the measured case). The suite is in `instructed_tasks.py`.

**What is scored.** `accuracy`, on new sequences of the held-out task;
`accuracy_zero_shot`, on the same before any step; `accuracy_seen`, on fresh sequences of the 48 tasks, also
before any step; `gain`, accuracy less the base's own. Chance is 1/7 for who knows the notation.

`accuracy_source` is on plain sequences, what the base was trained on, after the adaptation; `forgetting`, what
the base knew of them less that.

**What is counted.** `trained_parameters`, routers included; `flops_adaptation` with backward passes, and
`flops_token` of reading afterwards; `active_experts`, pairs of a token and an expert that were really
multiplied, over tokens and linears. `loss_*`, `steps_to_50`, `gradient_cosine`, `routing_entropy`, `router_entropy`,
`load_peak`, `pretraining_*` and `active_first` to `idle_last` were measured while an adapter was trained
(`training/pretrain.py`).
`training_bytes` and its parts are of one real step under hooks; `reading_*` is processor time of a batch with the base,
with the adapter beside it and merged into it (`substrate/footprint.py`). `serving_*` is that of requests of eight tasks:
in one pass beside the base, what that saves over swapping weights, and with all eight merged in memory
(`substrate/serving.py`).

**`model=smollm2`** puts the same adapters into the upper 10 of SmolLM2's 30 layers (`substrate/text_base.py`), on states
of texts that the lower 20 made once: nothing that is learned changes how words are read. Instead of 48 tasks there are
three questions on real texts, answered by " no" or " yes", of which an adapter has learned 160 batches of eight;
`accuracy_seen` is on 1,002 of their tests. The new task is a fourth question: 32 texts with answers, and `accuracy` on 334 others
(`truth/text_questions.py`). `accuracy_source` is there on 96 of the old questions. Set `steps=40`. Trainings are in the
user's cache alone, and each took the best of three rates on 504 questions (`training/text_tuning.py`).

**Conditions.** `task=hidden` takes the instruction words away, in training too; `budget=seconds` ends pre-training and
adaptation by the processor's time; `pretraining` is the steps of the former. `tasks`: new ones for each
training, and others for the next.

**Limits.** A 66,000-parameter base and tables of seven numbers, or 135 million and four questions: signs and ratios
transfer at best, no figure of a language benchmark does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from adabench.harness.contract.card import Card, Gap, Gates, Knob, Metric
from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import SelectionError
from adabench.workloads.moe.adapters import conformance
from adabench.workloads.moe.adapters.substrate import pretrained
from adabench.workloads.moe.adapters.substrate.instructed_tasks import Naming, held_out_tasks
from adabench.workloads.moe.adapters.substrate.workbench import (
    SUITE,
    AdaptationCase,
    Adapted,
    Outcome,
    Tests,
    Workbench,
)
from adabench.workloads.moe.adapters.truth import text_questions
from adabench.workloads.moe.adapters.truth.adaptation_scores import KnownCase, known_cases, scores
from adabench.workloads.moe.adapters.truth.oracle_bench import AnsweredTests, OracleBench

CARD = Card(
    title="Adapters: new tasks for a frozen base, by few numbers and few examples",
    seeds=5,
    recipes=40,
    paper="our own substrate; MHR, arXiv 2211.03831, and DynMoLE, arXiv 2504.00661, are its first methods",
    adapts="which adapters a task or a token uses, and which numbers a new task trains",
    comparison=(
        "accuracy",
        "accuracy_seen",
        "trained_parameters",
        "latency_s",
        "training_bytes",
        "optimizer_bytes",
        "activation_bytes",
        "reading_base_s",
        "reading_s",
        "reading_merged_s",
        "stored_bytes",
    ),
    gates=(
        Gates(
            default="lora",
            cases={"tasks": 3},
            without={
                "failures": "an adapter repairs whatever the base does not know of a task",
                "strategies": "nothing tells beforehand how hard a new task is",
            },
        ),
    ),
    no_speedup="what methods save is trained parameters; what an adaptation takes is in its own time",
    knobs=(
        Knob("task", ("named",), "named", also=("hidden",)),
        Knob("budget", ("steps",), "steps", also=("seconds",)),
        Knob("model", ("suite",), "suite", also=("smollm2",)),
        Knob("pretraining", (450,), 450, also=(900,)),
        Knob("steps", (100,), 100, open=True, low=1),
        Knob("shots", (32,), 32, open=True, low=1),
        Knob("tasks", (1,), 1, open=True, low=1, high=12),
    ),
    cases="exchangeable",
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("accuracy_zero_shot accuracy_seen", "", "higher", "quality"),
        Metric("accuracy_base", "", "higher", "info"),
        Metric("gain", "", "higher", "quality", high=1.0),
        Metric("trained_parameters", "parameters", "lower", "work", primary=True),
        Metric("flops_adaptation", "FLOP", "lower", "cost"),
        Metric("flops_token flops_token_seen", "FLOP/token", "lower", "cost"),
        Metric("stored_bytes training_bytes weight_bytes gradient_bytes", "B", "lower", "cost"),
        Metric("optimizer_bytes activation_bytes", "B", "lower", "cost"),
        Metric("reading_base_s", "s", "lower", "info"),
        Metric("reading_s reading_merged_s", "s", "lower", "cost"),
        Metric("reading_overhead_s serving_beside_8_s serving_beside_64_s", "s", "lower", "info"),
        Metric("serving_beside_512_s", "s", "lower", "info"),
        Metric("serving_saved_8_s serving_saved_64_s serving_saved_512_s", "s", "higher", "info"),
        Metric("serving_in_memory_8_s serving_in_memory_64_s", "s", "lower", "info"),
        Metric("serving_in_memory_512_s", "s", "lower", "info"),
        Metric("accuracy_source", "", "higher", "info"),
        Metric("forgetting", "", "lower", "info"),
        Metric("steps_taken", "steps", "lower", "info"),
        Metric("active_experts active_experts_seen active_words", "experts/token", "lower", "info"),
        Metric("active_numbers", "experts/token", "lower", "info"),
        Metric("active_apart", "experts/token", "higher", "info"),
        Metric("active_first active_last", "experts/token", "lower", "info"),
        Metric("active_fall idle_last", "experts/token", "higher", "info"),
        Metric("accuracy_pretrained", "", "higher", "info"),
        Metric("loss_mean loss_swing", "nat", "lower", "info"),
        Metric("steps_to_50", "steps", "lower", "info"),
        Metric("gradient_cosine", "", "higher", "info", low=-1.0, high=1.0),
        Metric("routing_entropy", "", "lower", "info"),
        Metric("router_entropy", "nat", "lower", "info"),
        Metric("load_peak", "", "lower", "info", low=0.0),
        Metric("pretraining_steps", "steps", "lower", "info"),
        Metric("pretraining_flops", "FLOP", "lower", "info"),
        Metric("pretraining_cpu_s", "s", "lower", "info"),
        Metric("pretraining_rate", "", "lower", "info"),
    ),
    allocation=("active_words", "active_numbers"),
    gaps=(
        Gap(
            mixture=("fresh_lora", "lora"),
            methods=("poly", "mhr", "mhr_z", "mhr_mu"),
            oracle="best_adapter",
            oracle_at={"among": "adapters"},
            coin="poly_rand",
        ),
        Gap(
            mixture=("lora", "mola", "mola_layered", "soft"),
            methods=("dynmole", "random_count"),
            oracle="best_adapter",
            oracle_at={"among": "adapters"},
            coin="random_experts",
        ),
        Gap(
            mixture=("lora",),
            methods=("adalora",),
            oracle="best_adapter",
            oracle_at={"among": "ranks"},
            coin="random_ranks",
        ),
    ),
)
SMOLLM2 = "smollm2"
CHECK_CONDITIONS = {"steps": 4, "tasks": 2}
OUTCOMES = (Outcome,)
_LUCK_STEPS = 25
"""Of an adaptation when an oracle is asked whether it wins by luck: later, candidates are alike."""
__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load"]


@dataclass(frozen=True)
class AdaptersTask:
    """The task: cases with their answers, and the bench that methods get."""

    bench: Workbench
    known: tuple[KnownCase, ...]
    starts_cold = True
    """An adaptation takes its second whatever was adapted before it."""

    @property
    def meter(self) -> Meter:
        """Return the bench's meter."""
        return self.bench.meter

    def cases(self) -> Iterator[AdaptationCase]:
        """Yield the held-out tasks of this seed."""
        yield from (one.case for one in self.known)

    def substrate(self) -> Workbench:
        """Return what methods get: a bench that knows no case."""
        own = self.bench
        return Workbench(own.seed, own.naming, own.budget, own.steps, own.pretraining, own.model)

    def oracle_substrate(self) -> OracleBench:
        """Return what oracles get: a bench that may be told how right an adapter is."""
        own = self.bench
        return OracleBench(own.seed, own.naming, own.budget, own.steps, own.pretraining, own.model)

    def oracle_environment(self, case: AdaptationCase) -> AnsweredTests:
        """Return the tests of a case with their answers."""
        known = self.known[case.index]
        return AnsweredTests(known.tests, known.answers)

    def environment(self, case: AdaptationCase) -> Tests:
        """Return what is read after an adaptation."""
        return self.known[case.index].tests

    def judge(self, case: AdaptationCase, outcome: Outcome) -> Mapping[str, float]:
        """Score what the bench accounted for."""
        return scores(self.known[case.index], outcome)

    def score(self, case: AdaptationCase, answer: Adapted) -> Mapping[str, float]:
        """Score an answer of this very object's bench."""
        self.bench.enter(case, self.environment(case))
        return self.judge(case, self.bench.account(case, answer))


def load(
    scale: str,
    seed: int,
    *,
    task: str = "named",
    budget: str = "steps",
    pretraining: int = 450,
    steps: int = 100,
    shots: int = 32,
    tasks: int = 1,
    model: str = SUITE,
) -> AdaptersTask:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale, a naming, a budget or a model that it does not have.
        EnvironmentProblem: on SmolLM2, if its texts or their states are not there.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"adapters has no scale {scale!r}.", "It runs at `embedded`.")
    if task not in ("named", "hidden"):
        raise SelectionError(f"task={task} says nothing.", "Tasks are named or hidden.")
    if budget not in ("steps", "seconds"):
        raise SelectionError(f"budget={budget} says nothing: take steps or seconds.")
    if model == SMOLLM2:
        if (task, budget, pretraining) != ("named", "steps", pretrained.STEPS):
            raise SelectionError(f"model={model} has no such task, budget or pretraining.")
        cases = text_questions.known_cases(seed, shots, text_questions.answers())
        return AdaptersTask(Workbench(seed, steps=steps, model=model), cases)
    if model != SUITE:
        raise SelectionError(f"model={model} says nothing: take {SUITE} or {SMOLLM2}.")
    naming: Naming = "hidden" if task == "hidden" else "named"
    bench = Workbench(seed, naming, budget, steps, pretraining)
    known = known_cases(seed, min(tasks, len(held_out_tasks())), naming, shots)
    return AdaptersTask(bench, known)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a method by the task's own rules; ask an oracle whether it is luck."""
    yield from conformance.check(method, card)
    if card.role == "oracle":
        few = load("embedded", 0, tasks=4, steps=_LUCK_STEPS)
        yield from luck_problems(few, method, card)
    else:
        small = load("embedded", 0)
        yield from conformance.uncounted(small.bench, next(small.cases()), method, card)


WRONG = 1
"""The seed of wrong answers."""


def luck_problems(task: Any, method: ModuleType, card: Card) -> Iterator[str]:
    """Say where an oracle's card and its luck on a loaded task disagree, whatever it searches among."""
    if not hasattr(method, "luck"):
        return
    points = [{**card.defaults, knob.name: one} for knob in card.knobs for one in knob.values]
    for point in points or [card.defaults]:
        found = method.luck(task, point, wrong=WRONG)
        truth, chance = found["by_truth"], found["by_chance"]
        if card.wins_by_luck != (chance >= truth):
            figures = f"its search gains {truth:.3g} by the truth and {chance:.3g} by chance"
            said = f"its card says wins_by_luck={card.wins_by_luck}"
            yield f"{figures} at {point}, and {said}"
