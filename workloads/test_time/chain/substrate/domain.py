"""The chain's domain: steps `a op b = c ;` in words of our own vocabulary, and an answer modulo 100."""

from collections.abc import Sequence
from dataclasses import replace

from adabench.workloads.shared.language_model.domain import Domain, Words
from adabench.workloads.shared.language_model.vocabulary import IDS, STEP_END, WordCodec
from adabench.workloads.test_time.chain.substrate import gpu_mechanics
from adabench.workloads.test_time.chain.substrate.problems import STEP_WORDS, answer, room

DIGITS = frozenset(IDS[digit] for digit in "0123456789")
STEPS = 3
"""The most steps that an operation takes: a product is split into two, and their sum."""
CHAIN = Domain(
    codec=WordCodec(),
    answer=answer,
    room=room,
    step_marks=frozenset({STEP_END}),
    step_room=2 * STEP_WORDS,
    # Six operations, `<eos>`, and one to spare.
    deepest=STEPS * 6 + 2,
    unforced=DIGITS,
)


def _paced(prompt: Words) -> int:
    """Return the longest completion at the pace of a model with random weights."""
    return gpu_mechanics.ROOM


def chain_of(lengths: Sequence[int]) -> Domain:
    """Return the domain of questions of these lengths: longer ones need a deeper search."""
    deepest = STEPS * max(lengths) + 2
    return CHAIN if deepest <= CHAIN.deepest else replace(CHAIN, deepest=deepest)


MECHANICS = replace(CHAIN, room=_paced)
"""At the shape of a large model: prompts of random words, completions at a fixed pace."""
