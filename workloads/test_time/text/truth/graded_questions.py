"""The task over questions whose models run: how they are asked, read and graded, put together."""

from collections.abc import Iterable
from dataclasses import replace

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.sources.model_spec import ModelSpec
from adabench.workloads.test_time.text.substrate.answer_form import AUTO, AnswerForm
from adabench.workloads.test_time.text.substrate.completions import CompletionReader, QuestionText
from adabench.workloads.test_time.text.substrate.named_codec import named_codec
from adabench.workloads.test_time.text.substrate.prompt_file import PromptFile
from adabench.workloads.test_time.text.substrate.prompts import PromptStyle, bare_examples
from adabench.workloads.test_time.text.substrate.sources import Sources, check_context
from adabench.workloads.test_time.text.substrate.text_domain import text_domain
from adabench.workloads.test_time.text.substrate.text_models import TextModels
from adabench.workloads.test_time.text.substrate.text_task import GradedText
from adabench.workloads.test_time.text.truth.grading import Answers, check_verifier, gold
from adabench.workloads.test_time.text.truth.question_rows import QuestionRow
from adabench.workloads.test_time.text.truth.question_sets import QuestionSet

ON_DEVICE = "cuda"


def prompt_style(
    model: ModelSpec, instruction: str, file: PromptFile | None = None, *, chats: bool = True
) -> PromptStyle:
    """Return how a model is asked.

    Raises:
        SelectionError: for one text to a server that takes turns alone.
    """
    if model.talks and not chats:
        raise SelectionError(f"{model} takes turns alone.", "Leave out --no-chat.")
    return PromptStyle(named_codec(model), chats, instruction, model.talks, file)


def golds_of(rows: Iterable[QuestionRow], form: AnswerForm) -> tuple[str, ...]:
    """Return the right answers.

    Raises:
        SelectionError: if one is none of the form.
        MissingExtra: if one is a formula, and nothing here compares formulas.
    """
    golds = tuple(gold(row.answer, form) for row in rows)
    if form.kind == "auto":
        check_verifier(golds)
    return golds


def graded_task(
    sources: Sources,
    found: QuestionSet,
    style: PromptStyle,
    seed: int,
    room: int,
    budget: int,
    form: AnswerForm = AUTO,
) -> GradedText:
    """Put the parts together.

    Raises:
        SelectionError: for an answer that is none of the form, or a question that a model cannot read.
        MissingExtra: for a formula, without what compares formulas.
    """
    from adabench.workloads.shared.sources.model_source import found_abilities

    golds = golds_of(found.rows, form)
    if style.file is not None:  # it holds its own examples, and asks for answers of any form
        found = replace(found, examples={"": ()}, rules=form.rules)
    questions = tuple(_question(index, row, found, style) for index, row in enumerate(found.rows))
    check_context(sources.model, questions)
    sizes = replace(found.sizes, room=room or found.sizes.room)
    domain = text_domain(style.codec, found.rules, sizes, style.ends, form=form)
    reader = CompletionReader(style.codec, found.rules, style.ends, form)
    models = TextModels(
        sources.model,
        sources.judge,
        sources.device,
        sources.dtype,
        style.codec,
        tuple(style.prefix(examples) for examples in found.examples.values()),
        domain.step_marks,
        QuestionText(style.codec, style.before, style.behind),
        sources.draft,
        ()
        if style.file
        else tuple(style.bare.prefix(bare_examples(one)) for one in found.examples.values()),
        style.ends,
        reader.closes,
        found_abilities(sources.model),
    )
    return GradedText(
        seed,
        domain,
        models,
        budget or None,
        (sources.device or "").startswith(ON_DEVICE),
        questions=questions,
        grader=Answers(reader, golds),
    )


def _question(index: int, row: QuestionRow, found: QuestionSet, style: PromptStyle) -> Question:
    """Return a question; in a prompt of a file it has no other form."""
    examples = found.examples_of(row)
    whole = style.prompt(row.question, examples)
    bare = () if style.file else style.bare.prompt(row.question, bare_examples(examples))
    return Question(index, whole, row.level, bare)
