"""Finds out what a completions server can do, by about a dozen short requests.

Servers of one protocol differ in what they leave out. What is missing is a missing capability of the engine, and `adabench doctor
--model` shows each with how it was found.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adabench.workloads.shared.language_model.backends.model_profile import ModelProfile
from adabench.workloads.shared.language_model.backends.openai import STREAMED, OpenAIEngine
from adabench.workloads.shared.language_model.backends.openai_protocol import (
    Answer,
    Completions,
    RequestRefused,
    ServerProblem,
)
from adabench.workloads.shared.language_model.backends.piece_answers import shown_tokens
from adabench.workloads.shared.language_model.backends.server_abilities import (
    ServerAbilities,
    described,
)
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces

PROMPT = "".join(f"{number}, " for number in range(1, 31)).rstrip()
"""What any language model goes on with: ` 31, 32, `; longer than a block of a prefix cache."""
OPEN = "Once upon a time there was a"
"""What hardly two samples go on with alike."""
MARK = ","
WHOLE: Mapping[str, Any] = {
    "top_k": -1,
    "min_p": 0.0,
    "repeat_penalty": 1.0,
    "repetition_penalty": 1.0,
}
"""Asks for the distribution as the model gave it; llama.cpp and vLLM have defaults of their own."""
DRAWN: Mapping[str, Any] = {
    "generation_config": json.dumps({"do_sample": True, "top_k": 0, "repetition_penalty": 1.0})
}
"""The same of `transformers serve`, which takes the likeliest words at any temperature unless its
model's own settings, or these, say that it draws."""
MOST_N = 64
STREAM_TRIES = 3
"""A server that is busy joins words of an answer, which then says nothing of whether it streams them."""
HOT, COLD = 2.0, 0.01
"""The highest temperature of the protocol, and one at which the likeliest word is drawn, with a log-probability of nearly 0 after it."""


@dataclass(frozen=True)
class ServerProbe:
    """Asks a server short questions."""

    server: Completions
    name: str

    def abilities(self) -> ServerAbilities:
        """Try everything.

        Raises:
            ServerProblem: if the server does not complete a text at all.
        """
        whole = next((w for w in (WHOLE, DRAWN) if self._tried(max_tokens=1, extra_body=w)), {})
        extra: dict[str, Any] = {"extra_body": whole} if whole else {}
        first = self._tried(max_tokens=4, logprobs=1, **extra)
        plain = first or self._ask(max_tokens=4, **extra)
        again = self._tried(max_tokens=1, temperature=COLD, **_logged(first), **extra)
        stopped = self._tried(max_tokens=8, stop=[MARK], **_logged(first), **extra)
        streams = any(
            _same_in_pieces(plain, self._tried(max_tokens=4, **_logged(first), **extra, **STREAMED))
            for _ in range(STREAM_TRIES)
        )
        chances = [_first_chance(answer) for answer in (first, again)]
        texts = self._drawn((1, 1, 2), extra, max_tokens=8, temperature=1.0)
        return ServerAbilities(
            whole_by=whole,
            logprobs=_shape(first),
            before_temperature=None not in chances and chances[0] == chances[1],
            token_ids=_has_ids(first),
            says_cached=again is not None and again.says_cached,
            cached=0 if again is None else again.cached,
            stops=_stopped(stopped),
            stop_reason=stopped is not None and "stop_reason" in stopped.choices[0],
            shows_ending=_shows_ending(stopped),
            most_n=self._most_n(extra),
            echo=self._echoes(extra),
            seeded=texts[0] is not None and texts[0] == texts[1] != texts[2],
            draws=self._draws(texts, extra),
            streams=streams,
        )

    def _most_n(self, extra: dict[str, Any]) -> int:
        n = MOST_N
        while n > 1:
            answer = self._tried(n=n, max_tokens=1, temperature=1.0, **extra)
            if answer is not None and len(answer.choices) == n:
                return n
            n //= 2
        return 1

    def _echoes(self, extra: dict[str, Any]) -> bool:
        answer = self._tried(echo=True, max_tokens=1, logprobs=1, **extra)
        if answer is None:
            return False
        tokens = shown_tokens(answer.choices[0])
        spelled = b"".join(token.text for token in tokens).decode("utf-8", "replace")
        return spelled.startswith(PROMPT) and None not in [token.chance for token in tokens[1:]]

    def _drawn(self, seeds: Sequence[int], extra: dict[str, Any], **how: Any) -> list[str | None]:
        """Return a sample for each seed; None where such a request is not taken."""
        answers = [self._tried(prompt=OPEN, seed=seed, **how, **extra) for seed in seeds]
        return [None if one is None else one.choices[0].get("text") for one in answers]

    def _draws(self, texts: Sequence[str | None], extra: dict[str, Any]) -> bool:
        """Say whether samples differ; short ones of a model that is sure may be alike by chance."""
        if len(set(texts)) == 1:
            texts = self._drawn((3, 4), extra, max_tokens=32, temperature=HOT)
        return len(set(texts)) > 1

    def _tried(self, **asked: Any) -> Answer | None:
        """Ask; None if the server does not take such a request."""
        try:
            return self._ask(**asked)
        except RequestRefused:
            return None

    def _ask(self, **asked: Any) -> Answer:
        answer = self.server.ask(
            {"model": self.name, "prompt": PROMPT, "temperature": 0.0, **asked}
        )
        if not answer.choices:
            raise ServerProblem(
                f"{self.server.base_url} answers without a completion.",
                "Is it a completions server? One that only talks is named chat:URL#NAME.",
            )
        return answer


def open_server(
    name: str, url: str, spec: str, codec: TextPieces, found: ServerAbilities
) -> tuple[OpenAIEngine, ModelProfile]:
    """Return an engine that uses what a server was found to do.

    Raises:
        MissingExtra: without the `openai` client.
        ServerProblem: if it cannot be reached, refuses, or does not serve the model.
    """
    server = Completions(url, retries=1)
    listed = served(server, name)
    meta = listed.get("meta") or {}
    context = meta.get("n_ctx") or listed.get("max_model_len")
    engine = OpenAIEngine(
        name,
        codec,
        base_url=url,
        logprobs=found.usable_logprobs,
        echo=found.echo,
        prefix_cache=found.cached > 0,
        sends_stops=found.sends_stops,
        takes_stops=found.stops,
        streams=found.streams,
        eos=codec.end,
        context=context or 1 << 30,
        most_n=found.most_n,
        draws=found.draws,
        extra=found.whole_by,
    )
    profile = ModelProfile(
        spec=spec,
        kind=f"completions server{_owner(listed)}",
        parameters=meta.get("n_params"),
        vocabulary=meta.get("n_vocab"),
        ids="pieces of text",
        digest=codec.vocabulary,
        context=context,
        weights_bytes=meta.get("size"),
        abilities=described(found),
    )
    return engine, profile


def served(server: Completions, name: str) -> dict[str, Any]:
    """Return what a server says of a model; nothing if it lists none.

    Raises:
        ServerProblem: if it lists models, and this is not among them.
    """
    models = server.models()
    if not models:
        return {}
    for model in models:
        if name in (model.get("id"), *(model.get("aliases") or ())):
            return model
    names = ", ".join(str(model.get("id")) for model in models[:5])
    raise ServerProblem(
        f"{server.base_url} serves no model {name!r}.", f"It serves {names}: put one behind the #."
    )


def _owner(listed: Mapping[str, Any]) -> str:
    owner = listed.get("owned_by")
    return f" of {owner}" if owner else ""


def _logged(first: Answer | None) -> dict[str, Any]:
    return {} if first is None else {"logprobs": 1}


def _shape(answer: Answer | None) -> str:
    """Name the shape that log-probabilities came in."""
    shown = (answer.choices[0].get("logprobs") or {}) if answer else {}
    return next((name for name in ("content", "token_logprobs") if shown.get(name)), "")


def _first_chance(answer: Answer | None) -> float | None:
    tokens = shown_tokens(answer.choices[0]) if answer else []
    return None if not tokens or tokens[0].chance is None else round(tokens[0].chance, 3)


def _has_ids(answer: Answer | None) -> bool:
    choice = answer.choices[0] if answer else {}
    content = (choice.get("logprobs") or {}).get("content") or [{}]
    return "token_ids" in choice or "id" in content[0]


def _stopped(answer: Answer | None) -> bool:
    """Say whether the server stopped where it was told to."""
    if answer is None:
        return False
    choice = answer.choices[0]
    return choice.get("finish_reason") == "stop" and MARK not in str(choice.get("text"))


def _shows_ending(answer: Answer | None) -> bool:
    """Say whether the stop word came with a log-probability of its own."""
    if answer is None or not _stopped(answer):
        return False
    choice = answer.choices[0]
    spelled = b"".join(token.text for token in shown_tokens(choice))
    return len(spelled) > len(str(choice.get("text")).encode())


def _same_in_pieces(whole: Answer, streamed: Answer | None) -> bool:
    """Say whether words came one by one, with all that comes with an answer at once."""
    if streamed is None or len(streamed.stamps) < 2 or not streamed.choices:
        return False
    one, other = (
        (answer.choices[0].get("text"), shown_tokens(answer.choices[0]))
        for answer in (whole, streamed)
    )
    alike = one[0] == other[0] and len(one[1]) == len(other[1])
    return alike and (whole.prompt is None) == (streamed.prompt is None)
