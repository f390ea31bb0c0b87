"""What the scorer knows of a case: the answers of its tests, and the scores of what was said."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from adabench.workloads.moe.adapters.substrate.few_shot import Examples
from adabench.workloads.moe.adapters.substrate.instructed_tasks import (
    Ints,
    Naming,
    Sequences,
    draw,
    draw_plain,
    examples_and_tests,
    held_out_tasks,
    training_tasks,
)
from adabench.workloads.moe.adapters.substrate.workbench import AdaptationCase, Outcome, Tests

SHOTS, TESTS, SEEN_EACH, SOURCE = 32, 64, 8, 64
"""Examples of a new task, and tests of it; sequences of each of the tasks that were trained on; plain
sequences."""
_EXAMPLES, _SEEN, _SOURCE = 1_000_301, 1_000_303, 1_000_309
"""Keys of streams, apart from those of training."""


@dataclass(frozen=True)
class KnownCase:
    """A case with its answers."""

    case: AdaptationCase
    tests: Tests
    answers: Ints
    """[n, 5]: of the tests"""
    seen: Ints
    """[m, 5]: of the sequences of training tasks"""
    source: Ints
    """[p, 5]: of plain sequences"""


def known_cases(seed: int, count: int, naming: Naming, shots: int = SHOTS) -> tuple[KnownCase, ...]:
    """Return the cases of a run seed: so many of the held-out tasks, another run of them each seed."""
    chosen = [(seed * count + place) % len(held_out_tasks()) for place in range(count)]
    return tuple(_known(seed, index, task, naming, shots) for index, task in enumerate(chosen))


def _known(seed: int, index: int, task: int, naming: Naming, shots: int) -> KnownCase:
    generator = _generator(_EXAMPLES, seed, task)
    shown, tests = examples_and_tests(generator, held_out_tasks()[task], shots, TESTS, naming)
    seen, source = seen_sequences(seed, naming), draw_plain(_generator(_SOURCE, seed), SOURCE)
    return KnownCase(
        AdaptationCase(index, task, Examples(shown.tokens, shown.answers)),
        Tests(tests.tokens, seen.tokens, seen.tasks, source.tokens),
        tests.answers,
        seen.answers,
        source.answers,
    )


def seen_sequences(seed: int, naming: Naming) -> Sequences:
    """Return sequences of every training task, drawn apart from those of training."""
    places = np.repeat(np.arange(len(training_tasks())), SEEN_EACH)
    return draw(_generator(_SEEN, seed), training_tasks(), places, naming)


def _generator(*parts: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(parts)))


def scores(known: KnownCase, said: Outcome) -> Mapping[str, float]:
    """Return accuracies, what was gained, and what was counted."""
    base, before, after = (
        float((classes == known.answers).mean()) for classes in (said.base, said.before, said.after)
    )
    found = dict(said.counted)
    found |= {"accuracy": after, "accuracy_zero_shot": before, "accuracy_base": base}
    found |= {"gain": after - base, "accuracy_seen": float((said.seen == known.seen).mean())}
    plain, still = ((known.source == classes).mean() for classes in said.source)
    return found | {"accuracy_source": float(still), "forgetting": float(plain - still)}
