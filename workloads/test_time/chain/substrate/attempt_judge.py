"""How attempts at a question are read: by a policy that revises them, and by a judge that does not.

A judge of single solutions reads each attempt by itself, behind the question alone.

What a revision read, earlier attempts, was never before such a judge; and what it is to say of an attempt is
whether the answer is right, which does not depend on how often it was tried before. Nothing is read of the
earlier attempts, so nothing of them is paid for again.
"""

from collections.abc import Sequence
from copy import copy

from adabench.workloads.shared.language_model.batched.session_models import SessionModels
from adabench.workloads.shared.language_model.contract import Costs, Seq
from adabench.workloads.shared.language_model.domain import Revisions
from adabench.workloads.shared.language_model.model import LM_S
from adabench.workloads.shared.language_model.reward_model import Judge
from adabench.workloads.shared.language_model.vocabulary import IDS

RETRY = Revisions(mark=IDS["retry"], context=LM_S.context, spare=0)
"""Attempts at a question are all of one length."""


class AttemptJudge:
    """A judge behind which every sequence begins with the question."""

    def __init__(self, judge: Judge, revisions: Revisions) -> None:
        self.name, self.vocabulary = judge.name, judge.vocabulary
        self._judge, self._revisions = judge, revisions
        self._alone: dict[Seq, Seq] = {}
        """By sequence: the same without what it read before the question."""

    def of_session(self, models: SessionModels) -> "AttemptJudge":
        """Return one with readings of its own, for one of several sessions side by side."""
        own = copy(self)
        own._judge = models.view(self._judge)
        own._alone = {}
        return own

    def reset(self, costs: Costs) -> None:
        """Forget every sequence and count into `costs` from here on."""
        self._judge.reset(costs)
        self._alone.clear()

    def follow(self, parent: Seq, children: Sequence[Seq]) -> None:
        """Let what was read of a parent count for its children."""
        if parent in self._alone:
            self._judge.follow(self._alone[parent], [self._copy(child) for child in children])

    def forget(self, seq: Seq) -> None:
        """Let go of a sequence."""
        if seq in self._alone:
            self._judge.forget(self._alone.pop(seq))

    def scores(self, seqs: Sequence[Seq]) -> list[tuple[float, ...]]:
        """Return a score for every step of each attempt, and one for stopping if it stopped."""
        return self._judge.scores([self._copy(seq) for seq in seqs])

    def _copy(self, seq: Seq) -> Seq:
        question = self._revisions.question(seq.ids[: seq.start])
        alone = self._alone.setdefault(seq, Seq([], len(question), seq.key))
        alone.ids = [*question, *seq.completion]
        return alone
