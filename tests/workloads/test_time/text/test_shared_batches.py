"""Questions that share batches on models of transformers and on endpoints: counts are those of each alone."""

import threading
from functools import partial
from typing import Any

import pytest
import torch

pytest.importorskip("transformers", reason="the extra `real` is not installed")

from adabench.harness.contract import registry
from adabench.harness.contract.protocols import SHARED_BATCH, batch_note, most_sessions
from adabench.workloads.shared.language_model.backends.openai import OpenAIEngine
from adabench.workloads.shared.language_model.backends.openai_protocol import Answer, Completions
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.backends.transformers_engine import TransformersEngine
from adabench.workloads.shared.language_model.batched.batched_sessions import BatchedSessions
from adabench.workloads.shared.language_model.batched.session_models import (
    CommonBatches,
    SessionModels,
)
from adabench.workloads.shared.language_model.contract import Costs, Engine
from adabench.workloads.test_time.text import task as text
from adabench.workloads.test_time.text.substrate.random_model import random_engine
from adabench.workloads.test_time.text.substrate.text_task import GradedText

MANY = 5
Found = dict[int, tuple[Any, dict[str, float]]]


@pytest.fixture(scope="module")
def task() -> GradedText:
    found = text.load("embedded", 0, model="builtin", problems=MANY, room=14)
    assert isinstance(found, GradedText)
    return found


def solved(task: GradedText, name: str, sessions: int) -> Found:
    """Return outcomes and counts by question; one session is a question alone, without a batch."""
    entry = registry.find(f"text/{name}")
    method, given = registry.load(entry), task.substrate()
    vars(given)["models"] = task.models
    point = {knob.name: knob.default for knob in entry.card.knobs} | {"N": 2}
    found: Found = {}

    def job(place: int, own: Any) -> None:
        question = task.questions[place]
        own.meter.clear()
        outcome = own.account(question, method.solve(own, question, point))
        outcome = outcome["completion"] if isinstance(outcome, dict) else outcome
        found[place] = outcome, {k: v for k, v in own.meter.items() if not k.endswith("_s")}

    jobs = [partial(job, place) for place in range(MANY)]
    if sessions > 1:
        given.solve_batched(jobs, sessions)
    else:
        for one in jobs:
            one(given)
    return found


def model_calls(task: GradedText, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the rows of every call of the policy's model."""
    rows: list[int] = []
    forward = TransformersEngine.forward

    def noted(engine: TransformersEngine, cache: Any, ids: Any, *rest: Any, **how: Any) -> Any:
        rows.append(len(ids))
        return forward(engine, cache, ids, *rest, **how)

    monkeypatch.setattr(TransformersEngine, "forward", noted)
    return rows


@pytest.mark.parametrize("name", ["greedy", "majority", "beam", "arbitrage"])
def test_counts_are_those_of_each_question_alone(task: GradedText, name: str) -> None:
    """Words near a boundary may change, so those that did not are compared: they are most."""
    alone = solved(task, name, 1)
    for sessions in (2, 4):
        found = solved(task, name, sessions)
        same = [place for place in alone if found[place][0] == alone[place][0]]
        assert len(same) > MANY // 2
        assert [found[place] for place in same] == [alone[place] for place in same]


def test_a_model_runs_for_all_questions_at_once(
    task: GradedText, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = model_calls(task, monkeypatch)
    solved(task, "greedy", 1)
    alone = len(rows)
    rows.clear()
    solved(task, "greedy", MANY)
    assert max(rows) == MANY
    assert len(rows) < alone / 2


def test_rows_come_and_go_at_any_word() -> None:
    """Sequences of other lengths begin when one ends; what is held of each is what it would be alone."""
    base = random_engine(torch.float32, torch.device("cpu"))
    prompts = [[5, 6, 7], list(range(5, 30)), [9], [4, 8, 5, 6, 7, 9, 11], [12, 13]]
    limits = [3, 9, 5, 12, 4]

    def decoded(engine: Engine, place: int) -> tuple[Any, ...]:
        costs = Costs()
        engine.reset(costs)
        seq = engine.open(prompts[place], key=place)
        leaves = engine.fork(seq, 2)
        engine.append(leaves[:1], [[6] * (1 + place)])
        engine.decode(leaves, max_new=limits[place])
        states = engine.hidden(leaves[0], 0)
        return [leaf.ids for leaf in leaves], dict(costs.meter), states

    alone = [decoded(base, place) for place in range(5)]
    common = CommonBatches(BatchedSessions())
    copies = [SessionModels(common).view(base) for _ in range(3)]
    found: dict[int, tuple[Any, ...]] = {}

    def job(place: int, own: Engine) -> None:
        found[place] = decoded(own, place)

    common.sessions.run(base, copies, [partial(job, place) for place in range(5)])
    for place, (ids, meter, states) in enumerate(alone):
        assert found[place][:2] == (ids, meter)
        assert found[place][2] == pytest.approx(states, abs=1e-4)


def test_what_may_differ_is_said(task: GradedText) -> None:
    given = task.substrate()
    vars(given)["models"] = task.models
    assert (most_sessions(given), batch_note(given)) == (16, SHARED_BATCH)


class Server(Completions):
    """Answers only when two requests are there."""

    def __init__(self) -> None:
        super().__init__("http://nowhere", 0, 1.0)
        self.both = threading.Barrier(2, timeout=20)

    def ask(self, body: dict[str, Any]) -> Answer:
        self.both.wait()
        word = "yes" if "one" in body["prompt"] else "no"
        choices = [{"text": word, "finish_reason": "length", "index": 0}]
        return Answer(choices, prompt=3, generated=1)


def test_requests_of_sessions_are_in_flight_at_once() -> None:
    codec = TextPieces()
    base = OpenAIEngine("m", codec, base_url="http://nowhere", logprobs=False)
    base.server = Server()
    common = CommonBatches(BatchedSessions())
    found: dict[int, tuple[str, float]] = {}

    def job(place: int, own: Engine) -> None:
        costs = Costs()
        own.reset(costs)
        seq = own.open(codec.encode(("one", "two")[place]))
        own.decode([seq], max_new=1)
        found[place] = codec.decode(seq.completion), costs.meter["requests"]

    copies = [SessionModels(common).view(base) for _ in range(2)]
    common.sessions.run(base, copies, [partial(job, 0), partial(job, 1)])
    assert found == {0: ("yes", 1), 1: ("no", 1)}
