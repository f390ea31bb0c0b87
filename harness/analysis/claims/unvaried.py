"""What never varied, or hardly ever: a bounded quantity is then not certain, a counter is.

Where all of 60 answers are right the next one may still be wrong, and where a method was first in
every case it may be last in the next. A bootstrap of such data has no width at all. So the interval is
widened by what so many cases can hide, times how far one case can move the quantity. A counter of work
that the case decides (page faults, layer executions) is what it is: it carries no interval, and decides.

Where two methods differ in three of a hundred answers, resamples of so few show less than there is: the
interval of their difference is at least that of so many paired answers (Agresti & Min 2005: half a
case is added to each of the four outcomes).
"""

import math

import numpy as np

from adabench.harness.analysis.claims.evidence import Evidence
from adabench.harness.analysis.operating_points import metric_of
from adabench.harness.analysis.summary import is_share
from adabench.harness.stats.bca import Z975
from adabench.harness.stats.intervals import FloatArray, Interval, share


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
    found: Interval, n: int, metric: str, evidence: Evidence, span: float = 1.0
) -> Interval:
    """Widen an interval without width if the metric is a share, or a bounded quality."""
    return widened(found, n, span) if is_share(metric_of(metric, evidence.card)) else found


def of_answers(found: Interval, gaps: FloatArray, metric: str, evidence: Evidence) -> Interval:
    """Widen the interval of a mean difference of answers (n,) to that of so many pairs at least."""
    found = of_share(found, len(gaps), metric, evidence)
    if not is_share(metric_of(metric, evidence.card)) or not np.isin(gaps, (-1.0, 0.0, 1.0)).all():
        return found
    if found.low is None or found.high is None:
        return found
    n, mean = len(gaps) + 2, float(gaps.sum()) / (len(gaps) + 2)
    variance = (float(np.abs(gaps).sum()) + 1) / n - mean**2
    half = Z975 * math.sqrt(max(variance, 0.0) / n)
    return Interval(found.estimate, min(found.low, mean - half), max(found.high, mean + half))
