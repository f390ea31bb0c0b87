"""Decides claims within a time: those first that can be decided soonest, and each only as long as it is open.

Rounds. In each the open claims are taken in the order of what is left of their plans, and the cells of each
one's next look are counted, on all cores, where the time is expected to allow it; then each is looked at. A
claim that is decided takes no further cell. Cells that several claims need are counted once, and what was
counted before is taken from where counts are kept. The same claims, seeds and looks give the same verdicts on
any number of cores; what the time decides is how many looks are taken.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from types import MappingProxyType

from adabench.harness.analysis.reproduction import Statement
from adabench.harness.contract import registry
from adabench.harness.contract.card import OutOfReach
from adabench.harness.contract.expectations import metric_names
from adabench.harness.contract.papers import Plan
from adabench.harness.contract.record import Record, Turn
from adabench.harness.decision.open_claim import OpenClaim
from adabench.harness.errors import EnvironmentProblem
from adabench.harness.run.counts_pool import count_turns
from adabench.harness.run.record_values import TIMED
from adabench.harness.run.settings import Limits, Settings

Say = Callable[[str], None]
SAFETY = 1.25
"""What is expected to take so many times longer still has to fit into the time that is left, or is not begun."""


@dataclass
class Decision:
    """Claims, the time that they have, and what was counted for them."""

    claims: Sequence[OpenClaim]
    first_seed: int
    cores: int
    settings: Settings
    limits: Limits = field(default_factory=Limits)
    say: Say = lambda _: None
    records: dict[str, list[Record]] = field(default_factory=dict)
    """Of whole turns, by cell."""
    turn_s: dict[str, float] = field(default_factory=dict)
    """What a turn took, by method and settings."""
    turns: list[Turn] = field(default_factory=list)
    """Those that were counted whole, in their order."""
    spent_s: float = 0.0

    def run(self, budget_s: float | None, rounds: int | None = None) -> None:
        """Count and look until all is decided, or the time or the rounds are over; None: no end."""
        start = time.monotonic()
        while (waiting := self._in_order()) and rounds != 0:
            rounds = None if rounds is None else rounds - 1
            left_s = None if budget_s is None else budget_s - (time.monotonic() - start)
            chosen = self._affordable(waiting, left_s)
            if not chosen:
                break
            self._count(chosen, left_s)
            looked = [claim for claim in chosen if self._look(claim)]
            self._tell()
            if not looked:
                break
        self.spent_s = time.monotonic() - start

    def seeds(self, count: int) -> range:
        """Return the first seeds of the run."""
        return range(self.first_seed, self.first_seed + count)

    def left_s(self, claim: OpenClaim) -> float:
        """Return how long what is missing of a claim's plan is expected to take."""
        seeds = max(claim.planned - (claim.looks[-1] if claim.looks else 0), 0)
        return seeds * claim.seed_s

    def _in_order(self) -> list[OpenClaim]:
        return sorted((c for c in self.claims if c.is_open), key=self.left_s)

    def _affordable(self, waiting: Sequence[OpenClaim], left_s: float | None) -> list[OpenClaim]:
        """Return the claims whose next looks fit into the time together, the soonest first."""
        if left_s is None or all(claim.row is None for claim in waiting):
            return list(waiting)
        chosen: list[OpenClaim] = []
        for claim in waiting:
            if claim.looks and claim.next_look <= claim.looks[-1]:
                continue
            missing = self._missing_turns([*chosen, claim])
            if SAFETY * sum(self.turn_s.get(_kind(turn), 0.0) for turn in missing) <= left_s:
                chosen.append(claim)
        return chosen or self._shorter(waiting, left_s)

    def _shorter(self, waiting: Sequence[OpenClaim], left_s: float) -> list[OpenClaim]:
        """Return the first claim for which the time allows half as many seeds again, and limit its look to them."""
        for claim in waiting:
            seen = claim.looks[-1] if claim.looks else 0
            more = int(left_s / SAFETY / claim.seed_s) if seen and claim.seed_s else 0
            if claim.row and claim.row.over != "trainings" and more >= max(seen / 2, 1):
                claim.most = seen + more
                return [claim]
        return []

    def _missing_turns(self, claims: Sequence[OpenClaim]) -> list[Turn]:
        """Return the turns of the next looks that were not counted."""
        wanted = (t for claim in claims for t in claim.turns(self.seeds(claim.next_look)))
        fresh = {turn.cell.key: turn for turn in wanted if turn.cell.key not in self.records}
        return sorted(fresh.values(), key=lambda turn: (turn.cell.task, turn.cell.seed))

    def _count(self, claims: Sequence[OpenClaim], left_s: float | None) -> None:
        """Count what the next looks need; a claim whose data are not here says so, and the others go on."""
        began_s = time.monotonic()
        try:
            self._count_together(claims, left_s)
        except EnvironmentProblem as missing:
            if len(claims) == 1:
                claims[0].reason = f"{missing.message} {missing.hint}".strip()
                return
            for claim in claims:  # whose it is shows one by one; what was counted is there
                spent_s = time.monotonic() - began_s
                self._count([claim], None if left_s is None else left_s - spent_s)

    def _count_together(self, claims: Sequence[OpenClaim], left_s: float | None) -> None:
        """Count what the next looks of claims need; a turn that the time ends is dropped."""
        turns = self._missing_turns(claims)
        if not turns:
            return
        until = None if left_s is None else time.monotonic() + left_s
        found = count_turns(turns, self.settings, self.limits, cores=self.cores, alone=True)
        with closing(found):
            self._take(turns, found, until)

    def _take(self, turns: Sequence[Turn], found: Iterator[Record], until: float | None) -> None:
        """Keep the records of whole turns, which come in their order, and what each turn took.

        A preparation is of the first turn that needs it, whatever its knobs at `solve` are.
        """
        at, records = 0, list[Record]()
        since = ended = time.monotonic()
        for record in found:
            while record.phase == "solve" and turns[at].cell.key != record.cell.key:
                self._keep(turns[at], records, ended - since)
                at, records, since = at + 1, [], ended
            records.append(record)
            ended = time.monotonic()
            if until is not None and ended > until:
                return
        for turn in turns[at:]:
            self._keep(turn, records, ended - since)
            records, since = [], ended

    def _keep(self, turn: Turn, records: list[Record], took_s: float) -> None:
        self.records[turn.cell.key] = records
        self.turns.append(turn)
        kind = _kind(turn)
        before = self.turn_s.get(kind)
        self.turn_s[kind] = took_s if before is None else (before + took_s) / 2

    def _look(self, claim: OpenClaim) -> bool:
        """Look at a claim if all that its look needs is there."""
        seeds = self.seeds(claim.next_look)
        turns = claim.turns(seeds)
        if any(turn.cell.key not in self.records for turn in turns):
            return False
        claim.look(seeds, self.records)
        claim.most = None
        each = [self.turn_s.get(_kind(turn), 0.0) for turn in turns]
        claim.seed_s = sum(each) / len(seeds)
        return True

    def _tell(self) -> None:
        decided = [claim for claim in self.claims if claim.is_decided]
        open_ = [claim.name for claim in self.claims if claim.is_open]
        words = f"; open: {', '.join(open_)}" if open_ else ""
        self.say(f"{len(decided)} of {len(self.claims)} decided{words}")


def decidable(
    statements: Sequence[Statement], plans: Mapping[str, Plan] = MappingProxyType({})
) -> tuple[list[OpenClaim], dict[str, str]]:
    """Return the claims that counts can decide, and of the others by id why not; `plans` are by claim."""
    found, others = [], {}
    for own in statements:
        expect = own.claim.expect
        if isinstance(expect, OutOfReach):
            others[own.claim.id] = expect.reason
        elif not _by_counts(own):
            others[own.claim.id] = (
                "it takes times, or another scale: adabench reproduce without --time"
            )
        else:
            found.append(OpenClaim.of(own, plans.get(own.claim.id)))
    return found, others


def _by_counts(own: Statement) -> bool:
    """Say whether counts decide a claim, at a scale that needs no accelerator.

    What follows from times is no count either: cells run on all cores here, and disturb each other's clocks.
    """
    card = registry.find(own.entry.task).card
    clocked = {metric.name for metric in card.metrics if metric.clocked}
    timed = any(n.endswith(TIMED) or n in clocked for n in metric_names(own.claim.expect))
    return not timed and own.claim.scale in ("embedded", "real")


def _kind(turn: Turn) -> str:
    """Name a turn whatever its seed: what one took another will take."""
    cell = turn.cell
    return f"{cell.address} {sorted(cell.point.items())} {sorted(cell.conditions.items())}"
