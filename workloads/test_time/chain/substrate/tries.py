"""The format `tries`: several orders of the same factors one after another, and the value that came up most.

    prompt       <bos> 69 : 9 17 15 11 >
    completion   <effort2>  69 * 15 = 65 : 9 17 ? 11 ; ... ; 69 * 9 = 39 : ? 17 15 11 ; ... ;  ans 33 <eos>

Questions and steps are those of the format `orders`, with four factors. A try is an order of all of them; the policy says itself when it has
tried enough, and what it states is what counts. Its products are believed wrongly as there, so that tries by different orders
disagree where a question is hard, and length buys accuracy.

**Efforts.** The word behind the prompt says how much of its usual length a solution may take. A policy learned to read six of them
(`training/train_effort.py`); the words of two more it never saw: their embeddings are the mean of their neighbours'. Whoever writes
such a word pays for it as for any other.

**Form.** Whole tries, one at least, then `ans`, a number and `<eos>`. Everything else is malformed, and wrong.
"""

from collections.abc import Sequence

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.vocabulary import EOS, IDS, encode, steps
from adabench.workloads.test_time.chain.substrate.order_problems import (
    FRAME_WORDS,
    NUMBERS,
    ZERO,
    Product,
    read_step,
    stream,
)
from adabench.workloads.test_time.chain.substrate.problems import Split

FACTORS, MOST = 4, 4
"""Of a question on which a policy is trained, and the most tries of a solution there."""
TEMPERATURE = 0.7
STATED = IDS["ans"]
FULL = 10.0
"""Without a limit: no solution has ten times its usual length."""
TRAINED = (0.25, 0.5, 0.75, 1.0, 1.5, FULL)
BETWEEN = {0.35: (0.25, 0.5), 0.9: (0.75, 1.0)}
"""Efforts that no policy was trained on, and the neighbours of each."""
WORDS = dict(
    zip(
        (*TRAINED, *BETWEEN),
        encode(f"{' '.join(f'<effort{n}>' for n in range(1, 7))} <spare0> <spare1>"),
        strict=True,
    )
)
_WORDS = frozenset(WORDS.values())


def word_of(effort: float) -> int:
    """Return the word of an effort.

    Raises:
        SelectionError: if it has none.
    """
    if effort not in WORDS:
        known = ", ".join(f"{one:g}" for one in sorted(WORDS))
        raise SelectionError(f"No word says the effort {effort:g}.", f"Choose one of {known}.")
    return WORDS[effort]


def questions(
    split: Split, seed: int, count: int, lengths: Sequence[int], large: Sequence[int]
) -> list[Product]:
    """Return problems of so many factors, lengths and numbers of large ones among them in turn."""
    kinds = [(length, k) for k in large for length in lengths if k <= length]
    streams = [stream(split, mix(seed, *kind), kind[:1], kind[1]) for kind in kinds]
    return [next(streams[i % len(streams)]) for i in range(count)]


def try_words(factors: int) -> int:
    """Return the words of a try."""
    return factors * (FRAME_WORDS + factors)


def room(prompt: Sequence[int]) -> int:
    """Return the longest completion of a prompt: an effort's word, tries, `ans`, a number and `<eos>`."""
    return MOST * try_words(len(prompt) - 4) + 4


def tries(completion: Sequence[int]) -> tuple[int, ...]:
    """Return what each try of a completion comes to; of a malformed one nothing."""
    body = completion[bool(completion) and completion[0] in _WORDS :]
    if len(body) < 3 or body[-1] != EOS or body[-3] != STATED or body[-2] not in NUMBERS:
        return ()
    found = [step for step in map(read_step, steps(body[:-3])) if step is not None]
    count = len(found[0].slots) if found else 1
    shapes = [(len(step.slots), step.slots.count(None)) for step in found]
    whole = len(found) == len(steps(body[:-3])) and len(found) % count == 0
    if not found or not whole or shapes != [(count, k % count + 1) for k in range(len(found))]:
        return ()
    return tuple(step.result for step in found[count - 1 :: count])


def answer(completion: Sequence[int]) -> int | None:
    """Return the answer that a completion states, or None if it is malformed."""
    return completion[-2] - ZERO if tries(completion) else None
