"""What methods get on this task, and the task itself: the family's, measured at once.

A solve takes seconds, and the server has run every kernel of it before a method's process is forked. So
none is solved unmeasured first; on a device the process loads its own model, and there one is.
"""

from adabench.harness.contract.protocols import Meter
from adabench.workloads.test_time.substrate.question_task import GradedTask, QuestionTask
from adabench.workloads.test_time.text.substrate.text_models import TextModels


class TextTask(QuestionTask):
    """Sessions with models on questions in words."""

    def __reduce__(self) -> tuple[type[QuestionTask], tuple[object, ...]]:
        """Store how it is made."""
        return TextTask, self._made

    @property
    def starts_cold(self) -> bool:
        """Return whether the first solve is measured."""
        return not self.on_device


class GradedText(GradedTask):
    """The task: the same, with questions and a grader."""

    def __reduce__(self) -> tuple[type[GradedTask], tuple[object, ...]]:
        """Store what has no questions."""
        if self.questions:
            raise TypeError("a task with questions is not stored; load it from its conditions")
        return GradedText, (*self._made, Meter(), (), self.grader)

    @property
    def starts_cold(self) -> bool:
        """Return whether the first solve is measured."""
        return not self.on_device

    @property
    def unseen(self) -> frozenset[str]:
        """Return the metrics that are absent: nobody sees what a server works."""
        models = self.load_models
        is_served = isinstance(models, TextModels) and models.policy.kind == "openai"
        return frozenset({"flops_counted"}) if is_served else frozenset()

    def substrate(self) -> QuestionTask:
        """Return what methods get."""
        return TextTask(*self._made)
