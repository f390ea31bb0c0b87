"""Streams: pure, well formed, of the shape that their family promises."""

import numpy as np
import pytest

from adabench.workloads.algorithms.connectivity.substrate.update_streams import (
    FAMILIES,
    LIVE,
    PERIOD,
    RUN,
    Stream,
    generate,
)


def live_edges(stream: Stream) -> np.ndarray:
    return np.cumsum(2 * stream.opens.astype(int) - 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_stream_is_a_function_of_its_seed(family: str) -> None:
    first, again, other = (generate(family, 200, 20, seed) for seed in (3, 3, 4))
    assert first.instance == again.instance != other.instance
    assert first.edges.tolist() == again.edges.tolist()
    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    generate(family, 50, 20, 0)
    assert np.random.get_state()[1].tolist() == before


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [2, 3, 17, 300])
def test_every_deletion_is_of_a_live_edge(family: str, n: int) -> None:
    stream = generate(family, n, 20, 1)
    assert stream.horizon == 20 * n
    live: dict[int, tuple[int, int]] = {}
    made = 0
    for opens, edge, u, v in zip(
        stream.opens, stream.edges, stream.left, stream.right, strict=True
    ):
        if opens:
            assert edge == made
            made += 1
            live[edge] = (u, v)
        else:
            assert live.pop(edge) == (u, v)
        assert 0 <= u < n
        assert 0 <= v < n
        assert u != v


def test_random_graphs_stay_near_the_threshold() -> None:
    for family in ("random", "fifo", "dyadic"):
        live = live_edges(generate(family, 1000, 20, 0))[2000:]
        assert live.min() >= 0.4 * 1000
        assert live.max() <= 2 * LIVE * 1000


def test_fifo_deletes_the_oldest() -> None:
    stream = generate("fifo", 200, 20, 0)
    gone = stream.edges[stream.opens == 0]
    assert gone.tolist() == list(range(len(gone)))


def test_dyadic_runs_end_at_multiples_of_the_period() -> None:
    stream = generate("dyadic", 1000, 20, 0)
    for boundary in range(4 * PERIOD, stream.horizon, PERIOD):
        assert not stream.opens[boundary - RUN : boundary].any()


def test_heavy_tails_are_heavy_and_differ_by_class() -> None:
    stream = generate("heavy", 1000, 20, 0)
    born = np.flatnonzero(stream.opens == 1)
    gone = np.flatnonzero(stream.opens == 0)
    lived = gone - born[stream.edges[gone]]
    medians = [np.median(lived[stream.kind[gone] == c]) for c in range(3)]
    assert medians[0] < medians[1] / 2 < medians[2] / 4
    assert lived.max() > 20 * np.median(lived)


def test_the_ring_has_few_gaps() -> None:
    stream = generate("ring", 500, 20, 0)
    gaps = 500 - live_edges(stream)[500:]
    assert gaps.min() >= 0
    assert gaps.max() <= 2


@pytest.mark.parametrize("standing", ["friendly", "hostile", "negative control"])
def test_there_is_a_family_of_each_standing(standing: str) -> None:
    # A suite without a losing case shows nothing; the task is refused without one.
    assert standing in {family.standing for family in FAMILIES.values()}


def test_arrays_cannot_be_written() -> None:
    stream = generate("random", 10, 20, 0)
    with pytest.raises(ValueError, match="WRITEABLE"):
        stream.edges.flags.writeable = True
