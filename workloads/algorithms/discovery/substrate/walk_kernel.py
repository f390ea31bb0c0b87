"""Compiled walks over four kinds of construction, steered by a policy that is read as data.

A walk holds one construction and makes random moves, each of them a *try*:

    FLIPS      a scheme of matrix multiplication over GF(2), r triples of bit masks. Two terms that share a factor
               are rewritten, `a b c + a b' c' -> a (b+b') c + a b' (c+c')`; a zero factor deletes its term. Value: r
    NETWORK    a sorting network: a comparator is replaced, moved, added or dropped. Value: comparators, and a
               charge for 0-1 inputs that come out unsorted
    CIRCLES    circles in the unit square: one is moved and takes the largest radius that fits. Value: -sum of radii
    HEIGHTS    a step function: a height is changed. Value: 2 n max(f*f) / (sum f)^2

Every `BEAT` tries the policy is read (`walk_policy.py`): four expressions over what the walk has seen. `kick` disturbs
the construction (over GF(2): a plus transition, `a1 b1 c1 + a2 b2 c2 -> a1 (b1+b2) c1 + a1 b2 (c1+c2) + (a1+a2) b2 c2`),
`back` returns to the best one, `heat` is how much worse a move may be (over GF(2) ranks above the best, else a
temperature), `reach` how far a move goes (over GF(2) how often a partner is looked for among all
terms, in a network how often a comparator that is replaced stays on one of its lines).

Source of flips and plus transitions: Kauers and Moosbauer, Flip graphs for matrix multiplication (2022), and Arai,
Ichikawa and Hukushima, Adaptive flip graph algorithm (2024). All arithmetic on schemes is exact.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from adabench.workloads.shared.compiled.kernels import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bits = NDArray[np.uint64]

MASK = (1 << 20) - 1
BEAT = 64
"""Tries between two readings of the policy."""
STACK = 24
"""Values that an expression may hold at once."""

Kind = IntEnum("Kind", "FLIPS NETWORK CIRCLES HEIGHTS", start=0)
"""What a walk is over."""

FLIPS, NETWORK, CIRCLES, _ = map(int, Kind)
SINCE, CALM, ABOVE, SPENT, SIZE, CHANCE = range(6)
FEATURES = ("since", "calm", "above", "spent", "size", "chance")
"""Tries since a new best; tries since a kick; value above the best; tries; value; a uniform number."""
CONSTANT, FEATURE, ADD, SUB, MUL, DIV, MIN, MAX, LESS, AND, OR, NOT, IF = range(13)
UNSORTED = 4.0
"""Comparators that a doubling of unsorted inputs is charged."""


@compiled
def draw(state: Bits) -> np.uint64:
    """Return the next number of a xorshift generator, whose state is (1,)."""
    x: np.uint64 = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return x


@compiled
def uniform(state: Bits) -> float:
    """Return a number in [0, 1)."""
    return float(draw(state) >> np.uint64(11)) / 9007199254740992.0


@compiled
def read(code: Floats, begin: int, end: int, seen: Floats, stack: Floats) -> float:
    """Return the value of an expression in postfix form, rows (operator, value) of `code`."""
    top = -1
    for at in range(begin, end):
        op = int(code[at, 0])
        if op == CONSTANT:
            top += 1
            stack[top] = code[at, 1]
        elif op == FEATURE:
            top += 1
            stack[top] = seen[int(code[at, 1])]
        elif op == NOT:
            stack[top] = 1.0 - stack[top]
        elif op == IF:
            top -= 2
            if stack[top + 2] == 0.0:
                stack[top] = stack[top + 1]
        else:
            top -= 1
            a, b = stack[top], stack[top + 1]
            if op == ADD:
                stack[top] = a + b
            elif op == SUB:
                stack[top] = a - b
            elif op == MUL:
                stack[top] = a * b
            elif op == DIV:
                stack[top] = a / b if abs(b) > 1e-12 else a
            elif op == MIN:
                stack[top] = min(a, b)
            elif op == MAX:
                stack[top] = max(a, b)
            elif op == LESS:
                stack[top] = 1.0 if a < b else 0.0
            elif op == AND:
                stack[top] = a * b
            else:
                stack[top] = max(a, b)
    return float(stack[0])


@compiled
def accepts(change: float, heat: float, state: Bits) -> bool:
    """Return whether a move is taken, by Metropolis' rule."""
    return change <= 0.0 or (heat > 0.0 and uniform(state) < np.exp(-change / heat))


@compiled
def flip(terms: Ints, rank: int, reach: float, last: Ints, state: Bits) -> int:
    """Try one flip of `terms` (3, most), and return the rank.

    A pair and a factor are drawn; where the two do not share it, with probability `reach` the terms that follow
    are looked through for one that does. `last` (2,) holds the pair that was drawn.
    """
    x = int(draw(state) >> np.uint64(1))
    i, j = ((x & MASK) * rank) >> 20, (((x >> 20) & MASK) * rank) >> 20
    f = (((x >> 40) & 0x3FF) * 3) >> 10
    last[0], last[1] = i, j
    factor, looks = terms[f, i], 1
    if reach >= 1.0 or (reach > 0.0 and uniform(state) < reach):
        looks = rank
    while j == i or terms[f, j] != factor:
        looks -= 1
        if looks == 0:
            return rank
        j = j + 1 if j + 1 < rank else 0
    g, h = (f + 1) % 3, (f + 2) % 3
    if (x >> 50) & 1:
        g, h = h, g
    terms[g, i] ^= terms[g, j]
    terms[h, j] ^= terms[h, i]
    for q in (max(i, j), min(i, j)):
        if terms[0, q] == 0 or terms[1, q] == 0 or terms[2, q] == 0:
            rank -= 1
            terms[:, q] = terms[:, rank]
    return rank


@compiled
def plus(terms: Ints, rank: int, i: int, j: int) -> int:
    """Split terms i and j into three where all their factors differ; return the rank."""
    if (terms[:, i] == terms[:, j]).any():
        return rank
    a1, b1, c1 = terms[0, i], terms[1, i], terms[2, i]
    a2, b2, c2 = terms[0, j], terms[1, j], terms[2, j]
    terms[1, i] = b1 ^ b2
    terms[0, j], terms[2, j] = a1, c1 ^ c2
    terms[0, rank], terms[1, rank], terms[2, rank] = a1 ^ a2, b2, c2
    return rank + 1


@compiled
def unsorted(pairs: Ints, size: int, lines: Bits, fresh: Bits) -> int:
    """Return how many 0-1 inputs a network leaves unsorted; `fresh` (n, words) has one bit an input."""
    lines[:] = fresh
    n, words = lines.shape
    for k in range(size):
        a, b = pairs[0, k], pairs[1, k]
        for w in range(words):
            low, high = lines[a, w] & lines[b, w], lines[a, w] | lines[b, w]
            lines[a, w], lines[b, w] = low, high
    count = 0
    for w in range(words):
        bad = np.uint64(0)
        for line in range(n - 1):
            bad |= lines[line, w] & ~lines[line + 1, w]
        while bad:
            bad &= bad - np.uint64(1)
            count += 1
    return count


@compiled
def rewire(pairs: Ints, size: int, n: int, reach: float, state: Bits) -> int:
    """Replace, move, add or drop a random comparator of `pairs`; return the size.

    With probability `reach` one that is replaced stays on one of its lines.
    """
    what, k = draw(state) % np.uint64(8), int(draw(state) % np.uint64(max(size, 1)))
    a = int(draw(state) % np.uint64(n))
    b = (a + 1 + int(draw(state) % np.uint64(n - 1))) % n
    a, b = min(a, b), max(a, b)
    if what < 2 and size > 1:  # drop
        for at in range(k, size - 1):
            pairs[:, at] = pairs[:, at + 1]
        return size - 1
    if what == 2 and size < pairs.shape[1]:  # add
        for at in range(size, k, -1):
            pairs[:, at] = pairs[:, at - 1]
        pairs[0, k], pairs[1, k] = a, b
        return size + 1
    if what < 6:
        if reach > 0.0 and uniform(state) < reach and a != pairs[0, k]:
            a, b = min(a, pairs[0, k]), max(a, pairs[0, k])
        pairs[0, k], pairs[1, k] = a, b
        return size
    other = int(draw(state) % np.uint64(size))
    for c in range(2):
        pairs[c, k], pairs[c, other] = pairs[c, other], pairs[c, k]
    return size


@compiled
def room(discs: Floats, i: int, x: float, y: float) -> float:
    """Return the largest radius that circle i of `discs` (3, n) can have at a place; negative: none."""
    most = min(min(x, 1.0 - x), min(y, 1.0 - y))
    for j in range(discs.shape[1]):
        if j != i:
            gap = np.sqrt((discs[0, j] - x) ** 2 + (discs[1, j] - y) ** 2) - discs[2, j]
            most = min(most, gap)
    return most


@compiled
def shift(discs: Floats, heat: float, reach: float, state: Bits) -> float:
    """Try to move one circle, or to let it shrink; return the change of -sum of radii."""
    i = int(draw(state) % np.uint64(discs.shape[1]))
    if uniform(state) < 0.1:
        radius = discs[2, i] * uniform(state) ** 0.1
        x, y = discs[0, i], discs[1, i]
    else:
        x = discs[0, i] + reach * (uniform(state) - 0.5)
        y = discs[1, i] + reach * (uniform(state) - 0.5)
        radius = room(discs, i, x, y)
    change = discs[2, i] - radius
    if radius < 0.0 or not accepts(change, heat, state):
        return 0.0
    discs[0, i], discs[1, i], discs[2, i] = x, y, radius
    return float(change)


@compiled
def lift(steps: Floats, i: int, by: float) -> float:
    """Change height i of `steps` (3, 2 n) by so much; return the value.

    Row 0 has the heights (n,), row 1 their autoconvolution (2 n - 1,), row 2 their sum.
    """
    n = steps.shape[1] // 2
    for j in range(n):
        steps[1, i + j] += 2.0 * by * steps[0, j]
    steps[1, 2 * i] += by * by
    steps[0, i] += by
    steps[2, 0] += by
    return float(2.0 * n * steps[1, : 2 * n - 1].max() / steps[2, 0] ** 2)


@compiled
def stretch(steps: Floats, value: float, heat: float, reach: float, state: Bits) -> float:
    """Try to change one height of a value of `value`; return the value."""
    i = int(draw(state) % np.uint64(steps.shape[1] // 2))
    by = max(-steps[0, i], (uniform(state) - 0.5) * reach * 2.0)
    fresh = lift(steps, i, by)
    if accepts(fresh - value, heat, state):
        return fresh
    lift(steps, i, -by)
    return value


@compiled
def jolt(kind: int, whole: Ints, real: Floats, size: int, last: Ints, state: Bits) -> int:
    """Disturb a construction; return its size."""
    if kind == FLIPS:
        return plus(whole, size, last[0], last[1])
    if kind == NETWORK:
        for _ in range(3):
            size = rewire(whole, size, last[0], 0.0, state)
        return size
    if kind == CIRCLES:
        i = int(draw(state) % np.uint64(real.shape[1]))
        real[2, i] = 0.0
        x, y = uniform(state), uniform(state)
        radius = room(real, i, x, y)
        if radius > 0.0:
            real[0, i], real[1, i], real[2, i] = x, y, radius
        return size
    n = real.shape[1] // 2
    begin = int(draw(state) % np.uint64(n))
    for i in range(begin, min(n, begin + n // 8)):
        lift(real, i, real[0, i] * (uniform(state) - 0.5))
    return size


@compiled
def measure(
    kind: int, whole: Ints, real: Floats, size: int, bits: tuple[Bits, Bits]
) -> tuple[float, bool]:
    """Return the value of a construction, from scratch, and whether it is valid."""
    if kind == FLIPS:
        return float(size), True
    if kind == NETWORK:
        wrong = unsorted(whole, size, bits[0], bits[1])
        return size + UNSORTED * np.log2(1.0 + wrong), wrong == 0
    if kind == CIRCLES:
        return -real[2].sum(), True
    return lift(real, 0, 0.0), True


@compiled
def decide(
    policy: tuple[Floats, Ints], seen: Floats, stack: Floats
) -> tuple[bool, bool, float, float]:
    """Return what a policy says now: kick, back, heat and reach."""
    code, ends = policy
    kick = read(code, 0, ends[0], seen, stack) != 0.0
    back = read(code, ends[0], ends[1], seen, stack) != 0.0
    heat = read(code, ends[1], ends[2], seen, stack)
    reach = read(code, ends[2], ends[3], seen, stack)
    return kick, back, heat, 0.0 if np.isnan(reach) else min(max(reach, 0.0), 1.0)


@compiled
def retry(
    pairs: Ints,
    size: int,
    value: float,
    bits: tuple[Bits, Bits],
    heat: float,
    reach: float,
    state: Bits,
) -> tuple[int, float, bool]:
    """Try to change one comparator; return size and value, and whether this is another network that is valid."""
    old = pairs[:, : size + 1].copy()
    made = rewire(pairs, size, len(bits[0]), reach, state)
    fresh, valid = measure(NETWORK, pairs, np.zeros((1, 1)), made, bits)
    if accepts(fresh - value, heat, state):
        return made, fresh, valid
    pairs[:, : size + 1] = old
    return size, value, False


@compiled
def walk(
    kind: int,
    whole: Ints,
    real: Floats,
    size: int,
    bits: tuple[Bits, Bits],
    policy: tuple[Floats, Ints],
    goal: float,
    most: int,
    seed: int,
) -> tuple[float, int, int, int]:
    """Walk to `goal`, for `most` tries at the most; return best value, the try, tries, and the best's size.

    `whole` (3, capacity) and `real` (3, n) hold the construction and end as the best one. `bits` are the lines of a
    network, to work on and as inputs (n, words). `policy` is its code and where its expressions end (4,).
    """
    state = np.array([np.uint64(seed) * np.uint64(2654435761) + np.uint64(88172645463325252)])
    for _ in range(8):
        draw(state)
    last, seen, stack = np.zeros(2, np.int64), np.zeros(6), np.zeros(STACK)
    last[0] = len(bits[0]) if kind == NETWORK else 0
    value, valid = measure(kind, whole, real, size, bits)
    best = value if valid else np.inf
    mark, at, progress, calm, kick, heat, reach = best, 0, 0, 0, False, 0.0, 0.0
    best_whole, best_real, best_size = whole.copy(), real.copy(), size
    for t in range(most):
        if t % BEAT == 0:
            seen[SINCE], seen[CALM], seen[ABOVE] = t - progress, t - calm, value - best
            seen[SPENT], seen[SIZE], seen[CHANCE] = t, value, uniform(state)
            kick, back, heat, reach = decide(policy, seen, stack)
            if back and value > best:
                whole[:], real[:], size, calm = best_whole, best_real, best_size, t
                value = measure(kind, whole, real, size, bits)[0]
            if kick and kind != FLIPS:
                size, calm = jolt(kind, whole, real, size, last, state), t
                value, valid = measure(kind, whole, real, size, bits)
        if kind == FLIPS:
            size = flip(whole, size, reach, last, state)
            if kick and size < best + heat and size < whole.shape[1] and last.max() < size:
                made = jolt(kind, whole, real, size, last, state)
                if made > size:
                    size, calm, kick = made, t, False
            value = float(size)
        elif kind == NETWORK:
            size, value, valid = retry(whole, size, value, bits, heat, reach, state)
        elif kind == CIRCLES:
            value += shift(real, heat, reach, state)
        else:
            value = stretch(real, value, heat, reach, state)
        if valid and value < best - 1e-12:
            best, at, best_size = value, t + 1, size
            best_whole[:], best_real[:] = whole, real
            if value < mark - 1e-4:
                mark, progress, calm = value, t, t
            if best <= goal:
                break
    whole[:], real[:] = best_whole, best_real
    return best, at, t + 1, best_size
