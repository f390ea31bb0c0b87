"""What the target of a pair makes of an answer that was written together with a draft.

    nats         by which it finds a word of the answer improbable, on average
    agreement    whether its own greedy answer states the same

Both are found when everything has been measured, in the method's own process: they are no cost of the
method, and nothing that it could look at. Where every word is one that the target finds likeliest, its
own answer is the same; else it goes on by itself from the first that is not.
"""

import math
from collections.abc import Mapping
from typing import Any

from adabench.workloads.shared.language_model.contract import Costs
from adabench.workloads.shared.language_model.domain import Domain, Question
from adabench.workloads.shared.language_model.written_sequence import Words
from adabench.workloads.test_time.text.substrate.shared_prefix import SharedPrefix

TIE = 1e-3
"""Nats within which two words are alike: a batch changes the last bits of a model's numbers."""
COMPLETION = "completion"


def compared(
    target: SharedPrefix, domain: Domain, question: Question, completion: Words
) -> Mapping[str, Any]:
    """Return a completion with what the target makes of it, as plain data."""
    if not completion:
        return {COMPLETION: completion}
    target.reset(Costs())
    root = target.open(question.prompt)
    (copy,) = target.fork(root, 1)
    (found,) = target.read([copy], [completion])
    other = next(
        (
            place
            for place, (own, best) in enumerate(zip(found.logprobs, found.best, strict=True))
            if best - own > TIE
        ),
        None,
    )
    agrees = True
    if other is not None:
        target.append([root], [completion[:other]])
        target.decode(
            [root],
            stop=domain.end_marks,
            max_new=domain.room(question.prompt) - other,
            temperature=0.0,
        )
        agrees = domain.answer(root.completion) == domain.answer(completion)
    target.reset(Costs())
    return {
        COMPLETION: completion,
        "nats": -math.fsum(found.logprobs) / len(completion),
        "agreement": float(agrees),
    }
