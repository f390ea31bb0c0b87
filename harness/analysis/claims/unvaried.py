"""What never varied, or hardly ever: a bounded quantity is then not certain, a counter is.

Where all of 60 answers are right the next one may still be wrong, and where a method was first in
every case it may be last in the next. A bootstrap of such data has no width at all. So the interval is
widened by what so many cases can hide, times how far one case can move the quantity. A counter of work
that the case decides (page faults, layer executions) is what it is: it carries no interval, and decides.

Where two methods differ in three of a hundred answers, resamples of so few show less than there is: the
interval of their difference is that of so many paired answers (`paired_answers.py`), and over trainings or
seeds at least that.
"""

from adabench.harness.analysis.claims.evidence import Evidence
from adabench.harness.analysis.metric_range import SHARE, clip, is_share
from adabench.harness.analysis.operating_points import metric_of
from adabench.harness.analysis.replicates import ReplicateList
from adabench.harness.stats.intervals import FloatArray, Interval, share
from adabench.harness.stats.paired_answers import answers_interval, is_paired_answers


def hidden(n: int) -> float:
    """Return the largest share of cases that may be otherwise where all of n agree."""
    return 1.0 - float(share(n, n).low or 0.0)


def widened(found: Interval, n: int, span: float) -> Interval:
    """Widen an interval without width of a quantity that one case in all moves by up to `span`."""
    if found.low is None or found.low != found.high:
        return found
    more = span * hidden(n)
    return Interval(found.estimate, found.estimate - more, found.estimate + more)


def of_share(
    found: Interval,
    places: ReplicateList,
    metric: str,
    evidence: Evidence,
    *,
    span: float = 1.0,
    n: int | None = None,
) -> Interval:
    """Widen an interval without width if the metric is a share, or a bounded quality.

    A fixed list hides nothing: what it shows is what there is. `n` is how many cases count, all by default.
    """
    if places.fixed or not is_share(metric_of(metric, evidence.card)):
        return found
    return widened(found, len(places) if n is None else n, span)


def of_answers(
    found: Interval, places: ReplicateList, gaps: FloatArray, metric: str, evidence: Evidence
) -> Interval:
    """Return the interval of a mean difference of answers (n,).

    Of pooled cases it is that of so many independent pairs; of trainings and seeds at least as wide.
    """
    if not is_share(metric_of(metric, evidence.card)):
        return found
    found = clip(of_share(found, places, metric, evidence), SHARE.differences)
    if places.fixed or found.low is None or found.high is None or not is_paired_answers(gaps):
        return found
    low, high = answers_interval(gaps)
    if places.where.over == "cases":
        return Interval(found.estimate, low, high)
    return Interval(found.estimate, min(found.low, low), max(found.high, high))
