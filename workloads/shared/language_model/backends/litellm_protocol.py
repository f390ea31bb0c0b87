"""Chats with a provider that litellm knows, by the same bodies and answers as a chat server's.

litellm (extra `litellm`) reads keys and addresses from the variables of each provider (`ANTHROPIC_API_KEY`,
`OLLAMA_API_BASE`), and puts our body into that provider's own form. A `seed` is left out for a provider that takes none: its
samples are then other ones the next time. Anything else that a provider does not take is refused, not dropped.
"""

import os
from dataclasses import dataclass
from typing import Any

from adabench.harness.errors import EnvironmentProblem, SelectionError, require
from adabench.workloads.shared.language_model.backends.openai_protocol import (
    LONGEST_QUOTE,
    REFUSED,
    ChatAnswer,
    RequestRefused,
    ServerProblem,
    chat_answer,
)


@dataclass
class Provider:
    """A model of a provider; holds no key."""

    name: str
    """As litellm has it: PROVIDER/NAME."""
    retries: int = 3
    timeout_s: float = 120.0

    def check(self) -> None:
        """Make sure that the provider is known and its keys are set; nothing is sent.

        Raises:
            MissingExtra: without litellm.
            SelectionError: if litellm knows no such provider.
            EnvironmentProblem: if a key is missing.
        """
        litellm = _library()
        try:
            litellm.get_llm_provider(self.name)
        except litellm.exceptions.BadRequestError as unknown:
            raise SelectionError(
                f"litellm knows no provider of {self.name!r}.",
                "Write litellm:PROVIDER/NAME, such as litellm:anthropic/claude-3-5-haiku-latest.",
            ) from unknown
        lacking = litellm.validate_environment(self.name)["missing_keys"]
        if lacking:
            raise EnvironmentProblem(
                f"litellm:{self.name} needs what is not set: {', '.join(lacking)}.",
                "Set it in the environment that adabench is started from.",
            )

    def talk(self, body: dict[str, Any]) -> ChatAnswer:
        """Send the turns of a conversation, and return what is answered.

        Raises:
            MissingExtra: without litellm.
            ServerProblem: if no usable answer comes back.
        """
        litellm, openai = _library(), require("openai", extra="litellm")
        if "seed" not in (litellm.get_supported_openai_params(self.name) or ()):
            body = {name: value for name, value in body.items() if name != "seed"}
        try:
            found = litellm.completion(
                **body | {"model": self.name}, max_retries=self.retries, timeout=self.timeout_s
            )
        except openai.OpenAIError as problem:
            raise self._explained(problem) from None
        # Where a provider counts nothing litellm says 0, and no prompt has 0 tokens.
        answer = found.model_dump()
        if not (answer.get("usage") or {}).get("prompt_tokens"):
            answer["usage"] = None
        return chat_answer(answer)

    def _explained(self, problem: Any) -> ServerProblem:
        """Return a sentence with a remedy; no key is quoted."""
        status = getattr(problem, "status_code", None)
        said = _without_keys(" ".join(str(problem).split()))[:LONGEST_QUOTE]
        if status in (401, 403):
            return ServerProblem(
                f"{self.name} refuses the key ({status}).", "Set the provider's key to a valid one."
            )
        kind = RequestRefused if status in REFUSED else ServerProblem
        return kind(
            f"{self.name} does not answer ({status}: {said}).",
            "Check the model's name, the provider's address and what it supports; then resume.",
        )


def _without_keys(text: str) -> str:
    """Return a text without any value of a variable that holds a key."""
    for name, value in os.environ.items():
        if value and name.endswith(("_KEY", "_TOKEN", "_SECRET")):
            text = text.replace(value, "...")
    return text


def _library() -> Any:
    """Return litellm, which fetches no table of prices and says nothing of its own."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    litellm: Any = require("litellm", extra="litellm")
    litellm.suppress_debug_info, litellm.telemetry = True, False
    return litellm
