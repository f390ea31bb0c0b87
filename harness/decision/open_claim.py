"""A claim that is not decided yet: what it needs, how large its plan is, and when it is looked at.

Its plan is the least size with power 0.9 (`analysis/claims/planned_size.py`). It stands in the paper's file, by a
pilot; where it does not, a first block of seeds says how much a claim's cases, trainings or seeds scatter, and
from that it follows, without a look at the effect that was seen.

The claim is looked at with its first block, and when a fifth, two fifths, ... of the plan are there, with
bounds that spend 2.5 % a side over all of them (`stats/group_sequential.py`). A claim over trainings is
looked at with three and with all five. Where further seeds bring further questions to the same trainings, each
training is known better by these, and it is looked at twice more.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.analysis.reproduction import Run, Statement, runs_of
from adabench.harness.analysis.single_claim import judge_claim
from adabench.harness.contract import registry
from adabench.harness.contract.claim import is_any_change
from adabench.harness.contract.expectations import metric_names
from adabench.harness.contract.papers import Plan
from adabench.harness.contract.record import Record, Turn
from adabench.harness.run.record_values import TIMED
from adabench.harness.stats.bca import Z975
from adabench.harness.stats.group_sequential import INFLATION, LOOKS, bounds
from adabench.harness.store.table import from_records

FIRST = 3
"""Seeds of the first block."""
TRAININGS = 5
"""As many as recipes ship: a plan over trainings has looks at `FIRST` and here."""
UNPLANNED = 30
"""Seeds of a claim whose first block says of no size what it would do, or of five trainings with questions of their own."""
BY_TRAININGS = (FIRST, TRAININGS, UNPLANNED // 2, UNPLANNED)
UNDECIDED = ("undecided", "not run")
ONE_LOOK = 1.0


def by_counts(own: Statement) -> bool:
    """Say whether counts decide a claim: what follows from times is no count either."""
    card = registry.find(own.entry.task).card
    clocked = {metric.name for metric in card.metrics if metric.clocked}
    return not any(n.endswith(TIMED) or n in clocked for n in metric_names(own.claim.expect))


@dataclass
class OpenClaim:
    """One claim on its way to a verdict."""

    statement: Statement
    runs: tuple[Run, ...]
    plan: Plan | None = None
    """What its paper's file says that it takes; None: its first block says it."""
    row: ClaimRow | None = None
    planned: int = 0
    """Seeds of the plan; 0 before the first look."""
    per_seed: float = 0.0
    """Units that a seed brings, and what a plan is in, for people: cases, trainings or seeds."""
    looks: list[int] = field(default_factory=list)
    """Seeds that were there at each look."""
    widening: float = ONE_LOOK
    """How much further out the ends of the last look lie."""
    seed_s: float = 0.0
    """What a further seed of all its cells takes."""
    most: int | None = None
    """Seeds that the time allows, where they are fewer than the next look of the plan has."""
    reason: str = ""
    """Why no further look is taken."""

    @classmethod
    def of(cls, statement: Statement, plan: Plan | None = None) -> "OpenClaim":
        """Return a claim of which nothing is known but its plan, if there is one."""
        return cls(statement, runs_of((statement,)), plan)

    @property
    def is_timed(self) -> bool:
        """Whether it takes times, and counts do not decide it."""
        return not by_counts(self.statement)

    @property
    def name(self) -> str:
        """Its id."""
        return self.statement.claim.id

    @property
    def is_open(self) -> bool:
        """Whether a further look may decide it."""
        if self.reason:
            return False
        if self.row is None:
            return True
        return not self.is_decided and self.looks[-1] < self.planned

    @property
    def is_decided(self) -> bool:
        """Whether it has a verdict that further cases of the plan would not change."""
        if self.row is None or self.row.verdict in UNDECIDED:
            return False
        return not (self.row.verdict == "direction only" and self._may_reach_bar(self.row))

    def _may_reach_bar(self, row: ClaimRow) -> bool:
        """Say whether the bar lies within an interval that its plan would narrow further.

        Of any change it is what would be worth having, which no interval that is left lies wholly below.
        """
        if self.looks[-1] >= self.planned or self.reason or row.bar is None:
            return False
        if is_any_change(self.statement.claim):
            return True
        return row.low is not None and row.high is not None and row.low < row.bar < row.high

    @property
    def next_look(self) -> int:
        """How many seeds are there at the next look."""
        if not self.looks:
            return FIRST
        if self.row is not None and self.row.over == "trainings":
            return next(part for part in BY_TRAININGS if part > self.looks[-1])
        parts = (math.ceil(self.planned * part / LOOKS) for part in range(1, LOOKS + 1))
        coming = next(part for part in (*parts, self.planned) if part > self.looks[-1])
        return coming if self.most is None else min(coming, self.most)

    def turns(self, seeds: Sequence[int]) -> tuple[Turn, ...]:
        """Return what is run of it at some seeds."""
        words = ",".join(map(str, seeds))
        counts = not self.is_timed
        found = [turn for run in self.runs for turn in run.turns(words, counts=counts)]
        return tuple({turn.cell.key: turn for turn in found}.values())

    def look(self, seeds: Sequence[int], records: Mapping[str, Sequence[Record]]) -> None:
        """Judge it by the records, by cell, of its own turns at some seeds."""
        mine = [r for turn in self.turns(seeds) for r in records.get(turn.cell.key, ())]
        if not any(r.cell.address == self.statement.entry.address for r in mine):
            self.reason = "its method left no record"
            return
        self.looks.append(len(seeds))
        before = self.row
        self.row = self._judged(mine, plan_first=not self.planned)
        if before is not None and before.over == "cases" and self.row.n == before.n:
            self.reason = f"there are no further cases: all {self.row.n} were asked"
        few = min(len(seeds), TRAININGS)
        if self.row.over == "trainings" and self.row.trainings < few:
            self.reason = (
                f"further seeds bring no further trainings: there are {self.row.trainings} in all"
            )

    def _judged(self, records: Iterable[Record], *, plan_first: bool = False) -> ClaimRow:
        own, claim, table = self.statement.entry, self.statement.claim, from_records(records)
        if plan_first:
            first = judge_claim(own, claim, table, ONE_LOOK)
            self.planned = self._plan(first)
        self.widening = self._bound() / Z975
        return judge_claim(own, claim, table, self.widening)

    def _plan(self, row: ClaimRow) -> int:
        """Return the seeds of the plan, by what the first block showed of the scatter."""
        now = self.looks[-1]
        if row.over == "trainings":
            self.per_seed = 1.0
            further = registry.find(self.statement.entry.task).card.cases == "exchangeable"
            return UNPLANNED if further else TRAININGS
        self.per_seed = row.n / now if row.over == "cases" else 1.0
        if self.plan is not None and self.plan.seeds:
            return max(self.plan.seeds, now)
        if not row.needed:  # nothing varied, or a front that never gets there by so few cases
            return UNPLANNED if row.verdict == "undecided" else now
        needed = row.needed / max(self.per_seed, 1e-9)
        return max(math.ceil(needed * (INFLATION if needed > now else 1.0)), now)

    def _bound(self) -> float:
        """Return the bound of the last look, in standard errors."""
        parts = tuple(min(seeds / self.planned, 1.0) for seeds in self.looks)
        return bounds(parts)[-1] if len(set(parts)) == len(parts) else Z975
