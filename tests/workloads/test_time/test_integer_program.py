"""ETS's integer program against enumeration: both solvers, constraints, ties."""

import numpy as np
import pytest

from adabench.workloads.test_time.methods.ets import integer_program
from adabench.workloads.test_time.methods.ets.integer_program import (
    Program,
    objective,
    reference,
    solve,
)

Numbers = np.random.Generator


def drawn(numbers: Numbers, leaves: int, depth: int) -> Program:
    """A random tree with all leaves at one depth, random outcomes, prices and clusters."""
    above, level = [-1], [0]
    for height in range(depth):
        room = leaves if height == depth - 1 else int(numbers.integers(len(level), leaves + 1))
        parents = sorted([*level, *numbers.choice(level, max(0, room - len(level))).tolist()])
        level = list(range(len(above), len(above) + len(parents)))
        above += parents
    n, nodes = len(level), len(above)
    counts = numbers.integers(0, 4, n) + (np.arange(n) == 0)
    sizes = np.ones(nodes) if numbers.random() < 0.5 else numbers.integers(1, 20, nodes)
    price, coverage = numbers.choice([0.25, 1.0, 2.0, 4.0]), numbers.choice([0.0, 0.5, 1.5])
    kinds = int(numbers.integers(1, n + 1))
    labels = numbers.permutation([*range(kinds), *numbers.integers(0, kinds, n - kinds)])
    return Program(
        tuple(int(node) for node in above),
        tuple((price * sizes / sizes.sum()).tolist()),
        tuple((counts / counts.sum()).tolist()),
        tuple(int(label) for label in labels),
        float(coverage) / kinds,
    )


def optimum(program: Program) -> float:
    n = len(program.outcomes)
    subsets = ([i for i in range(n) if bits >> i & 1] for bits in range(1, 1 << n))
    return max(objective(program, kept) for kept in subsets)


@pytest.mark.parametrize("case", range(60))
def test_both_solvers_reach_the_optimum_of_enumeration(case: int) -> None:
    numbers = np.random.default_rng(case)
    program = drawn(numbers, int(numbers.integers(1, 10)), int(numbers.integers(1, 5)))
    best = optimum(program)
    for kept in (solve(program), reference(program)):
        assert kept
        assert objective(program, kept) == pytest.approx(best, abs=1e-9)


def test_the_objective_by_hand() -> None:
    # A root, its children 1 and 2; leaves 3, 4 under 1 and leaf 5 under 2; 6 nodes, lambda_c = 3.
    program = Program((-1, 0, 0, 1, 1, 2), (0.5,) * 6, (0.5, 0.25, 0.25), (0, 0, 1), 0.5)
    assert objective(program, [0]) == 0.5 - 3 * 0.5 + 0.5
    assert objective(program, [0, 1]) == 0.75 - 4 * 0.5 + 0.5
    assert objective(program, [0, 2]) == 0.75 - 5 * 0.5 + 1.0
    assert solve(program) == [0] == reference(program)
    dearer = Program(program.above, (0.5,) * 6, program.outcomes, program.clusters, 1.0)
    assert solve(dearer) == [0, 2] == reference(dearer)


def test_sharing_is_what_is_paid_for() -> None:
    # Leaf 2 is the best but alone on its branch; leaves 0 and 1 share everything above them.
    above, outcomes = (-1, 0, 0, 1, 1, 2), (0.32, 0.32, 0.36)
    assert solve(Program(above, (0.05,) * 6, outcomes)) == [0, 1, 2]
    assert solve(Program(above, (0.2,) * 6, outcomes)) == [0, 1]


def test_something_is_always_kept() -> None:
    program = Program((-1, 0, 0), (9.0, 9.0, 9.0), (0.4, 0.6))
    assert solve(program) == [1] == reference(program)


def test_what_costs_nothing_stays() -> None:
    free = Program((-1, 0, 0, 0), (0.0,) * 4, (1.0, 0.0, 0.0), (0, 0, 0), 1.5)
    assert solve(free) == [0, 1, 2]


def test_where_offers_are_too_many_the_reference_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Program] = []

    def spy(program: Program) -> list[int]:
        asked.append(program)
        return reference(program)

    monkeypatch.setattr(integer_program, "reference", spy)
    numbers = np.random.default_rng(7)
    programs = [drawn(numbers, 9, 3) for _ in range(12)]
    direct = [objective(program, solve(program)) for program in programs]
    assert not asked
    monkeypatch.setattr(integer_program, "MANY", 2)
    limited = [objective(program, solve(program)) for program in programs]
    assert asked
    assert limited == pytest.approx(direct, abs=1e-9)
