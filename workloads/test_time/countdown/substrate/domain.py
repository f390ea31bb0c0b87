"""The domain of Countdown: steps of attempts, closed by `;`, and what a completion answers."""

from adabench.workloads.shared.language_model.domain import Domain
from adabench.workloads.shared.language_model.vocabulary import WordCodec
from adabench.workloads.test_time.countdown.substrate import number_problems as form

STEP_ROOM = 12
"""Words of a step with the largest pool, and `back` or `ans` before it."""
DEEPEST = 3 * 7
"""Steps of seven attempts at four numbers."""
COUNTDOWN = Domain(
    codec=WordCodec(),
    answer=form.answer,
    room=form.room,
    step_marks=frozenset({form.STEP_END}),
    step_room=STEP_ROOM,
    deepest=DEEPEST,
    temperature=form.TEMPERATURE,
    unforced=form.NUMBERS,
)
