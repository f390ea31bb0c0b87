"""Each kind of data as this task asks it: rows, the worked examples before them, rules, and sizes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.sources.data_spec import GENERATED, DataSpec
from adabench.workloads.test_time.text.substrate.answer_form import AUTO, AnswerForm
from adabench.workloads.test_time.text.substrate.prompts import (
    CHOICE_INSTRUCTION,
    CHOICES,
    INSTRUCTION,
    WORD_PROBLEMS,
    Example,
)
from adabench.workloads.test_time.text.substrate.stated_answers import Rule
from adabench.workloads.test_time.text.substrate.text_domain import Sizes
from adabench.workloads.test_time.text.truth import arithmetic, question_rows, word_templates
from adabench.workloads.test_time.text.truth.question_rows import QuestionRow

EXAMPLES = 2
"""Of sums: they show how it is done, and a third one does no better."""
STEP_WORDS, END_WORDS = 18, 24
"""Of a sum: what a step, and the answer with all around it, may take."""
STEP_CUT = 40
SPARE_STEPS = 3
"""The answer, the model's end, and one."""
TEMPERATURE = 0.7
"""What words are drawn at, unless a run says otherwise."""
WORD_SIZES = Sizes(room=320, step_room=120, deepest=20)


@dataclass(frozen=True)
class QuestionSet:
    """The questions of a run's seed, and how they are asked and read."""

    rows: tuple[QuestionRow, ...] = field(repr=False)
    examples: Mapping[str, tuple[Example, ...]]
    """By level; those of other levels stand at the empty one."""
    rules: tuple[Rule, ...]
    sizes: Sizes
    instruction: str = ""

    def examples_of(self, row: QuestionRow) -> tuple[Example, ...]:
        """Return the worked examples that stand before a question."""
        return self.examples.get(row.level) or self.examples[""]


def question_set(
    spec: DataSpec, seed: int, count: int, level: str = "", form: AnswerForm = AUTO
) -> QuestionSet:
    """Return the questions of a seed.

    Raises:
        SelectionError: for a level or a row that makes no sense, or fewer questions than asked for.
        EnvironmentProblem: without the package, or the data set.
    """
    if spec.kind in GENERATED and form.kind == "choice":
        raise SelectionError(f"Questions of {spec} have no options.", "Leave out grader=choice.")
    if spec.kind == "arithmetic":
        return sums(arithmetic.read_levels(level), seed, count)
    if spec.kind == "gsm_symbolic":
        drawn = word_templates.rows(seed, count, level)
        examples = word_templates.worked_examples()
        return QuestionSet(drawn, {"": examples}, form.rules, WORD_SIZES, INSTRUCTION)
    rows = question_rows.rows(spec, seed, count, level, form)
    chosen = form.kind == "choice"
    examples = CHOICES if chosen else WORD_PROBLEMS
    instruction = CHOICE_INSTRUCTION if chosen else INSTRUCTION
    return QuestionSet(rows, {"": examples}, form.rules, WORD_SIZES, instruction)


def sums(
    levels: tuple[arithmetic.Level, ...], seed: int, count: int, split: arithmetic.Split = "test"
) -> QuestionSet:
    """Return generated sums of some levels, in turn."""
    longest = max(level.steps for level in levels)
    return QuestionSet(
        arithmetic.rows(levels, seed, count, split),
        {str(level): arithmetic.worked_examples(level, EXAMPLES) for level in levels},
        ("line",),
        Sizes(STEP_WORDS * longest + END_WORDS, STEP_CUT, longest + SPARE_STEPS),
    )
