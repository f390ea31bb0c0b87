"""Thought that is cut off at a cap: the policy is asked for its answer, and writes one last attempt."""

from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.test_time.countdown.substrate.number_problems import ANSWER, LAST_WORDS

CAPS = (16, 32, 64, 96, 160)
IN_TURN = 0
"""As a cap: every question has one of `CAPS`, in turn, so that a mean over questions is one over caps."""
_TURN = 12
"""Questions in turn that have the same cap: whatever sizes they take, each meets each cap."""


def cap_of(question: Question, cap: int) -> int:
    """Return the words after which a question's sample must answer."""
    return CAPS[question.index // _TURN % len(CAPS)] if cap == IN_TURN else cap


def answered(session: Session, cap: int) -> Seq:
    """Return a sample that ended by itself, or was cut before the step that could pass the cap, and then answered."""
    (leaf,) = session.fork(session.open(), 1)
    while not session.ended(leaf) and len(leaf.completion) + session.step_room <= cap:
        session.step([leaf])
    if not session.ended(leaf):
        session.append([leaf], [[ANSWER]])
        session.decode([leaf], max_new=LAST_WORDS)
    return leaf
