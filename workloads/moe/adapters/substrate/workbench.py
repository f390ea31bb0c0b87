"""What methods get: the frozen base, pre-trained adapters by name, and one way to adapt to a case.

    adapter = fresh_lora(4, bench.generator("lora"))        in `prepare`
    return bench.adapt(case, adapter, rate=3e-3)            in `solve`

`adapt` trains, counts and notes; what it returns is the answer. After the measured region the bench
reads with the adapter as it was before and as it is now: tests of the case's task, which no method
sees, and sequences of the tasks that were trained on.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from adabench.harness.contract.card import Point
from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MissingAbility
from adabench.workloads.moe.adapters.recipes import TEXT, TEXT_KINDS
from adabench.workloads.moe.adapters.substrate import few_shot, footprint, pretrained, serving
from adabench.workloads.moe.adapters.substrate.adapter import NOTHING, Adapter
from adabench.workloads.moe.adapters.substrate.base_model import Base
from adabench.workloads.moe.adapters.substrate.few_shot import NEW_TASK, Examples, Schedule, seed_of
from adabench.workloads.moe.adapters.substrate.forward_pass import Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import WORDS, Ints, Naming
from adabench.workloads.shared.counting.answer_ledger import AnswerLedger, Wording
from adabench.workloads.shared.training.checkpoints import one_thread

SUITE = "suite"
SECONDS = 0.5
"""Of the processor, for an adaptation under `budget=seconds`."""
METERED = ("steps_taken", "flops_adaptation")
"""What the meter says; a record has it from there."""
WORDING = Wording(
    call="adapt",
    foreign="The answer is not what the bench adapted to this case last, or its weights were changed.",
    twice="The case was adapted to in two ways.",
)


@dataclass(frozen=True)
class AdaptationCase:
    """A held-out task, as far as a method knows it."""

    index: int
    task: int
    """Its place among the held-out tasks."""
    examples: Examples


@dataclass(frozen=True)
class Tests:
    """What is read after an adaptation; its answers stay with the scorer."""

    tokens: Ints
    """[n, 10]: sequences of the case's task that are no examples"""
    seen_tokens: Ints
    """[m, 10]: sequences of the tasks that were trained on"""
    seen_tasks: Ints
    """[m]"""
    source_tokens: Ints
    """[p, 10]: plain sequences, what the base was trained on"""


@dataclass(frozen=True)
class Adapted:
    """An adapter before and after an adaptation: what `solve` returns."""

    before: Adapter
    after: Adapter
    steps: int
    digest: str


@dataclass(frozen=True)
class Outcome:
    """What adapters said of the tests, and what was counted: plain data for the scorer."""

    after: Ints
    """Classes, [n, 5], of the adapted one."""
    before: Ints
    base: Ints
    seen: Ints
    """[m, numbers - 1], of the adapter as it was before."""
    source: Ints
    """[2, p, numbers - 1], of the base and of the adapted one, at plain sequences."""
    counted: Mapping[str, float]


@dataclass
class Workbench:
    """What methods get."""

    seed: int
    naming: Naming = "named"
    budget: str = "steps"
    steps: int = 100
    pretraining: int = pretrained.STEPS
    model: str = SUITE
    """Whose frozen layers: the suite's base, or SmolLM2's upper third (`text_base.py`)."""
    meter: Meter = field(default_factory=Meter)
    clock: Callable[[], float] = time.process_time
    tests: Tests | None = None
    starts_cold = True
    """An adaptation takes its time whatever was adapted to before."""
    _ledger: AnswerLedger[Adapted, dict[str, float]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Open the ledger."""
        self._ledger = AnswerLedger(self.meter, WORDING, _says, lambda one, other: one == other)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel without the ledger."""
        own = (self.seed, self.naming, self.budget, self.steps, self.pretraining, self.model)
        return type(self), (*own, self.meter, self.clock)

    def warm(self) -> None:
        """Read the base, and what adaptations import, before processes of methods are forked."""
        with one_thread():  # torch's pool of threads does not survive a fork
            self.base()
            few_shot.import_optimiser()

    def enter(self, case: AdaptationCase, tests: Tests) -> None:
        """Take what is read after the next adaptation."""
        self.tests = tests

    def base(self) -> Base:
        """Return the frozen base.

        Raises:
            EnvironmentProblem: if it was not trained yet.
        """
        return pretrained.base() if self.model == SUITE else pretrained.smollm2_base()

    def pretrained(self, kind: str) -> dict[str, torch.Tensor]:
        """Return the weights of an adapter that was trained on the 48 tasks, such as `mhr`.

        Raises:
            EnvironmentProblem: if it was not trained yet under this bench's conditions.
            SelectionError: if no recipe has that name.
        """
        return pretrained.adapter(self.recipe(kind), self.seed)

    def start(self, kind: str, build: Callable[[dict[str, torch.Tensor]], Adapter]) -> Adapter:
        """Return what `build` makes of a pre-trained adapter's weights; it knows its origin."""
        origin = pretrained.of_seed(self.recipe(kind), self.seed)
        return replace(build(self.pretrained(kind)), origin=origin)

    def recipe(self, kind: str) -> str:
        """Return the name of a kind's recipe under this bench's conditions, without its seed.

        Raises:
            MissingAbility: if there is none on this bench's model.
        """
        if self.model != SUITE:
            if kind not in TEXT_KINDS:
                raise MissingAbility(
                    f"{kind} has no training on {self.model}: there are {', '.join(TEXT_KINDS)}."
                )
            return TEXT + kind
        return pretrained.recipe_name(kind, self.naming, self.budget, self.pretraining)

    def generator(self, label: str) -> torch.Generator:
        """Return a generator of the run's seed and a label."""
        number = int.from_bytes(hashlib.sha256(label.encode()).digest()[:4], "big")
        return torch.Generator().manual_seed(seed_of(self.seed, number))

    def adapt(self, case: AdaptationCase, adapter: Adapter, *, rate: float) -> Adapted:
        """Train a copy of an adapter on a case's examples, and count what that takes.

        On SmolLM2 at the rate that was chosen for its pre-training, since rates of the suite are of the suite.
        """
        before, work = self._ledger.open(case.index), Work()
        if self.model != SUITE and adapter.origin:
            rate = pretrained.history(adapter.origin)["pretraining_rate"]
        with one_thread():
            seed, schedule = seed_of(self.seed, case.task), self.schedule(rate)
            after, steps = few_shot.adapt(self.base(), adapter, case.examples, schedule, work, seed)
        answer = Adapted(adapter, after, steps, digest(after))
        added = dict(zip(METERED, (float(steps), float(work.flops)), strict=True))
        counted = {**added, "trained_parameters": float(adapter.trained_parameters)}
        return self._ledger.enter(case.index, before, answer, counted, added)

    def schedule(self, rate: float) -> Schedule:
        """Return how an adaptation goes under this bench's conditions."""
        seconds = SECONDS if self.budget == "seconds" else 0.0
        return Schedule(rate, self.steps, seconds, clock=self.clock)

    def account(self, case: AdaptationCase, answer: Adapted) -> Outcome:
        """Read the tests with an adapter before and after.

        Raises:
            MethodContractError: if it is not what this bench adapted to the case last.
        """
        counted = self._ledger.confirm(case.index, answer)
        counted = {name: value for name, value in counted.items() if name not in METERED}
        assert self.tests is not None
        tests, inference, pretraining = self.tests, Work(), Work()
        first, at_once = self.base().first_answer, self.base().at_once
        with one_thread():
            after, before, base = (
                self._classes(one, work)
                for one, work in (
                    (answer.after, inference),
                    (answer.before, Work()),
                    (NOTHING, Work()),
                )
            )
            seen = few_shot.predict(
                self.base(), answer.before, tests.seen_tokens, tests.seen_tasks, pretraining
            )
            source = [
                self._classes(one, Work(), tests.source_tokens) for one in (NOTHING, answer.after)
            ]
            counted |= footprint.training_bytes(self.base(), answer.before, case.examples)
            counted |= footprint.reading(
                self.base(), answer.after, tests.tokens[: at_once or None], self.clock, self.steps
            )
            if not at_once:
                counted |= serving.seconds(self.base(), answer.after, tests.tokens, self.clock)
        counted |= _per_token(inference, "") | _per_token(pretraining, "_seen")
        if self.model == SUITE:
            counted |= _by_class(pretraining, len(tests.seen_tokens))
        counted["stored_bytes"] = 4.0 * answer.after.trained_parameters
        counted |= pretrained.history(answer.before.origin)
        return Outcome(after, before, base, seen[:, first:].numpy(), np.stack(source), counted)

    def _classes(self, adapter: Adapter, work: Work, tokens: Ints | None = None) -> Ints:
        """Return what an adapter says of the tests of the case that was entered, or of other tokens."""
        assert self.tests is not None
        tokens = self.tests.tokens if tokens is None else tokens
        new = np.full(len(tokens), NEW_TASK)
        said = few_shot.predict(self.base(), adapter, tokens, new, work)
        classes: Ints = said[:, self.base().first_answer :].numpy()
        return classes


@dataclass(frozen=True)
class Start:
    """What a method begins a case with: an adapter, and the rate that was tuned for it."""

    bench: Workbench
    adapter: Adapter
    rate: float

    def adapt(self, case: AdaptationCase, point: Point | None = None) -> Adapted:
        """Train a copy of the adapter on the case's examples: the `solve` of most methods."""
        return self.bench.adapt(case, self.adapter, rate=self.rate)


def _per_token(work: Work, ending: str) -> dict[str, float]:
    found = {f"flops_token{ending}": work.flops / work.tokens}
    if work.rows:
        found[f"active_experts{ending}"] = work.pairs / work.rows
    return found


def _by_class(work: Work, sequences: int) -> dict[str, float]:
    """Return the experts that words and numbers run, and how far these are apart."""
    if not work.active:
        return {}
    each = torch.stack(work.active).float().view(len(work.active), sequences, -1)
    words, numbers = float(each[..., :WORDS].mean()), float(each[..., WORDS:].mean())
    return {
        "active_words": words, "active_numbers": numbers, "active_apart": abs(words - numbers),
    }  # fmt: skip


def digest(adapter: Adapter) -> str:
    """Return a digest of an adapter's weights."""
    found = hashlib.sha256()
    for name in sorted(adapter.weights):
        found.update(name.encode())
        found.update(adapter.weights[name].contiguous().numpy().tobytes())
    return found.hexdigest()


def _says(answer: Adapted, counted: Mapping[str, float]) -> bool:
    return digest(answer.after) == answer.digest
