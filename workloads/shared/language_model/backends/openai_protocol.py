"""The completions protocol as it comes over the wire: asking, and reading what was answered.

Asking is left to the `openai` client (extra `serve`), which retries refused and broken connections,
429 and 5xx, and waits as long as `Retry-After` says, up to a minute. What is still wrong
afterwards becomes one sentence with a remedy.

Reading trusts nothing: a server may ignore `n`, `stop`, `logprobs` or `echo`, and each is noticed.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adabench.harness.errors import EnvironmentProblem, require

NO_KEY = "none"
"""What servers without keys are sent; the client insists on one."""
LONGEST_QUOTE = 200

Encode = Callable[[str], Sequence[int]]


class ServerProblem(EnvironmentProblem):
    """The server cannot be reached, refuses, or does not give what was asked."""


@dataclass(frozen=True)
class Answer:
    """One answer of the server."""

    choices: list[dict[str, Any]]
    prompt: int | None = None
    """Tokens read, by the server's count; None: it does not say."""
    cached: int = 0
    """Those of them that came from its prefix cache."""
    generated: int = 0


@dataclass(frozen=True)
class Continuation:
    """One continuation."""

    ids: list[int]
    chances: list[float]
    stopped: bool


@dataclass
class Completions:
    """A completions endpoint; holds no key, and its connections are not stored with it."""

    base_url: str | None
    retries: int = 3
    timeout_s: float = 120.0
    _client: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_client": None}

    def ask(self, body: dict[str, Any]) -> Answer:
        """Send one request.

        Raises:
            MissingExtra: without the `openai` client.
            ServerProblem: if no usable answer comes back.
        """
        openai = require("openai", extra="serve")
        if self._client is None:
            self._client = openai.OpenAI(
                api_key=_key(),
                base_url=self.base_url,
                max_retries=self.retries,
                timeout=self.timeout_s,
            )
        try:
            found = self._client.completions.create(**body)
            return _answer(found.to_dict(warnings=False))
        except openai.APIError as problem:
            raise self._explained(openai, problem, str(body["model"])) from None
        except (ValueError, AttributeError) as broken:
            raise _malformed(f"not a completion in JSON ({type(broken).__name__})") from None

    def _explained(self, openai: Any, problem: Any, model: str) -> ServerProblem:
        """Return a sentence with a remedy; no key is quoted."""
        where = str(self._client.base_url)
        if isinstance(problem, openai.APITimeoutError):
            return ServerProblem(
                f"{where} did not answer within {self.timeout_s:g} s.",
                "Raise timeout_s, or ask for fewer or shorter completions at once.",
            )
        if isinstance(problem, openai.APIConnectionError):
            return ServerProblem(
                f"Nothing answers at {where}.", "Start the server, or correct base_url."
            )
        if isinstance(problem, openai.APIResponseValidationError):
            return _malformed("not a completion in JSON")
        status = getattr(problem, "status_code", None)
        if status in (401, 403):
            return ServerProblem(
                f"{where} refuses the key ({status}).", "Set OPENAI_API_KEY to a valid one."
            )
        said = _quoted(problem)
        if status == 404:
            return ServerProblem(
                f"{where} knows no model {model!r} for completions (404{said}).",
                "See its /v1/models; a chat-only server cannot be used.",
            )
        if status == 429:
            return ServerProblem(
                f"{where} still refuses for lack of capacity after {self.retries + 1} tries (429).",
                "Wait, use fewer threads, or raise retries.",
            )
        if status is None:
            return _malformed(f"no valid answer{said}")
        return ServerProblem(
            f"{where} refuses the request ({status}{said}).",
            "Check what it supports: ids as prompt, n, stop, logprobs, echo, seed.",
        )


def choices(
    answer: Answer,
    n: int,
    *,
    encode: Encode,
    stops: Sequence[int],
    eos: int,
    logprobs: bool,
) -> list[Continuation]:
    """Return the n continuations that an answer holds, their endings included.

    Raises:
        ServerProblem: if something that was asked for is missing.
    """
    if len(answer.choices) != n:
        raise ServerProblem(
            f"The server gave {len(answer.choices)} completions where {n} were asked.",
            "It ignores n: make the engine with most_n=1.",
        )
    ordered = sorted(answer.choices, key=lambda choice: int(choice.get("index") or 0))
    return [_drawn(choice, encode, set(stops), eos, logprobs=logprobs) for choice in ordered]


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
        return Continuation(ids, [], stopped)
    if len(chances) != len(ids) or None in chances:
        raise ServerProblem(
            f"The server sent {len(chances)} log-probabilities for {len(ids)} words"
            f"{', none for the ending' if len(chances) == len(ids) - 1 else ''}.",
            "Ask for ids (vLLM: extra={'return_token_ids': True}), or do without: logprobs=False.",
        )
    return Continuation(ids, [float(chance) for chance in chances if chance is not None], stopped)


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
        raise _malformed(f"words that the codec does not know ({unknown})") from None
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
        raise _malformed(f"the stop word {reason!r}, which was not asked for")
    return int(words[0])


def _answer(found: dict[str, Any]) -> Answer:
    usage = found.get("usage") or {}
    details = usage.get("prompt_tokens_details") or {}
    given = found.get("choices")
    if not isinstance(given, list):
        raise _malformed("an answer without choices")
    return Answer(
        given,
        usage.get("prompt_tokens"),
        int(details.get("cached_tokens") or 0),
        int(usage.get("completion_tokens") or 0),
    )


def _malformed(what: str) -> ServerProblem:
    return ServerProblem(
        f"The server sent {what}.", "Is it a completions server? base_url ends in /v1."
    )


def _key() -> str:
    return os.environ.get("OPENAI_API_KEY") or NO_KEY


def _quoted(problem: Any) -> str:
    """Return what the server said, short and without the key."""
    said, key = str(getattr(problem, "message", problem)), _key()
    said = said if key == NO_KEY else said.replace(key, "...")
    return f": {said[:LONGEST_QUOTE]}" if said else ""
