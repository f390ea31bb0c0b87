"""What methods get on this task, and the task itself: the family's, measured at once.

A solve takes seconds, and the server has run every kernel of it before a method's process is forked. So
none is solved unmeasured first; on a device the process loads its own model, and there one is.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from adabench.harness.contract.protocols import Meter
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import GradedTask, QuestionTask
from adabench.workloads.test_time.substrate.step_hand_over import TARGET
from adabench.workloads.test_time.text.substrate.banked_models import BankedModels
from adabench.workloads.test_time.text.substrate.completions import CompletionReader
from adabench.workloads.test_time.text.substrate.shared_prefix import SharedPrefix
from adabench.workloads.test_time.text.substrate.target_agreement import COMPLETION, compared
from adabench.workloads.test_time.text.substrate.text_models import TextModels

SHARE = f"{TARGET}_share"
"""A cost that a session of two policies has, and no other."""


class Accounted(QuestionTask):
    """Sessions with models on questions in words, and what the target of a pair makes of an answer."""

    @property
    def starts_cold(self) -> bool:
        """Return whether the first solve is measured."""
        return not self.on_device

    def warm(self) -> None:
        """Load weights and kernels; a bank has none, and is read."""
        if isinstance(self.load_models, BankedModels):
            assert self.models is not None
        else:
            super().warm()

    def account(self, question: Question, completion: object) -> Any:
        """Return the completion that a method handed in; of a pair, with what the target makes of it.

        Raises:
            MethodContractError: if it was not decoded for this question.
        """
        words = super().account(question, completion)
        pair = self.models.pair if SHARE in self.meter else None
        if pair is None:
            return words
        target = pair.others[TARGET]
        assert isinstance(target, SharedPrefix)
        return compared(target, self.domain, question, words)


class TextTask(Accounted):
    """What methods get."""

    def __reduce__(self) -> tuple[type[QuestionTask], tuple[object, ...]]:
        """Store how it is made."""
        return TextTask, self._made


class GradedText(Accounted, GradedTask):
    """The task: the same, with questions and a grader."""

    ends_by_itself: ClassVar[bool] = True
    """No clock ends a solve, so questions can be counted together."""

    def __reduce__(self) -> tuple[type[GradedTask], tuple[object, ...]]:
        """Store what has no questions."""
        if self.questions:
            raise TypeError("a task with questions is not stored; load it from its conditions")
        return GradedText, (*self._made, Meter(), (), self.grader)

    @property
    def unseen(self) -> frozenset[str]:
        """Return the metrics that are absent: nobody sees what a server works."""
        models = self.load_models
        if isinstance(models, BankedModels):
            sees_flops = models.sees_flops
        else:
            sees_flops = not (isinstance(models, TextModels) and models.policy.is_served)
        return frozenset() if sees_flops else frozenset({"flops_counted"})

    def completion_of(self, outcome: Any) -> tuple[int, ...]:
        """Return the completion among what was accounted for."""
        found: tuple[int, ...] = outcome[COMPLETION] if isinstance(outcome, Mapping) else outcome
        return found

    def judge(self, question: Question, outcome: Any) -> Mapping[str, float]:
        """Judge a completion, pass on what the target of a pair made of it, and number the question.

        A file may hold a question twice, or come to its end and begin anew: its number tells.
        """
        seen = dict(outcome) if isinstance(outcome, Mapping) else {}
        seen.pop(COMPLETION, None)
        asked = self.domain.codec.decode(question.prompt).encode()
        number = int.from_bytes(hashlib.sha256(asked).digest()[:6], "big")
        completion = self.completion_of(outcome)
        reader = self.domain.answer
        assert isinstance(reader, CompletionReader)
        return {
            **super().judge(question, completion),
            "truncated": float(not reader.has_ended(completion)),
            "instance": float(number),
            **seen,
        }

    def kind(self, question: Question, outcome: Any) -> str:
        """Return of which kind a completion is, as the grader tells it."""
        return super().kind(question, self.completion_of(outcome))

    def substrate(self) -> QuestionTask:
        """Return what methods get."""
        return TextTask(*self._made)
