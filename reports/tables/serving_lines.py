"""What methods gave under load, as lines: throughput, percentiles of seconds, goodput beside that of greedy."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from adabench.harness.analysis.serving import Objective, Percentiles, ServingPoint
from adabench.reports.number_format import quantity

ENOUGH = 100
"""Cases below which the 99th percentile is about the largest."""


def serving_lines(points: Sequence[ServingPoint], objective: Objective) -> list[str]:
    """Return a table for each load, the methods by name, and what is to be known of its figures."""
    lines: list[str] = []
    for (task, users, qps), some in groupby(
        points, key=lambda one: (one.task, one.concurrency, one.qps)
    ):
        load = f"{qps:g} questions a second" if qps else f"{users} in flight"
        lines += [f"{task} · {load}", _head(objective), *map(_line, some), ""]
    return [*lines[:-1], *_notes(points, objective)]


def _head(objective: Objective) -> str:
    asked = f" {'in time':>8} {'goodput':>8} {'right':>7}" if objective != Objective() else ""
    return (
        f"  {'method':22} {'right':>6} {'q/s':>7} {'tok/s':>7} {'p50':>9} {'p90':>9} {'p99':>9} "
        f"{'TTFT p50':>9} {'p99':>9} {'ITL p50':>9}{asked} {'/greedy':>8}"
    )


def _line(one: ServingPoint) -> str:
    right = "" if one.accuracy is None else f"{one.accuracy:.0%}"
    latency, ttft, itl = (_seconds(one.latency_s), _seconds(one.ttft_s), _seconds(one.itl_s))
    asked = ""
    if one.goodput_qps is not None:
        asked = f" {one.in_time or 0.0:8.0%} {one.goodput_qps:8.3g} {one.right_qps or 0.0:7.3g}"
    beside = "" if one.beside_greedy is None else f"{one.beside_greedy:8.2f}"
    return (
        f"  {_name(one):22.22} {right:>6} {one.throughput_qps:7.3g} {one.tokens_per_s:7.3g} "
        f"{latency[0]:>9} {latency[1]:>9} {latency[2]:>9} {ttft[0]:>9} {ttft[2]:>9} {itl[0]:>9}"
        f"{asked} {beside}"
    ).rstrip()


def _name(one: ServingPoint) -> str:
    knobs = ", ".join(f"{name}={value}" for name, value in one.point.items() if name == "N")
    return f"{one.method}({knobs})" if knobs else one.method


def _seconds(found: Percentiles | None) -> tuple[str, str, str]:
    if found is None:
        return "", "", ""
    p50, p90, p99 = (quantity(value, "s") for value in found)
    return p50, p90, p99


def _notes(points: Sequence[ServingPoint], objective: Objective) -> Iterator[str]:
    """Yield what makes the figures less than they look."""
    unsteady = [one for one in points if one.note]
    if unsteady:
        one = unsteady[0]
        yield (
            f"Not steady: {len(unsteady)} of {len(points)} rows ({_name(one)}: {one.note}); all of their cases count."
        )
    if any(one.cases < ENOUGH for one in points):
        yield f"With fewer than {ENOUGH} cases a row, p99 is about the slowest of them: --questions {2 * ENOUGH}."
    if any(one.ttft_s is None for one in points):
        yield "No TTFT and ITL: this server does not stream words with their counts (adabench doctor --model)."
    if any(one.failed for one in points):
        yield f"{sum(one.failed for one in points)} cases failed, and are in time nowhere."
    if objective == Objective():
        yield "No goodput was asked for: say --slo 2s, or --slo-ttft 500ms."
