"""Which experts are in slots, and what a policy decides about them.

An expert is a number, `layer * E + e`. A *visit* is what a batch does at a layer: its router names the experts that its rows
need, and they run in the order of their numbers, whoever is present; one that is in no slot when its turn comes is
fetched then (*exposed*). The order is the same for everybody, so that visits are a trace of requests as caches know it.

    victim(moment, expert, residents, free)     whose slot an expert takes; None: a free one, or it is not brought yet
    used(moment, expert)                        that it ran
    ahead(moment)                               what to bring now, most urgent first: before the first layer, as soon as a
                                                layer's experts are known (those of other layers alone), and after they ran
    groups(step, tokens)                        which sequences share a batch, before a step

A policy knows no byte that was not read and no routing that was not made.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from adabench.harness.errors import MethodContractError
from adabench.workloads.moe.substrate.byte_corpus import Ints

Groups = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Moment:
    """Where a batch stands when a policy decides."""

    step: int
    """0 reads the prompts."""
    layer: int
    """-1 before the first."""
    tokens: Ints
    """[sequences, seen]: the bytes of all sequences that were read, and those that are read in this step."""
    rows: tuple[int, ...]
    """The sequences of this batch."""
    needed: tuple[int, ...] = ()
    """The experts that the layer runs."""
    ran: bool = False
    """Whether they ran."""
    stream: Tensor | None = None
    """[B, T, D]: what enters the layer's experts."""


def nothing(moment: Moment) -> Iterable[int]:
    """Bring nothing ahead."""
    del moment
    return ()


def ignore(moment: Moment, expert: int) -> None:
    """Take no note."""
    del moment, expert


@dataclass(frozen=True)
class Policy:
    """What a method decides."""

    victim: Callable[[Moment, int, Sequence[int], int], int | None]
    used: Callable[[Moment, int], None] = ignore
    ahead: Callable[[Moment], Iterable[int]] = nothing
    groups: Callable[[int, Ints], Groups] | None = None
    slots: int = 0
    """0: as many as the case hands out."""
    held: tuple[Tensor, ...] = ()
    """What it holds in fast memory itself."""


@dataclass(frozen=True)
class Fetch:
    """An expert that is to be brought into a slot."""

    expert: int
    slot: int
    after: int | None = None
    """The expert of the same visit that runs from that slot before."""


@dataclass
class Tally:
    """What happened, all visits together."""

    asked: int = 0
    hits: int = 0
    exposed: int = 0
    ahead: int = 0
    wasted: int = 0
    """Brought ahead, and overwritten before they ran."""
    visits: int = 0


@dataclass
class Slots:
    """Slots and who is in them."""

    count: int
    policy: Policy
    slot_of: dict[int, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    events: list[tuple[int, int]] = field(default_factory=list)
    """Since they were last taken out: experts and the slots that they were brought into."""
    _free: list[int] = field(init=False)
    _unused: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Begin with empty slots."""
        self._free = list(range(self.count - 1, -1, -1))

    def visit(self, moment: Moment) -> list[Fetch]:
        """Decide where the experts of a visit that are in no slot go, one after the other; count."""
        fetches: list[Fetch] = []
        runs: dict[int, int] = {}
        tally = self.tally
        tally.visits += 1
        for expert in moment.needed:
            tally.asked += 1
            if expert in self.slot_of:
                tally.hits += 1
            else:
                slot = self._place(moment, expert, self.slot_of.keys())
                if slot is None:
                    raise MethodContractError(
                        f"No slot was left to expert {expert}, which runs now.",
                        "`victim` names a resident where no slot is free.",
                    )
                tally.exposed += 1
                fetches.append(Fetch(expert, slot, runs.get(slot)))
            runs[self.slot_of[expert]] = expert
            self._unused.discard(expert)
            self.policy.used(moment, expert)
        return fetches

    def ahead(self, moment: Moment, busy: Collection[int] = ()) -> list[Fetch]:
        """Decide what is brought now; slots in `busy` are run from."""
        fetches: list[Fetch] = []
        for expert in self.policy.ahead(moment):
            if moment.needed and not moment.ran and expert in moment.needed:
                raise MethodContractError(
                    f"Expert {expert} was to be brought ahead of the layer that runs now.",
                    "`ahead` names experts of other layers once a layer is known.",
                )
            if expert in self.slot_of:
                continue
            residents = [one for one, slot in self.slot_of.items() if slot not in busy]
            slot = self._place(moment, expert, residents)
            if slot is None:
                break
            self.tally.ahead += 1
            self._unused.add(expert)
            fetches.append(Fetch(expert, slot))
        return fetches

    def _place(self, moment: Moment, expert: int, residents: Collection[int]) -> int | None:
        """Give an expert the slot that the policy chooses; None if it chooses none."""
        known = list(residents)
        chosen = self.policy.victim(moment, expert, known, len(self._free))
        if chosen is None:
            if not self._free:
                return None
            slot = self._free.pop()
        elif chosen in known:
            slot = self.slot_of.pop(chosen)
            self.tally.wasted += chosen in self._unused
            self._unused.discard(chosen)
        else:
            raise MethodContractError(
                f"Expert {chosen} was to make room, and its slot cannot be taken.",
                "`victim` names one of the residents that it is given.",
            )
        self.slot_of[expert] = slot
        self.events.append((expert, slot))
        return slot
