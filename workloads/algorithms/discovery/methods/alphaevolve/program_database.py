"""The program database: islands, each a MAP-Elites grid, with an archive of elites; who is a parent, and who inspires.

    cell(program) = (log2 of its nodes, distance to earlier programs)      a cell keeps the better program
    parent:        0.2 any program of the island, 0.7 an elite, 0.1 drawn by fitness
    inspirations:  the best ones, and one of another cell
    migration:     after so many programs the best tenth of each island goes to the next one in the ring

Defaults of the open re-implementation, scaled down with the number of programs: 1,000 programs, 5 islands, grids of 10 by
10, an archive of 100 and 50 programs between migrations there; here a search evaluates some tens. Copies are not
migrated, and migrants do not migrate again.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from adabench.workloads.algorithms.discovery.substrate.discovery_task import Evaluation
from adabench.workloads.algorithms.discovery.substrate.walk_policy import Policy

EXPLORE, EXPLOIT = 0.2, 0.7
ELITE_SHARE, MIGRANTS = 0.1, 0.1
BINS, REFERENCES = 10, 20
BEST, DIVERSE = 3, 2
Cell = tuple[int, int]


@dataclass(frozen=True)
class Program:
    """A program that was evaluated."""

    policy: Policy
    cost: float
    """As the database was told."""
    evaluation: Evaluation
    source: str = ""
    """As a language model wrote it; empty for one that is only a policy."""
    has_migrated: bool = False


def expressions(policy: Policy) -> frozenset[str]:
    """Return all expressions of a policy, as text."""
    return frozenset(
        f"{name}:{node}" for name, part in policy.parts.items() for _, node in part.places()
    )


@dataclass
class Island:
    """One population."""

    programs: list[Program] = field(default_factory=list)
    cells: dict[Cell, Program] = field(default_factory=dict)

    @property
    def elites(self) -> list[Program]:
        """Return the best programs of its cells, best first."""
        ranked = sorted(self.cells.values(), key=lambda program: program.cost)
        return ranked[: max(1, round(ELITE_SHARE * len(self.programs)))]


class ProgramDatabase:
    """Islands, and the coins by which they are sampled."""

    def __init__(self, islands: int, migrate_every: int, coins: np.random.Generator) -> None:
        self.islands = [Island() for _ in range(islands)]
        self._coins, self._every, self._added = coins, migrate_every, 0
        self._references: list[frozenset[str]] = []

    def add(self, number: int, program: Program) -> None:
        """Put a program into an island, and into its cell if that is empty or holds a worse one."""
        island, cell = self.islands[number], self.cell(program.policy)
        island.programs.append(program)
        held = island.cells.get(cell)
        if held is None or program.cost < held.cost:
            island.cells[cell] = program
        self._added += 1
        if self._every and self._added % self._every == 0:
            self._migrate()

    def cell(self, policy: Policy) -> Cell:
        """Return where in a grid a policy belongs: by its size, and by how unlike earlier ones it is."""
        own = expressions(policy)
        unlike = [1 - len(own & other) / len(own | other) for other in self._references]
        if len(self._references) < REFERENCES:
            self._references.append(own)
        size = min(BINS - 1, int(2 * np.log2(policy.nodes)))
        return size, min(BINS - 1, int(BINS * float(np.mean(unlike)))) if unlike else 0

    def parent(self, number: int) -> Program:
        """Draw a parent of an island."""
        island, draw = self.islands[number], self._coins.random()
        if draw < EXPLORE:
            return self._any(island.programs)
        if draw < EXPLORE + EXPLOIT:
            return self._any(island.elites)
        fitness = np.array([1 / (1e-9 + program.cost) for program in island.programs])
        chosen = self._coins.choice(len(fitness), p=fitness / fitness.sum())
        return island.programs[int(chosen)]

    def inspirations(self, number: int, parent: Program) -> list[Program]:
        """Return the best programs of an island besides the parent, and some of other cells."""
        ranked = sorted(self.islands[number].programs, key=lambda program: program.cost)
        best = [program for program in ranked if program is not parent][:BEST]
        rest = [
            one
            for one in self.islands[number].cells.values()
            if one not in best and one is not parent
        ]
        order = self._coins.permutation(len(rest))[:DIVERSE]
        return best + [rest[int(k)] for k in order]

    def _any(self, programs: list[Program]) -> Program:
        return programs[int(self._coins.integers(len(programs)))]

    def _migrate(self) -> None:
        leaving = []
        for island in self.islands:
            ranked = sorted(island.programs, key=lambda program: program.cost)
            best = ranked[: max(1, round(MIGRANTS * len(ranked)))] if len(ranked) > 1 else []
            leaving.append([program for program in best if not program.has_migrated])
        for number, programs in enumerate(leaving):
            target = self.islands[(number + 1) % len(self.islands)]
            known = {program.policy for program in target.programs}
            for program in programs:
                if program.policy not in known:
                    moved = replace(program, has_migrated=True)
                    target.programs.append(moved)
                    cell = self.cell(moved.policy)
                    if cell not in target.cells or moved.cost < target.cells[cell].cost:
                        target.cells[cell] = moved
