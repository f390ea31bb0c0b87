"""The format `paths`: solutions side by side, each behind a word of its own, and one value that sums them up.

    prompt       <bos> 69 : 9 17 15 11 >
    a path       <think1>  69 * 15 = 65 : 9 17 ? 11 ; ... ; <eos>
    a summary    <summary> ans 33 <eos>                                    behind all paths, which it reads where they are held
    read again   <bos> 69 : 9 17 15 11 >  <think1> ... ;  <think2> ... ;  <summary>                          ans 33 <eos>

Questions and steps are those of the format `orders`, with four factors; a path is one order of them. All orders have the same number of
words, so that paths end together. A path that is answered with states its last product, a summary what it says; a completion of
the format `tries` counts as there, for a policy that tries one order after another.

Paths may also be read again as one text, in front of the word of the summary: as many of the last as the context holds, which is six.
"""

from collections.abc import Sequence

from adabench.workloads.shared.language_model.domain import Revisions, Words
from adabench.workloads.shared.language_model.pooled.thought_model import SUMMARY, THINK, THINKER
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


class Reread(Revisions):
    """How paths are read again: one text in the order in which they were written, and a summary behind it."""

    def read(
        self, prompt: Words, attempts: Sequence[Words]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return prompt and as many of the last paths as leave room for a summary, and the word that begins it."""
        room, first = self.context - len(prompt) - 1 - SUMMARY_WORDS, 0
        while sum(map(len, attempts[first:])) > room:
            first += 1
        return (*prompt, *(word for path in attempts[first:] for word in path)), (SUMMARY,)


REREAD = Reread(mark=SUMMARY, context=THINKER.context, spare=0)


def answer(completion: Sequence[int]) -> int | None:
    """Return the answer that a completion states, or None if it is malformed."""
    first, *rest = completion or (EOS,)
    if first in (SUMMARY, tries.STATED):
        said = rest if first == SUMMARY else completion
        whole = len(said) == SUMMARY_WORDS and said[0] == tries.STATED and said[-1] == EOS
        return said[1] - ZERO if whole and said[1] in NUMBERS else None
    if first in THINK:
        return order_problems.answer(rest)
    found = order_problems.answer(completion)
    return tries.answer(completion) if found is None else found
