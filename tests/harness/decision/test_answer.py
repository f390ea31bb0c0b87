"""An answer follows by rules: each word from the intervals that earn it, and from no others."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from adabench.harness.analysis.findings import ClaimRow, Compared, GapRow, SpeedupRow
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import Difference, Expectation, Ratio
from adabench.harness.contract.registry import find
from adabench.harness.decision.answer import paper_number, standing
from adabench.harness.decision.answer_rules import Evidence, answer, evidence, gain_of, side

WORK = Metric("work", "1", "lower", "work", primary=True)
CARD: Card = replace(
    find("paging").card,
    metrics=(
        WORK,
        Metric("right", "1", "higher", "quality", primary=True),
        Metric("wait", "s", "lower", "cost"),
        Metric("note", "1", "lower", "info"),
    ),
    no_speedup="",
)
LESS = Claim("less", "It takes less.", "headline", "paper", 0.5, Ratio("work", "old"))
MORE = Claim(
    "more", "It is right more often.", "headline", "paper", 0.1, Difference("right", "old")
)
SOON = Claim("soon", "It waits less.", "headline", "paper", 0.5, Ratio("wait", "old"))
CLAIMS = {claim.id: claim for claim in (LESS, MORE, SOON)}
ROW = ClaimRow(
    "less", "toy", "new", "undecided", 0.5, 0.4, 0.6, 0.7, 10, source="headline", effect=0.5
)
FASTER = SpeedupRow("toy", "new", "latency_s", "work", 0.8, 0.6, 1.0, work_ratio=0.5)


def points(low: float, high: float, trainings: int = 0) -> Compared:
    return Compared((low + high) / 2, low, high, "points", n=50, trainings=trainings)


def cost(low: float, high: float) -> Compared:
    return Compared((low + high) / 2, low, high, "%", n=50)


NONE = Compared(reason="no static mixture is as good")


def gap(quality: Compared = NONE, work: Compared = NONE, status: str = "measured") -> GapRow:
    return GapRow("toy", "new", status, cost_at_equal_quality=work, quality_at_equal_cost=quality)  # type: ignore[arg-type]


def rows(*verdicts: str, of: Claim = LESS) -> list[ClaimRow]:
    return [replace(ROW, id=of.id, verdict=word) for word in verdicts]


def known(
    some: Sequence[ClaimRow] = (), gaps: Sequence[GapRow] = (), speedups: Sequence[SpeedupRow] = (), card: Card = CARD
) -> Evidence:  # fmt: skip
    return Evidence(("toy/new",), tuple(some), CLAIMS, tuple(gaps), tuple(speedups), {"toy": card})


@pytest.mark.parametrize(
    ("found", "sign", "word"),
    [
        (points(2, 5), 1, "better"),
        (points(1.9, 5), 1, "open"),  # less than what is worth having is not excluded
        (points(-1, 1.5), 1, "even"),
        (points(-5, -2), 1, "worse"),
        (points(-5, 1), 1, "open"),
        (cost(-30, -2), -1, "better"),
        (cost(2, 30), -1, "worse"),
        (cost(-1, 1), -1, "even"),
        (Compared(0.1, 0.05, 0.2, "bits"), 1, "better"),  # of other units any difference
        (Compared(9.0, None, None, "points"), 1, "open"),
        (points(5, 9, trainings=1), 1, "open"),
        (points(5, 9, trainings=3), 1, "better"),
        (NONE, 1, "open"),
    ],
)  # fmt: skip
def test_a_side_is_told_by_the_whole_interval(found: Compared, sign: float, word: str) -> None:
    assert side(found, sign) == word


WORSE, EVEN, GAIN = points(-9, -3), points(-1, 1), points(3, 9)
FRONTIERS = {
    "gains and becomes time": (gap(GAIN), [FASTER], "use it"),
    "gains and nobody timed it": (gap(GAIN), [], "pays in work, time unknown"),
    "gains and time is lost": (gap(GAIN), [replace(FASTER, low=-0.2)], "saves work, not time"),
    "saves": (gap(EVEN, cost(-40, -20)), [FASTER], "use it"),
    "saves, too little in time": (
        gap(EVEN, cost(-40, -20)), [replace(FASTER, low=0.01)], "saves work, not time"
    ),
    "neither": (gap(EVEN, cost(-1, 1)), [], "no better than spending evenly"),
    "costs more": (gap(EVEN, cost(5, 9)), [], "worse"),
    "is worse": (gap(WORSE), [FASTER], "worse"),
    "a coin does better": (gap(GAIN, status="worse than random"), [FASTER], "worse"),
    "both ways": (gap(GAIN, cost(5, 9)), [], "cannot be told here"),
    "one side is open": (gap(EVEN, cost(-40, 40)), [], "cannot be told here"),
    "one training": (gap(points(3, 9, trainings=1)), [FASTER], "cannot be told here"),
}  # fmt: skip


@pytest.mark.parametrize("name", FRONTIERS)
def test_a_frontier_comes_first(name: str) -> None:
    row, speedups, word = FRONTIERS[name]
    assert answer("toy", known(gaps=[row], speedups=speedups)).word == word


CLAIMED = {
    "a reached gain": (rows("reproduced"), "pays in work, time unknown"),
    "less than is said": (rows("direction only", "undecided"), "pays in work, time unknown"),
    "in time too": (
        [*rows("reproduced"), *rows("reproduced", of=SOON)], "use it"
    ),
    "not in time": (
        [*rows("reproduced"), *rows("not reproduced", of=SOON)], "saves work, not time"
    ),
    "time alone is no gain of work": (rows("reproduced", of=SOON), "cannot be told here"),
    "a control does it too": (rows("does not discriminate"), "a simpler rule does it"),
    "more are met than not": (
        rows("reproduced", "does not discriminate", "does not discriminate"), "a simpler rule does it"
    ),
    "the other way": (rows("contradicted", "undecided"), "worse"),
    "they disagree": (rows("contradicted", "reproduced"), "cannot be told here"),
    "too little": (rows("not reproduced", "undecided"), "no better than spending evenly"),
    "nothing decided": (rows("undecided", "not testable here"), "cannot be told here"),
}  # fmt: skip


@pytest.mark.parametrize("name", CLAIMED)
def test_claims_decide_where_no_frontier_does(name: str) -> None:
    some, word = CLAIMED[name]
    assert answer("toy", known(some)).word == word
    assert answer("toy", known(some, [gap(points(-9, 9))])).word == word


def test_what_controls_meet_too_is_no_reason_to_use_it() -> None:
    met = replace(rows("does not discriminate")[0], met_by=("coin", "permuted"))
    found = answer("toy", known([met], [gap(GAIN)], [FASTER]))
    assert (found.word, found.why) == ("a simpler rule does it", "coin, permuted does as much")
    beside = known([*rows("reproduced"), met], [gap(GAIN)], [FASTER])
    assert (answer("toy", beside).word, answer("toy", beside).why) == (
        "use it", "simpler rules meet less",
    )  # fmt: skip


def test_seconds_of_another_thing_are_nobodys_reason() -> None:
    card = replace(CARD, no_speedup="requests are not served in time")
    assert answer("toy", known(gaps=[gap(GAIN)], card=card)).word == "use it"


def test_what_would_tell_is_said() -> None:
    needy = replace(ROW, needed=640, over="cases")
    assert answer("toy", known([replace(needy, id="more", needed=900), needy])).why == (
        "less takes 640 cases"
    )
    assert answer("toy", known(rows("not run"))).why == "what its claims need was not run"
    assert answer("toy", known([])).why == "no headline claim is in a recorded run"
    out = replace(ROW, verdict="not testable here", reason="it takes eight GPUs")
    assert answer("toy", known([out])).why == "it takes eight GPUs"
    alone = gap(points(3, 9, trainings=1))
    assert "one training" in answer("toy", known(gaps=[alone])).why


def test_only_gains_of_the_claimed_side_count() -> None:
    def gained(expect: Expectation, effect: float | None = None) -> str | None:
        own = replace(LESS, expect=expect, effect=effect)
        return gain_of(ROW, replace(known([ROW]), claims={"less": own}))

    assert gained(Ratio("work", "old"), 0.5) == "work"
    assert gained(Ratio("work", "old"), 9.2) is None  # that it costs more is no gain
    assert gained(Ratio("work", "old", high=1.0)) == "work"
    assert gained(Ratio("work", "old", high=1.05)) is None  # sameness
    assert gained(Difference("right", "old"), 0.1) == "quality"
    assert gained(Ratio("latency_s", "old"), 0.5) == "time"
    assert gained(Ratio("note", "old"), 0.5) is None


STANDINGS = {
    "reached": replace(ROW, verdict="reproduced"),
    "half reached": replace(ROW, verdict="reproduced", estimate=0.65, low=0.61, high=0.69),
    "met by simpler rules too": replace(ROW, verdict="does not discriminate"),
    "excluded": replace(ROW, verdict="not reproduced", estimate=0.9, low=0.8, high=1.1),
    "open": replace(ROW, estimate=0.9, low=0.4, high=1.1),
    "cannot be tested here": replace(ROW, verdict="not testable here", estimate=None),
}


@pytest.mark.parametrize("word", STANDINGS)
def test_a_number_stands_by_its_interval(word: str) -> None:
    assert standing(STANDINGS[word]) == word


def test_more_than_a_paper_says_excludes_nothing() -> None:
    beyond = replace(ROW, estimate=0.2, low=0.1, high=0.3)
    assert standing(replace(beyond, verdict="reproduced")) == "reached"
    assert standing(replace(beyond, verdict="undecided")) == "open"
    alone = replace(ROW, estimate=0.9, low=0.8, high=1.0, trainings=1, over="trainings")
    assert standing(alone) == "open"
    assert standing(replace(alone, trainings=5)) == "excluded"


def test_the_number_is_the_first_that_a_run_decided() -> None:
    open_, out = STANDINGS["open"], replace(STANDINGS["excluded"], id="more")
    found = paper_number([replace(ROW, id="any", effect=None), open_, out])
    assert found is not None
    assert (found.claim, found.said, found.standing) == ("more", 0.5, "excluded")
    assert paper_number([replace(ROW, effect=None)]) is None


def test_the_method_of_the_first_claim_is_looked_at_first() -> None:
    second = replace(ROW, id="more", method="other")
    found = evidence(["toy/new", "toy/other"], [ROW, second], {"more": MORE, "less": LESS}, [])
    assert found.methods == ("toy/other", "toy/new")
    assert [row.id for row in found.rows] == ["more", "less"]
