"""Branches of an agent's request, the engine that holds them, and how long it ran.

`CachedBranches` are those of our own engine; `TeamBranches` of several of them. With `reuse` a call reads what a tool has said since; without, the
keys and values of a branch are dropped when a call begins and its words are run again, as on a server without
a prefix cache. `TextBranches` are those of any other engine: a server reads a whole prefix with each request,
and its own cache says what it spared. Requests share nothing.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Generic, Literal, Protocol, TypeVar

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.shared.language_model.contract import (
    CapabilityMissing,
    Chunk,
    Engine,
    Floats,
    Seq,
)
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.native.kv_blocks import Table


@dataclass(frozen=True)
class Branch:
    """An episode, or a branch of one."""

    request: int
    number: int


AskKind = Literal["step", "end", "check", "reflect", "plan"]


@dataclass(frozen=True)
class Ask:
    """What an agent wants done before it goes on."""

    kind: AskKind
    branches: tuple[Branch, ...]
    temperature: float = 0.0
    ahead: bool = True
    """Of a plan: whether calls begin while it is written."""


class Head(Protocol):
    """What reads a policy's state."""

    @property
    def flops(self) -> int:
        """Return what one reading costs."""

    def odds(self, state: Floats) -> tuple[float, ...]:
        """Return odds for a state [width]."""


E = TypeVar("E", bound=Engine)


class Branches(ABC, Generic[E]):
    """Branches of all requests; `reuse` says whether what was read stays."""

    def __init__(self, engine: E, *, reuse: bool) -> None:
        self._engine, self._reuse = engine, reuse
        self.prefill_s = self.decode_s = 0.0

    @property
    def model_s(self) -> float:
        """Return how long the model ran."""
        return self.prefill_s + self.decode_s

    @abstractmethod
    def open(self, prompt: Sequence[int], forced: Sequence[int], key: int) -> Seq:
        """Return a branch that holds a prompt, and words that are forced behind it."""

    def open_on(self, machine: str, prompt: Sequence[int], forced: Sequence[int], key: int) -> Seq:
        """Open a branch on a machine, by its name; one that is alone has none.

        Raises:
            SelectionError: if there is no such machine.
        """
        if machine:
            raise SelectionError(f"There is no policy {machine!r}.", "One policy serves this task.")
        return self.open(prompt, forced, key)

    def held(self) -> Mapping[str, int]:
        """Return how many branches each machine holds."""
        return {}

    def odds(self, seq: Seq, head: Head, *, pooled: bool = False) -> tuple[float, ...]:
        """Return what a head reads in the state behind the last word, or in the mean of all, and count it.

        Raises:
            CapabilityMissing: where heads are none of this model's.
        """
        raise CapabilityMissing("odds: no head was trained for this model.", "Choose one of ours.")

    def fork(self, seq: Seq, count: int) -> list[Seq]:
        """Return copies that share what is stored."""
        return self._engine.fork(seq, count)

    def append(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        """Put words onto branches: they are read now, or with all others when a call begins."""
        if not self._reuse:
            for seq, part in zip(seqs, parts, strict=True):
                seq.ids.extend(part)
            return
        began_s = perf_counter()
        self._engine.append(seqs, parts)
        self.prefill_s += perf_counter() - began_s

    @abstractmethod
    def begin_call(self, seq: Seq) -> None:
        """Make a branch ready to be decoded."""

    def decode(
        self, seqs: Sequence[Seq], stop: frozenset[int], most: Sequence[int], temperature: float
    ) -> list[Chunk]:
        """Draw words on each."""
        began_s, room = perf_counter(), self._room(most)
        chunks = self._engine.decode(seqs, stop=stop, max_new=room, temperature=temperature)
        self.decode_s += perf_counter() - began_s
        return chunks

    @abstractmethod
    def _room(self, most: Sequence[int]) -> Any:
        """Return what the engine takes for `max_new`, where each branch has room for so many words."""

    def states(self, seqs: Sequence[Seq]) -> list[Floats]:
        """Return the state behind the last word of each."""
        return [self._engine.hidden(seq, len(seq.ids) - 1)[0] for seq in seqs]

    def close(self, seqs: Sequence[Seq]) -> None:
        """Free what nobody else shares."""
        for seq in seqs:
            self._engine.close(seq)


class CachedBranches(Branches[NativeEngine]):
    """Branches of our own engine."""

    def open(self, prompt: Sequence[int], forced: Sequence[int], key: int) -> Seq:
        """Return a branch that holds a prompt, and words that are forced behind it."""
        ids = (*prompt, *forced)
        seq = self._read(ids, key) if self._reuse else Seq(list(ids), 0, key, cache=Table())
        seq.start = len(prompt)
        return seq

    def begin_call(self, seq: Seq) -> None:
        """Make a branch ready to be decoded."""
        if not self._reuse and seq.cache.stored:
            self._engine.close(seq)
        if not seq.cache.stored:
            seq.cache = self._read(seq.ids, seq.key).cache

    def _room(self, most: Sequence[int]) -> list[int]:
        return list(most)

    def states(self, seqs: Sequence[Seq]) -> list[Floats]:
        """Return the state behind the last word of each, read now if it was not yet."""
        for seq in seqs:
            if seq.cache.stored < len(seq.ids):
                self.begin_call(seq)
        return super().states(seqs)

    def odds(self, seq: Seq, head: Head, *, pooled: bool = False) -> tuple[float, ...]:
        """Return what a head reads in the state behind the last word, or in the mean of all, and count it."""
        (state,) = self.states([seq])
        if pooled:
            state = self._engine.hidden(seq, 0).mean(axis=0)
        self._engine.costs.meter["flops"] += head.flops
        return head.odds(state)

    def _read(self, ids: Sequence[int], key: int) -> Seq:
        """Run words from the first one on; what other requests have stored is not looked for."""
        began_s = perf_counter()
        seq = self._engine.open(ids[:1], key)
        self._engine.append([seq], [ids[1:]])
        self.prefill_s += perf_counter() - began_s
        return seq


class TextBranches(Branches[Engine]):
    """Branches of any engine: no more words are drawn than the one with the least room has."""

    def __init__(self, engine: Engine, *, reuse: bool) -> None:
        super().__init__(engine, reuse=reuse)
        self._holds = "held" in engine.caps
        self._fresh: set[Seq] = set()
        """Branches that were opened, and had no call yet."""

    def open(self, prompt: Sequence[int], forced: Sequence[int], key: int) -> Seq:
        """Return a branch that holds a prompt, and words that are forced behind it."""
        began_s = perf_counter()
        seq = self._engine.open(prompt, key)
        self._engine.append([seq], [forced])
        self.prefill_s += perf_counter() - began_s
        self._fresh.add(seq)
        return seq

    def begin_call(self, seq: Seq) -> None:
        """Make a branch ready to be decoded; a server reads its words with the request."""
        if self._reuse or seq in self._fresh or not self._holds:
            self._fresh.discard(seq)
            return
        began_s = perf_counter()
        self._engine.close(seq)
        seq.cache = self._engine.open(seq.ids, seq.key).cache
        self.prefill_s += perf_counter() - began_s

    def _room(self, most: Sequence[int]) -> int:
        return min(most)


class TeamBranches(CachedBranches):
    """Branches of several policies, each on a machine of its own; the first one has the name ""."""

    def __init__(self, machines: Mapping[str, CachedBranches]) -> None:
        self._machines, self._homes = machines, dict[Seq, str]()
        self.prefill_s = self.decode_s = 0.0

    def open_on(self, machine: str, prompt: Sequence[int], forced: Sequence[int], key: int) -> Seq:
        """Open a branch on a machine.

        Raises:
            SelectionError: if there is no such machine.
        """
        if machine not in self._machines:
            known = [name for name in self._machines if name]
            raise SelectionError(f"There is no policy {machine!r}.", nearest(machine, known))
        seq = self._machines[machine].open(prompt, forced, key)
        self._homes[seq] = machine
        return seq

    def held(self) -> Mapping[str, int]:
        """Return how many branches each machine holds."""
        found = Counter(self._homes.values())
        return {machine: found[machine] for machine in self._machines}

    def fork(self, seq: Seq, count: int) -> list[Seq]:
        """Return copies that share what is stored."""
        children = self._at(seq).fork(seq, count)
        self._homes |= dict.fromkeys(children, self._homes[seq])
        return children

    def append(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        """Put words onto branches, those of a machine together."""
        for places in self._grouped(seqs):
            own = [seqs[place] for place in places]
            self._at(own[0]).append(own, [parts[place] for place in places])

    def begin_call(self, seq: Seq) -> None:
        """Make a branch ready to be decoded."""
        self._at(seq).begin_call(seq)

    def decode(
        self, seqs: Sequence[Seq], stop: frozenset[int], most: Sequence[int], temperature: float
    ) -> list[Chunk]:
        """Draw words on each, those of a machine together."""
        found: dict[int, Chunk] = {}
        for places in self._grouped(seqs):
            own = [seqs[place] for place in places]
            rooms = [most[place] for place in places]
            chunks = self._at(own[0]).decode(own, stop, rooms, temperature)
            found |= dict(zip(places, chunks, strict=True))
        return [found[place] for place in range(len(seqs))]

    def states(self, seqs: Sequence[Seq]) -> list[Floats]:
        """Return the state behind the last word of each."""
        return [self._at(seq).states([seq])[0] for seq in seqs]

    def odds(self, seq: Seq, head: Head, *, pooled: bool = False) -> tuple[float, ...]:
        """Return what a head reads in the state behind the last word, or in the mean of all, and count it."""
        return self._at(seq).odds(seq, head, pooled=pooled)

    def close(self, seqs: Sequence[Seq]) -> None:
        """Free what nobody else shares."""
        for seq in seqs:
            self._at(seq).close([seq])
            self._homes.pop(seq, None)

    def _at(self, seq: Seq) -> CachedBranches:
        return self._machines[self._homes.get(seq, "")]

    def _grouped(self, seqs: Sequence[Seq]) -> list[list[int]]:
        """Return the places of each machine's sequences."""
        found: dict[str, list[int]] = {}
        for place, seq in enumerate(seqs):
            found.setdefault(self._homes[seq], []).append(place)
        return list(found.values())
