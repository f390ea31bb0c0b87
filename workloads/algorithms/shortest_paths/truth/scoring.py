"""What the answers of a method on a case are worth, held against the exact distances."""

from collections.abc import Sequence
from functools import cache, partial

import numpy as np

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import Case, Sparse
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import (
    ENTRIES,
    READS,
    ROWS,
    Ints,
    Marks,
)
from adabench.workloads.algorithms.shortest_paths.substrate.replay import ShortestPaths, Tally
from adabench.workloads.algorithms.shortest_paths.truth.distances import Truth, exact
from adabench.workloads.shared.counting.counted_task import KnownCase, Transcript

HORIZONS = (100, 1_000, 10_000, 100_000, 1_000_000)
"""Numbers of queries over which preparation is spread."""


def scored_task(cases: Sequence[Case], transcript: Transcript | None = None) -> ShortestPaths:
    """Return the task of these cases, with its score; distances are found out when first asked for."""
    known = {case.instance: cache(partial(exact, case)) for case in cases}

    def lengths(case: Case) -> Ints:
        return known[case.instance]().lengths

    def score_of(world: KnownCase[Case, Ints], counted: Tally) -> dict[str, float]:
        return score(world.case, counted, known[world.case.instance]())

    return ShortestPaths([KnownCase(case, lengths) for case in cases], score_of, transcript)


def score(case: Case, counted: Tally, known: Truth) -> dict[str, float]:
    """Return the score of what was counted, given what is known of its pairs.

    Raises:
        MethodContractError: if a pair was left without an answer.
    """
    lengths, truth = counted.lengths, known.lengths
    if (lengths < 0).any():
        s, t = case.pairs[int(np.argmax(lengths < 0))]
        raise MethodContractError(f"It has no answer from {s} to {t} of {case.group}.")
    error = np.abs(lengths.astype(np.int64) - truth)
    values = {
        "quality": max(0.0, 1.0 - float(error.sum()) / float(truth.sum())),
        "exact": float(np.mean(error == 0)),
        "within1": float(np.mean(error <= 1)),
        "within2": float(np.mean(error <= 2)),
        "mean_error": float(error.mean()),
        "max_error": float(error.max()),
        "mean_length": float(truth.mean()),
        "below": float(np.count_nonzero(lengths < truth)),
        "below_allowed": 0.0,
        "instance": case.instance,
    }
    return values | _work(case.graph, counted, known.bibfs_reads)


def _work(graph: Sparse, counted: Tally, bibfs_reads: int) -> dict[str, float]:
    ledger, before, pairs = counted.ledger, counted.preparation, len(counted.lengths)
    prepared_index = before.ledger if before else np.zeros(3, np.int64)
    queried = counted.queried | before.queried if before else counted.queried
    read = float(ledger[READS] + ledger[ENTRIES])
    prepared_read = float(prepared_index[READS] + prepared_index[ENTRIES])
    values = {
        "edges": float(ledger[READS]) / pairs,
        "rows": float(ledger[ROWS]) / pairs,
        "query_reads": read / pairs,
        "prep_reads": prepared_read,
        "prep_cpu_s": before.cpu_s if before else 0.0,
        "index_bytes": float(before.size_bytes) if before else 0.0,
        "reads": (read + prepared_read) / pairs,
        "relative_reads": (read + prepared_read) / bibfs_reads,
        "queried_share": float(np.mean(queried)),
        "seen_share": seen_share(graph, queried),
    }
    spread = {f"reads_at_{q}": prepared_read / q + read / pairs for q in HORIZONS}
    return values | spread


def seen_share(graph: Sparse, queried: Marks) -> float:
    """Return the share of vertices that stand in a row that was opened, or whose row it is."""
    seen = queried.astype(np.bool_)
    seen[graph.heads[np.repeat(queried.astype(np.bool_), np.diff(graph.starts))]] = True
    return float(seen.mean())
