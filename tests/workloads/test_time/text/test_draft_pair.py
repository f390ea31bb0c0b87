"""A draft and its target on text: who writes, who reads, what is booked, and what is read afterwards."""

import math
import pickle
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import OutOfReach, Scalar
from adabench.harness.contract.expectations import metric_names
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.test_time.substrate.step_hand_over import TARGET, Draft, speculate
from adabench.workloads.test_time.text import task as text
from adabench.workloads.test_time.text.substrate.text_task import GradedText

pytest.importorskip("transformers", reason="the extra `real` is not installed")
QUALITY = {"accuracy", "malformed", "truncated"}


@cache
def loaded() -> GradedText:
    return text.load("embedded", 0, model="builtin", problems=2)


def answers(
    where: GradedText, name: str, **point: Scalar
) -> tuple[list[tuple[int, ...]], dict[str, float], list[Mapping[str, float]]]:
    """What a method writes, what it cost in all, and how that is judged."""
    entry = registry.find(f"text/{name}")
    where.meter.clear()
    found, judged = [], []
    for question in where.questions:
        answer = registry.load(entry).solve(where, question, {**entry.card.defaults, **point})
        found.append(answer)
        judged.append(where.score(question, answer))
    return found, dict(where.meter), judged


@cache
def alone(
    name: str, **point: Scalar
) -> tuple[list[tuple[int, ...]], dict[str, float], list[Mapping[str, float]]]:
    """The same of one model, solved once for the tests that hold others against it."""
    return answers(loaded(), name, **point)


def begins_alike(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Noise never ends: written step by step it is cut after so many steps, else after so many words."""
    least = min(len(one), len(other))
    return least > 0 and one[:least] == other[:least]


def test_the_draft_is_the_policy_without_a_layer_and_stands_on_its_weights():
    pair = loaded().models.pair
    assert pair.others[TARGET] is loaded().models.policy
    assert pair.policy.name == "builtin without 1 of 2 layers"
    assert pair.policy.vocabulary == loaded().models.policy.vocabulary


NEVER = (("arbitrage", {"tau": 1.1}), ("rsd", {"tau": 0.0}), ("random_escalation", {"rate": 0.0}),
         ("arbitrage_oracle", {"least": 1.0}))  # fmt: skip
ALWAYS = (("arbitrage", {"tau": 0.0}), ("rsd", {"tau": 1.1}), ("random_escalation", {"rate": 1.0}),
          ("arbitrage_oracle", {"least": -1.0}))  # fmt: skip


@pytest.mark.parametrize(("name", "point"), ALWAYS)
def test_at_one_end_of_its_dial_a_method_writes_what_the_target_does(name, point):
    found, meter, judged = answers(loaded(), name, **point)
    target = alone("target_only")[0]
    assert target == alone("greedy")[0]
    assert all(map(begins_alike, found, target))
    assert meter["prefilled_target"] > 0
    for scores in judged:
        assert scores["agreement"] == 1.0
        assert scores.keys() > QUALITY


@pytest.mark.parametrize(("name", "point"), NEVER)
def test_at_the_other_end_the_draft_writes_and_the_target_does_not_even_read_the_question(
    name, point
):
    found, meter, judged = answers(loaded(), name, **point)
    drafted, bare, _ = alone("random_escalation", rate=0.0)
    assert found == drafted
    assert meter["target_share"] == 0
    if name != "arbitrage_oracle":
        assert meter["prefilled_target"] == meter["generated_target"] == meter["discarded"] == 0
        assert meter["generated"] == bare["generated"]
    target = alone("target_only")[2]
    assert sum(s["nats"] for s in judged) > sum(s["nats"] for s in target)


def test_nats_are_what_the_target_says_of_the_words_and_cost_nothing():
    where = loaded()
    for question in where.questions:
        method = registry.load(registry.find("text/target_only"))
        where.meter.clear()
        answer = method.solve(where, question, {})
        before = dict(where.meter)
        outcome = where.account(question, answer)
        assert dict(where.meter) == before
        assert pickle.loads(pickle.dumps(outcome)) == outcome, "it travels as plain data"
        with where.session(question) as session:
            root = session.open()
            (chunk,) = session.decode([root], temperature=0.0)
        assert root.completion == answer
        assert outcome["nats"] == pytest.approx(-math.fsum(chunk.logprobs) / len(answer), abs=1e-5)


def test_sessions_of_one_policy_are_judged_as_ever():
    for name in ("greedy", "sample"):
        _, meter, judged = alone(name)
        assert all(scores.keys() == QUALITY | {"instance"} for scores in judged)
        assert not {"target_share", "sys2_share", "discarded"} & meter.keys()


def test_another_answer_than_the_targets_is_no_agreement(monkeypatch):
    """Of a draft's answer the target goes on from the first word that it would not have written."""
    where = loaded()
    stated = iter(range(100))
    monkeypatch.setattr(type(where.domain.answer), "__call__", lambda self, words: next(stated))
    _, _, judged = answers(where, "random_escalation", rate=0.0)
    assert all(scores["agreement"] == 0.0 for scores in judged)


def test_the_target_is_run_late_and_its_reading_is_booked():
    where, question = loaded(), loaded().questions[0]

    def written(*steps: int) -> tuple[tuple[int, ...], dict[str, float]]:
        where.meter.clear()
        with where.session(question, paired=True) as session:
            speculate(session, lambda draft: len(draft.authors) in steps)
        return session.best, dict(where.meter)

    (prefix,) = where.load_models.prefixes
    own = len(question.prompt) - len(prefix)
    drafted, _ = written()
    first = drafted.index(min(where.domain.step_marks)) + 1
    _, second = written(1)
    assert second["prefilled_target"] == own + first, "the question, and the draft's first step"
    assert second["prefilled_policy"] == own + second["generated_target"]
    assert second["cached"] == 2 * len(prefix)
    assert second["flops_counted"] == pytest.approx(
        second["flops_counted_policy"] + second["flops_counted_target"]
    )


def test_what_judges_by_the_target_is_charged_for_every_step_it_reads():
    _, bare, _ = alone("random_escalation", rate=0.0)
    found, meter, _ = answers(loaded(), "rsd", tau=0.0)
    read = sum(len(q.prompt) for q in loaded().questions) + sum(map(len, found))
    (prefix,) = loaded().load_models.prefixes
    assert meter["judged"] == read - len(loaded().questions) * len(prefix)
    assert meter["prefilled"] == bare["prefilled"]
    assert meter["flops_counted"] > 2 * bare["flops_counted"], "the target has twice the layers"
    policies = meter["flops_counted_policy"] + meter["flops_counted_target"]
    assert meter["flops_counted"] > policies


def test_doubt_is_that_in_the_least_sure_word_and_reads_nothing():
    where, question = loaded(), loaded().questions[0]
    seen = []

    def rule(draft: Draft) -> bool:
        (doubt,) = draft.session.advantages([draft.seq], [draft.authors])
        seen.append((doubt, draft.seq.completion[len(draft.before.completion) :]))
        return False

    where.meter.clear()
    with where.session(question, paired=True) as session:
        speculate(session, rule)
        root = session.open()
        for doubt, words in seen:
            (logs,) = session.score([root], [words])
            ends = words[-1] in where.domain.step_marks | where.domain.codec.ends
            assert doubt == pytest.approx(1 - math.exp(min(logs)) if ends else 1.0, abs=1e-5)
            session.append([root], [words], as_="draft")
    assert len(seen) > 1
    assert where.meter["judged"] == 0


def test_a_router_does_not_run_the_target_where_it_keeps_the_draft(monkeypatch):
    """`arbitrage` never asks the judge, whose scores are the target's."""
    judge = loaded().models.pair.judge
    monkeypatch.setattr(type(judge), "scores", lambda *_: pytest.fail("the target was asked"))
    _, meter, _ = answers(loaded(), "arbitrage", tau=0.9)
    assert meter.get("judged", 0) == 0


def test_a_named_draft_drafts(llama_folder: Path, tmp_path: Path):
    """A model of one's own that has the target's words."""
    import torch
    import transformers

    torch.manual_seed(5)
    config = transformers.AutoConfig.from_pretrained(llama_folder)
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(llama_folder).save_pretrained(tmp_path)
    where = text.load(
        "embedded", 0, model=f"hf:{llama_folder}", draft=f"hf:{tmp_path}", problems=1, room=12
    )
    assert where.models.pair.policy.name == f"hf:{tmp_path}"
    drafted, meter, _ = answers(where, "random_escalation", rate=0.0)
    same = text.load("embedded", 0, model=f"hf:{tmp_path}", problems=1, room=12)
    assert all(map(begins_alike, drafted, answers(same, "greedy")[0]))
    assert meter["flops_counted_target"] == 0


def test_a_policy_without_a_draft_says_so():
    where = loaded()
    bare = replace(where.models, pair=None)
    other = replace(where, load_models=lambda: bare)
    with pytest.raises(CapabilityMissing, match="name a draft"):
        registry.load(registry.find("text/rsd")).solve(other, where.questions[0], {"tau": 0.5})


def test_nothing_is_claimed_of_accuracy_on_text():
    claims = {c.id: c for c in registry.find("text/arbitrage").card.claims}
    assert isinstance(claims["TX-arb-quality"].expect, OutOfReach)
    for name in ("arbitrage", "rsd", "random_escalation", "target_only", "arbitrage_oracle"):
        for claim in registry.find(f"text/{name}").card.claims:
            assert "accuracy" not in metric_names(claim.expect)


@pytest.mark.gpu
@pytest.mark.skipif("not __import__('torch').cuda.is_available()", reason="no CUDA device")
def test_draft_target_and_both_modes_on_a_device():
    where = text.load("embedded", 0, model="builtin", problems=2, device="cuda")
    _, some, judged = answers(where, "random_escalation", rate=0.5)
    assert some["generated_target"] > 0
    assert all(scores["nats"] > 0 for scores in judged)
    _, always, _ = answers(where, "random_escalation", rate=1.0)
    assert always["target_share"] == 2.0, "one for each question"
    assert answers(where, "scale", tau=1.0)[0] == answers(where, "sys1")[0]
