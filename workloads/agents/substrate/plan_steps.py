"""What a plan says: calls with placeholders, what these stand for, and what an executor observed.

    plan H1 K1 A7 B12 r5 ; H2 K1 w1 H1 r2 ; H3 C1 H2 + 3 ; join    H1 K1 = A3 B9 ; H2 K1 = 4 ; H3 C1 = 7 ;

A marker in an argument stands for the result of the call that has it, and a row before it says which of two
rows is meant. A call whose placeholders stand for nothing is not made.
"""

from collections.abc import Iterator, Mapping, Sequence

from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.action_steps import (
    MARKERS,
    Call,
    Ids,
    is_ambiguous,
    rows_of,
)

UNFIT = tokens.FAULTS | {tokens.NONE}
"""Results that no call can go on from."""
Results = Mapping[int, Ids]
"""By marker: what the latest call that has it returned."""


def planned_calls(words: Sequence[int]) -> list[Call]:
    """Return the whole calls of the plan that was begun last; arguments still have their placeholders."""
    if tokens.PLAN not in words:
        return []
    begin = len(words) - 1 - list(reversed(words)).index(tokens.PLAN)
    found: list[Call] = []
    part: list[int] = []
    for word in words[begin + 1 :]:
        if word == tokens.JOIN:
            break
        if word == tokens.END_STEP:
            if len(part) >= 2 and part[0] in MARKERS and part[1] in tokens.TOOLS:
                found.append(Call(part[0], part[1], tuple(part[2:])))
            part = []
        else:
            part.append(word)
    return found


def resolved(call: Call, results: Results) -> Call | None:
    """Return a call with results in the place of its placeholders; None while one stands for nothing."""
    words: list[int] = []
    row: int | None = None
    for word in call.arguments:
        if word in tokens.ROWS:
            row = word
            continue
        if word not in MARKERS:
            words.append(word)
            continue
        value = _value(results.get(word, ()), row)
        if not value:
            return None
        words += value
        row = None
    return call._replace(arguments=tuple(words))


def _value(result: Ids, row: int | None) -> Ids:
    """Return what a placeholder stands for; nothing where that is not settled."""
    if not result or result[0] in UNFIT:
        return ()
    if is_ambiguous(result):
        return () if row is None else rows_of(result)[row]
    return result


def waits_for(call: Call) -> Iterator[int]:
    """Yield the markers of the results that a call waits for."""
    return (word for word in call.arguments if word in MARKERS)


def observed(calls: Sequence[tuple[Call, Ids]]) -> Ids:
    """Return what an executor says of the calls that were made, in the order of the plan."""
    words = [
        word
        for call, result in calls
        for word in (call.marker, call.tool, tokens.EQUALS, *result, tokens.END_STEP)
    ]
    return tuple(words) or (tokens.NONE, tokens.END_STEP)
