"""An answer in one line: its word, and behind it the figures, always in the same order.

use it: +17.5 points [15.5, 20.4] at equal cost; -59.7 % [-60.8, -58.1] cost at equal quality; ...
"""

from collections.abc import Iterator, Mapping

from adabench.harness.analysis.findings import Compared
from adabench.harness.decision.answer import Answer, PaperNumber, Standing
from adabench.reports.number_format import interval, quantity

STANDINGS: Mapping[Standing, str] = {
    "reached": "reached",
    "half reached": "reached by half",
    "met by simpler rules too": "met by simpler rules too",
    "excluded": "excluded",
    "open": "neither reached nor excluded",
    "cannot be tested here": "cannot be tested here",
}


def answer_line(answer: Answer) -> str:
    """Return the word of an answer, why, and its figures."""
    figures = "; ".join(figures_of(answer))
    return f"{answer_word(answer)}{': ' if figures else ''}{figures}"


def answer_word(answer: Answer) -> str:
    """Return the word of an answer, and why it is that one where this has to be said."""
    return f"{answer.word}{f' ({answer.why})' if answer.why else ''}"


def figures_of(answer: Answer) -> Iterator[str]:
    """Yield what was measured: quality, work, time, the paper's number, what it rests on."""
    if answer.quality.estimate is not None:
        yield f"{difference(answer.quality)} at equal cost"
    if answer.work.estimate is not None:
        yield f"{difference(answer.work)} cost at equal quality"
    if answer.time.estimate is not None:
        yield f"{_plain(answer.time)} of the saving became time"
    if answer.number:
        yield of_paper(answer.number)
    rests = [
        f"{count:,} {name if count > 1 else name[:-1]}"
        for count, name in ((answer.cases, "cases"), (answer.trainings, "trainings"))
        if count
    ]
    if rests:
        yield ", ".join(rests)


def difference(found: Compared) -> str:
    """Return a difference with its sign, unit and interval."""
    sign = "+" if (found.estimate or 0.0) > 0 else ""
    return f"{sign}{_plain(found)}"


def _plain(found: Compared) -> str:
    """Return a number with its unit and its interval, if that has a width."""
    estimate = found.estimate or 0.0
    ends = "" if found.low == found.high else interval(found.low, found.high, estimate)
    return " ".join(filter(None, (quantity(estimate), found.unit, ends)))


def of_paper(number: PaperNumber) -> str:
    """Return what a paper says, what was measured, and how the two stand."""
    said = f"the paper's {quantity(number.said)} ({number.claim})"
    if number.estimate is None:
        return f"{said}: {STANDINGS[number.standing]}"
    ends = interval(number.low, number.high, number.estimate)
    measured = f"{quantity(number.estimate)} {ends}".rstrip()
    return f"{said}: {measured} here, {STANDINGS[number.standing]}"
