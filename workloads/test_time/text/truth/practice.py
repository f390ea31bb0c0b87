"""Questions to learn from: sums of the `train` split, put as a run would, with a policy and a grader."""

from collections.abc import Sequence
from dataclasses import dataclass

from adabench.workloads.shared.sources.judge_spec import JudgeSpec
from adabench.workloads.shared.sources.model_spec import ModelSpec
from adabench.workloads.test_time.text.substrate.completions import CompletionReader, QuestionText
from adabench.workloads.test_time.text.substrate.named_codec import named_codec
from adabench.workloads.test_time.text.substrate.prompts import MARK, PromptStyle
from adabench.workloads.test_time.text.substrate.shared_prefix import SharedPrefix
from adabench.workloads.test_time.text.substrate.text_domain import STEP_MARK
from adabench.workloads.test_time.text.substrate.text_models import TextModels
from adabench.workloads.test_time.text.truth.arithmetic import Level
from adabench.workloads.test_time.text.truth.grading import Answers
from adabench.workloads.test_time.text.truth.question_sets import TEMPERATURE, sums


@dataclass(frozen=True)
class Practice:
    """A policy, prompts, and who says what was right."""

    policy: SharedPrefix
    prompts: tuple[tuple[int, ...], ...]
    grader: Answers
    marks: frozenset[int]
    room: int
    temperature: float = TEMPERATURE

    def is_right(self, index: int, completion: Sequence[int]) -> bool:
        """Return whether a completion of a prompt states the right answer."""
        return self.grader.is_right(index, completion)


def practice(spec: ModelSpec, levels: tuple[Level, ...], seed: int, count: int) -> Practice:
    """Return questions of the `train` split for a model.

    Raises:
        SelectionError: if it names nothing that can run here.
        EnvironmentProblem: if it cannot be opened.
    """
    found, codec = sums(levels, seed, count, "train"), named_codec(spec)
    style = PromptStyle(codec, True, found.instruction)
    prefixes = tuple(style.prefix(examples) for examples in found.examples.values())
    marks, question = codec.stops(STEP_MARK), QuestionText(codec, MARK, style.behind)
    opened = TextModels(spec, JudgeSpec("none"), None, None, codec, prefixes, marks, question)()
    assert isinstance(opened.policy, SharedPrefix)
    return Practice(
        opened.policy,
        tuple(style.prompt(row.question, found.examples_of(row)) for row in found.rows),
        Answers(CompletionReader(codec, found.rules), tuple(row.answer for row in found.rows)),
        marks,
        found.sizes.room,
    )
