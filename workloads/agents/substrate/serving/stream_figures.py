"""What a stream came to, from its requests and its times: percentiles, shares, a digest of the answers.

Percentiles and shares of time are those of a population: they are given for `FEWEST` requests or more. With fewer
than a hundred read them as indicative.
"""

import hashlib
from collections.abc import Sequence

from adabench.workloads.agents.substrate.serving.agent_server import Load, Served, StreamTimes
from adabench.workloads.agents.substrate.serving.desk import Ids

FEWEST = 20


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of values lies, by linear interpolation."""
    ranked = sorted(values)
    place = share * (len(ranked) - 1)
    low = int(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (place - low) * (ranked[high] - ranked[low])


def digest(answers: Sequence[Ids]) -> float:
    """Return 48 bits of a hash of the answers, word for word: equal where they are."""
    data = ";".join(" ".join(map(str, words)) for words in answers).encode()
    return float(int.from_bytes(hashlib.sha256(data).digest()[:6], "big"))


def times_of(served: Sequence[Served], times: StreamTimes, load: Load) -> dict[str, float]:
    """Return seconds, and of streams that are long enough what is said of a population."""
    latencies = [one.latency_s for one in served]
    mean_s = sum(latencies) / len(latencies)
    found = {
        "request_s": mean_s,
        "queue_s": sum(one.waited_s for one in served) / len(served),
        "busy_s": times.busy_s,
        "prefill_s": times.prefill_s,
        "decode_s": times.decode_s,
        "tool_s": times.tool_s,
        "overlap_s": times.overlap_s,
    }
    if len(served) < FEWEST:
        return found
    found |= {f"p{n}_s": percentile(latencies, n / 100) for n in (50, 95, 99)}
    found["p95_over_p50"] = found["p95_s"] / found["p50_s"]
    found["idle_share"] = max(0.0, 1 - (times.prefill_s + times.decode_s) / times.busy_s)
    found["tool_share"] = times.tool_s / times.busy_s
    found["overlap_share"] = times.overlap_s / times.busy_s
    found["achieved_qps"] = len(served) / times.wall_s
    if load.qps:
        found["offered_qps"] = load.qps
    return found
