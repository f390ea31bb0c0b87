"""Gradient codes: matrices whose rows workers return, and how the sum is made of what came back.

An (n, s) code is a matrix B (n, n). Worker i returns sum_j B[i, j] g_j over the s + 1 chunks j where row i is
not zero; from any n - s rows there are weights a with a B = (1, ..., 1), which make the sum of all g_j. Where
s + 1 divides n, blocks of s + 1 workers do the same chunks, with ones (*fractional repetition*). Else worker i
does chunks i .. i + s around the ring (*cyclic*, Tandon et al.): each row of B is the vector of that support in
the null space of a random H (s, n) whose rows sum to 0, drawn anew until the worst of some patterns is well
conditioned.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.stragglers.substrate.delay_models import Flags, Floats, Ints

DRAWS = 8
TRIED = 64
TOLERANCE = 1e-6
"""Of the weights: the largest |a B - 1| that counts as decoded."""


@dataclass(frozen=True)
class Code:
    """An (n, s) gradient code."""

    matrix: Floats
    """(n, n), s + 1 entries a row; read-only."""
    s: int

    @property
    def n(self) -> int:
        """Return how many workers, and chunks, there are."""
        return len(self.matrix)

    def chunks(self, i: int) -> Ints:
        """Return the chunks of worker i: (s + 1,)."""
        return np.flatnonzero(self.matrix[i])

    def encode(self, i: int, gradients: Floats) -> Floats:
        """Combine the gradients (s + 1, dim) of worker i's own chunks."""
        return np.asarray(self.matrix[i, self.chunks(i)] @ gradients)

    def weights(self, there: Flags) -> Floats:
        """Return a (n,), zero where nothing came, with a B = 1.

        Raises:
            MethodContractError: if what is `there` (n,) does not give the sum.
        """
        rows = np.flatnonzero(there)
        weights = np.zeros(self.n)
        if len(rows):
            weights[rows] = np.linalg.lstsq(self.matrix[rows].T, np.ones(self.n), rcond=None)[0]
        off = float(np.abs(weights @ self.matrix - 1).max())
        if off > TOLERANCE:
            raise MethodContractError(
                f"{len(rows)} of {self.n} results do not give the sum with s = {self.s}: the "
                f"weights are off by {off:.2g}.",
                f"Any {self.n - self.s} results do.",
            )
        return weights

    def decode(self, results: Floats, there: Flags) -> Floats:
        """Return the sum of all chunks' gradients from results (n, dim); rows not `there` are not
        read.

        Raises:
            MethodContractError: if what is there does not give it.
        """
        weights = self.weights(there)
        return np.asarray(weights[there] @ results[there])


@lru_cache(maxsize=256)
def code(n: int, s: int) -> Code:
    """Return the (n, s) code. Pure: the same each time.

    Raises:
        MethodContractError: if there is no such code.
    """
    if not 0 <= s < n:
        raise MethodContractError(f"There is no ({n}, {s}) gradient code.", "Take 0 <= s < n.")
    matrix = fractional(n, s) if n % (s + 1) == 0 else cyclic(n, s)
    return Code(np.frombuffer(matrix.tobytes()).reshape(n, n), s)


def fractional(n: int, s: int) -> Floats:
    """Return the fractional-repetition code; s + 1 divides n."""
    blocks = np.arange(n) // (s + 1)
    return np.asarray(blocks[:, None] == blocks[None, :], np.float64)


def cyclic(n: int, s: int) -> Floats:
    """Return a cyclic code with random coefficients, the best conditioned of several."""
    best, least = np.zeros((n, n)), math.inf
    for draw in range(DRAWS):
        rng = np.random.default_rng((n, s, draw))
        matrix = _cyclic(rng, n, s)
        patterns = [rng.permutation(n)[: n - s] for _ in range(TRIED)]
        patterns += [np.roll(np.arange(n), shift)[: n - s] for shift in range(min(n, TRIED))]
        worst = max(_condition(matrix[rows], n - s) for rows in patterns)
        if worst < least:
            best, least = matrix, worst
    return best


def _condition(rows: Floats, rank: int) -> float:
    values = np.linalg.svd(rows, compute_uv=False)
    return float(values[0] / max(values[rank - 1], 1e-300))


def _cyclic(rng: np.random.Generator, n: int, s: int) -> Floats:
    h = rng.standard_normal((s, n))
    h[:, -1] = -h[:, :-1].sum(axis=1)
    matrix = np.zeros((n, n))
    for i in range(n):
        others = (i + 1 + np.arange(s)) % n
        matrix[i, i] = 1.0
        matrix[i, others] = np.linalg.solve(h[:, others], -h[:, i])
    return np.asarray(matrix / np.linalg.norm(matrix, axis=1, keepdims=True))
