"""The chain's domain: steps `a op b = c ;` in words of our own vocabulary, and an answer modulo 100."""

from dataclasses import replace

from adabench.workloads.shared.language_model.domain import Domain, Words
from adabench.workloads.shared.language_model.vocabulary import IDS, STEP_END, WordCodec
from adabench.workloads.test_time.chain.substrate import gpu_mechanics
from adabench.workloads.test_time.chain.substrate.problems import STEP_WORDS, answer, room

DIGITS = frozenset(IDS[digit] for digit in "0123456789")
CHAIN = Domain(
    codec=WordCodec(),
    answer=answer,
    room=room,
    step_marks=frozenset({STEP_END}),
    step_room=2 * STEP_WORDS,
    # Six operations of three steps, `<eos>`, and one to spare.
    deepest=20,
    unforced=DIGITS,
)


def _paced(prompt: Words) -> int:
    """Return the longest completion at the pace of a model with random weights."""
    return gpu_mechanics.ROOM


MECHANICS = replace(CHAIN, room=_paced)
"""At the shape of a large model: prompts of random words, completions at a fixed pace."""
