"""Servers that only talk, planted on loopback: right answers, thought told apart, and the rest refused by name."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

pytest.importorskip("openai", reason="the extra `serve` is not installed")

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.backends.openai_protocol import ServerProblem
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.test_time.text import task as text
from tests.workloads import local_server
from tests.workloads.local_server import Reply

NAME = "talker"
THINK = 7
"""Tokens of thought before each answer."""


@dataclass
class Talker:
    """Adds up the numbers of the last question, and thinks before it in one of several manners."""

    manner: str = "plain"
    seen: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    spec: str = ""
    """What it is named by, where that is not its address."""

    def reply(self, handler: BaseHTTPRequestHandler, body: dict[str, Any] | None) -> Reply:
        if body is None:
            return local_server.models(NAME)
        if not handler.path.endswith("/chat/completions"):
            return 404, b'{"error": {"message": "only chat here"}}', {}
        self.seen.append(body)
        if self.manner == "html":
            return 200, b"<html>Sign in</html>", {"Content-Type": "text/html"}
        return 200, json.dumps(self.answer(body)).encode(), {}

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        asked = body["messages"][-1]["content"]
        total = sum(map(int, re.findall(r"\d+", asked.rpartition("Problem:")[2])))
        said, tokens = f"Step 1: it is {total}\nAnswer: {total}\n\nHope it helps: 99", 12
        message: dict[str, Any] = {"role": "assistant", "content": said}
        usage: dict[str, Any] = {
            "prompt_tokens": 30,
            "completion_tokens": tokens,
            "total_tokens": 42,
        }
        finish = "stop"
        if self.manner == "apart":
            message["reasoning_content"] = "Answer: 1000"
            usage["completion_tokens"] += THINK
            usage["completion_tokens_details"] = {"reasoning_tokens": THINK}
        elif self.manner == "tags":
            message["content"] = f"<think>Answer: 1000\n</think>\n{said}"
            usage["completion_tokens"] += THINK
        elif self.manner == "lost":
            message["content"], finish = "<think>Answer: 1000\nand then", "length"
        elif self.manner == "uncounted":
            usage = {}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        head = {"id": "x", "object": "chat.completion", "created": 0, "model": NAME}
        return {**head, "choices": [choice], "usage": usage or None}


@pytest.fixture
def talker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Talker]:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    found = Talker()
    with local_server.serve(found.reply) as found.url:
        yield found


def spec(talker: Talker) -> str:
    return talker.spec or f"chat:{talker.url}#{NAME}"


def solved(talker: Talker, name: str, **point: Any) -> tuple[dict[str, float], dict[str, float]]:
    """Return how the answer to one question is judged, and what it cost."""
    task = text.load("embedded", 0, model=spec(talker), problems=1)
    entry = registry.find(f"text/{name}")
    given = task.substrate()
    setting = {knob.name: knob.default for knob in entry.card.knobs} | point
    (question,) = task.cases()
    outcome = given.account(question, registry.load(entry).solve(given, question, setting))
    return dict(task.judge(question, task.completion_of(outcome))), dict(given.meter)


@pytest.mark.parametrize(
    ("manner", "generated", "thought"),
    [("plain", 12, 0), ("apart", 12 + THINK, THINK), ("tags", 12 + THINK, None)],
)
def test_an_answer_is_read_behind_all_thought_whose_tokens_are_told_apart_or_not_there(
    talker: Talker, manner: str, generated: int, thought: int | None
) -> None:
    talker.manner = manner
    judged, counts = solved(talker, "greedy")
    assert (judged["accuracy"], judged["truncated"]) == (1.0, 0.0)
    assert (counts["generated"], counts["prefilled"]) == (generated, 30)
    assert counts.get("thought") == thought
    assert "flops" not in counts


def test_thought_that_is_cut_off_left_no_answer(talker: Talker) -> None:
    talker.manner = "lost"
    judged, counts = solved(talker, "greedy")
    assert (judged["accuracy"], judged["malformed"], judged["truncated"]) == (0.0, 1.0, 1.0)
    assert counts["generated"] == 12


def test_a_vote_asks_for_each_sample_with_a_seed_of_its_own_in_turns(talker: Talker) -> None:
    judged, counts = solved(talker, "majority", N=3)
    assert judged["accuracy"] == 1.0
    asked = [body for body in talker.seen if "seed" in body]
    assert counts["requests"] == len({body["seed"] for body in asked}) == 3
    roles = [turn["role"] for turn in asked[0]["messages"]]
    assert roles[-1] == "user"
    assert set(roles) == {"user", "assistant"}
    assert all("\x1e" not in turn["content"] for turn in asked[0]["messages"])


@pytest.mark.parametrize(
    ("name", "what"), [("beam", "logprobs"), ("sys1", "steps"), ("best_of_n", "logprobs")]
)
def test_what_a_chat_cannot_do_is_refused_by_name(talker: Talker, name: str, what: str) -> None:
    with pytest.raises(CapabilityMissing, match=what):
        solved(talker, name, N=2)


def test_methods_that_need_more_than_whole_answers_are_missed_before_a_run(talker: Talker) -> None:
    lacks = text.missing_abilities({"model": spec(talker)})
    assert {"steps", "scores", "logprobs", "hidden", "draft", "pool"} <= lacks.keys()
    assert "samples" not in lacks


@pytest.mark.parametrize(
    ("manner", "problem"),
    [
        ("uncounted", "does not say how many tokens"),
        ("html", "no answer of a chat in JSON|not a completion in JSON|a chat without one message"),
    ],
)
def test_a_server_that_does_not_count_or_does_not_talk_is_refused(
    talker: Talker, manner: str, problem: str
) -> None:
    talker.manner = manner
    with pytest.raises(ServerProblem, match=problem):
        text.missing_abilities({"model": spec(talker)})


def test_a_chat_server_under_the_name_of_a_completions_server_is_told_its_own(
    talker: Talker,
) -> None:
    with pytest.raises(ServerProblem) as caught:
        text.missing_abilities({"model": f"openai:{talker.url}#{NAME}"})
    assert "chat:URL#NAME" in caught.value.hint


def test_turns_cannot_be_left_out(talker: Talker) -> None:
    with pytest.raises(SelectionError, match="takes turns alone"):
        text.load("embedded", 0, model=spec(talker), chat="off")
