"""A judge that needs no other model: how probable the policy finds what it wrote.

    score of a step          exp(mean log-probability of its words)
    score of stopping        exp(mean log-probability of all words of the completion)

Both at temperature 1, whatever the words were drawn at. The words were given their probabilities when
they were drawn, so this judge reads nothing again: it costs no token and no FLOP. It knows what the
policy is sure of, and nothing of what is right.
"""

import math
from collections.abc import Sequence
from copy import copy

from adabench.workloads.shared.language_model.batched.session_models import SessionModels
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Costs, Seq
from adabench.workloads.test_time.text.substrate.shared_prefix import SharedPrefix


class LikelihoodJudge:
    """Scores steps by the policy's own log-probabilities."""

    def __init__(self, policy: SharedPrefix, marks: frozenset[int]) -> None:
        self.name, self.vocabulary = f"likelihood under {policy.name}", policy.vocabulary
        self._policy, self._marks = policy, marks

    def of_session(self, models: SessionModels) -> "LikelihoodJudge":
        """Return one with readings of its own, for one of several sessions side by side."""
        own = copy(self)
        own._policy = models.view(self._policy)
        return own

    def reset(self, costs: Costs) -> None:
        """Forget nothing: what it reads is the policy's."""

    def follow(self, parent: Seq, children: Sequence[Seq]) -> None:
        """Do nothing: the policy copies what its words were worth."""

    def forget(self, seq: Seq) -> None:
        """Do nothing: the policy forgets it."""

    def scores(self, seqs: Sequence[Seq]) -> list[tuple[float, ...]]:
        """Return a score for every whole step of each sequence, and one for stopping.

        Raises:
            CapabilityMissing: if the policy's backend shows no log-probabilities.
        """
        if "logprobs" not in self._policy.caps:
            raise CapabilityMissing(
                f"logprobs: {self._policy.name} does not show them, and the judge `likelihood` "
                "reads nothing else.",
                "Choose --judge hf:NAME, or a method without a judge.",
            )
        return [self._scores(seq) for seq in seqs]

    def _scores(self, seq: Seq) -> tuple[float, ...]:
        chances, words = self._policy.chances(seq), seq.completion
        ends = [i + 1 for i, word in enumerate(words) if word in self._marks]
        found = [_mean(chances[a:b]) for a, b in zip([0, *ends], ends, strict=False)]
        if seq.finished:
            found.append(_mean(chances))
        return tuple(found)


def _mean(chances: Sequence[float]) -> float:
    """Return the geometric mean of probabilities; forced words have none."""
    drawn = [chance for chance in chances if not math.isnan(chance)]
    return math.exp(math.fsum(drawn) / len(drawn)) if drawn else 0.0
