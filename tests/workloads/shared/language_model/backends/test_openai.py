"""The completions backend against a server that speaks the protocol and really samples."""

import json
import math
import pickle
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import torch

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.backends.openai import OpenAIEngine
from adabench.workloads.shared.language_model.backends.openai_protocol import ServerProblem
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.contract import (
    STEP,
    TO_THE_END,
    BudgetSpent,
    CapabilityMissing,
    Costs,
    require,
)
from adabench.workloads.shared.language_model.flop_formula import Formula
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.vocabulary import EOS, IDS, WordCodec, decode, encode
from tests.workloads import local_server
from tests.workloads.local_server import Reply

pytest.importorskip("openai", reason="the extra `serve` is not installed")

PROMPT = encode("<bos> 4 7 + 3 8 >")
KEY = "sk-secret-of-a-test"
NAME = "tiny"
SHAPE = Shape(layers=1, width=32, heads=2, hidden=48, context=96)


def tiny() -> NativeEngine:
    torch.manual_seed(0)
    model = LanguageModel(SHAPE)
    with torch.no_grad():
        model.embedding.weight *= 8
        model.embedding.weight[EOS] *= 3  # completions that end
        model.embedding.weight[IDS[";"]] = 0.9 * model.embedding.weight[EOS]
    return NativeEngine(model, NAME)


@dataclass
class Server:
    """One model, one listener, and what it should do wrong."""

    engine: NativeEngine
    url: str = ""
    vllm: bool = True
    """Say which stop word it was and give the ending's log-probability, as vLLM does."""
    token_ids: bool = False
    cached: int | None = None
    ignores: set[str] = field(default_factory=set)
    failures: list[tuple[int, dict[str, str], str]] = field(default_factory=list)
    """Answered first, in turn; the last one for ever if `stuck`."""
    stuck: bool = False
    seen: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, handler: BaseHTTPRequestHandler, body: dict[str, Any] | None) -> Reply:
        assert body is not None
        with self.lock:
            self.seen.append(body)
            self.keys.append(handler.headers["Authorization"])
            if self.failures:
                stay = self.stuck and len(self.failures) == 1
                status, headers, text = self.failures[0] if stay else self.failures.pop(0)
                return status, text.encode(), headers
            if handler.path != "/v1/completions" or body["model"] != NAME:
                error = {"message": "The model does not exist.", "type": "NotFoundError"}
                return 404, json.dumps({"error": error}).encode(), {}
            return 200, json.dumps(self.answer(body)).encode(), {}

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        asked = {name: value for name, value in body.items() if name not in self.ignores}
        prompt = asked["prompt"]
        ids = list(encode(prompt)) if isinstance(prompt, str) else prompt
        self.engine.reset(Costs())
        root = self.engine.open(ids, asked.get("seed", 0))
        leaves = self.engine.fork(root, asked.get("n", 1))
        stops = {IDS[text.strip()] for text in asked.get("stop") or ()}
        chunks = self.engine.decode(
            leaves,
            stop=frozenset({*stops, EOS}),
            max_new=asked["max_tokens"],
            temperature=asked["temperature"],
            top_p=asked.get("top_p", 1.0),
        )
        echoed: list[float | None] = []
        if asked.get("echo"):
            (scores,) = self.engine.score([self.engine.open(ids[:1])], [ids[1:]])
            echoed = [None, *scores]
        usage: dict[str, Any] = {
            "prompt_tokens": len(ids),
            "completion_tokens": sum(len(chunk.ids) for chunk in chunks),
            "total_tokens": 0,
        }
        if self.cached is not None:
            usage["prompt_tokens_details"] = {"cached_tokens": self.cached}
        made = [self.choice(i, chunk, ids, echoed, asked) for i, chunk in enumerate(chunks)]
        # Out of order, as servers may.
        return {
            "id": "x",
            "object": "text_completion",
            "created": 0,
            "model": NAME,
            "choices": made[::-1],
            "usage": usage,
        }

    def choice(self, index, chunk, prompt, echoed, asked) -> dict[str, Any]:
        shown = list(chunk.ids)
        ending = shown.pop() if chunk.finish == "stop" else None
        texts = [f" {decode([word])}" for word in shown]
        chances = list(chunk.logprobs)[: len(texts)]
        choice: dict[str, Any] = {
            "index": index,
            "text": "".join(texts),
            "finish_reason": chunk.finish,
            "logprobs": None,
        }
        if ending is not None and self.vllm:
            texts.append("" if ending == EOS else f" {decode([ending])}")
            chances.append(chunk.logprobs[-1])
            choice["stop_reason"] = None if ending == EOS else decode([ending])
        if asked.get("logprobs") is not None:
            choice["logprobs"] = {
                "tokens": [*(decode([w]) for w in prompt if echoed), *texts],
                "token_logprobs": [*echoed, *chances],
                "text_offset": [],
                "top_logprobs": None,
            }
        if self.token_ids:
            choice["token_ids"] = list(chunk.ids)
        return choice


@pytest.fixture(scope="module")
def listener() -> Iterator[Server]:
    server = Server(tiny())
    with local_server.serve(server.reply) as server.url:
        yield server


@pytest.fixture
def server(listener: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    listener.vllm, listener.token_ids, listener.cached, listener.stuck = True, False, None, False
    for kept in (listener.ignores, listener.failures, listener.seen, listener.keys):
        kept.clear()
    return listener


def engine(server: Server, **settings: Any) -> OpenAIEngine:
    costs = Costs(budget=settings.pop("budget", None))
    return OpenAIEngine(
        settings.pop("model", NAME), WordCodec(), costs, base_url=server.url, **settings
    )


def test_greedy_words_are_those_of_the_served_model(server):
    native = tiny()
    words = []
    for one in (native, engine(server)):
        seq = one.open(PROMPT, 1)
        one.decode([seq], max_new=20, temperature=0.0)
        words.append(seq.ids)
    assert words[0] == words[1]


@pytest.mark.parametrize("settings", [{}, {"prompt": "text"}])
@pytest.mark.parametrize("token_ids", [False, True])
def test_siblings_go_together_and_keep_their_log_probabilities(server, settings, token_ids):
    server.token_ids = token_ids
    one = engine(server, **settings)
    leaves = one.fork(one.open(PROMPT, 1), 6)
    chunks = one.decode(leaves, stop=STEP, max_new=12)
    assert [body["n"] for body in server.seen] == [6]
    assert isinstance(server.seen[0]["prompt"], str) == bool(settings)
    assert len({leaf.completion for leaf in leaves}) > 1
    judge = tiny()
    for leaf, chunk in zip(leaves, chunks, strict=True):
        (scores,) = judge.score([judge.open(PROMPT)], [chunk.ids])
        assert chunk.logprobs == pytest.approx(scores, abs=1e-4)
        assert leaf.logprob == pytest.approx(sum(scores), abs=1e-3)
        assert (chunk.finish == "stop") == (chunk.ids[-1] in STEP)
    assert {chunk.ids[-1] for chunk in chunks} >= {IDS[";"], EOS}


def test_each_sibling_gets_the_completion_of_its_number(server):
    one, native = engine(server), tiny()
    leaves = one.fork(one.open(PROMPT, 1), 5)
    one.decode(leaves, max_new=6)
    served = native.fork(native.open(PROMPT, server.seen[0]["seed"]), 5)
    native.decode(served, max_new=6)
    assert [leaf.ids for leaf in leaves] == [leaf.ids for leaf in served]


def test_another_key_asks_with_another_seed(server):
    one = engine(server)
    for key in (1, 2, 1):
        one.decode([one.open(PROMPT, key)], max_new=3)
    seeds = [body["seed"] for body in server.seen]
    assert seeds[0] == seeds[2] != seeds[1]


def test_every_fork_pays_its_prefix(server):
    server.cached = 4
    one = engine(server, prefix_cache=True)
    leaves = one.fork(one.open(PROMPT, 1), 3)
    for leaf, word in zip(leaves, (5, 6, 7), strict=True):
        one.append([leaf], [[word]])
    one.decode(leaves, max_new=2)
    meter = one.costs.meter
    assert meter["prefilled"] == 3 * (len(PROMPT) + 1)
    assert meter["cached"] == 3 * 4
    assert meter["requests"] == len(server.seen) == 3
    assert meter["generated"] == sum(len(leaf.completion) - 1 for leaf in leaves)
    assert meter["calls"] == 4


def test_flops_are_those_of_the_served_engine(server):
    native = tiny()
    formula = Formula(2 * SHAPE.parameters, 4 * SHAPE.layers * SHAPE.width, 2 * SHAPE.width * 192)
    one = engine(server, formula=formula)
    seq = one.open(PROMPT, 1)
    one.decode([seq], max_new=6, temperature=0.0)
    again = native.open(PROMPT, 1)
    native.decode([again], max_new=6, temperature=0.0)
    last = 0 if again.finished else formula.span(len(again.ids) - 1, len(again.ids))
    # The native engine has run its last word, a server has not.
    assert one.costs.meter["flops"] == native.costs.meter["flops"] - last


def test_scores_are_those_of_the_served_model(server):
    part = encode("4 7 + 3 8 = 8 5 ;")
    one, judge = engine(server, echo=True), tiny()
    (scores,) = one.score([one.open(PROMPT)], [part])
    (want,) = judge.score([judge.open(PROMPT)], [part])
    assert scores == pytest.approx(want, abs=1e-4)
    assert one.costs.meter["prefilled"] == len(PROMPT) + len(part)
    assert one.costs.meter["discarded"] == 1
    assert one.costs.meter["generated"] == 0


def test_a_budget_is_kept_and_shared(server):
    one = engine(server, budget=30)
    leaves = one.fork(one.open(PROMPT, 3), 7)
    with pytest.raises(BudgetSpent):
        one.decode(leaves, stop=frozenset({EOS}), max_new=60)
    drawn = sum(len(leaf.completion) for leaf in leaves)
    assert drawn == one.costs.meter["generated"] <= 30
    assert 30 - drawn < sum(not leaf.finished for leaf in leaves)
    assert server.seen[0]["max_tokens"] == 4


def test_without_stop_reason_a_step_is_not_guessed(server):
    server.vllm = False
    one = engine(server, logprobs=False)
    leaves = one.fork(one.open(PROMPT, 1), 6)
    with pytest.raises(ServerProblem, match="does not say whether a stop word"):
        one.decode(leaves, stop=STEP, max_new=12)
    leaves = one.fork(one.open(PROMPT, 1), 6)
    chunks = one.decode(leaves, stop=TO_THE_END, max_new=12)
    assert any(leaf.finished for leaf in leaves)
    assert all(chunk.logprobs == () for chunk in chunks)
    assert math.isnan(leaves[0].logprob)
    one = engine(server)
    with pytest.raises(ServerProblem, match="none for the ending"):
        one.decode(one.fork(one.open(PROMPT, 1), 6), max_new=12)


def test_what_it_cannot_do_it_says(server):
    one = engine(server)
    seq = one.open(PROMPT)
    for call in (lambda: one.held(), lambda: one.hidden(seq, 0), lambda: one.score([seq], [[3]])):
        with pytest.raises(CapabilityMissing, match=r"not supported on this backend \(tiny\)"):
            call()
    with pytest.raises(CapabilityMissing, match="exact, fork"):
        require(one, "logprobs", "exact", "fork")
    require(engine(server, prefix_cache=True, echo=True), "fork", "score")
    with pytest.raises(CapabilityMissing, match="logprobs"):
        require(engine(server, logprobs=False), "logprobs")
    assert not server.seen


@pytest.mark.parametrize(
    ("ignored", "settings", "message", "hint"),
    [
        ("logprobs", {}, "sent no log-probabilities", "logprobs=False"),
        ("n", {}, "gave 1 completions where 6 were asked", "most_n=1"),
        ("stop", {}, "went on after a stop word", "ignores stop"),
    ],
)
def test_a_server_that_ignores_something_is_noticed(server, ignored, settings, message, hint):
    server.ignores.add(ignored)
    one = engine(server, **settings)
    with pytest.raises(ServerProblem, match=message) as caught:
        one.decode(one.fork(one.open(PROMPT, 1), 6), stop=STEP, max_new=30)
    assert hint in caught.value.hint


def test_a_server_that_ignores_echo_is_noticed(server):
    server.ignores.add("echo")
    one = engine(server, echo=True)
    with pytest.raises(ServerProblem, match="echoed 1 log-probabilities for a prompt of 9 words"):
        one.score([one.open(PROMPT)], [[3, 4]])


def test_the_remedy_for_n_works(server):
    server.ignores.add("n")
    one = engine(server, most_n=1)
    leaves = one.fork(one.open(PROMPT, 1), 4)
    one.decode(leaves, max_new=5)
    assert all(leaf.completion for leaf in leaves)
    assert len(server.seen) == 4


def refused(status: int, **headers: str) -> tuple[int, dict[str, str], str]:
    said = f"No, and your key {KEY} is known now."
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, names, json.dumps({"error": {"message": said}})


@pytest.mark.parametrize(
    ("failure", "message", "hint"),
    [
        (refused(401), r"refuses the key \(401\)", "OPENAI_API_KEY"),
        (refused(400), r"refuses the request \(400", "ids as prompt"),
        (refused(500, retry_after_ms="1"), r"refuses the request \(500", "supports"),
        (refused(429, retry_after_ms="1"), r"after 2 tries \(429\)", "fewer threads"),
        ((200, {}, "{ not json"), "not a completion in JSON", "address"),
        ((200, {"Content-Type": "text/html"}, "<p>hello"), "not a completion in JSON", "address"),
        ((200, {}, "{}"), "without choices", "address"),
    ],
)
def test_refusals_are_sentences_without_the_key(server, failure, message, hint, caplog):
    caplog.set_level("DEBUG")
    server.failures, server.stuck = [failure], True
    one = engine(server, retries=1)
    with pytest.raises(ServerProblem, match=message) as caught:
        one.decode([one.open(PROMPT)], max_new=2)
    server.failures = []
    assert hint in caught.value.hint
    assert KEY not in f"{caught.value.message} {caught.value.hint}"
    ours = [record.getMessage() for record in caplog.records if "adabench" in record.name]
    assert KEY not in " ".join(ours)


def test_a_model_that_is_not_served_is_named(server):
    one = engine(server, model="absent")
    with pytest.raises(ServerProblem, match="knows no model 'absent'"):
        one.decode([one.open(PROMPT)], max_new=2)


def test_nobody_listening_is_a_sentence(server):
    one = OpenAIEngine(NAME, WordCodec(), base_url="http://127.0.0.1:9/v1", retries=0)
    with pytest.raises(ServerProblem, match=r"Nothing answers at http://127.0.0.1:9/v1"):
        one.decode([one.open(PROMPT)], max_new=2)


def test_a_busy_server_is_asked_again(server):
    server.failures = [refused(429, retry_after_ms="5"), refused(503, retry_after_ms="5")]
    one = engine(server)
    seq = one.open(PROMPT, 1)
    one.decode([seq], max_new=3)
    assert seq.completion
    assert len(server.seen) == 3


def test_the_key_is_sent_and_not_kept(server):
    one = engine(server)
    one.decode([one.open(PROMPT)], max_new=2)
    assert server.keys == [f"Bearer {KEY}"]
    assert KEY.encode() not in pickle.dumps(one.server)
    assert KEY not in repr(one.server)


TEXT = TextPieces()


def in_text(server: Server, **settings: Any) -> OpenAIEngine:
    return OpenAIEngine(NAME, TEXT, Costs(), base_url=server.url, **settings)


@pytest.mark.parametrize("vllm", [True, False])
@pytest.mark.parametrize("prompt", ["<bos> 1 >", "<bos> 2 5 + 1 >"])
def test_in_text_steps_and_ends_are_those_of_the_served_model(server, prompt, vllm):
    """Told by `stop_reason` where there is one, else read from the text a few words at a time."""
    server.vllm = vllm
    one = in_text(server, logprobs=vllm, sends_stops=vllm, slice_words=4)
    native = tiny()
    ours, seq = native.open(encode(prompt), 1), one.open(TEXT.encode(prompt), 1)
    finishes = []
    while len(ours.completion) < 12 and not ours.finished:
        how = {"max_new": 7, "temperature": 0.0}
        (want,) = native.decode([ours], stop=frozenset({IDS["16"]}), **how)
        (chunk,) = one.decode([seq], stop=TEXT.stops("16"), **how)
        assert TEXT.decode(chunk.ids).split() == decode(want.ids).replace("<eos>", "").split()
        assert (chunk.finish, seq.finished) == (want.finish, ours.finished)
        finishes.append(chunk.finish)
        if vllm:
            assert sum(chunk.logprobs) == pytest.approx(sum(want.logprobs), abs=1e-3)
    assert "stop" in finishes
    assert any("stop" in body for body in server.seen) == vllm
    meter = one.costs.meter
    assert meter["generated"] == meter["discarded"] + len(ours.completion)
    reads_on = not vllm and not ours.finished
    assert (meter["discarded"] > 0) == reads_on


def test_ids_of_our_words_are_refused_in_text(server):
    one = in_text(server)
    with pytest.raises(SelectionError, match="belongs to another vocabulary"):
        one.decode([one.open(PROMPT)], max_new=2)
    assert not server.seen
    assert one.vocabulary != engine(server).vocabulary


def test_a_fork_makes_connections_of_its_own(server, monkeypatch):
    one = engine(server)
    one.decode([one.open(PROMPT)], max_new=2)
    before = one.server._client
    one.decode([one.open(PROMPT)], max_new=2)
    assert one.server._client is before
    monkeypatch.setattr("os.getpid", lambda: -1)
    one.decode([one.open(PROMPT)], max_new=2)
    assert one.server._client is not before


def test_a_server_that_breaks_off_in_mid_answer_is_a_sentence(server):
    piece = {"choices": [{"index": 0, "text": " 4", "finish_reason": None, "logprobs": None}]}
    headers = {"Content-Type": "text/event-stream", "Content-Length": "9999"}
    server.failures = [(200, headers, f"data: {json.dumps(piece)}\n\n")]
    one = in_text(server, logprobs=False, streams=True)
    seq = one.open(TEXT.encode("<bos> 1 >"), 1)
    before = seq.ids[:]
    with pytest.raises(ServerProblem, match="broke off in the middle of an answer") as caught:
        one.decode([seq], max_new=4)
    assert "resume" in caught.value.hint
    assert seq.ids == before
