"""Questions that a user decides on a model of his own, read from one line.

    accuracy: majority > greedy               any gain that is worth having (0.02 of a share)
    accuracy: majority > greedy by 0.02       a gain, at least so much of it
    generated: majority < best_of_n by 20%    a saving, in percent of what the rival takes
    accuracy: best > greedy by 0.02           the best of all methods, which a pilot finds

A metric, a method, which way, a rival; `by` says the least difference that is worth having, in the metric's unit, or
in percent of a total. What is best is found on seeds of a pilot, and decided on others: the winner of one draw is
the luckiest of it.
"""

import re
from dataclasses import dataclass

from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import Difference, Ratio
from adabench.harness.errors import SelectionError

GRAMMAR = "METRIC: METHOD > RIVAL [by 0.02], METRIC: METHOD < RIVAL [by 20%]"
_LINE = re.compile(
    r"\s*(?P<metric>\w+)\s*:\s*(?P<method>\w+)\s*(?P<way>[<>])\s*(?P<rival>\w+)"
    r"(?:\s+by\s+(?P<by>\d+(?:\.\d+)?|\.\d+)(?P<percent>\s*%)?)?\s*"
)
BEST = "best"
"""In a method's place: whichever a pilot finds to be ahead."""


@dataclass(frozen=True)
class DecisionQuestion:
    """Whether a method's metric lies beyond a rival's, and by how much it must."""

    metric: str
    method: str
    rival: str
    rises: bool
    worth: float | None
    in_percent: bool

    @property
    def text(self) -> str:
        """The question as one line, which reads as the same question."""
        by = (
            ""
            if self.worth is None
            else f" by {self.worth * 100:.6g}%"
            if self.in_percent
            else f" by {self.worth:g}"
        )
        return f"{self.metric}: {self.method} {'>' if self.rises else '<'} {self.rival}{by}"

    @property
    def claim(self) -> Claim:
        """The question as a criterion of the user's own."""
        way = "more" if self.rises else "less"
        by = (
            ""
            if self.worth is None
            else f" by {self.worth:.0%}"
            if self.in_percent
            else f" by {self.worth:g}"
        )
        says = f"{self.method} has {way} {self.metric} than {self.rival}{by}."
        low, high = (1.0, None) if self.rises else (None, 1.0)
        expect: Ratio | Difference
        if self.in_percent:
            expect = Ratio(self.metric, self.rival, low=low, high=high)
        else:
            low, high = (0.0, None) if self.rises else (None, 0.0)
            expect = Difference(self.metric, self.rival, low=low, high=high)
        return Claim(
            "decide", says, "own", "a question of the user's", None, expect, worth=self.worth
        )


def decision_question(text: str) -> DecisionQuestion:
    """Read a question.

    Raises:
        SelectionError: with the grammar, if it is none.
    """
    found = _LINE.fullmatch(text)
    if found is None:
        raise SelectionError(f"{text!r} is no question that can be decided.", f"Write {GRAMMAR}.")
    percent = found["percent"] is not None
    worth = None if found["by"] is None else float(found["by"]) / (100 if percent else 1)
    if worth is not None and (worth <= 0 or (percent and worth >= 1)):
        raise SelectionError(
            f"By {found['by']} is no difference to look for.", "Say one above 0, and below 100 %."
        )
    return DecisionQuestion(
        found["metric"], found["method"], found["rival"], found["way"] == ">", worth, percent
    )
