"""Decides claims within a time: those first that can be decided soonest, and each only as long as it is open.

Rounds. In each the open claims are taken in the order of what is left of their plans, and the cells of each
one's next look are counted, on all cores, where the time is expected to allow it; each is looked at as soon as its
cells are there, so that a time which ends inside a round leaves the looks before. A claim that is decided takes no
further cell. Cells that several claims need are counted once, and what was
counted before is taken from where counts are kept. The same claims, seeds and looks give the same verdicts on
any number of cores; what the time decides is how many looks are taken.

A claim about times is measured after what is counted, one cell at a time on one core with nothing beside it. What
its cells count is what the counts pass counts, so other claims read it there.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from types import MappingProxyType

from adabench.harness.analysis.claims.room_gate import no_room
from adabench.harness.analysis.reproduction import Statement
from adabench.harness.contract import registry
from adabench.harness.contract.card import OutOfReach
from adabench.harness.contract.papers import Plan
from adabench.harness.contract.record import Record, Turn
from adabench.harness.decision.open_claim import OpenClaim
from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.harness.run.counts_pool import count_turns
from adabench.harness.run.execute import execute
from adabench.harness.run.settings import Limits, Settings

Say = Callable[[str], None]
TIMES_FACTOR = 8.0
"""What timing takes of counting, where neither was seen yet."""
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
    """What a turn took, by method, settings and whether it was timed."""
    whole: dict[str, Turn] = field(default_factory=dict)
    """Turns that were run whole, by cell, in their order. One that was timed takes the place of one that was counted."""
    spent_s: float = 0.0
    waiting: list[tuple[OpenClaim, set[str]]] = field(default_factory=list)
    """Claims that this round looks at, with the cells that are missing."""

    def run(self, budget_s: float | None, *, once: bool = False) -> None:
        """Count and look until all is decided, or the time is over; None: no end. `once`: one look at each claim."""
        start = time.monotonic()
        while open_ := [claim for claim in self._in_order() if not (once and claim.looks)]:
            left_s = None if budget_s is None else budget_s - (time.monotonic() - start)
            chosen = self._affordable(open_, left_s)
            before = sum(len(claim.looks) for claim in chosen)
            self.waiting = [(c, {t.cell.key for t in self._missing_turns([c])}) for c in chosen]
            self._count(chosen, left_s)
            self._look_at_ready()
            if sum(len(claim.looks) for claim in chosen) == before:
                break
            self._tell()
        self.spent_s = time.monotonic() - start

    def seeds(self, count: int) -> range:
        """Return the first seeds of the run."""
        return range(self.first_seed, self.first_seed + count)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns that were run whole, in their order."""
        return tuple(self.whole.values())

    def left_s(self, claim: OpenClaim) -> float:
        """Return how long what is missing of a claim's plan is expected to take."""
        if not claim.looks:
            return self._expected_s(self._missing_turns([claim]))
        return max(claim.planned - claim.looks[-1], 0) * claim.seed_s

    def _in_order(self) -> list[OpenClaim]:
        return sorted((c for c in self.claims if c.is_open), key=self.left_s)

    def _affordable(self, waiting: Sequence[OpenClaim], left_s: float | None) -> list[OpenClaim]:
        """Return the claims whose next looks fit into the time together, the soonest first.

        First of all those that are counted are looked at once.
        """
        fresh = [claim for claim in waiting if claim.row is None and not claim.is_timed]
        if left_s is None or fresh:
            return fresh or list(waiting)
        chosen: list[OpenClaim] = []
        for claim in waiting:
            if claim.looks and claim.next_look <= claim.looks[-1]:
                continue
            missing = self._missing_turns([*chosen, claim])
            if SAFETY * self._expected_s(missing) <= left_s:
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
        """Return the turns of the next looks that were not counted, those of one claim after those of another.

        First looks are short, and taken together: each task is loaded once a seed.
        """
        wanted = [self._turns(claim) for claim in claims]
        if not any(claim.looks for claim in claims):
            wanted = [_by_task([turn for own in wanted for turn in own])]
        fresh: dict[str, Turn] = {}
        for turn in (turn for own in wanted for turn in own if not self._is_there(turn)):
            before = fresh.get(turn.cell.key)
            if before is None or before.counts:  # timed, if one claim wants it so
                fresh[turn.cell.key] = turn
        return sorted(fresh.values(), key=lambda turn: not turn.counts)

    def _turns(self, claim: OpenClaim) -> list[Turn]:
        """Return what the next look at a claim rests on."""
        return _by_task(claim.turns(self.seeds(claim.next_look)))

    def _is_there(self, turn: Turn) -> bool:
        """Say whether a turn was run: what was timed was counted too."""
        before = self.whole.get(turn.cell.key)
        return before is not None and (turn.counts or not before.counts)

    def _expected_s(self, turns: Sequence[Turn]) -> float:
        """Return what turns are expected to take; nothing is expected of what was never run."""
        return sum(self._turn_s(turn) for turn in turns)

    def _turn_s(self, turn: Turn) -> float:
        before = self.turn_s.get(_kind(turn))
        if before is not None or turn.counts:
            return before or 0.0
        return TIMES_FACTOR * self.turn_s.get(_kind(turn._replace(counts=True)), 0.0)

    def _count(self, claims: Sequence[OpenClaim], left_s: float | None) -> None:
        """Count what the next looks need; a claim whose data are not here says so, and the others go on."""
        began_s = time.monotonic()
        try:
            self._count_together(claims, left_s)
        except (EnvironmentProblem, SelectionError) as missing:
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
        found = run_turns(turns, self.settings, self.limits, self.cores)
        with closing(found):
            self._take(turns, found, until)

    def _take(self, turns: Sequence[Turn], found: Iterator[Record], until: float | None) -> None:
        """Keep the records of whole turns, which come in their order, and what each turn took.

        A preparation is of the first turn that needs it, whatever its knobs at `solve` are: of the method that it
        prepares, and never of the turn before.
        """
        at, records = 0, list[Record]()
        since = ended = time.monotonic()
        for record in found:
            while not _is_of(turns[at], record) and any(_is_of(t, record) for t in turns[at + 1 :]):
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
        self.whole[turn.cell.key] = turn
        kind = _kind(turn)
        before = self.turn_s.get(kind)
        self.turn_s[kind] = took_s if before is None else (before + took_s) / 2
        for _, missing in self.waiting:
            missing.discard(turn.cell.key)
        self._look_at_ready()

    def _look_at_ready(self) -> None:
        """Look at the claims of this round whose cells are all there."""
        ready = [claim for claim, missing in self.waiting if not missing]
        self.waiting = [(claim, missing) for claim, missing in self.waiting if missing]
        for claim in ready:
            self._look(claim)

    def _look(self, claim: OpenClaim) -> None:
        """Look at a claim if all that its look needs is there."""
        seeds, turns = self.seeds(claim.next_look), self._turns(claim)
        if not claim.reason and all(map(self._is_there, turns)):
            claim.look(seeds, self.records)
            claim.most = None
            claim.seed_s = self._expected_s(turns) / len(seeds)

    def _tell(self) -> None:
        decided = [claim for claim in self.claims if claim.is_decided]
        open_ = [claim.name for claim in self.claims if claim.is_open]
        words = f"; open: {', '.join(open_)}" if open_ else ""
        self.say(f"{len(decided)} of {len(self.claims)} decided{words}")


def decidable(
    statements: Sequence[Statement], plans: Mapping[str, Plan] = MappingProxyType({})
) -> tuple[list[OpenClaim], dict[str, str]]:
    """Return the claims that can be decided here, and of the others by id why not; `plans` are by claim."""
    found, others = [], {}
    for own in statements:
        expect = own.claim.expect
        if isinstance(expect, OutOfReach):
            others[own.claim.id] = expect.reason
        elif closed := _no_room(own):
            others[own.claim.id] = closed
        elif own.claim.scale not in ("embedded", "real"):
            others[own.claim.id] = "it takes another scale: adabench reproduce without --time"
        else:
            found.append(OpenClaim.of(own, plans.get(own.claim.id)))
    return found, others


def _no_room(own: Statement) -> str:
    return no_room(own.claim, own.entry.name, own.entry.card, registry.find(own.entry.task).card)


def run_turns(
    turns: Sequence[Turn], settings: Settings, limits: Limits, cores: int
) -> Generator[Record, None, None]:
    """Run turns, and yield their records: first those that are counted, on some cores, then those that are timed."""
    counted = [turn for turn in turns if turn.counts]
    timed = tuple(turn for turn in turns if not turn.counts)
    if counted:
        yield from count_turns(counted, settings, limits, cores=cores, alone=True)
    if timed:
        yield from execute(timed, settings, limits=limits, alone=True)


def _by_task(turns: Sequence[Turn]) -> list[Turn]:
    return sorted(turns, key=lambda turn: (turn.cell.task, turn.cell.seed))


def _is_of(turn: Turn, record: Record) -> bool:
    """Tell whether a record is one of a turn; of a preparation, whether it is of the turn's method and seed."""
    if record.phase == "solve":
        return turn.cell.key == record.cell.key
    return (turn.cell.address, turn.cell.seed) == (record.cell.address, record.cell.seed)


def _kind(turn: Turn) -> str:
    """Name a turn whatever its seed: what one took another will take."""
    cell, pass_ = turn.cell, "counted" if turn.counts else "timed"
    return f"{cell.address} {sorted(cell.point.items())} {sorted(cell.conditions.items())} {pass_}"
