"""What a completion says: its steps, the call that is due, rows that are left, the answer it states.

A completion is a mode and steps that end in `;`. A step may begin with the choice of a row. Nothing here
knows a world: it reads words that a policy and its tools wrote.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.notation import entity_of, number_of

Words = Sequence[int]
Ids = tuple[int, ...]
MARKERS = frozenset((*range(tokens.FIRST_HOP, tokens.FIRST_HOP + tokens.HOPS), tokens.LAST_HOP))


def plain_arguments(words: Sequence[int]) -> tuple[int, ...]:
    """Return arguments without the mark of the row that they repeat."""
    return tuple(words[1:] if words and words[0] in tokens.ROWS else words)


class Call(NamedTuple):
    """A call as a policy wrote it."""

    marker: int
    tool: int
    arguments: Ids
    """Without the mark of the row that they repeat."""


class Step(NamedTuple):
    """One step: what stands before `=`, and behind it."""

    choice: int | None
    head: Ids
    """Without the choice."""
    result: Ids | None
    """Without `;`. None where no `=` was written."""

    @property
    def call(self) -> Call | None:
        """Return the call of a tool; None if this is none."""
        head = self.head
        if len(head) >= 2 and head[0] in MARKERS and head[1] in tokens.TOOLS:
            return Call(head[0], head[1], plain_arguments(head[2:]))
        return None

    @property
    def goes_back(self) -> bool:
        """Tell whether it asks for a row that was not taken."""
        return self.head == (tokens.BACK,)


def steps(completion: Words) -> Iterator[Step]:
    """Yield the steps of a completion, the last one perhaps unfinished."""
    start = 1 if completion and completion[0] in tokens.MODES else 0
    for end, word in enumerate(completion):
        if word == tokens.END_STEP:
            yield _step(completion[start:end])
            start = end + 1
    if start < len(completion):
        yield _step(completion[start:])


def last_step(completion: Words) -> Step:
    """Return the latest step of a completion, the unfinished one where there is one."""
    end = len(completion) - (completion[-1] == tokens.END_STEP)
    start = end
    while start and completion[start - 1] != tokens.END_STEP:
        start -= 1
    if not start and completion[0] in tokens.MODES:
        start = 1
    return _step(completion[start:end])


def _step(words: Words) -> Step:
    body = [word for word in words if word not in (tokens.EOS, tokens.CRITIC)]
    choice = body.pop(0) if body and body[0] in tokens.ROWS else None
    if tokens.EQUALS not in body:
        return Step(choice, tuple(body), None)
    cut = body.index(tokens.EQUALS)
    return Step(choice, tuple(body[:cut]), tuple(body[cut + 1 :]))


def is_due(completion: Words) -> bool:
    """Tell whether a tool has to answer now: behind `=`, unless the model thinks for itself."""
    if not completion or completion[-1] != tokens.EQUALS:
        return False
    last = last_step(completion)
    return last.call is not None or last.goes_back


def attempts_before(completion: Words) -> int:
    """Return how often the call that is due was made before in this completion."""
    *earlier, last = steps(completion)
    wanted = last.call
    assert wanted is not None
    same = (one.call for one in earlier)
    return sum(c is not None and c[1:] == wanted[1:] for c in same)


def unused_row(completion: Words) -> Ids:
    """Return the hop and the row that was not taken of the latest choice that has one; else `none`.

    Only mode `chk` goes back.
    """
    if not completion or completion[0] != tokens.CHECK:
        return (tokens.NONE,)
    open_rows: list[tuple[int, dict[int, Ids]]] = []
    choosing = False
    for step in steps(completion):
        if choosing and step.choice is not None and open_rows:
            open_rows[-1][1].pop(step.choice, None)
        choosing = step.call is not None and is_ambiguous(step.result)
        if choosing:
            assert step.result is not None
            open_rows.append((step.head[0], rows_of(step.result)))
        elif step.goes_back and step.result:
            _pop_latest(open_rows)
    left = [(hop, rows) for hop, rows in open_rows if rows]
    return (left[-1][0], *next(iter(left[-1][1].values()))) if left else (tokens.NONE,)


def _pop_latest(open_rows: list[tuple[int, dict[int, Ids]]]) -> None:
    """Take the row that a return gave back; what is deeper is left behind with it."""
    while open_rows and not open_rows[-1][1]:
        open_rows.pop()
    if open_rows:
        open_rows.pop()


def is_ambiguous(result: Ids | None) -> bool:
    """Tell whether a result has two rows."""
    return (
        result is not None
        and len(result) == 6
        and result[0] == tokens.ROW_1
        and result[3] == tokens.ROW_2
    )


def rows_of(result: Ids) -> dict[int, Ids]:
    """Return the two rows of an ambiguous result by their marks."""
    return {tokens.ROW_1: result[1:3], tokens.ROW_2: result[4:6]}


def answer_step(completion: Words) -> Step | None:
    """Return the step that answers, if it is whole."""
    if tokens.END_STEP not in completion:
        return None
    end = len(completion) - 1 - list(reversed(completion)).index(tokens.END_STEP)
    found = (one for one in steps(completion[:end]) if one.head[:1] == (tokens.ANSWER,))
    return next(found, None)


def handed_over(completion: Words) -> Ids:
    """Return all before the last calls of a completion if these were down, and the whole of any other one."""
    start = 1 if completion and completion[0] in tokens.MODES else 0
    kept, is_down = start, False
    for end, word in enumerate(completion):
        if word == tokens.END_STEP:
            step = _step(completion[start:end])
            if step.result == (tokens.DOWN,):
                is_down = True
            elif step.head != (tokens.ANSWER, tokens.FAIL):
                kept, is_down = end + 1, False
            start = end + 1
    return tuple(completion[:kept] if is_down else completion)


def stated(completion: Words) -> Ids | None:
    """Return what a completion answers: an entity, a number, or `fail`; None if it is malformed."""
    step = answer_step(completion)
    if step is None or step.result is not None:
        return None
    words = plain_arguments(step.head[1:])
    is_known = entity_of(words) is not None or number_of(words) is not None
    return words if is_known or words == (tokens.FAIL,) else None


def has_answered(completion: Words) -> bool:
    """Tell whether the step that answers is whole."""
    return answer_step(completion) is not None


def tool_words(completion: Words) -> Ids:
    """Return the words of a completion that tools wrote, if all was done by the rules.

    These are the results of calls with the `;` behind each.
    """
    return tuple(completion[place] for place in tool_places(completion))


def tool_places(completion: Words) -> list[int]:
    """Return where in a completion the words of tools stand."""
    found: list[int] = []
    start = 1 if completion and completion[0] in tokens.MODES else 0
    for end, word in enumerate(completion):
        if word == tokens.END_STEP:
            step = _step(completion[start:end])
            if step.result is not None and (step.call or step.goes_back):
                found += range(list(completion).index(tokens.EQUALS, start) + 1, end + 1)
            start = end + 1
    return found
