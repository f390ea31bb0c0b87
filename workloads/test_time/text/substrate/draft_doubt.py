"""What stands for a router where none was trained: the draft's doubt in its own step.

    q = 1 - probability of the least probable word of the step        under the draft, as it was drawn

The draft has shown these probabilities when it wrote, so nothing is read and nothing is to be paid. It
says how unsure the draft is, and not whether the target would do better: a router that was trained on
the advantage is another thing, and no model of this task has one.
"""

import math
from collections.abc import Sequence
from copy import copy

from adabench.workloads.shared.language_model.batched.session_models import SessionModels
from adabench.workloads.shared.language_model.contract import Costs, Seq
from adabench.workloads.test_time.text.substrate.shared_prefix import SharedPrefix


class DraftDoubt:
    """Foretells a better step of the target by how unsure the draft was of its own."""

    def __init__(self, draft: SharedPrefix, marks: frozenset[int]) -> None:
        self.name, self.vocabulary = f"doubt of {draft.name}", draft.vocabulary
        self._draft, self._marks = draft, marks

    def of_session(self, models: SessionModels) -> "DraftDoubt":
        """Return one with readings of its own, for one of several sessions side by side."""
        own = copy(self)
        own._draft = models.view(self._draft)
        return own

    def reset(self, costs: Costs) -> None:
        """Forget nothing: what it looks at is the draft's."""

    def follow(self, parent: Seq, children: Sequence[Seq]) -> None:
        """Do nothing: the draft copies what its words were worth."""

    def forget(self, seq: Seq) -> None:
        """Do nothing: the draft forgets it."""

    def advantages(self, seqs: Sequence[Seq], authors: Sequence[Sequence[bool]]) -> list[float]:
        """Return the doubt in each latest step; a step without an end, or that nobody drew, is 1."""
        return [self._doubt(seq) for seq in seqs]

    def _doubt(self, seq: Seq) -> float:
        words, chances = seq.completion, self._draft.chances(seq)
        ends = [place + 1 for place, word in enumerate(words) if word in self._marks]
        if not (seq.finished or (ends and ends[-1] == len(words))):
            return 1.0
        begin = max((end for end in ends if end < len(words)), default=0)
        drawn = [chance for chance in chances[begin:] if not math.isnan(chance)]
        return 1.0 - math.exp(min(drawn)) if drawn else 1.0
