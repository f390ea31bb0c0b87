"""What is found about servers that leave out this and that."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from adabench.workloads.shared.language_model.backends.openai_probe import (
    PROMPT,
    ServerProbe,
    served,
)
from adabench.workloads.shared.language_model.backends.openai_protocol import (
    Answer,
    RequestRefused,
    ServerProblem,
)
from adabench.workloads.shared.language_model.backends.server_abilities import (
    ServerAbilities,
    described,
)


@dataclass
class Dialect:
    """A server that goes on counting; what it lacks is in `lacks`. It stands for `Completions`."""

    lacks: frozenset[str] = frozenset()
    most_n: int = 100
    shape: str = "tokens"
    listed: list[dict[str, Any]] | None = None
    seen: list[dict[str, Any]] = field(default_factory=list)
    base_url: str = "http://127.0.0.1:9/v1"

    def models(self) -> list[dict[str, Any]] | None:
        return self.listed

    def ask(self, body: dict[str, Any]) -> Answer:
        self.seen.append(body)
        refused = {"extra_body", "logprobs", "echo", "stream"} & self.lacks
        if refused & set(body) or body.get("n", 1) > self.most_n:
            raise RequestRefused("No.")
        if "completions" in self.lacks:
            raise ServerProblem("Nothing answers.")
        n = 1 if "n" in self.lacks else body.get("n", 1)
        cached = 40 if len(self.seen) > 1 else 0
        says = "cached" not in self.lacks
        prompt = None if "stream" in body and "counts" in self.lacks else 90
        stamps = (1.0, 2.0) if "stream" in body else ()
        return Answer([self._choice(body)] * n, prompt, cached * says, 1, says, stamps)

    def _choice(self, body: dict[str, Any]) -> dict[str, Any]:
        words = [" 31", ",", " 32", ","]
        if body["temperature"] >= 1.0 and "seed" in body:
            words = [f" {len(self.seen) if 'seed' in self.lacks else body['seed']}"]
            words = [" 31"] if "samples" in self.lacks else words
        stopped = "stop" in body and "stop" not in self.lacks
        shown = words[:2] if stopped else words[: body["max_tokens"]]
        text = "".join(shown[:-1] if stopped else shown)
        if stopped and "ending" in self.lacks:
            shown = shown[:-1]
        if body.get("echo") and "echoes" not in self.lacks:
            shown = [PROMPT, *shown]
        choice: dict[str, Any] = {"text": text, "finish_reason": "stop" if stopped else "length"}
        if stopped and "stop_reason" not in self.lacks:
            choice["stop_reason"] = ","
        if "logprobs" in body and "shown" not in self.lacks:
            late = "early" in self.lacks and body["temperature"] == 0.01
            choice["logprobs"] = self._logprobs(shown, 0.0 if late else -0.5)
        return choice

    def _logprobs(self, shown: list[str], chance: float) -> dict[str, Any]:
        if self.shape == "content":
            return {"content": [{"id": 1, "token": text, "logprob": chance} for text in shown]}
        return {"tokens": shown, "token_logprobs": [chance] * len(shown)}


def found(**how: Any) -> ServerAbilities:
    lacks = frozenset(how.pop("lacks", ()))
    return ServerProbe(Dialect(lacks, **how), "tiny").abilities()  # type: ignore[arg-type]


def able(abilities: ServerAbilities) -> set[str]:
    return {ability.name for ability in described(abilities) if ability.able}


ALL = {
    "logprobs", "fork", "score", "steps", "stop reason", "several at once", "cached-token counts",
    "whole distribution", "samples", "seed", "stop strings", "word times",
}  # fmt: skip


def test_a_server_that_does_everything():
    abilities = found()
    assert able(abilities) == ALL
    assert abilities.sends_stops
    assert abilities.most_n == 64
    assert able(found(shape="content")) == ALL | {"token ids"}


@pytest.mark.parametrize(
    ("lacks", "missing"),
    [
        ("extra_body", {"whole distribution"}),
        ("logprobs", {"logprobs", "score"}),
        ("shown", {"logprobs", "score"}),
        ("early", {"logprobs", "score"}),
        ("echo", {"score"}),
        ("echoes", {"score"}),
        ("n", {"several at once"}),
        ("cached", {"fork", "cached-token counts"}),
        ("seed", {"seed"}),
        ("samples", {"seed", "samples"}),
        ("stream", {"word times"}),
        ("counts", {"word times"}),
        ("stop_reason", {"stop reason"}),
        ("stop", {"stop strings", "stop reason"}),
    ],
)
def test_what_is_left_out_is_missing_and_nothing_else(lacks, missing):
    assert able(found(lacks=[lacks])) == ALL - missing


@pytest.mark.parametrize(
    ("lacks", "sends"),
    [
        (["stop"], False),
        (["stop_reason"], False),
        (["ending"], False),
        (["ending", "logprobs"], True),
        (["stop_reason", "logprobs"], False),
        ([], True),
    ],
)
def test_stop_words_are_sent_only_where_an_answer_says_all_about_them(lacks, sends):
    assert found(lacks=lacks).sends_stops == sends


@pytest.mark.parametrize(("most", "expected"), [(1, 1), (4, 4), (5, 4), (63, 32)])
def test_the_largest_n_is_found_by_halving(most, expected):
    assert found(most_n=most).most_n == expected


def test_every_no_says_how_it_was_found():
    for ability in described(found(lacks=["logprobs", "cached", "stop_reason", "n"])):
        assert ability.how


def test_a_server_that_does_not_answer_is_no_server_without_abilities():
    with pytest.raises(ServerProblem, match="Nothing answers"):
        found(lacks=["completions"])


def test_a_model_that_is_not_listed_is_named_with_those_that_are():
    listed = [{"id": "big", "aliases": ["b"], "owned_by": "me"}, {"id": "small"}]
    for name in ("big", "b"):
        assert served(Dialect(listed=listed), name)["owned_by"] == "me"  # type: ignore[arg-type]
    with pytest.raises(ServerProblem, match="serves no model 'huge'") as caught:
        served(Dialect(listed=listed), "huge")  # type: ignore[arg-type]
    assert "big, small" in caught.value.hint
    assert served(Dialect(), "anything") == {}  # type: ignore[arg-type]
