"""Defines what a method may ask of a language model: open, fork, append, decode, score, hidden, close.

What a backend cannot do raises `CapabilityMissing`; nothing falls back in silence. The engine alone writes costs into the task's meter and
stops in mid-flight when the budget is gone (`BudgetSpent`). Word t of a sequence is drawn with a number made of the sequence's key and t
alone, so batching, order and splitting change nothing. Ids mean words only together with the digest of their vocabulary.
"""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from adabench.harness.errors import MissingAbility
from adabench.workloads.shared.language_model.vocabulary import EOS, STEP_END

Capability = Literal[
    "fork",
    "logprobs",
    "score",
    "hidden",
    "held",
    "exact",
    "limits",
    "allow",
    "watch",
    "strings",
    "refine",
    "merge",
]
"""`fork`: the prefix is shared. `held`: the cache really held can be read. `exact`: the words
sampled depend on nothing but the key. `limits`, `allow` and `watch` are arguments of `decode`: a most
of each sequence's own, words that may be drawn, and how sure the model was of each draw; so is `strings`:
texts at which a completion ends (`ends`). `refine`: experts can be routed anew for a word (`Refinement`). `merge`: one sequence can read what several hold."""
Finish = Literal["stop", "length", "budget"]
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Masks = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
"""Words that may be drawn: [V] for all sequences of a call, or [sequences, V]."""

TO_THE_END: frozenset[int] = frozenset()
"""A stop set: the whole completion. The word by which a model ends stops it whatever is asked."""
STEP = frozenset({EOS, STEP_END})
"""A stop set of our own vocabulary: one step."""


class CapabilityMissing(MissingAbility):
    """The method needs something that this backend cannot do."""


class BudgetSpent(Exception):
    """The tokens of this case, or its calls of tools, are gone; what was decoded so far is on the sequences."""


@dataclass(eq=False)
class Seq:
    """A sequence in the hands of an engine. Methods read it and never write it."""

    ids: list[int]
    """Prompt and everything after it."""
    start: int
    """Where the completion begins."""
    key: int
    parent: "Seq | None" = None
    logprob: float = 0.0
    """Sum over the sampled words, at temperature 1."""
    cache: Any = None
    """The backend's own."""
    eos: int = EOS
    """The word that ends a completion of this model."""

    @property
    def completion(self) -> tuple[int, ...]:
        """Return the ids after the prompt."""
        return tuple(self.ids[self.start :])

    @property
    def finished(self) -> bool:
        """Return whether it has come to its end."""
        return len(self.ids) > self.start and self.ids[-1] == self.eos


@dataclass(frozen=True)
class Chunk:
    """What one `decode` added to one sequence."""

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    """Of the sampled words, at temperature 1 whatever the sampling temperature."""
    finish: Finish
    entropies: tuple[float, ...] = ()
    """In nats, of the model's distribution over all words before each draw, at temperature 1; if
    the draws were watched."""
    confidences: tuple[float, ...] = ()
    """The mean of -log p over the most probable words, as many as `watch` said: large where all but
    the first are improbable."""
    refined: int = field(default=0, kw_only=True)
    """Words that were drawn from several routed passes, each of which is booked as a word."""


@dataclass(frozen=True)
class Refinement:
    """How words are drawn from several passes through differently routed experts."""

    passes: int
    """For a refined word, the plain one among them; so many words are booked for it."""
    above: float = 0.0
    """Nats of entropy of the plain pass from which a word is refined."""
    noise: float = 0.3
    """Times Gumbel noise, added to the scores of the routers."""
    reuse: float = 0.1
    """Taken from an expert's score for each earlier pass of this word that used it."""

    def __post_init__(self) -> None:
        """Refuse fewer passes than the plain one and another.

        Raises:
            ValueError: for fewer than two passes.
        """
        if self.passes < 2:
            raise ValueError(f"A refined word takes two passes or more; got {self.passes}.")


@dataclass(frozen=True)
class Reading:
    """What a model makes of words that it did not draw: log-probabilities at temperature 1."""

    logprobs: tuple[float, ...]
    best: tuple[float, ...]
    """Of the word that it finds likeliest in each place."""


@dataclass(frozen=True)
class CacheSize:
    """What a cache holds at this moment."""

    tokens: int
    """Positions whose keys and values are stored, each counted once however many share it."""
    blocks: int
    memory_bytes: int


@dataclass
class Costs:
    """What a case has cost so far, by name, in the task's meter; and what it may still cost.

    `generated`, `prefilled` and `judged` are tokens (sampled; forced or prompt; read by a
    scorer); `serial_steps` is the longest causal chain, in decoding steps; `calls` counts
    engine calls; `flops` follow the formula in `engine.py`; `kv_peak` is the most tokens held
    by the policy at once and `kv_token_steps` those held summed over decoding steps. A case
    begins when its `Costs` are made: `first_s` and `last_s` are seconds from there to its first
    and latest word.
    """

    meter: Counter[str] = field(default_factory=Counter)
    budget: int | None = None
    """Tokens that may be generated in one case; None: as many as it likes."""
    tool_budget: int | None = None
    """Calls of tools, likewise."""
    began_s: float = field(default_factory=time.monotonic)
    first_s: float | None = None
    last_s: float | None = None

    @property
    def left(self) -> int | None:
        """Return the tokens that may still be generated."""
        return None if self.budget is None else max(0, self.budget - self.meter["generated"])

    @property
    def tools_left(self) -> int | None:
        """Return the calls of tools that may still be made."""
        used = self.meter["tool_calls"]
        return None if self.tool_budget is None else max(0, self.tool_budget - used)

    def peak(self, name: str, value: int) -> None:
        """Raise a high-water mark."""
        self.meter[name] = max(self.meter[name], value)

    def seen(self, stamps: Sequence[float]) -> None:
        """Note the monotonic times at which words became known."""
        if len(stamps):
            if self.first_s is None:
                self.first_s = float(stamps[0]) - self.began_s
            self.last_s = max(self.last_s or 0.0, float(stamps[-1]) - self.began_s)


class Capable(Protocol):
    """Whatever says what it can do."""

    name: str
    caps: frozenset[Capability]


class Engine(Protocol):
    """One model behind one backend."""

    name: str
    vocabulary: str
    """The digest of its words: what an id means to it (`vocabulary.vocabulary_digest`)."""
    caps: frozenset[Capability]
    costs: Costs

    def reset(self, costs: Costs) -> None:
        """Forget every sequence and count into `costs` from here on."""
        ...

    def open(self, prompt: Sequence[int], key: int = 0) -> Seq:
        """Return a sequence that holds a prompt."""
        ...

    def fork(self, seq: Seq, n: int) -> list[Seq]:
        """Return n children that share everything up to here."""
        ...

    def append(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        """Add forced words to each sequence."""
        ...

    def decode(
        self,
        seqs: Sequence[Seq],
        *,
        stop: frozenset[int] = TO_THE_END,
        max_new: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
    ) -> list[Chunk]:
        """Sample on from each sequence until a stop word or `max_new`; temperature 0 is greedy.

        Raises:
            BudgetSpent: when the budget is gone; the words drawn so far are on the sequences.
        """
        ...

    def score(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> list[list[float]]:
        """Return log-probabilities of forced continuations; the sequences stay as they were.

        Raises:
            CapabilityMissing: without `score`.
        """
        ...

    def hidden(self, seq: Seq, start: int) -> Floats:
        """Return the final states [n, width] of positions start and later.

        Raises:
            CapabilityMissing: without `hidden`.
        """
        ...

    def close(self, seq: Seq) -> None:
        """Let go of a sequence; what nobody else shares is freed."""
        ...

    def held(self) -> CacheSize:
        """Return what the cache holds now.

        Raises:
            CapabilityMissing: without `held`.
        """
        ...


class ControlledEngine(Engine, Protocol):
    """An engine that can do `limits`, `allow` and `watch`, or says by its capabilities which of them."""

    def decode(
        self,
        seqs: Sequence[Seq],
        *,
        stop: frozenset[int] = TO_THE_END,
        max_new: int | Sequence[int],
        temperature: float = 1.0,
        top_p: float = 1.0,
        allow: Masks | None = None,
        watch: int = 0,
    ) -> list[Chunk]:
        """Sample on from each sequence; `max_new` may be each one's own.

        `allow` holds draws to some words; log-probabilities stay the model's own. `watch` words, the
        most probable, make the confidence of a draw; 0 watches nothing.
        """
        ...


class RoutedEngine(ControlledEngine, Protocol):
    """An engine that can `refine`."""

    def refining(self, how: Refinement) -> AbstractContextManager[None]:
        """Draw words within from several routed passes."""
        ...


class MergingEngine(ControlledEngine, Protocol):
    """An engine that can `merge`."""

    def merge(self, seqs: Sequence[Seq]) -> Seq:
        """Return a sequence behind all of these: it reads what they hold, of which nothing is run again."""
        ...


def require_draws(
    engine: Capable, max_new: int | Sequence[int], allow: Masks | None, watch: int
) -> None:
    """Make sure that a backend can do what one `decode` asks of it.

    Raises:
        CapabilityMissing: naming what is missing.
    """
    asked: dict[Capability, bool] = {
        "limits": isinstance(max_new, Sequence),
        "allow": allow is not None,
        "watch": watch > 0,
    }
    require(engine, *(name for name, is_asked in asked.items() if is_asked))


def require(engine: Capable, *wanted: Capability) -> None:
    """Make sure that a backend can do what a method needs.

    Raises:
        CapabilityMissing: naming what is missing.
    """
    missing = [name for name in wanted if name not in engine.caps]
    if missing:
        raise CapabilityMissing(
            f"{', '.join(missing)}: not supported on this backend ({engine.name}).",
            f"It can: {', '.join(sorted(engine.caps))}. Choose another method or backend.",
        )


_MASK = (1 << 64) - 1


def mix(*numbers: int) -> int:
    """Return a 64-bit key from numbers, the same on every machine (splitmix64)."""
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = (state ^ (number & _MASK)) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state
