"""The judge of a pair: how probable the target finds what the draft, or it itself, wrote.

    score of a step          exp(mean log-probability of its words under the target)
    score of stopping        the same over all words of the completion

No reward model exists at the size of a small model, so the target's own likelihood stands for one. It
reads every step that it is asked about, on sequences of its own, as a reward model beside the two
would: the words are `judged`, the FLOPs are counted, and the target that writes reads them once more
if it is called.
"""

from collections.abc import Sequence
from copy import copy

from adabench.workloads.shared.language_model.batched.session_models import SessionModels
from adabench.workloads.shared.language_model.contract import Costs, Seq
from adabench.workloads.test_time.text.substrate.likelihood import LikelihoodJudge
from adabench.workloads.test_time.text.substrate.shared_prefix import SharedPrefix


class TargetLikelihood:
    """Scores the steps of a pair's sequences by the target's log-probabilities."""

    def __init__(self, target: SharedPrefix, marks: frozenset[int]) -> None:
        self.name, self.vocabulary = f"likelihood under {target.name}", target.vocabulary
        self._target = target
        self._likelihood = LikelihoodJudge(target, marks)
        self._copies: dict[Seq, Seq] = {}
        """Of each sequence that was read, the target's own."""

    def of_session(self, models: SessionModels) -> "TargetLikelihood":
        """Return one with readings of its own, for one of several sessions side by side."""
        own = copy(self)
        own._target = models.view(self._target)
        own._likelihood = models.view(self._likelihood)
        own._copies = {}
        return own

    def reset(self, costs: Costs) -> None:
        """Forget every sequence; the session has told the target where to count."""
        self._copies.clear()

    def follow(self, parent: Seq, children: Sequence[Seq]) -> None:
        """Let what was read of a parent count for its children."""
        if parent in self._copies:
            copies = self._target.fork(self._copies[parent], len(children))
            self._copies.update(zip(children, copies, strict=True))

    def forget(self, seq: Seq) -> None:
        """Let go of a sequence."""
        if seq in self._copies:
            self._target.close(self._copies.pop(seq))

    def scores(self, seqs: Sequence[Seq]) -> list[tuple[float, ...]]:
        """Return a score for every whole step of each sequence, and one for stopping."""
        meter = self._target.costs.meter
        before = meter["prefilled"]
        copies = [self._read(seq) for seq in seqs]
        meter["judged"] += meter["prefilled"] - before
        meter["prefilled"] = before
        return self._likelihood.scores(copies)

    def _read(self, seq: Seq) -> Seq:
        """Return the target's copy of a sequence, once it has read what is new."""
        if seq not in self._copies:
            self._copies[seq] = self._target.open(seq.ids[: seq.start])
        copy = self._copies[seq]
        new = seq.ids[len(copy.ids) :]
        if new:
            self._target.read([copy], [new])
        return copy
