"""Answers in the words of a vocabulary that we know: each token is a word, or comes with its id.

Reading trusts nothing: a server may ignore `n`, `stop`, `logprobs` or `echo`, and each is noticed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adabench.workloads.shared.language_model.backends.openai_protocol import (
    Answer,
    ServerProblem,
    malformed,
)

Encode = Callable[[str], Sequence[int]]


@dataclass(frozen=True)
class Continuation:
    """One continuation."""

    ids: list[int]
    chances: list[float]
    stopped: bool
    drawn: int
    """Words that the server drew for it, by what it shows."""
    discarded: int = 0
    """Those of them that lay behind a mark and were thrown away."""


@dataclass(frozen=True)
class WordReader:
    """Reads answers of a server that has our own vocabulary."""

    encode: Encode
    eos: int
    logprobs: bool

    def read(
        self, answer: Answer, n: int, stops: Sequence[int], ends: Sequence[str] = ()
    ) -> list[Continuation]:
        """Return the n continuations that an answer holds, their endings included.

        Raises:
            ServerProblem: if something that was asked for is missing.
        """
        assert not ends, "words end at words"
        return [
            _drawn(choice, self.encode, set(stops), self.eos, logprobs=self.logprobs)
            for choice in choices(answer, n)
        ]

    def scores(self, answer: Answer, words: Sequence[int], start: int) -> list[float]:
        """Return the log-probabilities of the words of an echoed prompt from `start` on.

        Raises:
            ServerProblem: if the prompt was not echoed word by word.
        """
        return prompt_chances(answer, len(words))[start:]


def choices(answer: Answer, n: int) -> list[dict[str, Any]]:
    """Return the n choices of an answer in their order.

    Raises:
        ServerProblem: if there are more or fewer.
    """
    if len(answer.choices) != n:
        raise ServerProblem(
            f"The server gave {len(answer.choices)} completions where {n} were asked.",
            "It ignores n: make the engine with most_n=1.",
        )
    return sorted(answer.choices, key=lambda choice: int(choice.get("index") or 0))


def prompt_chances(answer: Answer, length: int) -> list[float]:
    """Return the log-probability of each word of a prompt of `length`; the first has none.

    Raises:
        ServerProblem: if the prompt was not echoed word by word.
    """
    _, found = _tokens(answer.choices[0]) if answer.choices else ([], [])
    if len(found) not in (length, length + 1) or None in found[1:length]:
        raise ServerProblem(
            f"The server echoed {len(found)} log-probabilities for a prompt of {length} words.",
            "It cannot score: make the engine without echo; with text prompts, send ids.",
        )
    return [float(chance or 0.0) for chance in found[:length]]


def _drawn(
    choice: dict[str, Any], encode: Encode, stops: set[int], eos: int, *, logprobs: bool
) -> Continuation:
    ends = stops | {eos}
    ids, chances = _words(choice, encode)
    if logprobs and not chances and (ids or choice.get("text")):
        raise ServerProblem(
            "The server sent no log-probabilities.",
            "Make the engine with logprobs=False; methods that need them will say so.",
        )
    stopped = choice.get("finish_reason") == "stop"
    if stopped and (not ids or ids[-1] not in ends):
        ids.append(_ending(choice, encode, stops, eos))
    if any(word in ends for word in ids[:-1]):
        raise ServerProblem(
            "The server went on after a stop word.", "It ignores stop; use one that does not."
        )
    stopped = stopped or (bool(ids) and ids[-1] in ends)
    if not logprobs:
        return Continuation(ids, [], stopped, len(ids))
    if len(chances) != len(ids) or None in chances:
        raise ServerProblem(
            f"The server sent {len(chances)} log-probabilities for {len(ids)} words"
            f"{', none for the ending' if len(chances) == len(ids) - 1 else ''}.",
            "Ask for ids (vLLM: extra={'return_token_ids': True}), or do without: logprobs=False.",
        )
    known = [float(chance) for chance in chances if chance is not None]
    return Continuation(ids, known, stopped, len(ids))


def _words(choice: dict[str, Any], encode: Encode) -> tuple[list[int], list[float | None]]:
    """Return ids and log-probabilities; ids as such, else word by word, else of the whole text.

    The last token of a completion that stopped may have no text (an end is often left out).
    """
    tokens, chances = _tokens(choice)
    if choice.get("token_ids"):
        return [int(word) for word in choice["token_ids"]], chances
    try:
        if not tokens:
            return list(encode(choice.get("text") or "")), chances
        silent = choice.get("finish_reason") == "stop" and not tokens[-1].strip()
        parts = [encode(token) for token in (tokens[:-1] if silent else tokens)]
    except (KeyError, ValueError) as unknown:
        raise malformed(f"words that the codec does not know ({unknown})") from None
    if any(len(part) != 1 for part in parts):
        raise ServerProblem(
            "The server's tokens are not single words of the codec.",
            "Ask for ids (vLLM: extra={'return_token_ids': True}), or do without: logprobs=False.",
        )
    return [part[0] for part in parts], chances


def _tokens(choice: dict[str, Any]) -> tuple[list[str], list[float | None]]:
    found = choice.get("logprobs") or {}
    return list(found.get("tokens") or ()), list(found.get("token_logprobs") or ())


def _ending(choice: dict[str, Any], encode: Encode, stops: set[int], eos: int) -> int:
    """Return the word at which a completion stopped, which its text does not show."""
    if not stops:
        return eos
    if "stop_reason" not in choice:
        raise ServerProblem(
            "The server does not say whether a stop word or the end was reached.",
            "Use one that sends stop_reason (vLLM does), or a method that stops at the end alone.",
        )
    reason = choice["stop_reason"]
    if reason is None:
        return eos
    words = [reason] if isinstance(reason, int) else list(encode(reason))
    if len(words) != 1 or words[0] not in {*stops, eos}:
        raise malformed(f"the stop word {reason!r}, which was not asked for")
    return int(words[0])
