"""The domain of texts: steps are lines, and an answer is what the rules of its data read."""

from dataclasses import dataclass

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.domain import Domain
from adabench.workloads.test_time.text.substrate.answer_form import AUTO, AnswerForm
from adabench.workloads.test_time.text.substrate.answer_modes import ModeShares
from adabench.workloads.test_time.text.substrate.completions import (
    CompletionReader,
    Room,
    TextCodec,
)
from adabench.workloads.test_time.text.substrate.stated_answers import Rule

STEP_MARK = "\n"
DIGITS = "0123456789"


@dataclass(frozen=True)
class Sizes:
    """How long completions of some data are."""

    room: int
    """Words of the longest."""
    step_room: int
    """Words after which a step is cut."""
    deepest: int
    """Steps after which a search ends."""


def text_domain(
    codec: TextCodec,
    rules: tuple[Rule, ...],
    sizes: Sizes,
    ends: tuple[str, ...] = (),
    temperature: float = 1.0,
    form: AnswerForm = AUTO,
) -> Domain:
    """Return the domain of a model's words; completions end before the texts `ends`.

    Raises:
        SelectionError: if its vocabulary has no line's end.
    """
    return Domain(
        codec=codec,
        answer=CompletionReader(codec, rules, ends, form),
        room=Room(sizes.room),
        step_marks=codec.stops(STEP_MARK),
        step_room=sizes.step_room,
        deepest=sizes.deepest,
        temperature=temperature,
        unforced=frozenset().union(*(_words_with(codec, digit) for digit in DIGITS)),
        shares=ModeShares(codec.stops(STEP_MARK)),
    )


def _words_with(codec: TextCodec, sign: str) -> frozenset[int]:
    try:
        return codec.stops(sign)
    except SelectionError:  # it is spelled by bytes
        return frozenset()
