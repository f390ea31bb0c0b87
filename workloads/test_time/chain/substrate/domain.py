"""The chain's domains: steps `v * b = z : ... ;` modulo 97, in the format `tries` several times, in `paths` side by side, and in the format `splits` `a op b = c ;` modulo 100."""

from collections.abc import Sequence
from dataclasses import replace

from adabench.workloads.shared.language_model.domain import Domain, Words
from adabench.workloads.shared.language_model.vocabulary import IDS, STEP_END, WordCodec
from adabench.workloads.test_time.chain.substrate import gpu_mechanics, order_problems, paths, tries
from adabench.workloads.test_time.chain.substrate.attempt_judge import RETRY
from adabench.workloads.test_time.chain.substrate.problems import STEP_WORDS, answer, room
from adabench.workloads.test_time.chain.substrate.step_modes import StepModes, score_name, shares
from adabench.workloads.test_time.substrate.dual_modes import DualDomain

ORDERS = Domain(
    codec=WordCodec(),
    answer=order_problems.answer,
    room=order_problems.room,
    step_marks=frozenset({STEP_END}),
    step_room=order_problems.STEP_WORDS,
    # Seven factors, `<eos>`, and one to spare.
    deepest=order_problems.LONGEST + 2,
    temperature=order_problems.TEMPERATURE,
    unforced=order_problems.NUMBERS,
    revisions=RETRY,
)
TRIES = replace(
    ORDERS,
    answer=tries.answer,
    room=tries.room,
    deepest=tries.MOST * order_problems.LONGEST + 2,
    temperature=tries.TEMPERATURE,
    revisions=None,
)
PATHS = replace(ORDERS, answer=paths.answer, room=paths.room, revisions=paths.REREAD)
DIGITS = frozenset(IDS[digit] for digit in "0123456789")
STEPS = 3
"""The most steps that an operation takes: a product is split into two, and their sum."""
SPLITS = DualDomain(
    codec=WordCodec(),
    answer=answer,
    room=room,
    step_marks=frozenset({STEP_END}),
    step_room=2 * STEP_WORDS,
    # Six operations, `<eos>`, and one to spare.
    deepest=STEPS * 6 + 2,
    unforced=DIGITS,
    shares=shares,
)


def _paced(prompt: Words) -> int:
    """Return the longest completion at the pace of a model with random weights."""
    return gpu_mechanics.ROOM


def splits_of(lengths: Sequence[int]) -> DualDomain:
    """Return the domain of questions of these lengths: longer ones need a deeper search."""
    deepest = STEPS * max(lengths) + 2
    return SPLITS if deepest <= SPLITS.deepest else replace(SPLITS, deepest=deepest)


def with_modes(domain: DualDomain, policy: str, seed: int = 0) -> DualDomain:
    """Return a domain with the modes of a policy, named by its checkpoint, and the score of a run seed."""
    return replace(domain, modes=StepModes(policy, score_name(policy, seed)))


MECHANICS = replace(SPLITS, room=_paced, shares=None)
"""At the shape of a large model: prompts of random words, completions at a fixed pace."""
