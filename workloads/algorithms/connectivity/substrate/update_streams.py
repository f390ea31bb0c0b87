"""The families of streams of edge updates, each stream a case of the connectivity task.

| family | what it is | standing | why it is here |
|---|---|---|---|
| random | a uniformly random live edge is deleted | negative control | the forest is kind to it |
| fifo   | sliding window: the oldest edge is deleted | friendly | a trivial predictor is perfect |
| heavy  | Pareto lifetimes, four classes of edges | friendly | lifetimes that can be learned |
| dyadic | runs of deletions just before multiples of 512 | hostile | bad for an unshifted tree |
| ring   | a circle whose edges are cut and joined | hostile | bad for a spanning forest |

All but the ring are random graphs near the connectivity threshold: 0.55 n to 1.1 n live edges. One update and
one query per step, T = `updates` times n in all. Half of the queries are uniform pairs, half ask for the
endpoints of a recently deleted edge, which a structure that forgets to repair itself answers wrongly.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.connectivity.substrate.update_loop import Flags, Small
from adabench.workloads.shared.counting.frozen_arrays import FrozenArrays, content_number
from adabench.workloads.shared.counting.random_streams import child, read_only

INSTANCE, NOISE, COINS = 0, 1, 2
LIVE = 0.55
"""Live edges per vertex, at the least."""
RUN, PERIOD = 64, 512
"""Deletions in a row before each multiple of the period, in dyadic streams."""
KINDS = 4
MOST_SEEN = 0.2
"""The share of a stream that may be learned from before it is served."""
TAIL = 1.5
"""Exponent of the heavy tail: the mean is finite, the variance is not."""
Standing = Literal["friendly", "hostile", "negative control"]


@dataclass(frozen=True, eq=False)
class Stream(FrozenArrays):
    """One case: T updates, each followed by a query. All arrays are (T,) and read-only."""

    group: str
    """The family, or the file name of a user's stream."""
    n: int
    """Vertices."""
    opens: Flags
    """1 where the update inserts its edge, 0 where it deletes it."""
    edges: Small
    """The edge's id: insertions are numbered 0, 1, 2, ..."""
    left: Small
    right: Small
    kind: Small
    """An observable class of the edge, below `KINDS`."""
    query_left: Small
    """The pair that the query after this update asks for."""
    query_right: Small
    seed: int
    instance: float
    """The first 52 bits of a SHA-256 over n and the arrays: equal streams, equal numbers."""

    @property
    def horizon(self) -> int:
        """T, the number of updates."""
        return len(self.edges)

    @property
    def insertions(self) -> int:
        """How many edges are inserted in all."""
        return int(np.count_nonzero(self.opens))


class Raw(NamedTuple):
    """A stream without its queries, (T,) each."""

    opens: Flags
    edges: Small
    left: Small
    right: Small
    kind: Small


@dataclass(frozen=True)
class Beginning:
    """The first updates of a stream, to learn from before it is served."""

    instance: float
    """The stream's."""
    horizon: int
    """T of the whole stream."""
    updates: Raw

    def first(self, share: float) -> Raw:
        """Return the first updates that are such a share of the stream, at most 0.2.

        Raises:
            MethodContractError: if more is asked for.
        """
        if share > MOST_SEEN:
            raise MethodContractError(
                f"It asks to learn from {share:.0%} of a stream.",
                f"At most {MOST_SEEN:.0%} is given.",
            )
        return first_updates(self.updates, int(share * self.horizon))


def beginning(stream: Stream) -> Beginning:
    """Return as much of a stream as may be learned from."""
    whole = Raw(stream.opens, stream.edges, stream.left, stream.right, stream.kind)
    seen = first_updates(whole, int(MOST_SEEN * stream.horizon))
    return Beginning(stream.instance, stream.horizon, seen)


def first_updates(raw: Raw, number: int) -> Raw:
    """Return the first updates."""
    ends = raw.left[:number], raw.right[:number], raw.kind[:number]
    return Raw(raw.opens[:number], raw.edges[:number], *ends)


def make_stream(group: str, n: int, raw: Raw, seed: int) -> Stream:
    """Draw the queries, freeze the arrays and give the stream its content hash."""
    rng = np.random.default_rng(child(seed, INSTANCE, group, "queries"))
    query_left, query_right = _queries(rng, n, raw)
    ends = read_only(raw.left), read_only(raw.right)
    whole = Raw(read_only(raw.opens), read_only(raw.edges), *ends, read_only(raw.kind))
    pairs = read_only(query_left), read_only(query_right)
    instance = content_number(np.int64(n).tobytes(), *whole, *pairs)
    return Stream(group, n, *whole, *pairs, seed, instance)


def _queries(rng: np.random.Generator, n: int, raw: Raw) -> tuple[Small, Small]:
    """Draw pairs (T,): uniform ones, and every other time the ends of one of the last deletions."""
    horizon = len(raw.edges)
    query_left, query_right = rng.integers(n, size=(2, horizon), dtype=np.int32)
    gone = np.flatnonzero(raw.opens == 0)
    known = np.searchsorted(gone, np.arange(horizon), side="right")
    back = np.minimum(rng.geometric(0.5, horizon), known)
    recent = (rng.random(horizon) < 0.5) & (known > 0)
    at = gone[(known - back)[recent]] if len(gone) else gone
    query_left[recent], query_right[recent] = raw.left[at], raw.right[at]
    return query_left, query_right


def generate(family: str, n: int, updates: int, seed: int) -> Stream:
    """Return the stream of one of the families, with T = n * updates. Pure."""
    rng = np.random.default_rng(child(seed, INSTANCE, family))
    return make_stream(family, n, FAMILIES[family].make(rng, n, n * updates), seed)


def _pairs(rng: np.random.Generator, n: int, count: int) -> tuple[Small, Small]:
    """Draw uniform pairs of different vertices, (count,) each."""
    left = rng.integers(n, size=count, dtype=np.int32)
    step = rng.integers(1, max(n, 2), size=count, dtype=np.int32)
    return left, np.asarray((left + step) % n, np.int32)


def _assemble(opens: Flags, edges: Small, left: Small, right: Small, kind: Small) -> Raw:
    """Look up by edge id what belongs to each update."""
    return Raw(opens, edges, left[edges], right[edges], kind[edges])


def _random(rng: np.random.Generator, n: int, horizon: int) -> Raw:
    opens, edges = uniform_deletions(
        rng.random(horizon), rng.random(horizon), int(LIVE * n), 2 * int(LIVE * n), 0, 0
    )
    return _assemble(opens, edges, *_pairs(rng, n, horizon), np.zeros(horizon, np.int32))


def _dyadic(rng: np.random.Generator, n: int, horizon: int) -> Raw:
    opens, edges = uniform_deletions(
        rng.random(horizon), rng.random(horizon), int(LIVE * n), 2 * int(LIVE * n), RUN, PERIOD
    )
    return _assemble(opens, edges, *_pairs(rng, n, horizon), np.zeros(horizon, np.int32))


def uniform_deletions(
    coin: NDArray[np.float64],
    which: NDArray[np.float64],
    low: int,
    high: int,
    run: int,
    period: int,
) -> tuple[Flags, Small]:
    """Insert `low` edges, then toss coins, between `low` and `high` live edges.

    With a period, the last `run` updates before each multiple of it are deletions, and the
    coins of the others are weighted so that insertions keep up.
    """
    horizon, level = len(coin), max(low, 1)
    opens, edges = np.zeros(horizon, np.uint8), np.zeros(horizon, np.int32)
    live: list[int] = []
    made = 0
    rate = 0.5 * period / (period - run) if period > 0 else 0.5
    coins, picks = coin.tolist(), which.tolist()
    for t in range(horizon):
        count = len(live)
        grows = made < level or count < level - run
        inserts = count == 0 or grows or (coins[t] < rate and count < high)
        if period > 0 and t % period >= period - run and made >= level and count > 0:
            inserts = False
        if inserts:
            opens[t], edges[t] = 1, made
            live.append(made)
            made += 1
        else:
            place = int(picks[t] * count)
            edges[t] = live[place]
            live[place] = live[-1]
            live.pop()
    return opens, edges


def _fifo(rng: np.random.Generator, n: int, horizon: int) -> Raw:
    size = max(int(LIVE * n), 1)
    t = np.arange(horizon)
    opens = (t < size) | ((t - size) % 2 == 0)
    made = np.cumsum(opens) - 1
    edges = np.where(opens, made, (t - size) // 2).astype(np.int32)
    left, right = _pairs(rng, n, horizon)
    return _assemble(opens.astype(np.uint8), edges, left, right, np.zeros(horizon, np.int32))


def _heavy(rng: np.random.Generator, n: int, horizon: int) -> Raw:
    """Draw Pareto lifetimes whose scale is four times longer from class to class."""
    kind = rng.integers(KINDS, size=horizon, dtype=np.int32)
    scale = 4.0**kind / np.mean(4.0 ** np.arange(KINDS))
    mean = 2 * LIVE * n
    lifetime = mean * scale * (TAIL - 1) / TAIL * (1 - rng.random(horizon)) ** (-1 / TAIL)
    opens, edges = due_deletions(np.minimum(lifetime, 4.0 * horizon).astype(np.int64) + 1)
    return _assemble(opens, edges, *_pairs(rng, n, horizon), kind)


def due_deletions(lifetime: NDArray[np.int64]) -> tuple[Flags, Small]:
    """Delete the edge that is due longest, or insert one if none is due."""
    horizon = len(lifetime)
    opens, edges = np.zeros(horizon, np.uint8), np.zeros(horizon, np.int32)
    due: list[tuple[int, int]] = []
    made = 0
    lives = lifetime.tolist()
    for t in range(horizon):
        if due and due[0][0] <= t:
            edges[t] = heapq.heappop(due)[1]
        else:
            opens[t], edges[t] = 1, made
            heapq.heappush(due, (t + lives[made], made))
            made += 1
    return opens, edges


def _ring(rng: np.random.Generator, n: int, horizon: int) -> Raw:
    """Close a circle through all vertices in random order, then cut and join it at random."""
    around = rng.permutation(n).astype(np.int32)
    few = max(n // 256, 2)
    opens, edges, place = cut_and_join(rng.random(horizon), rng.random(horizon), n, few)
    left, right = around[place], around[(place + 1) % n]
    return Raw(opens, edges, left, right, np.zeros(horizon, np.int32))


def cut_and_join(
    coin: NDArray[np.float64], which: NDArray[np.float64], n: int, few: int
) -> tuple[Flags, Small, Small]:
    """Return for each update its sign, its edge, and which of the n gaps it cuts or joins.

    After the circle was closed, 1 to `few` gaps are open.
    """
    horizon = len(coin)
    opens = np.zeros(horizon, np.uint8)
    edges, place = np.zeros((2, horizon), np.int32)
    order, edge_at = list(range(n)), [-1] * n
    coins, picks = coin.tolist(), which.tolist()
    joined = made = 0
    for t in range(horizon):
        cuts = made >= n and joined > n - few and (joined >= n - 1 or coins[t] < 0.5)
        first, among = (0, joined) if cuts else (joined, n - joined)
        at = first + int(picks[t] * among)
        joined -= cuts
        order[at], order[joined] = order[joined], order[at]
        gap = order[joined]
        if not cuts:
            joined += 1
            opens[t], edge_at[gap] = 1, made
            made += 1
        edges[t], place[t] = edge_at[gap], gap
    return opens, edges, place


@dataclass(frozen=True)
class Family:
    """A generator, and what it is there for."""

    make: Callable[[np.random.Generator, int, int], Raw]
    standing: Standing


FAMILIES = MappingProxyType({
    "random": Family(_random, "negative control"),
    "fifo": Family(_fifo, "friendly"),
    "heavy": Family(_heavy, "friendly"),
    "dyadic": Family(_dyadic, "hostile"),
    "ring": Family(_ring, "hostile"),
})  # fmt: skip
