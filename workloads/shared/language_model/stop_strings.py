r"""An engine that stops at texts: prompts and lm-eval's tasks say where a completion ends by strings.

    policy = StopStrings(policy, codec)
    policy.stops = ("Question:", "\n\n")          until they are other ones

A string is spelled by words in many ways. So the engine stops at every word that could finish one; the
text so far is read, and what has no stop string in it goes on. A completion that holds one has
ended: its last word is its end. What that word has behind the string was drawn with it, and is cut off
where the text is handed over (`cut`). A server is sent the strings themselves.

Words are drawn by the same random numbers as without stops. Sequences wait for one another at words that
could have finished a string and did not: the same words, booked as one call, and `serial_steps` are those of
the longest sequence. With `closes`, a step is the last one if the text so far says so: a search ends at an
answer.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from typing import Any

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.backends.tokenizer_codec import TokenizerCodec
from adabench.workloads.shared.language_model.batched.session_models import SessionModels
from adabench.workloads.shared.language_model.contract import TO_THE_END, Chunk, Seq

Codec = TokenizerCodec | TextPieces
Stops = tuple[str, ...]
HALF = "\ufffd"
"""How a word is spelled that is only a part of a sign."""


def cut(text: str, stops: Stops) -> str:
    """Return a text up to the first stop string."""
    places = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text


class StopStrings:
    """An engine that stops at texts too; in all else it is the engine."""

    def __init__(
        self,
        engine: Any,
        codec: Codec,
        stops: Stops = (),
        closes: Callable[[str], bool] | None = None,
    ) -> None:
        self._engine, self._codec, self._closes = engine, codec, closes
        self._finals: dict[str, frozenset[int]] = {}
        self.stops = stops

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked of an object that is being copied
            raise AttributeError(name)
        return getattr(self._engine, name)

    def of_session(self, models: SessionModels) -> "StopStrings":
        """Return one for one of several sessions side by side."""
        own = copy(self)
        own._engine = models.view(self._engine)
        return own

    def decode(
        self,
        seqs: Sequence[Seq],
        *,
        stop: frozenset[int] = TO_THE_END,
        max_new: int | Sequence[int],
        **how: Any,
    ) -> list[Chunk]:
        """Sample on from each sequence, to a stop string at most; see `Engine.decode`."""
        if not self.stops or "strings" in self._engine.caps:
            if self.stops:
                how["ends"] = self.stops
            chunks: list[Chunk] = self._engine.decode(seqs, stop=stop, max_new=max_new, **how)
            self._end(seqs, closes=bool(stop))
            return chunks
        limits = list(max_new) if isinstance(max_new, Sequence) else [max_new] * len(seqs)
        left = dict(zip(seqs, limits, strict=True))
        parts: dict[Seq, list[Chunk]] = {seq: [] for seq in seqs}
        stops, meter = stop | self._final_words(), self._engine.costs.meter
        before, active = (meter["serial_steps"], meter["calls"]), list(seqs)
        while active:
            for group, most in self._groups(active, left):
                try:
                    drawn = self._engine.decode(group, stop=stops, max_new=most, **how)
                finally:
                    self._end(group, closes=bool(stop))
                for seq, chunk in zip(group, drawn, strict=True):
                    parts[seq].append(chunk)
                    left[seq] -= len(chunk.ids)
            active = [seq for seq in active if left[seq] > 0 and self._only_read(seq, stop, parts)]
        whole = [_joined(parts[seq]) for seq in seqs]
        meter["serial_steps"] = before[0] + max((len(chunk.ids) for chunk in whole), default=0)
        meter["calls"] = before[1] + 1
        return whole

    def _only_read(self, seq: Seq, stop: frozenset[int], parts: dict[Seq, list[Chunk]]) -> bool:
        """Return whether a sequence only stopped to be read."""
        stopped = parts[seq][-1].finish == "stop"
        return stopped and not seq.finished and seq.ids[-1] not in stop

    def _end(self, seqs: Sequence[Seq], *, closes: bool) -> None:
        """Let the last word of a completion be its end if it holds a stop string, or its answer."""
        for seq in seqs:
            if seq.finished or not seq.completion:
                continue
            text = self._codec.decode(seq.completion)
            over = closes and self._closes is not None and self._closes(text)
            if over or cut(text, self.stops) != text:
                seq.eos = seq.ids[-1]

    def _groups(
        self, seqs: Sequence[Seq], left: dict[Seq, int]
    ) -> Iterator[tuple[list[Seq], int | list[int]]]:
        """Yield sequences that one call can take, with the most words of each."""
        rest = [left[seq] for seq in seqs]
        if "limits" in self._engine.caps and len(set(rest)) > 1:
            yield list(seqs), rest
            return
        for most in sorted(set(rest)):
            yield [seq for seq in seqs if left[seq] == most], most

    def _final_words(self) -> frozenset[int]:
        for stop in self.stops:
            if stop not in self._finals:
                self._finals[stop] = _final_words(self._codec, stop)
        return frozenset().union(*(self._finals[stop] for stop in self.stops))


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    """Return what several calls added to a sequence, as one."""
    return Chunk(
        tuple(word for chunk in chunks for word in chunk.ids),
        tuple(chance for chunk in chunks for chance in chunk.logprobs),
        chunks[-1].finish,
        tuple(value for chunk in chunks for value in chunk.entropies),
        tuple(value for chunk in chunks for value in chunk.confidences),
    )


def _final_words(codec: Codec, stop: str) -> frozenset[int]:
    """Return every word that may finish a string: it holds it all, or begins with its last signs."""
    if isinstance(codec, TextPieces):
        return codec.stops(stop)
    if stop in codec.tokenizer.get_added_vocab():
        return codec.stops(stop) - codec.ends
    found = frozenset().union(*(_words_with(codec, sign) for sign in set(stop)))
    ends = tuple(stop[place:] for place in range(len(stop)))
    words = {word for word in found if _finishes(codec.tokenizer.decode([word]), stop, ends)}
    return frozenset(words) | (frozenset() if stop.isascii() else _words_with(codec, HALF))


def _finishes(text: str, stop: str, ends: tuple[str, ...]) -> bool:
    return stop in text or text.startswith(ends)


def _words_with(codec: TokenizerCodec, sign: str) -> frozenset[int]:
    try:
        return codec.stops(sign)
    except SelectionError:  # no word holds it
        return frozenset()
