"""The policy network, compiled: what it sees of an episode, its scores, and its policy gradient.

The network itself is in `policy_network.py`. Episodes are looked at in blocks, a column an arm, so that
the inner loops are long; arms that were never asked look alike and share one column.

    x (FEATURES, BLOCK) -> W1 -> max(0, .) -> W2 -> max(0, .) -> w3 -> score (BLOCK,)

`play_softmax` draws episodes by the softmax of scores. `gradient` plays the same episodes again and
adds up

    sum over episodes and queries of   weight * d log p(arm) / dW  -  entropy * d H(p) / dW

Tests hold both against tensors with automatic differentiation.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from adabench.workloads.algorithms.active_search.substrate.bandits import Floats, Ints, Small
from adabench.workloads.shared.compiled.kernels import cached, keyed

Function = TypeVar("Function", bound=Callable[..., Any])
Weights = tuple[Small, Small, Small, Small, Small, Small]
"""W1 (FEATURES, WIDTH), b1, W2 (WIDTH, WIDTH), b2, w3 (WIDTH,), b3 (1,)"""

FEATURES, WIDTH = 12, 16
BLOCK = 160
"""Columns that are worked on together."""
FAR = 6.0
"""Gaps beyond so many are all alike."""


def compiled(function: Function) -> Function:
    """Compile what sums in any order and without a look at zero divisors."""
    return cast(Function, cached(keyed(function), fastmath=True, error_model="numpy"))


def nothing(w: Weights) -> Weights:
    """Return zeros in the shapes of weights: a gradient to add to."""
    w1, b1, w2, b2, w3, b3 = (np.zeros_like(weight) for weight in w)
    return w1, b1, w2, b2, w3, b3


@compiled
def look(
    counts: Ints, sums: Floats, asked: int, queries: int, x: Small, at: int, place: Ints
) -> int:
    """Fill what the network sees of one episode: columns of x (FEATURES, BLOCK) from `at` on.

    counts and sums (arms,); place (arms,) gets each arm's column. Arms that were never asked share
    one. Return where the next column is.
    """
    arms, leader, best = len(counts), -1, 0.0
    for arm in range(arms):
        if counts[arm] > 0 and (leader < 0 or sums[arm] / counts[arm] > best):
            leader, best = arm, sums[arm] / counts[arm]
    its_count = counts[leader] if leader >= 0 else 1
    rival, contenders, unasked, first, fresh = -FAR, 0, 0, at, -1
    for arm in range(arms):
        if counts[arm] == 0:
            unasked += 1
            if fresh >= 0:
                place[arm] = fresh
                continue
            fresh = at
        n = max(counts[arm], 1)
        behind, sigmas = 0.0, 0.0
        if counts[arm] > 0:
            behind = max(sums[arm] / n - best, -FAR)
            sigmas = max(behind / np.sqrt(1 / n + 1 / its_count), -FAR)
            contenders += sigmas > -1.5
            if arm != leader:
                rival = max(rival, sigmas)
        x[0, at] = counts[arm] > 0
        x[1, at] = arm == leader
        x[2, at] = behind / 3
        x[3, at] = sigmas / 3
        x[4, at] = 1 / np.sqrt(n)
        x[5, at] = np.log(1.0 + counts[arm]) / 2
        place[arm] = at
        at += 1
    its_log = np.log(1.0 + its_count) / 2
    for column in range(first, at):
        x[6, column] = rival / 3
        x[7, column] = contenders / arms
        x[8, column] = its_log
        x[9, column] = (queries - asked) / queries
        x[10, column] = x[3, column] - rival / 3
        x[11, column] = unasked / arms
    return at


@compiled
def layer(x: Small, n: int, w: Small, bias: Small, out: Small) -> None:
    """Fill the first n columns of out (WIDTH, BLOCK): max(0, w' x + bias)."""
    for j in range(len(bias)):
        own = out[j]
        for r in range(n):
            own[r] = bias[j]
        for i in range(len(w)):
            c, row = w[i, j], x[i]
            for r in range(n):
                own[r] += c * row[r]
        for r in range(n):
            own[r] = max(own[r], np.float32(0))


@compiled
def forward(x: Small, n: int, w: Weights, h1: Small, h2: Small, out: Small) -> None:
    """Fill the scores of the first n columns of x; the layers stay in h1 and h2 (WIDTH, BLOCK)."""
    layer(x, n, w[0], w[1], h1)
    layer(h1, n, w[2], w[3], h2)
    for r in range(n):
        out[r] = w[5][0]
    for j in range(WIDTH):
        c, row = w[4][j], h2[j]
        for r in range(n):
            out[r] += c * row[r]


@compiled
def back(
    by: Small, x: Small, n: int, w: Weights, h1: Small, h2: Small, work: Small, g: Weights
) -> None:
    """Add to `g` the slopes in the weights of the sum over columns of by (BLOCK,) times score.

    h1 and h2 are spent; work (WIDTH, BLOCK).
    """
    for r in range(n):
        g[5][0] += by[r]
    for j in range(WIDTH):
        own, c, total, bias = h2[j], w[4][j], np.float32(0), np.float32(0)
        for r in range(n):
            total += by[r] * own[r]
            own[r] = by[r] * c if own[r] > 0 else np.float32(0)
            bias += own[r]
        g[4][j] += total
        g[3][j] += bias
    for i in range(WIDTH):
        own, down = h1[i], work[i]
        for r in range(n):
            down[r] = 0
        for j in range(WIDTH):
            c, after, total = w[2][i, j], h2[j], np.float32(0)
            for r in range(n):
                total += own[r] * after[r]
                down[r] += c * after[r]
            g[2][i, j] += total
        bias = np.float32(0)
        for r in range(n):
            down[r] = down[r] if own[r] > 0 else np.float32(0)
            bias += down[r]
        g[1][i] += bias
        for f in range(FEATURES):
            row, total = x[f], np.float32(0)
            for r in range(n):
                total += row[r] * down[r]
            g[0][f, i] += total


@compiled
def score_arms(
    counts: Ints, sums: Floats, asked: int, queries: int, w: Weights, out: Small
) -> None:
    """Fill the scores of b episodes: counts, sums and out (b, arms)."""
    b, arms = counts.shape
    x, scores = np.empty((FEATURES, BLOCK), np.float32), np.empty(BLOCK, np.float32)
    h1, h2 = np.empty((WIDTH, BLOCK), np.float32), np.empty((WIDTH, BLOCK), np.float32)
    together = BLOCK // arms
    place = np.empty((together, arms), np.int64)
    for start in range(0, b, together):
        n, rows = 0, min(together, b - start)
        for k in range(rows):
            n = look(counts[start + k], sums[start + k], asked, queries, x, n, place[k])
        forward(x, n, w, h1, h2, scores)
        for k in range(rows):
            for arm in range(arms):
                out[start + k, arm] = scores[place[k, arm]]


@compiled
def chances(scores: Small) -> None:
    """Turn scores into their softmax, in place."""
    top, total = scores.max(), np.float32(0)
    for arm in range(len(scores)):
        scores[arm] = np.exp(scores[arm] - top)
        total += scores[arm]
    for arm in range(len(scores)):
        scores[arm] /= total


@compiled
def play_softmax(
    means: Floats, noise: Floats, coins: Floats, w: Weights, did: Ints, counts: Ints, sums: Floats
) -> None:
    """Play b episodes by the softmax; fill did (b, queries), counts and sums (b, arms).

    means (g, arms) and noise (g, arms, queries) are shared by b / g rows each; coins (b, queries).
    """
    b, queries = did.shape
    twins, arms = b // len(means), means.shape[1]
    scores = np.empty((b, arms), np.float32)
    for t in range(queries):
        score_arms(counts, sums, t, queries, w, scores)
        for row in range(b):
            chances(scores[row])
            arm, left = 0, coins[row, t] - scores[row, 0]
            while left >= 0 and arm < arms - 1:
                arm += 1
                left -= scores[row, arm]
            did[row, t] = arm
            sums[row, arm] += means[row // twins, arm] + noise[row // twins, arm, counts[row, arm]]
            counts[row, arm] += 1


@compiled
def policy_slope(p: Small, did: int, weight: float, entropy: float, by: Small) -> None:
    """Fill the slope, in scores p, of weight * log p(did) - entropy * H: by (arms,)."""
    chances(p)
    spread = np.float32(0)
    for arm in range(len(p)):
        by[arm] = np.log(max(p[arm], np.float32(1e-30)))
        spread -= p[arm] * by[arm]
    for arm in range(len(p)):
        by[arm] = weight * ((arm == did) - p[arm]) + entropy * p[arm] * (by[arm] + spread)


@compiled
def gradient(
    means: Floats, noise: Floats, did: Ints, weight: Floats, entropy: float, w: Weights, g: Weights
) -> None:
    """Add the policy gradient of the episodes `did` (b, queries) to `g`: see the module.

    weight (b,): episodes of weight 0 are left out, their entropy too.
    """
    queries, arms, twins = did.shape[1], means.shape[1], len(did) // len(means)
    x, scores = np.empty((FEATURES, BLOCK), np.float32), np.empty(BLOCK, np.float32)
    h1, h2 = np.empty((WIDTH, BLOCK), np.float32), np.empty((WIDTH, BLOCK), np.float32)
    work, by = np.empty((WIDTH, BLOCK), np.float32), np.empty(BLOCK, np.float32)
    p, own = np.empty(arms, np.float32), np.empty(arms, np.float32)
    together, busy = BLOCK // arms, np.flatnonzero(weight)
    place = np.empty((together, arms), np.int64)
    for start in range(0, len(busy), together):
        rows = busy[start : start + together]
        counts, sums = np.zeros((len(rows), arms), np.int64), np.zeros((len(rows), arms))
        for t in range(queries):
            n = 0
            for k in range(len(rows)):
                n = look(counts[k], sums[k], t, queries, x, n, place[k])
            forward(x, n, w, h1, h2, scores)
            by[:n] = 0
            for k in range(len(rows)):
                row = rows[k]
                for arm in range(arms):
                    p[arm] = scores[place[k, arm]]
                policy_slope(p, did[row, t], weight[row], entropy, own)
                for arm in range(arms):
                    by[place[k, arm]] += own[arm]
                arm, group = did[row, t], row // twins
                sums[k, arm] += means[group, arm] + noise[group, arm, counts[k, arm]]
                counts[k, arm] += 1
            back(by, x, n, w, h1, h2, work, g)
