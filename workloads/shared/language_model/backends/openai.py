"""Puts a server that speaks the OpenAI *completions* protocol behind the engine interface (`openai_probe.open_server` opens one).

    engine, profile = open_server("served-name", url, spec, TextPieces(), found)     # `openai_probe.py`
    engine = OpenAIEngine("served-name", WordCodec(), base_url="http://127.0.0.1:8000/v1")

A server of somebody else's model is spoken to in text, cut into pieces of our own
(`text_pieces.py`), and what it can do was probed; one that serves a model of our own words, in words.

vLLM, SGLang, llama.cpp and others serve `POST /v1/completions`. Chat-only servers cannot continue a
text and are of no use here. The key is read from `OPENAI_API_KEY` when a request is made; it is
neither kept nor shown.

**Forks cost their prefix.** A server keeps no sequence, so `open`, `fork` and `append` send nothing
and every `decode` sends the whole prefix again. Siblings with the same words go into one request
with `n`. What the server says it read is booked: `prefilled` are its prompt tokens, `cached` those
that it says came from its prefix cache, `requests` its answers. The capability `fork` (a shared
prefix) is there only if you say that the server caches prefixes (`prefix_cache=True`).

**Endings.** The protocol cuts the stop word off and does not say which one it was, or whether the
model ended. vLLM adds `stop_reason`; without it a step cannot be told from an end. In text the engine
then sends no stop words: it draws `slice_words` at a time, reads where the mark is, and throws away what
lies behind it, which was `generated` all the same and is booked as `discarded` too. In words it says
so instead of guessing. **Stop strings** (`ends`) all mean the end, so a server that takes some is sent
them whether or not it says which one it met. Log-probabilities are taken as they come: vLLM's are those at
temperature 1, other servers' may not be, unless that is the temperature you sample at.

**Budgets.** A request in flight cannot be stopped, so each sequence may draw its equal share of
what is left; what some leave over is shared again, with the prefixes sent again.

Words are counted as the server counts them. Without log-probabilities it counts those of siblings together, and nobody knows
the longest: there are no `serial_steps` of such a case then. FLOPs are booked if the served model's `Formula` is given. Words have
times of their own if the server streams them (`streams=True`); without that nothing is said of when the
first one came. `score` needs `echo=True` and a server that echoes
a prompt with log-probabilities; the one word it must then draw is booked as `discarded`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from adabench.workloads.shared.language_model import vocabulary
from adabench.workloads.shared.language_model.backends.openai_protocol import Answer, Completions
from adabench.workloads.shared.language_model.backends.piece_answers import PieceReader
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.backends.word_answers import Continuation, WordReader
from adabench.workloads.shared.language_model.contract import (
    TO_THE_END,
    BudgetSpent,
    Capability,
    CapabilityMissing,
    Chunk,
    Costs,
    Finish,
    Seq,
    mix,
    require,
)
from adabench.workloads.shared.language_model.domain import Codec
from adabench.workloads.shared.language_model.flop_formula import Formula
from adabench.workloads.shared.language_model.stateless_engine import StatelessEngine

A = TypeVar("A")
B = TypeVar("B")
_SEED = (1 << 31) - 1


STREAMED: Mapping[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
"""Asks for words as they come, with the counts at the end."""
SLICE = 16
"""Words drawn at a time where a mark is read from the text: about a step of worded arithmetic."""


@dataclass(frozen=True)
class Settings:
    """How words are drawn in one decode."""

    stops: tuple[int, ...]
    temperature: float
    top_p: float
    ends: tuple[str, ...] = ()
    """Texts at which a completion ends."""


class OpenAIEngine(StatelessEngine):
    """A model behind a completions server.

    `prompt` says how prefixes are sent; ids are exact, text is for servers that take no ids and for
    pieces.
    `extra` goes into every request's body (vLLM: `{"return_token_ids": True}` spares the way over
    text).
    """

    def __init__(
        self,
        model: str,
        codec: Codec,
        costs: Costs | None = None,
        *,
        base_url: str | None = None,
        prompt: Literal["ids", "text"] | None = None,
        logprobs: bool = True,
        echo: bool = False,
        prefix_cache: bool = False,
        sends_stops: bool = True,
        takes_stops: bool = True,
        streams: bool = False,
        draws: bool = True,
        slice_words: int = SLICE,
        formula: Formula | None = None,
        eos: int = vocabulary.EOS,
        context: int = 1 << 30,
        most_n: int = 128,
        threads: int = 8,
        retries: int = 3,
        timeout_s: float = 120.0,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.name, self.codec, self.costs = model, codec, costs or Costs()
        self.vocabulary, self.context, self.formula, self.eos = (
            codec.vocabulary, context, formula, eos,
        )  # fmt: skip
        pieces = isinstance(codec, TextPieces)
        self.prompt = prompt or ("text" if pieces else "ids")
        self.sends_stops, self.takes_stops = sends_stops, sends_stops or takes_stops
        self.slice_words, self.streams = slice_words, streams
        self.draws = draws
        self.most_n, self.threads, self.extra = most_n, threads, dict(extra or {})
        asked: dict[Capability, bool] = {
            "logprobs": logprobs,
            "score": logprobs and echo,
            "fork": prefix_cache,
            "strings": pieces,
        }
        self.caps: frozenset[Capability] = frozenset(name for name, on in asked.items() if on)
        self.server = Completions(base_url, retries, timeout_s)
        self.reader: PieceReader | WordReader = (
            PieceReader(logprobs=logprobs, sends_stops=sends_stops)
            if pieces
            else WordReader(codec.encode, eos, logprobs)
        )

    def reset(self, costs: Costs) -> None:
        """Count into `costs` from here on."""
        self.costs = costs

    def open(self, prompt: Sequence[int], key: int = 0) -> Seq:
        """Return a sequence that holds a prompt; nothing is sent yet.

        Raises:
            ValueError: for a prompt without words.
        """
        if not prompt:
            raise ValueError("A prompt needs at least one word; begin with <bos>.")
        return Seq(list(prompt), len(prompt), key, eos=self.eos)

    def fork(self, seq: Seq, n: int) -> list[Seq]:
        """Return n children; each will send its prefix, siblings together."""
        length = len(seq.ids)
        keys = [mix(seq.key, length, child) for child in range(n)]
        return [Seq(list(seq.ids), seq.start, key, seq, seq.logprob, eos=self.eos) for key in keys]

    def append(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        """Add forced words; they are read with the next request."""
        self._writable(seqs, parts)
        for seq, part in zip(seqs, parts, strict=True):
            seq.ids.extend(part)
        self.costs.meter["calls"] += 1

    def decode(
        self,
        seqs: Sequence[Seq],
        *,
        stop: frozenset[int] = TO_THE_END,
        max_new: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
        ends: tuple[str, ...] = (),
    ) -> list[Chunk]:
        """Sample on from each sequence, to one of the texts `ends` at most; see `Engine.decode`.

        Raises:
            CapabilityMissing: if samples are asked of a server that takes the likeliest words.
            ServerProblem: if the server does not give what was asked.
        """
        self._writable(seqs, ())
        if temperature and not self.draws:
            raise CapabilityMissing(
                f"samples: not supported on this backend ({self.name}): every seed gives one text.",
                "Let the server draw (`do_sample` of its model), or choose a method without samples.",
            )
        most = min(max_new, self.context - max((len(seq.ids) for seq in seqs), default=0))
        stops = tuple(sorted(stop - {self.eos}))
        how = Settings(stops, float(temperature), float(top_p), ends)
        reads = (stops and not self.sends_stops) or (ends and not self.takes_stops)
        before = [len(seq.ids) for seq in seqs]
        chances: dict[Seq, list[float]] = {seq: [] for seq in seqs}
        active, done = list(seqs), 0
        while active and done < most:
            left = self.costs.left
            share = most - done if left is None else min(most - done, left // len(active))
            if reads:
                share = min(share, self.slice_words)
            if share == 0:
                break
            active = self._round(active, share, how, chances)
            done += share
        spent = bool(active) and done < most
        chunks = self._chunks(seqs, before, chances, stops, spent=spent)
        if spent:
            raise BudgetSpent
        return chunks

    def score(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> list[list[float]]:
        """Return log-probabilities of forced continuations, from the server's echo.

        Raises:
            CapabilityMissing: without `echo`.
            ServerProblem: if the server does not echo.
        """
        require(self, "score")
        self._writable(seqs, parts)
        texts = [[*seq.ids, *part] for seq, part in zip(seqs, parts, strict=True)]
        answers = self._send(self._echoed, texts)
        self.costs.meter["calls"] += 1
        self.costs.meter["discarded"] += len(texts)
        scores = []
        for seq, text, answer in zip(seqs, texts, answers, strict=True):
            scores.append(self.reader.scores(answer, text, len(seq.ids)))
            self._book(len(text), answer, [1])
        return scores

    def _writable(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        if any(seq.finished for seq in seqs):
            raise ValueError("A sequence that has ended cannot go on; fork it before its end.")
        for seq, part in zip(seqs, parts, strict=False):
            if len(seq.ids) + len(part) > self.context:
                raise ValueError(
                    f"{len(seq.ids) + len(part)} tokens exceed the context of {self.context}; "
                    "stop earlier or choose a model with a longer one."
                )

    def _round(
        self, seqs: Sequence[Seq], share: int, how: Settings, chances: dict[Seq, list[float]]
    ) -> list[Seq]:
        """Ask once for every sequence; return those that may go on."""
        groups = self._groups(seqs)
        answers = self._send(lambda group: self._drawn(group, share, how), groups)
        going = []
        self.costs.seen(sorted(stamp for answer, _ in answers for stamp in answer.stamps))
        longest = 0
        for group, (answer, drawn) in zip(groups, answers, strict=True):
            counts = [one.drawn for one in drawn]
            self._book(len(group[0].ids), answer, counts)
            size = self._piece_words(answer, sum(counts))
            self.costs.meter["generated"] += max(round(size * sum(counts)), answer.generated)
            discarded = sum(one.discarded for one in drawn)
            if discarded:
                self.costs.meter["discarded"] += round(size * discarded)
            longest = max(longest, self._serial_words(answer, counts))
            for seq, one in zip(group, drawn, strict=True):
                seq.ids.extend(one.ids)
                chances[seq] += one.chances
                if not one.stopped:
                    going.append(seq)
        self.costs.meter["serial_steps"] += longest
        return going

    def _piece_words(self, answer: Answer, pieces: int) -> float:
        """Return how many of the server's words a piece is: 1 where it shows each of its words."""
        if "logprobs" in self.caps or not (pieces and answer.generated):
            return 1.0
        return min(1.0, answer.generated / pieces)

    def _serial_words(self, answer: Answer, counts: Sequence[int]) -> int:
        """Return the words of the longest of siblings, whose counts are pieces where no words are shown.

        A server that shows none and counts those of all siblings together does not say which was the longest.
        """
        if "logprobs" in self.caps or not isinstance(self.reader, PieceReader):
            return max(counts)
        if len(counts) > 1 or not answer.generated:
            self.costs.meter["unserial"] += 1
            return 0
        return answer.generated

    def _send(self, ask: Callable[[A], B], bodies: Sequence[A]) -> list[B]:
        """Return the answers to requests that are sent at once."""
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(ask, bodies))

    def _groups(self, seqs: Sequence[Seq]) -> list[list[Seq]]:
        """Return sequences of the same words together, at most `most_n` in a group."""
        alike: dict[tuple[int, ...], list[Seq]] = {}
        for seq in seqs:
            alike.setdefault(tuple(seq.ids), []).append(seq)
        n = self.most_n
        return [group[i : i + n] for group in alike.values() for i in range(0, len(group), n)]

    def _drawn(
        self, group: Sequence[Seq], share: int, how: Settings
    ) -> tuple[Answer, list[Continuation]]:
        """Ask for one continuation of each sibling."""
        ids = group[0].ids
        body = {
            **self._asked(ids),
            "n": len(group),
            "max_tokens": share,
            "temperature": how.temperature,
            "top_p": how.top_p,
            "seed": mix(*(seq.key for seq in group), len(ids)) & _SEED,
        }
        marks = [self.codec.decode([word]) for word in how.stops] if self.sends_stops else []
        if sent := [*marks, *(how.ends if self.takes_stops else ())]:
            body["stop"] = sent
        if self.streams:
            body |= STREAMED
        answer = self.server.ask(body)
        return answer, self.reader.read(answer, len(group), how.stops, how.ends)

    def _echoed(self, text: Sequence[int]) -> Answer:
        return self.server.ask(
            {**self._asked(text), "echo": True, "max_tokens": 1, "temperature": 0.0}
        )

    def _asked(self, ids: Sequence[int]) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.name}
        body["prompt"] = list(ids) if self.prompt == "ids" else self.codec.decode(ids)
        if "logprobs" in self.caps:
            body["logprobs"] = 1
        if self.extra:
            body["extra_body"] = self.extra
        return body

    def _book(self, length: int, answer: Answer, counts: Sequence[int]) -> None:
        """Count one request: a prefix of `length` words, and what was drawn after it."""
        read = length if answer.prompt is None else answer.prompt
        meter = self.costs.meter
        meter["prefilled"] += read
        meter["cached"] += answer.cached
        meter["requests"] += 1
        if self.formula is None:
            meter["uncounted"] += 1  # nobody here sees what it worked
        else:
            meter["flops"] += self.formula.span(min(answer.cached, read - 1), read)
            for count in counts:  # the last word of a request is drawn and not run
                meter["flops"] += self.formula.span(read, read + max(0, count - 1))
                meter["flops"] += self.formula.head * count

    def _chunks(
        self,
        seqs: Sequence[Seq],
        before: Sequence[int],
        chances: Mapping[Seq, list[float]],
        stops: Sequence[int],
        *,
        spent: bool,
    ) -> list[Chunk]:
        """Return what each sequence got, and count the call."""
        chunks = []
        for seq, length in zip(seqs, before, strict=True):
            ids = tuple(seq.ids[length:])
            stopped = bool(ids) and ids[-1] in {*stops, self.eos}
            finish: Finish = "stop" if stopped else "budget" if spent else "length"
            seq.logprob = seq.logprob + sum(chances[seq]) if "logprobs" in self.caps else math.nan
            chunks.append(Chunk(ids, tuple(chances[seq]), finish))
        self.costs.meter["calls"] += 1
        return chunks
