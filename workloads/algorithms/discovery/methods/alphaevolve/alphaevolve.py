"""AlphaEvolve: programs in a database are changed by mutators or a language model, evaluated in a cascade, and selected.

    parent, inspirations = database.sample(island)
    child   = mutator(parent, inspirations)                 which one: a bandit over what improved so far
    score   = evaluate(child), stage by stage while it keeps up with the best of its island
    database.add(island, child)

*What adapts* is the program (a policy of a walk), on its scores; per program. The mutators are typed changes of a tree
(`m_ast`: genetic programming, no language model), and with `--model` a language model that is shown the parent, its
score, earlier failures and inspirations, and answers with SEARCH/REPLACE blocks or a whole program
(`endpoint_proposer.py`). Its programs are Python, run in a closed process, and print a policy. The bandit is Thompson
sampling, Beta(1 + improvements over the parent, 1 + others), over mutators that cost what they cost in tries.

**Simplified against the paper.** One model instead of an ensemble, whole programs of a page instead of code bases, no
evolution of prompts, no scores by a model, one evaluation at a time. Without `--model` it is evolutionary search with
AlphaEvolve's database and cascade, and not AlphaEvolve. A small language model trained here as proposer is not built.
Defaults of the database are those of the open re-implementation, scaled down (`program_database.py`).

**What to expect.** Written before measuring: better than a search without selection by 0.2 in log10 tries; within 0.1 of
hill climbing, as a policy has a handful of constants; islands and cascade undecided at this size.

**Ways to fake it.** A seed program or mutators that hold good constants; a model that remembers the answer; rivals with
fewer tries; the walk seeds of the search in the score; the best of many seeds.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial

from adabench.harness.contract.card import Ability, Card, Knob, Point, Variant
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.discovery.methods.alphaevolve.endpoint_proposer import (
    Proposer,
    as_program,
)
from adabench.workloads.algorithms.discovery.methods.alphaevolve.program_database import (
    Program,
    ProgramDatabase,
)
from adabench.workloads.algorithms.discovery.substrate.discovery_task import (
    Case,
    Desk,
    Discovery,
    Evaluation,
    Found,
)
from adabench.workloads.algorithms.discovery.substrate.policy_mutators import MUTATORS, mutate
from adabench.workloads.algorithms.discovery.substrate.walk_policy import Policy

CARD = Card(
    title="AlphaEvolve (evolution of programs)",
    paper="AlphaEvolve, arXiv 2506.13131, 2025",
    slug="alphaevolve",
    adapts="which program is changed, and by which mutator, on scores; per program",
    no_signal="a search has one case, and its scores are of its own programs; `permuted_fitness` hears those of others",
    fidelity="reconstructed",
    abilities=(Ability("a search"),),
    knobs=(
        Knob("islands", (2,), 2, open=True, low=1, high=20),
        Knob("cascade", (True,), True, also=(False,)),
        Knob("feedback", (True,), True, also=(False,)),
    ),
    fixed={"selection": "database"},
    variants=(
        Variant(
            name="no_selection",
            title="The same without selection",
            fixed={"selection": "none"},
            adapts="nothing: any earlier program is changed, by any mutator",
            essay="The paper's ablation without evolution, with the same mutators, stages and tries: a parent is "
            "drawn among all programs alike. Its answer is the best of all that it evaluated.",
            control_of=("alphaevolve",),
        ),
        Variant(
            name="permuted_fitness",
            title="The same with scores of other programs",
            fixed={"selection": "permuted"},
            adapts="on scores that are permuted between programs",
            essay="The database is told of each program the score of another one that was evaluated before, so "
            "its rules work on noise. Its answer is the best of all that it evaluated, by true scores.",
            control_of=("alphaevolve",),
        ),
    ),
)
MODEL = "model"
MIGRATE_EVERY = 10
"""Programs between two migrations."""
REPEATS = 50
"""Proposals in a row that are programs already known, after which a failure is booked."""


def solve(task: Discovery, case: Case, point: Point) -> Found:
    """Evolve policies."""
    return task.search(case, partial(_evolve, point))


@dataclass
class Evolution:
    """A search that goes on."""

    desk: Desk
    point: Point
    database: ProgramDatabase
    proposer: Proposer
    seen: set[Policy] = field(default_factory=set)
    outcomes: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [1, 1]))
    """By mutator: improvements and others, each plus 1."""
    costs: list[float] = field(default_factory=list)

    @property
    def selects(self) -> bool:
        """Say whether scores decide who is a parent and which mutator is taken."""
        return self.point["selection"] != "none"

    def parent(self, island: int) -> Program:
        """Draw a parent."""
        if self.selects:
            return self.database.parent(island)
        programs = [program for one in self.database.islands for program in one.programs]
        return programs[int(self.desk.coins.integers(len(programs)))]

    def limits(self, island: int) -> tuple[float, ...]:
        """Return what each stage may cost: as much as that of the island's best, and a margin."""
        best = min(self.database.islands[island].programs, key=lambda program: program.cost)
        return best.evaluation.limits

    def mutator(self) -> str:
        """Draw a mutator, by Thompson sampling where scores count."""
        names = [*MUTATORS, *([MODEL] if self.desk.has_model else [])]
        if not self.selects:
            return names[int(self.desk.coins.integers(len(names)))]
        draws = [self.desk.coins.beta(*self.outcomes[name]) for name in names]
        return names[max(range(len(names)), key=draws.__getitem__)]

    def child(self, name: str, parent: Program, island: int) -> tuple[Policy, str] | None:
        """Return a new program, a policy and its source; None if a failure was booked."""
        inspirations = self.database.inspirations(island, parent)
        if name == MODEL:
            try:
                source = self.proposer.propose(parent, inspirations)
                policy = self.desk.run(source)
                if policy not in self.seen:
                    return policy, source
                raise MethodContractError("That program is known already.")
            except MethodContractError as failure:
                self.proposer.failed(failure.message)
                self.desk.fail()
                return None
        for _ in range(REPEATS):
            others = inspirations or [parent]
            other = others[int(self.desk.coins.integers(len(others)))]
            policy = mutate(name, parent.policy, other.policy, self.desk.coins)
            if policy not in self.seen:
                return policy, as_program(policy)
        self.desk.fail()
        return None

    def add(self, island: int, evaluation: Evaluation, source: str) -> None:
        """Put what was evaluated into the database, with the cost that it is to be told."""
        cost = evaluation.cost
        self.costs.append(cost)
        if self.point["selection"] == "permuted":
            cost = self.costs[int(self.desk.coins.integers(len(self.costs)))]
        self.database.add(island, Program(evaluation.policy, cost, evaluation, source))


def _evolve(point: Point, desk: Desk) -> None:
    islands = int(point["islands"])
    database = ProgramDatabase(islands, MIGRATE_EVERY, desk.coins)
    evolution = Evolution(
        desk, point, database, Proposer(desk, with_feedback=bool(point["feedback"]))
    )
    seed = desk.evaluate(desk.seed_policy)
    if seed is None:
        return
    evolution.seen.add(desk.seed_policy)
    for island in range(islands):
        evolution.add(island, seed, as_program(desk.seed_policy))
    step = 0
    while desk.is_open:
        island, step = step % islands, step + 1
        parent, name = evolution.parent(island), evolution.mutator()
        made = evolution.child(name, parent, island)
        if made is None:
            continue
        policy, source = made
        evolution.seen.add(policy)
        limits = evolution.limits(island) if point["cascade"] else ()
        found = desk.evaluate(policy, limits)
        if found is not None:
            evolution.add(island, found, source)
            evolution.outcomes[name][0 if found.cost < parent.cost else 1] += 1
