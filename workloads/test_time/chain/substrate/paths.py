"""The format `paths`: solutions side by side, each behind a word of its own, and one value that sums them up.

    prompt       <bos> 69 : 9 17 15 11 >
    a path       <think1>  69 * 15 = 65 : 9 17 ? 11 ; ... ; <eos>
    a summary    <summary> ans 33 <eos>                                    behind all paths, which it reads where they are held

Questions and steps are those of the format `orders`, with four factors; a path is one order of them. All orders have the same number of
words, so that paths end together. A path that is answered with states its last product, a summary what it says; a completion of
the format `tries` counts as there, for a policy that tries one order after another.
"""

from collections.abc import Sequence

from adabench.workloads.shared.language_model.thought_model import SUMMARY, THINK
from adabench.workloads.shared.language_model.vocabulary import EOS
from adabench.workloads.test_time.chain.substrate import order_problems, tries
from adabench.workloads.test_time.chain.substrate.order_problems import NUMBERS, ZERO

FACTORS, TRAINED = 4, 6
"""Of a question on which a policy is trained, and the paths of a text there."""
SUMMARY_WORDS = 3
"""That a summary draws."""


def path_room(prompt: Sequence[int]) -> int:
    """Return the words of a path behind its first."""
    return order_problems.room(prompt)


def room(prompt: Sequence[int]) -> int:
    """Return the longest completion of a prompt: tries one after another."""
    return tries.room(prompt)


def answer(completion: Sequence[int]) -> int | None:
    """Return the answer that a completion states, or None if it is malformed."""
    first, *rest = completion or (EOS,)
    if first == SUMMARY:
        whole = len(rest) == SUMMARY_WORDS and rest[0] == tries.STATED and rest[-1] == EOS
        return rest[1] - ZERO if whole and rest[1] in NUMBERS else None
    if first in THINK:
        return order_problems.answer(rest)
    found = order_problems.answer(completion)
    return tries.answer(completion) if found is None else found
