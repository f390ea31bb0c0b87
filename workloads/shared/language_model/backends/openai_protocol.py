"""Speaks the completions protocol: asks, and says what is wrong when no answer comes.

The `openai` client (extra `endpoint`) retries refused and broken connections, 429 and 5xx; what is still wrong afterwards becomes one
sentence with a remedy.
"""

import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adabench.harness.errors import EnvironmentProblem, require
from adabench.harness.provenance.server_secrets import hidden, secret_of
from adabench.workloads.shared.language_model.backends.streamed_answer import collected

NO_KEY = "none"
"""What servers without keys are sent; the client insists on one."""
LONGEST_QUOTE = 200
REFUSED = (400, 405, 415, 422, 501)
"""What a server says to a request that it does not understand."""


class ServerProblem(EnvironmentProblem):
    """The server cannot be reached, refuses, or does not give what was asked."""

    ends_run = True


class RequestRefused(ServerProblem):
    """The server does not take such a request; others it may."""

    ends_run = False


@dataclass(frozen=True)
class Answer:
    """One answer of the server."""

    choices: list[dict[str, Any]]
    prompt: int | None = None
    """Tokens read, by the server's count; None: it does not say."""
    cached: int = 0
    """Those of them that came from its prefix cache."""
    generated: int = 0
    says_cached: bool = False
    """Whether it counts what came from its prefix cache."""
    stamps: tuple[float, ...] = ()
    """When its words came, on the monotonic clock, if they came one by one."""


@dataclass(frozen=True)
class ChatAnswer:
    """One answer of a chat server."""

    content: str
    finish: str
    reasoned: bool
    """Whether it sent thought apart from the answer."""
    prompt: int
    cached: int
    generated: int
    thought: int | None
    """Tokens of thought among those generated; None: it does not say."""


@dataclass
class Completions:
    """A completions endpoint; holds no key, and its connections are not stored with it."""

    base_url: str | None
    retries: int = 3
    timeout_s: float = 120.0
    _client: Any = None
    _process: int = 0
    """The one that made the connections; a fork makes its own."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_client": None}

    def ask(self, body: dict[str, Any]) -> Answer:
        """Send one request.

        Raises:
            MissingExtra: without the `openai` client.
            ServerProblem: if no usable answer comes back.
        """
        openai, client = self._connected()
        try:
            found = client.completions.create(**body)
            if not body.get("stream"):
                return _answer(found.to_dict(warnings=False), [])
            return self._streamed(openai, found)
        except openai.APIError as problem:
            raise self._explained(openai, problem, str(body["model"])) from None
        except (ValueError, AttributeError) as broken:
            raise malformed(f"not a completion in JSON ({type(broken).__name__})") from None

    def talk(self, body: dict[str, Any]) -> ChatAnswer:
        """Send the turns of a conversation, and return what is answered.

        Raises:
            MissingExtra: without the `openai` client.
            ServerProblem: if no usable answer comes back.
        """
        openai, client = self._connected()
        try:
            found = client.chat.completions.create(**body)
            return chat_answer(found.to_dict(warnings=False))
        except openai.APIError as problem:
            raise self._explained(openai, problem, str(body["model"])) from None
        except (ValueError, AttributeError, TypeError) as broken:
            raise malformed(f"no answer of a chat in JSON ({type(broken).__name__})") from None

    def _streamed(self, openai: Any, found: Any) -> Answer:
        """Put an answer together that comes in pieces."""
        try:
            with found:
                return _answer(*collected(chunk.to_dict(warnings=False) for chunk in found))
        except Exception as broken:
            # Some versions of the client let errors of their transport through here.
            ours = isinstance(broken, openai.APIConnectionError)
            if not ours and not type(broken).__module__.startswith("httpx"):
                raise
            raise ServerProblem(
                f"{self.base_url} broke off in the middle of an answer.",
                "See whether the server still runs; start it again and resume.",
            ) from None

    def models(self) -> list[dict[str, Any]] | None:
        """Return what the server says of its models; None if it does not list them.

        Raises:
            MissingExtra: without the `openai` client.
            ServerProblem: if nothing answers, or not for this key.
        """
        openai, client = self._connected()
        try:
            return [model.to_dict(warnings=False) for model in client.models.list().data]
        except openai.NotFoundError:
            return None
        except openai.APIError as problem:
            raise self._explained(openai, problem, "") from None
        except (ValueError, AttributeError, TypeError):
            return None

    def _connected(self) -> tuple[Any, Any]:
        """Return the client's module, and a client of this process."""
        openai = require("openai", extra="endpoint")
        if self._client is None or self._process != os.getpid():
            self._process, secret = os.getpid(), secret_of(self.base_url)
            self._client = openai.OpenAI(
                api_key=_key(),
                base_url=self.base_url,
                max_retries=self.retries,
                timeout=self.timeout_s,
                default_headers=secret.headers,
                default_query=secret.parameters,
            )
            weakref.finalize(self, self._client.close)
        return openai, self._client

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
                f"Nothing answers at {where}.", "Start the server, or correct its address."
            )
        if isinstance(problem, openai.APIResponseValidationError):
            return malformed("not a completion in JSON")
        status = getattr(problem, "status_code", None)
        if status in (401, 403):
            return ServerProblem(
                f"{where} refuses the key ({status}).",
                "Set OPENAI_API_KEY to a valid one, or write user and password into its address.",
            )
        said = _quoted(problem)
        if status == 404:
            return ServerProblem(
                f"{where} knows no model {model!r} for completions (404{said}).",
                "See its /v1/models; one that only talks is named chat:URL#NAME.",
            )
        if status == 429:
            return ServerProblem(
                f"{where} still refuses for lack of capacity after {self.retries + 1} tries (429).",
                "Wait, use fewer threads, or raise retries.",
            )
        if status is None:
            return malformed(f"no valid answer{said}")
        kind = RequestRefused if status in REFUSED else ServerProblem
        return kind(
            f"{where} refuses the request ({status}{said}).",
            "Check what it supports: ids as prompt, n, stop, logprobs, echo, seed.",
        )


def _answer(found: dict[str, Any], stamps: Sequence[float]) -> Answer:
    usage = found.get("usage") or {}
    details = usage.get("prompt_tokens_details") or {}
    given = found.get("choices")
    if not isinstance(given, list):
        raise malformed("an answer without choices")
    return Answer(
        given,
        usage.get("prompt_tokens"),
        int(details.get("cached_tokens") or 0),
        int(usage.get("completion_tokens") or 0),
        details.get("cached_tokens") is not None,
        tuple(stamps),
    )


def chat_answer(found: dict[str, Any]) -> ChatAnswer:
    """Read one answer; a server that counts no tokens of it is no use for measuring.

    Raises:
        ServerProblem: for an answer without text or without counts.
    """
    choices, usage = found.get("choices"), found.get("usage") or {}
    if not isinstance(choices, list) or len(choices) != 1 or "message" not in choices[0]:
        raise malformed("a chat without one message")
    if "prompt_tokens" not in usage or "completion_tokens" not in usage:
        raise ServerProblem(
            "The server does not say how many tokens it read and wrote (`usage`).",
            "Let it say so, or serve the model's completions: openai:URL#NAME.",
        )
    message = choices[0]["message"]
    read, wrote = (usage.get(f"{n}_tokens_details") or {} for n in ("prompt", "completion"))
    thought = wrote.get("reasoning_tokens")
    return ChatAnswer(
        str(message.get("content") or ""),
        str(choices[0].get("finish_reason") or ""),
        bool(message.get("reasoning_content") or message.get("reasoning")),
        int(usage["prompt_tokens"]),
        int(read.get("cached_tokens") or 0),
        int(usage["completion_tokens"]),
        None if thought is None else int(thought),
    )


def malformed(what: str) -> ServerProblem:
    """Return what to raise for an answer that makes no sense."""
    return ServerProblem(
        f"The server sent {what}.", "Is it a completions server? Its address usually ends in /v1."
    )


def _key() -> str:
    return os.environ.get("OPENAI_API_KEY") or NO_KEY


def _quoted(problem: Any) -> str:
    """Return what the server said, short and without the key."""
    said, key = str(getattr(problem, "message", problem)), _key()
    said = hidden(said if key == NO_KEY else said.replace(key, "..."))
    return f": {said[:LONGEST_QUOTE]}" if said else ""
