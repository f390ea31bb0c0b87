"""Reward models judge steps of any policy's text: three shapes, each step read once and paid for."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.contract import Costs, Seq
from adabench.workloads.shared.sources.reward_source import check_reward, open_reward
from adabench.workloads.test_time.text.substrate.completions import QuestionText
from adabench.workloads.test_time.text.substrate.prompts import MARK
from adabench.workloads.test_time.text.substrate.reward_models import RewardJudge
from adabench.workloads.test_time.text.substrate.reward_shapes import (
    TAG,
    PlusAsAnswer,
    PlusAtTags,
    StepEnds,
    WholeText,
    shape,
)

QUESTION = "7 + 4 + 3"
STEPS = ("Step 1: 7 + 4 = 11\n", "Step 2: 11 + 3 = 14\n", "Answer: 14")
KINDS = {
    "whole": ("SequenceClassification", {}, WholeText),
    "labels": ("SequenceClassification", {"labels": 2}, WholeText),
    "talking": ("SequenceClassification", {"chat": True}, WholeText),
    "words": ("TokenClassification", {"labels": 2}, StepEnds),
    "tags": ("CausalLM", {"words": (TAG,)}, PlusAtTags),
    "answers": ("CausalLM", {"chat": True}, PlusAsAnswer),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(reward_folder, kind: str, codec) -> RewardJudge:
    head, how, wanted = KINDS[kind]
    folder = str(reward_folder(head, **how))
    assert check_reward(folder) == head
    model, tokenizer, found = open_reward(folder, torch.float32, torch.device("cpu"))
    asked = shape(found, model, tokenizer, folder)
    assert isinstance(asked, wanted)
    return RewardJudge("hf:reward", model, asked, codec, QuestionText(codec, MARK, "\n"))


def seq(codec, steps, *, ended: bool = False) -> Seq:
    prompt, end = codec.encode(f"{MARK}{QUESTION}\n"), min(getattr(codec, "ends", {2}))
    words = [word for step in steps for word in codec.encode(step)] + [end] * ended
    return Seq([*prompt, *words], len(prompt), 0, eos=end)


def test_each_step_has_a_score_and_the_last_one_when_it_has_ended(reward_folder, codec, kind):
    judge = opened(reward_folder, kind, codec)
    judge.reset(Costs())
    (two,) = judge.scores([seq(codec, STEPS[:2])])
    (open_end,) = judge.scores([seq(codec, STEPS)])
    (ended,) = judge.scores([seq(codec, STEPS, ended=True)])
    assert len(two) == len(open_end) == 2
    assert len(ended) == 3
    assert two == pytest.approx(open_end, abs=1e-5)
    assert two == pytest.approx(ended[:2], abs=1e-5)
    assert all(0 < score < 1 for score in ended)
    assert len(set(ended)) == 3


def test_it_reads_the_text_of_another_vocabulary(reward_folder, codec, kind):
    ours, theirs = opened(reward_folder, kind, codec), TextPieces()
    other = RewardJudge(
        "hf:reward", ours._model, ours._shape, theirs, QuestionText(theirs, MARK, "\n")
    )
    for judge in (ours, other):
        judge.reset(Costs())
    assert other.vocabulary == theirs.vocabulary != ours.vocabulary
    assert other.scores([seq(theirs, STEPS[:2])])[0] == pytest.approx(
        ours.scores([seq(codec, STEPS[:2])])[0], abs=1e-5
    )


def test_what_was_scored_of_a_parent_is_not_read_again(reward_folder, codec, kind):
    judge, costs = opened(reward_folder, kind, codec), Costs()
    judge.reset(costs)
    parent, child = seq(codec, STEPS[:1]), seq(codec, STEPS[:1])
    first = judge.scores([parent])
    before = costs.meter["judged"]
    judge.follow(parent, [child])
    assert judge.scores([child]) == first
    assert costs.meter["judged"] == before > 0
    child.ids += codec.encode(STEPS[1])
    assert judge.scores([child])[0][:1] == first[0]
    assert costs.meter["judged"] > before


def test_its_flops_are_those_that_torch_counts(reward_folder, codec, kind):
    judge, costs = opened(reward_folder, kind, codec), Costs()
    judge._model.set_attn_implementation("eager")
    judge.reset(costs)
    with FlopCounterMode(display=False) as counter:
        judge.scores([seq(codec, STEPS, ended=True)])
    # Of a square of attention the formula counts the half that is not masked.
    assert (
        0.75 * counter.get_total_flops() < costs.meter["flops"] <= counter.get_total_flops() * 1.001
    )


def test_what_cannot_be_asked_is_refused_by_name(reward_folder, llama_folder, codec):
    folder = str(reward_folder("QuestionAnswering"))
    with pytest.raises(SelectionError, match="LlamaForQuestionAnswering") as problem:
        check_reward(folder)
    assert "classifiers of sequences" in problem.value.hint
    model, tokenizer, head = open_reward(str(llama_folder), torch.float32, torch.device("cpu"))
    with pytest.raises(SelectionError, match="nobody knows where it would judge"):
        shape(head, model, tokenizer, "hf:plain")
